"""`pulse run` where a model upstream fails: what needs it is told as blind, the rest is judged as ever, and it is over when it is repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from package_project import copy_package, install, write_project

from pulse_runner.cli import cli
from pulse_runner.compile.write import write_models
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.project import read_project

ENTITY = "entity: {name}\nrelation: ref('{name}')\nkey: id\nhistory: {{as_of: day}}\nfields: {{ltv: number}}\n"
EVENTS = "events:\n  visits: {relation: ref('visits'), key: id, at: at, fields: {page: text}}\n"
SEGMENT = "segment: {name}\nentity: {entity}\nowner: {owner}\nalerts: [{owner}]\nrules:\n  - {rule}\n"
RICH = '{field: ltv, operator: ">", value: 9}'
SEGMENTS = {
    "rich_people": ("people", "crm", RICH),
    "poor_people": ("people", "crm", '{field: ltv, operator: "<=", value: 9}'),
    "rich_shops": ("shops", "sales", RICH),
    "visited_shops": ("shops", "web", "{event: visits, operator: performed, in_last: 9}"),
}
ROUTES = "routes:\n" + "".join(f"  {o}: {{channels: [{{channel: console}}]}}\n" for o in ("crm", "sales", "web"))
TABLES = (
    "pulse_segment_snapshots", "pulse_incidents", "pulse_findings", "pulse_incident_events", "pulse_runs",
    "pulse_alert_deliveries",
)  # fmt: skip
BROKEN = "{{ config(materialized='table') }}\nselect no_such_column as id from {{ ref('numbers') }}\n"


class Shop:
    """Three entities' worth of models: `numbers` -> `stg_people` -> `people`, `shops`, and the events `visits`."""

    def __init__(self, root: Path, package: Path, profile: str | None) -> None:
        self.root = root
        (root / "segments" / "entities").mkdir(parents=True)
        (root / "models").mkdir()
        write_project(root, "audiences", ["people", "shops"])
        install(root, package)
        (root / "segments/entities/people.yml").write_text(ENTITY.format(name="people"))
        (root / "segments/entities/shops.yml").write_text(ENTITY.format(name="shops") + EVENTS)
        (root / "segments/routes.yml").write_text(ROUTES)
        for name, (entity, owner, rule) in SEGMENTS.items():
            text = SEGMENT.format(name=name, entity=entity, owner=owner, rule=rule)
            (root / f"segments/{name}.yml").write_text(text)
        made = "generate_series({}, {})" if profile else "range({}, {} + 1)"
        self.write("numbers", f"select i, d from {made.format(1, 40)} as a(i) cross join {made.format(0, 59)} as b(d)")
        rows = "select i as id, i * 7 % 20 as ltv, cast(date '2024-01-01' + cast(d as integer) as date) as day from"
        self.write("stg_people", rows + " {{ ref('numbers') }}")
        self.write("people", "select * from {{ ref('stg_people') }}")
        self.write("shops", rows + " {{ ref('numbers') }}")
        self.write(
            "visits",
            "select i as id, cast(date '2024-01-01' + cast(d as integer) as date) as at, 'home' as page"
            " from {{ ref('numbers') }} where i < 9",
        )
        if profile:
            (root / "profiles.yml").write_text(profile)
        read_project.cache_clear()
        write_models(load_project(root, SCHEMA), root)

    def write(self, model: str, sql: str) -> None:
        path = self.root / "models" / f"{model}.sql"
        path.write_text("{{ config(materialized='table') }}\n" + sql + "\n")

    def broken(self, model: str) -> Callable[[], None]:
        """Break a model; return what repairs it."""
        path = self.root / "models" / f"{model}.sql"
        right = path.read_text()
        path.write_text(BROKEN)
        return lambda: path.write_text(right) and None

    def pulse(self, *args: str) -> Result:
        read_project.cache_clear()
        return CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])

    def rows(self, sql: str) -> list[dict]:
        warehouse = connect(self.root)
        try:
            return warehouse.query(sql.format(**{t: warehouse.table(t) for t in TABLES}))
        finally:
            warehouse.close()

    def statuses(self, day: str) -> dict[str, str]:
        found = self.rows(f"select * from {{pulse_segment_snapshots}} where snapshot_date = cast('{day}' as date)")
        return {r["segment_id"]: r["status"] for r in found}

    def incidents(self) -> list[dict]:
        return self.rows("select * from {pulse_incidents} order by detected_on, entity, attribute")

    def content(self, *tables: str) -> dict[str, list[str]]:
        """All rows of tables as text, without the times of the clock."""
        clock = {"created_at", "updated_at", "occurred_at", "planned_at", "sent_at"}
        return {
            t: sorted(str({k: v for k, v in r.items() if k not in clock}) for r in self.rows(f"select * from {{{t}}}"))
            for t in tables
        }


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    profile = request.getfixturevalue("postgres_profile") if request.param == "postgres" else None
    package = copy_package(tmp_path / "package", leave_out=("*unit_tests.yml", "marts"))
    return Shop(tmp_path / "shop", package, profile)


