"""The semantic model that a project may add: what the versions of dbt that know its spec make of it, checked by hand-written SQL."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb

KNOWING = ("1.12", "2.0")
PAGE = Path(__file__).parents[3] / "docs/semantics.md"
METRICS = {  # the newest date is 2026-05-31; over a period, a state is that of its last date
    "segment_size": "sum(size) filter (snapshot_date = (select max(snapshot_date) from pulse_segment_snapshots))",
    "segment_entered": "sum(entered)",
    "segment_exited": "sum(exited)",
    "segment_eligible": "sum(eligible)",
    "segment_converted": "sum(converted)",
    "segment_inactive": "sum(inactive) filter (snapshot_date = (select max(snapshot_date) from pulse_segment_snapshots))",
    "segment_revenue": "sum(revenue) filter (snapshot_date = (select max(snapshot_date) from pulse_segment_snapshots))",
}
RATIOS = {
    "segment_conversion_rate": ("segment_converted", "segment_eligible"),
    "segment_inactive_rate": ("segment_inactive", "segment_size"),
    "segment_revenue_per_member": ("segment_revenue", "segment_size"),
}


def add_paths(root: Path) -> None:
    """Add the line that the page names first to a project."""
    line = re.findall(r"^model-paths: .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[0]
    project = root / "dbt_project.yml"
    text = project.read_text(encoding="utf-8")
    assert "model-paths: [models]\n" in text
    project.write_text(text.replace("model-paths: [models]", line), encoding="utf-8")


def problems(root: Path, database: Path) -> list[str]:
    """Say in what the metrics that dbt understood differ from the snapshots: nothing when all is well."""
    manifest = json.loads((root / "target/semantic_manifest.json").read_text(encoding="utf-8"))
    metrics = {m["name"]: m for m in manifest["metrics"]}
    if set(metrics) != set(METRICS) | set(RATIOS):
        return [f"the metrics are {sorted(metrics)}"]
    said = []
    for name, sides in RATIOS.items():
        about = metrics[name]["type_params"]
        if (about["numerator"]["name"], about["denominator"]["name"]) != sides:
            said.append(f"{name} is not {' by '.join(sides)}")
    with duckdb.connect(str(database), read_only=True) as c:
        for name, expected in METRICS.items():
            by_hand = (
                f"select segment_id, {expected} from pulse_segment_snapshots where status = 'ok' group by 1 order by 1"
            )
            asked = c.execute(_query(metrics[name])).fetchall()
            if not asked or asked != c.execute(by_hand).fetchall():
                said.append(f"{name} is another than in the snapshots")
        (days,) = c.execute("select count(distinct date_day) from pulse_days").fetchone() or (0,)
        if days != 9497:  # 26 years
            said.append(f"the time spine has {days} days")
    return said


def _query(metric: dict[str, Any]) -> str:
    """Write the query of a simple metric by segment, as its definition in the semantic manifest says."""
    about = metric["type_params"]["metric_aggregation_params"]
    value = f"{about['agg']}({metric['type_params']['expr']})"
    where = ""
    if alone := about.get("non_additive_dimension"):
        column = alone["name"]
        where = f" where {column} = (select {alone['window_choice']}({column}) from pulse_segment_metrics)"
    return f"select segment_id, {value} from pulse_segment_metrics{where} group by 1 order by 1"
