"""The product's specification: the demo shop, from seeds to alerts, with faults at written-down dates and quiet everywhere else."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.warehouse.connection import connect

ROOT = Path(__file__).parents[3]


@dataclass
class Shop:
    """A folder into which the demo was written and in which it has run; `run` calls `pulse` there in a process of its own."""

    root: Path
    site: Path
    output: str

    def run(self, *args: str, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "pulse_runner", *args],
            cwd=self.root,
            env=clean_env(self.root) | {"PYTHONPATH": str(self.site)} | env,
            capture_output=True,
            text=True,
        )
        assert not ok or done.returncode == 0, done.stderr
        return done

    def query(self, sql: str, *tables: str) -> list[dict[str, Any]]:
        warehouse = connect(self.root)
        try:
            return warehouse.query(sql.format(*(warehouse.table(t) for t in tables)))
        finally:
            warehouse.close()


def clean_env(root: Path) -> dict[str, str]:
    secret = ("PULSE_", "OPENAI_", "RESEND_", "DBT_")
    return {k: v for k, v in os.environ.items() if not k.startswith(secret)} | {"HOME": str(root / "home")}


def unpacked_wheel(folder: Path) -> Path:
    """Build the wheel and unpack it into a folder: what `pip install` gives, with no checkout beside it."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next((folder / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    (root / "home").mkdir()
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(root / "home"))
    patch.delenv("DBT_PROFILES_DIR", raising=False)
    shop = Shop(root, unpacked_wheel(tmp_path_factory.mktemp("site")), "")
    shop.output = shop.run("demo", ".").stdout
    yield shop
    patch.undo()


def incidents(shop: Shop) -> list[dict[str, Any]]:
    return shop.query("select * from {} order by detected_on, segment_id", "pulse_incidents")