def test_a_failing_model_blinds_what_needs_it_and_the_rest_is_judged(shop: Shop) -> None:
    assert shop.pulse("run", "--date", "2024-02-01").exit_code == 0
    repair = shop.broken("stg_people")
    failed = shop.pulse("run", "--date", "2024-02-02")

    assert failed.exit_code == 1, failed.output
    assert "upstream model stg_people failed. Not seen because of it: people." in failed.stderr
    assert shop.statuses("2024-02-02") == {
        "rich_people": "stale", "poor_people": "stale", "rich_shops": "ok", "visited_shops": "ok",
    }  # fmt: skip
    (incident,) = shop.incidents()
    assert (incident["entity"], incident["segment_id"], incident["detector"]) == ("people", "", "stale_data")
    assert (incident["attribute"], incident["severity"], incident["status"]) == ("stg_people", "high", "open")
    assert incident["title"] == "people: model stg_people failed; 2 segments cannot be seen"
    assert "no_such_column" in incident["reason"]
    assert "\n" not in incident["reason"]
    assert "(skipped behind it: people). Not seen: poor_people, rich_people." in incident["reason"]
    told = shop.rows("select * from {pulse_alert_deliveries}")
    assert [(d["route"], d["notification"]) for d in told] == [("crm", "opened")], "one message, to its owner"
    assert "HIGH  people: model stg_people failed; 2 segments cannot be seen" in failed.stderr + failed.stdout
    runs = {r["stage"]: r for r in shop.rows("select * from {pulse_runs} where to_date = cast('2024-02-02' as date)")}
    assert {stage: r["outcome"] for stage, r in runs.items()} == {
        "snapshot": "failed", "detect": "ok", "explain": "ok", "alert": "ok",
    }  # fmt: skip
    assert json.loads(runs["snapshot"]["counts"])["error"] == 1

    kept = ("pulse_segment_snapshots", "pulse_incidents", "pulse_findings", "pulse_incident_events")
    before = shop.content(*kept)
    assert shop.pulse("run", "--date", "2024-02-02").exit_code == 1
    assert shop.content(*kept) == before, "the same date twice gives the same rows"

    third = shop.pulse("run", "--date", "2024-02-03")
    assert third.exit_code == 1
    assert [i["incident_id"] for i in shop.incidents()] == [incident["incident_id"]], "the same story, not a new one"

    repair()
    over = shop.pulse("run", "--date", "2024-02-04", "--since-last-run")
    assert over.exit_code == 0, over.output
    assert "so 2024-02-02 to 2024-02-04 (3 days)" in over.stderr, "the blind days are made up for"
    for day in ("2024-02-02", "2024-02-03", "2024-02-04"):
        assert set(shop.statuses(day).values()) == {"ok"}
    (closed,) = shop.incidents()
    assert (closed["status"], closed["resolution"]) == ("resolved", "recovered")


@pytest.mark.matrix
def test_failing_events_blind_the_segments_that_count_them_and_a_day_that_is_there_stays(shop: Shop) -> None:
    shop.broken("visits")
    first = shop.pulse("run", "--date", "2024-02-01")  # the first build of all
    assert first.exit_code == 1, first.output
    assert shop.statuses("2024-02-01") == {
        "rich_people": "ok", "poor_people": "ok", "rich_shops": "ok", "visited_shops": "stale",
    }  # fmt: skip
    (incident,) = shop.incidents()
    assert (incident["entity"], incident["attribute"]) == ("shops", "visits")
    told = shop.rows("select * from {pulse_alert_deliveries}")
    assert [d["route"] for d in told] == ["web"]

    repair = shop.broken("numbers")
    again = shop.pulse("run", "--date", "2024-02-01")
    assert again.exit_code == 1
    assert shop.statuses("2024-02-01")["rich_people"] == "ok", "what was seen of the date stays"
    repair()


@pytest.mark.matrix
def test_two_failing_models_are_two_incidents(shop: Shop) -> None:
    assert shop.pulse("run", "--date", "2024-02-01").exit_code == 0
    shop.broken("stg_people")
    shop.broken("shops")
    assert shop.pulse("run", "--date", "2024-02-02").exit_code == 1
    assert [i["attribute"] for i in shop.incidents()] == ["stg_people", "shops"]
    assert set(shop.statuses("2024-02-02").values()) == {"stale"}
    routes = {d["route"] for d in shop.rows("select * from {pulse_alert_deliveries}")}
    assert routes == {"crm", "sales"}, "sales and web are one target, the screen"
