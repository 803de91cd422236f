"""How fast a report of 200 segments x 90 days is made and shown, and how large it is.

    python -m benchmarks.report [--segments 200] [--days 90]

A warehouse of that size is written with drawn numbers, without dbt; the relation itself, which funnels and overlaps are counted over,
has 100,000 rows of the last day. The baseline, in the same run, is what one would write first:
every table of the period read row by row and dumped as JSON, without a page, a band or a chart. First paint is measured in Chromium,
where there is one, beside that of an empty page in the same browser.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd

from pulse_runner.plugins import SCHEMA
from pulse_runner.report.page import as_html
from pulse_runner.report.read import read_report
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.ownership import mark_of

LAST = date(2026, 5, 31)
ENTITY = (
    "entity: customers\nrelation: ref('dim_customers')\nkey: id\nhistory: {as_of: day}\n"
    "fields: {ltv: number, country: text, plan: text, seen: date, bought: date}\n"
    "attributes: [country, plan]\nconversion: {event_at: bought}\nactivity: {last_seen_at: seen, inactive_after_days: 30}\n"
    'reach: {email: "ltv > 0", push: "ltv > 1"}\n'
)
TABLES = {
    "pulse_segment_snapshots": "segment_id varchar, snapshot_date date, entity varchar, definition_hash varchar, previous_date date, size bigint,"
    " previous_size bigint, entered bigint, exited bigint, velocity double, eligible bigint, converted bigint, conversion_rate double,"
    " inactive bigint, inactive_rate double, revenue double, revenue_per_member double, status varchar, status_reason varchar",
    "pulse_segment_reach": "segment_id varchar, snapshot_date date, channel varchar, reachable bigint, reach_rate double",
    "pulse_segment_distributions": "segment_id varchar, snapshot_date date, attribute varchar, bucket varchar, members bigint, share double",
    "pulse_segment_changes": "segment_id varchar, snapshot_date date, previous_date date, direction varchar, cause varchar, detail varchar,"
    " columns varchar, members bigint, is_chosen boolean",
    "pulse_segment_flows": "snapshot_date date, previous_date date, from_segment varchar, to_segment varchar, members bigint",
    "pulse_segments": "segment_id varchar, version integer, label varchar, description varchar, entity varchar, owner varchar, enabled boolean,"
    " rule_text varchar, definition_hash varchar, alerts varchar, thresholds varchar, valid_from date, valid_to date",
    "pulse_entity_health": "entity varchar, snapshot_date date, column_name varchar, data_type varchar, rows bigint, nulls bigint,"
    " null_share double, distinct_count bigint, min_value varchar, max_value varchar, mean_value double, duplicate_keys bigint, null_keys bigint,"
    " freshest_at varchar, status varchar, status_reason varchar",
    "pulse_incidents": "incident_id varchar, group_key varchar, segment_id varchar, entity varchar, detector varchar, metric varchar,"
    " attribute varchar, bucket varchar, status varchar, severity varchar, direction varchar, owner varchar, title varchar, reason varchar,"
    " started_on date, detected_on date, last_seen_on date, resolved_on date, resolution varchar, observed double, expected double,"
    " lower_bound double, upper_bound double, effect double, p_value double, threshold double, peak_effect double, related varchar,"
    " assignee varchar, note varchar, created_at timestamp, updated_at timestamp, number integer, until_on date, severity_parts varchar",
    "pulse_incident_events": "event_id varchar, incident_id varchar, occurred_at timestamp, snapshot_date date, event varchar,"
    " from_status varchar, to_status varchar, actor varchar, reason varchar",
    "pulse_incident_explanations": "explanation_id varchar, incident_id varchar, version integer, snapshot_date date, created_at timestamp,"
    " source varchar, model varchar, headline varchar, summary varchar, hypotheses varchar, recommendations varchar, evidence varchar,"
    " evidence_hash varchar, rejected varchar",
    "pulse_alert_deliveries": "delivery_id varchar, incident_id varchar, notification varchar, route varchar, channel varchar, target varchar,"
    " status varchar, attempts integer, reason varchar, subject varchar, body varchar, idempotency_key varchar, snapshot_date date,"
    " planned_at timestamp, sent_at timestamp, receipt varchar",
    "pulse_runs": "run_id varchar, stage varchar, from_date date, to_date date, outcome varchar, counts varchar, seconds double, message varchar, started_at timestamp, finished_at timestamp",
    "pulse_known_events": "starts_on date, ends_on date, scope varchar, scope_value varchar, reason varchar",
}


def make_world(root: Path, segments: int, days: int, names: list[str] | None = None, rows: int = 100_000) -> None:
    """Write a project and the tables of its snapshots: weekly rhythm, counting noise, an incident in every tenth segment.

    `names` are labels of the first segments; the relation has `rows` of the last day, with ltv from 0 to 39.
    """
    (root / "segments" / "entities").mkdir(parents=True)
    (root / "target").mkdir()
    (root / "dbt_project.yml").write_text("name: bench\nprofile: pulse\n")
    (root / "profiles.yml").write_text(
        "pulse:\n  target: d\n  outputs: {d: {type: duckdb, path: pulse.duckdb, schema: main}}\n"
    )
    (root / "segments" / "entities" / "customers.yml").write_text(ENTITY)
    for n in range(segments):
        label = names[n] if names and n < len(names) else f"Segment number {n}"
        (root / "segments" / f"s{n}.yml").write_text(
            f"segment: s{n}\nlabel: {quoted(label)}\ndescription: {quoted(label + ', described')}\nentity: customers\n"
            f"owner: team-{n % 7}\nrules:\n  - {{field: ltv, operator: '>', value: {n}}}\n"
            "  - {field: country, operator: in, value: [DE, FR]}\n",
            encoding="utf-8",
        )
    nodes = {
        f"model.pulse.{name}": {
            "name": name, "resource_type": "model", "package_name": "pulse", "database": "pulse", "schema": "main", "alias": name,
            "relation_name": f'"pulse"."main"."{name}"', "config": {"tags": ["pulse"]}, "depends_on": {"nodes": []},
        }
        for name in (*TABLES, "dim_customers")
    }  # fmt: skip
    (root / "target" / "manifest.json").write_text(
        json.dumps({"metadata": {"project_name": "bench", "adapter_type": "duckdb"}, "nodes": nodes, "sources": {}})
    )
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        for name, columns in TABLES.items():
            c.execute(f"create table {name} ({columns})")
            c.execute(f"comment on table {name} is '{mark_of('bench')}'")
        _fill(c, segments, days, names or [])
        c.execute(
            f"create table dim_customers as select n as id, date '{LAST}' as day, n % 40 as ltv,"
            " case n % 4 when 0 then 'DE' when 1 then 'FR' when 2 then 'ES' end as country, 'free' as plan,"
            f" date '{LAST}' as seen, date '{LAST}' as bought from (select range as n from range({rows})) as numbers"
        )


def quoted(text: str) -> str:
    """Return text as YAML writes it."""
    return json.dumps(text, ensure_ascii=False)


def _fill(c: Any, segments: int, days: int, names: list[str]) -> None:
    rng = np.random.default_rng(1)
    first = LAST - timedelta(days=days - 1)
    span = f"date '{first}' + cast(d as integer)"
    level = np.exp(rng.uniform(np.log(200), np.log(200_000), segments))
    week = 1 + 0.1 * np.sin(2 * np.pi * np.arange(days) / 7)
    size = rng.poisson(level[:, None] * week).astype(int)
    size[::10, -2:] = size[::10, -2:] * 6 // 10
    rows = [(f"s{s}", d, int(size[s, d])) for s in range(segments) for d in range(days)]
    c.execute("create temp table sizes (s varchar, d integer, size bigint)")
    frame = pd.DataFrame(rows, columns=["s", "d", "size"])  # noqa: F841  DuckDB reads it by its name
    c.execute("insert into sizes select * from frame")
    c.execute(
        f"insert into pulse_segment_snapshots select s, {span}, 'customers', 'h', {span} - 1, size,"
        " lag(size) over (partition by s order by d), size // 20, size // 21, 0, size, size // 30, 1 / 30.0, size // 8, 0.125, null, null,"
        " 'ok', '' from sizes"
    )
    c.execute(
        f"insert into pulse_segment_reach select s, {span}, ch, size * k // 10, k / 10.0 from sizes"
        " cross join (values ('email', 7), ('push', 5)) as v (ch, k)"
    )
    c.execute(
        f"insert into pulse_segment_distributions select s, {span}, a, b, size // 8, 0.125 from sizes"
        " cross join (values ('country'), ('plan')) as v (a) cross join (select 'bucket ' || range as b from range(8)) as w"
    )
    c.execute(
        f"insert into pulse_segment_changes select s, {span}, {span} - 1, g, k, t, 'ltv', size // 40 + w, false from sizes cross join"
        " (values ('gained', 'leaf', 'ltv > 1', 1), ('gained', 'row_new', '', 2), ('lost', 'leaf', 'ltv > 1', 3),"
        " ('lost', 'aged', 'country in (DE, FR)', 4)) as v (g, k, t, w)"
    )
    c.execute(
        f"insert into pulse_segment_flows select {span}, {span} - 1, s, 's' || ((cast(s[2:] as integer) * 7 + k) % {segments}), size // 100 + 5"
        " from sizes cross join (select range as k from range(6)) as v where d > 0"
    )
    for n in range(segments):
        label = (names[n] if n < len(names) else f"Segment number {n}").replace("'", "''")
        c.execute(
            f"insert into pulse_segments values ('s{n}', 1, '{label}', '', 'customers', 'team-{n % 7}', true, 'ltv > {n}', 'h', '[]', '{{}}',"
            f" date '{first}', null)"
        )
    c.execute(
        f"insert into pulse_entity_health select 'customers', date '{first}' + cast(d as integer), col, 'number', 90000 + d * 10,"
        " case when col = '(rows)' then null else d * 20 end, d * 20 / 90000.0, 500, null, null, 1.5, 0, 0, null, 'ok', ''"
        f" from (select range as d from range({days})) as days cross join"
        " (values ('(rows)'), ('ltv'), ('country'), ('plan'), ('seen'), ('bought')) as v (col)"
    )
    for n in range(0, segments, 10):
        _incident(c, n, (names[n] if n < len(names) else f"Segment number {n}"))


def _incident(c: Any, n: int, label: str) -> None:
    """Write one open incident with its events, explanation and deliveries."""
    started = LAST - timedelta(days=1)
    at = datetime(2026, 6, 1, 6, 30)
    c.execute(
        f"insert into pulse_incidents values ({', '.join('?' for _ in range(35))})",
        [
            f"{n:016x}", f"g{n}", f"s{n}", "customers", "size_jump", "size", "", "", "open", ["high", "critical", "medium"][n // 10 % 3],
            "down", f"team-{n % 7}", f"{label}: size fell 40%", f"Size of {label} fell.", started, started, LAST, None, "", 600.0, 1000.0, 950.0,
            1050.0, -0.4, 0.001, 0.15, -0.4, "[]", "", "", at, at, n // 10 + 1, None, "",
        ],
    )  # fmt: skip
    c.execute(
        "insert into pulse_incident_events values (?, ?, ?, ?, 'opened', '', 'open', 'pulse', ?)",
        [f"e{n}", f"{n:016x}", at, started, f"{label} fell."],
    )
    sql = "select snapshot_date, size from pulse_segment_snapshots where segment_id = 's'\n" * 8
    facts = [
        {"kind": "cause", "statement": f"{500 + k} members of {label} left because `ltv > {k}` stopped being true.",
         "values": {"direction": "lost", "cause": "leaf", "detail": f"ltv > {k}", "columns": "ltv", "members": 500 + k, "of_members": 600,
                    "usual_members": 2}, "sql": sql, "weight": 0.9, "source": "pulse_segment_changes", "id": f"E{k}", "contribution": -500.0}
        for k in range(1, 7)
    ] + [{"kind": "nulls", "statement": "Column ltv has 10 % nulls.", "values": {"column_name": "ltv"}, "sql": sql, "weight": 0.8,
          "source": "pulse_entity_health", "id": "E9", "contribution": None}]  # fmt: skip
    facts += [
        {"kind": "lineage", "statement": f"Column ltv comes from {label}.", "values": {"column_name": "ltv", "node": node, "path": f"{node}.sql",
         "steps": steps, "columns": "ltv", "feeds": feeds}, "sql": "", "weight": 0.3, "source": "target/manifest.json", "id": f"L{steps}{node[:3]}",
         "contribution": None}
        for node, steps, feeds in (("dim_customers", 0, ""), ("stg_orders", 1, "dim_customers"), (label, 1, "dim_customers"),
                                   ("raw_orders", 2, f"stg_orders, {label}"))
    ]  # fmt: skip
    told = [{"cause": "null_burst", "title": f"Column ltv of {label} lost values", "confidence": "high", "reasoning": "Nulls rose.",
             "evidence": ["E1", "E9"], "owner_hint": "", "actions": [], "confirm": "", "refute": ""}]  # fmt: skip
    c.execute(
        "insert into pulse_incident_explanations values (?, ?, 1, ?, ?, 'rules', '', ?, ?, ?, ?, ?, 'h', '[]')",
        [f"x{n}", f"{n:016x}", LAST, at, f"{label}: 40 % fewer members.", "", json.dumps(told), json.dumps([f"Look at {label}."]),
         json.dumps(facts)],
    )  # fmt: skip
    c.execute(
        "insert into pulse_alert_deliveries values (?, ?, 'opened', 'growth', 'slack', 'PULSE_SLACK_WEBHOOK', 'sent', 1, '', ?, '', ?, ?, ?, ?, '')",
        [f"d{n}", f"{n:016x}", label, f"k{n}", LAST, at, at],
    )


def page_of(root: Path, days: int) -> str:
    """Return the page of a world."""
    warehouse = connect(root)
    try:
        report = read_report(
            warehouse, load_project(root, SCHEMA), root, LAST - timedelta(days=days - 1), LAST,
            now=datetime(2026, 6, 1, 6, 30, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"), name="bench",
        )  # fmt: skip
        return as_html(report)
    finally:
        warehouse.close()


def dump(root: Path) -> str:
    """Return every table as JSON, row by row: the baseline."""
    warehouse = connect(root)
    try:
        return json.dumps({t: warehouse.query(f"select * from {warehouse.table(t)}") for t in TABLES}, default=str)
    finally:
        warehouse.close()


def paints(pages: list[Path]) -> list[float]:
    """Return the first contentful paint of each page in Chromium in seconds, the middle of five; nothing without a browser."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
    from browser import browser, chromium

    if not chromium():
        return []
    out = []
    with browser() as tab:
        tab.shape(1440, 900)
        for page in pages:
            took = []
            for _ in range(5):
                tab.open(page)
                tab.until("performance.getEntriesByName('first-contentful-paint').length")
                took.append(tab.js("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000)
            out.append(sorted(took)[2])
    return out


def main() -> None:
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--days", type=int, default=90)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_world(root / "world", asked.segments, asked.days)
        took = {}
        for name, work in (
            ("dump", lambda: dump(root / "world")),
            ("page", lambda: page_of(root / "world", asked.days)),
        ):
            before, clock = time.process_time(), time.monotonic()
            text = work()
            took[name] = (time.process_time() - before, time.monotonic() - clock, len(text.encode()) / 1e6)
            (root / f"{name}.html").write_text(text, encoding="utf-8")
        (root / "empty.html").write_text("<!doctype html><title>empty</title><p>empty</p>")
        painted = paints([root / "empty.html", root / "page.html"])
        print(f"{asked.segments} segments x {asked.days} days\n\n| | CPU s | s | MB |\n|---|---|---|---|")
        print("\n".join(f"| {n} | {c:.1f} | {w:.1f} | {m:.2f} |" for n, (c, w, m) in took.items()))
        print(
            f"\npage / dump: {took['page'][0] / took['dump'][0]:.2f} of its CPU, {took['page'][2] / took['dump'][2]:.2f} of its size"
        )
        if painted:
            print(f"first paint: {painted[1]:.2f} s; of an empty page {painted[0]:.2f} s")
        else:
            print("first paint: no Chromium here (`apt-get install chromium`)")


if __name__ == "__main__":
    main()