def expected() -> list[dict[str, str]]:
    with (ROOT / "demo" / "seeds" / "demo_expected_incidents.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_demo_came_out_of_a_wheel_with_no_checkout_beside_it(shop: Shop) -> None:
    where = shop.run("doctor", ok=False)
    assert "installed in dbt_packages/pulse" in where.stdout
    code = "import pulse_runner.package as p; print(p.package_root(), p.demo_root())"
    env = clean_env(shop.root) | {"PYTHONPATH": str(shop.site)}
    done = subprocess.run([sys.executable, "-c", code], cwd=shop.root, env=env, capture_output=True, text=True)
    assert done.stdout.split() == [str(shop.site / "pulse_runner" / part) for part in ("_package", "_demo")]


@pytest.mark.parametrize("row", expected(), ids=lambda r: f"{r['segment_id'] or 'customers'}-{r['detector']}")
def test_each_planted_fault_becomes_an_incident_on_time(shop: Shop, row: dict[str, str]) -> None:
    found = [
        i
        for i in incidents(shop)
        if i["segment_id"] == row["segment_id"]
        and (row["detector"], row["attribute"]) == (i["detector"], i["attribute"])  # it heads its incident
        and date.fromisoformat(row["earliest"]) <= i["detected_on"] <= date.fromisoformat(row["latest"])
    ]
    assert len(found) == 1
    if row["attribute"] != "country":  # a recoded value moves both ways
        assert found[0]["direction"] == row["direction"]


def test_the_column_and_the_segment_that_reads_it_are_one_story_and_the_others_their_own(shop: Shop) -> None:
    groups: dict[str, set[str]] = {}
    for i in incidents(shop):
        groups.setdefault(i["group_key"], set()).add(i["segment_id"])
    assert sorted(map(sorted, groups.values())) == [
        ["", "high_value_active_users"], ["german_newsletter"], ["partner_customers"], ["students"], ["tablet_shoppers"],
    ]  # fmt: skip


def test_nothing_else_becomes_an_incident(shop: Shop) -> None:
    planted = {row["segment_id"] for row in expected()}
    assert {i["segment_id"] for i in incidents(shop)} == planted
    assert len(incidents(shop)) == len(expected())


def test_the_headline_names_how_much_since_when_which_rule_and_which_column(shop: Shop) -> None:
    rows = shop.query(
        "select e.headline, e.hypotheses from {} as e join {} as i on i.incident_id = e.incident_id"
        " where i.segment_id = 'high_value_active_users'",
        "pulse_incident_explanations", "pulse_incidents",
    )  # fmt: skip
    assert len(rows) == 1
    # 42 % of the members are taken; the detector measures against what it expected of that day
    assert re.match(r"4[123] % fewer members since 30 May:", rows[0]["headline"])
    assert "leavers left by `ltv > 1000`" in rows[0]["headline"]
    first = json.loads(rows[0]["hypotheses"])[0]
    assert "ltv" in first["title"]
    assert first["confidence"] == "high"
    assert first["evidence"]


def test_every_explanation_blames_the_planted_column(shop: Shop) -> None:
    rows = shop.query(
        "select i.segment_id, e.hypotheses from {} as e join {} as i on i.incident_id = e.incident_id",
        "pulse_incident_explanations", "pulse_incidents",
    )  # fmt: skip
    first = {r["segment_id"]: json.loads(r["hypotheses"])[0]["title"] for r in rows}
    assert "country" in first["partner_customers"]
    assert "'GB' became 'UK'" in first["partner_customers"]
    assert "tablet" in first["tablet_shoppers"]
    assert "ltv" in first[""]


def test_the_tablet_incident_is_over_when_the_release_is_fixed(shop: Shop) -> None:
    rows = [i for i in incidents(shop) if i["segment_id"] == "tablet_shoppers"]
    assert [(i["status"], i["resolution"], i["resolved_on"]) for i in rows] == [
        ("resolved", "recovered", date(2026, 4, 27))
    ]


def test_the_alert_says_it_in_words_a_person_acts_on(shop: Shop) -> None:
    assert "High-Value Active Users" in shop.output
    assert "members" in shop.output
    said = " ".join(shop.output.split())
    assert "Do first: Ask whoever owns the data about column ltv of models/marts/dim_customers_daily.sql;" in said
    assert "Where: column ltv of models/marts/dim_customers_daily.sql" in said
    assert "Then rebuild: `pulse snapshot --from 2026-05-30 --to 2026-05-31`" in said
    assert "pulse incidents acknowledge" in shop.output


def test_gains_and_losses_add_up_to_the_size_change_of_every_segment_and_day(shop: Shop) -> None:
    wrong = shop.query(
        "select s.segment_id, s.snapshot_date from {} as s left join (select segment_id, snapshot_date,"
        " sum(case when direction = 'gained' then members else 0 end) as gained,"
        " sum(case when direction = 'lost' then members else 0 end) as lost from {} group by segment_id, snapshot_date) as c"
        " on c.segment_id = s.segment_id and c.snapshot_date = s.snapshot_date"
        " where s.previous_date is not null and (s.size - s.previous_size <> coalesce(c.gained, 0) - coalesce(c.lost, 0)"
        " or s.entered <> coalesce(c.gained, 0) or s.exited <> coalesce(c.lost, 0))",
        "pulse_segment_snapshots", "pulse_segment_changes",
    )  # fmt: skip
    assert wrong == []


def test_a_forecast_has_an_interval_per_day_and_the_report_warns_of_what_is_coming(shop: Shop) -> None:
    rows = json.loads(shop.run("snapshots", "forecast", "paying_plans", "--days", "3", "--format", "json").stdout)
    last = shop.query("select max(snapshot_date) as day from {0}", "pulse_segment_snapshots")[0]["day"]
    assert [r["date"] for r in rows] == [str(last + timedelta(days=n)) for n in (1, 2, 3)]
    sizes = shop.query(
        "select size from {0} where segment_id = 'paying_plans' order by snapshot_date desc limit 7",
        "pulse_segment_snapshots",
    )
    for row in rows:
        assert row["lower"] < row["expected"] < row["upper"]
        assert 0.9 * sizes[-1]["size"] < row["expected"] < 1.1 * sizes[0]["size"]
    short = shop.run("snapshots", "forecast", "paying_plans", "--date", "2026-03-05", "--format", "csv")
    assert (short.stdout.strip(), "more days of snapshots" in short.stderr) == (
        "segment_id,date,expected,lower,upper,crosses_on,reason",
        True,
    )
    assert "Segments (last 30 days)" in shop.run("report", "--format", "text").stdout


def test_a_second_run_changes_no_row_and_tells_nobody_again(shop: Shop) -> None:
    tables = ("pulse_segment_snapshots", "pulse_segment_changes", "pulse_segment_distributions", "pulse_incidents", "pulse_incident_events",
              "pulse_incident_explanations", "pulse_alert_deliveries", "pulse_findings", "pulse_segments")  # fmt: skip

    def content() -> dict[str, list[str]]:
        return {t: sorted(str(sorted(r.items())) for r in shop.query("select * from {}", t)) for t in tables}

    before = content()
    again = shop.run("demo")
    assert "The alerts that it would send" not in again.stdout
    assert content() == before


def test_a_person_can_take_in_hand_resolve_and_reopen(shop: Shop) -> None:
    identity = next(i["incident_id"] for i in incidents(shop) if i["segment_id"] == "high_value_active_users")
    shop.run("incidents", "acknowledge", identity[:8], "--by", "ana", "--note", "looking")
    shop.run("incidents", "resolve", identity[:8], "--by", "ana", "--note", "export repaired")
    assert shop.run("incidents", "acknowledge", identity[:8], ok=False).returncode == 2
    shop.run("incidents", "reopen", identity[:8], "--by", "ana")
    events = shop.query(
        f"select event, actor from {{}} where incident_id = '{identity}' and actor = 'ana' order by occurred_at",
        "pulse_incident_events",
    )
    assert {e["event"] for e in events} == {"acknowledged", "resolved", "reopened"}
    story = shop.run("incidents", "show", identity[:8]).stdout
    assert ": export repaired" in story


def test_run_of_the_last_day_ends_with_3_when_severe_incidents_are_open(shop: Shop) -> None:
    done = shop.run("run", "--date", "2026-05-31", "--fail-on", "medium", ok=False)
    assert done.returncode == 3, done.stderr
    assert "active incidents" in done.stdout


def test_doctor_says_when_known_events_were_written_down_but_not_loaded(shop: Shop) -> None:
    path = shop.root / "seeds" / "pulse_known_events.csv"
    text = path.read_text(encoding="utf-8")
    assert "known events: 1 loaded" in shop.run("doctor", ok=False).stdout
    path.write_text(text + "2026-05-01,2026-05-01,all,,Labour Day\n", encoding="utf-8")
    try:
        said = shop.run("doctor", ok=False).stdout
    finally:
        path.write_text(text, encoding="utf-8")
    assert "known events: 1 of 2 in pulse_known_events.csv are not in the warehouse" in said
    assert "dbt seed --select pulse_known_events" in said


def test_the_builds_of_demo_and_run_are_recorded_and_a_failed_one_says_why(shop: Shop) -> None:
    path = shop.root / "pulse_package" / "models" / "snapshots" / "pulse_segment_flows.sql"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("from facts\n    where", "from there_is_no_such_table\n    where"), encoding="utf-8")
    try:
        failed = shop.run("run", "--date", "2026-05-31", ok=False)
    finally:
        path.write_text(text, encoding="utf-8")
    assert failed.returncode == 1
    assert "there_is_no_such_table" in failed.stderr
    shop.run("run", "--date", "2026-05-31")
    rows = shop.query("select * from {} where stage = 'snapshot' order by started_at", "pulse_runs")
    assert (rows[0]["from_date"], rows[0]["outcome"]) == (date(2026, 3, 1), "ok")
    assert rows[0]["seconds"] > 5
    assert [(r["to_date"], r["outcome"]) for r in rows[-2:]] == [
        (date(2026, 5, 31), "failed"),
        (date(2026, 5, 31), "ok"),
    ]
    assert "pulse_segment_flows (error)" in rows[-2]["message"]


def test_dbt_alone_makes_the_snapshots_with_the_runner_not_importable(shop: Shop) -> None:
    shop.run("doctor", ok=False)  # writes the embedded profile
    code = "import sys; sys.modules['pulse_runner'] = None\nfrom dbt.cli.main import cli\nsys.argv[0] = 'dbt'\ncli()"
    args = [
        "build",
        "--select",
        "+tag:pulse_snapshot",
        "--exclude-resource-type",
        "test",
        "--profiles-dir",
        "target/embedded_profile",
    ]
    before = shop.query(
        "select size from {} where snapshot_date = '2026-05-30' order by segment_id", "pulse_segment_snapshots"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args, "--vars", "{pulse_from: '2026-05-30', pulse_to: '2026-05-30'}"],
        cwd=shop.root, env=clean_env(shop.root), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "pulse: customers 2026-05-30 (1 of 2)" in done.stdout  # and the next day, which compares with it
    assert (
        shop.query(
            "select size from {} where snapshot_date = '2026-05-30' order by segment_id", "pulse_segment_snapshots"
        )
        == before
    )


def test_stale_models_stop_a_run_before_anything_is_built(shop: Shop) -> None:
    path = shop.root / "segments" / "students.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("value: student", "value: pupil"), encoding="utf-8")
    try:
        done = shop.run("run", "--date", "2026-05-31", ok=False)
        check = shop.run("compile", "--check", ok=False)
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    assert "compiled files are stale: " in done.stderr
    assert "Run `pulse compile` and commit them." in done.stderr
    assert check.returncode == 1
