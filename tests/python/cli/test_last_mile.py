"""`pulse run` on the day of a fault after the rule: a destination that rejects, a sync that stopped, a consent that flipped.

Each is found on that day, and its message names the step and the reason.
"""

from __future__ import annotations

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

D = "2024-01-31"
ENTITY = """
entity: people
relation: ref('people')
key: id
history: {as_of: day}
fields: {ltv: number, wants_sms: boolean}
reach:
  mail:
    reachable: "ltv >= 0"
    segments: [rich]
    destination: {relation: ref('mailed'), key: id, at: day, status: status, reason: why, statuses: {accepted: [ok], rejected: [error]}}
  push:
    reachable: "ltv >= 0"
    segments: [poor]
    destination: {relation: ref('pushed'), key: id, at: day, status: status, max_age_days: 7}
  sms:
    consented: wants_sms
    addressable: "ltv >= 0"
"""
SEGMENT = "segment: {name}\nentity: people\nowner: crm\nalerts: [crm]\nrules:\n  - {{field: ltv, operator: between, value: {band}}}\n"
SEGMENTS = {"poor": [0, 6], "middle": [7, 13], "rich": [14, 19]}  # each has one of the faults
MODELS = {
    "people": "select i as id, i % 20 as ltv, cast(date '2024-01-01' + cast(d as integer) as date) as day,"
    f" case when date '2024-01-01' + cast(d as integer) = date '{D}' and i % 20 between 7 and 13 then i % 10 = 9 else i % 10 <> 9 end as wants_sms"
    " from {numbers}",
    "mailed": "select id, day, case when {fault} and id % 3 = 0 then 'error' when id % 50 = 19 then 'error' else 'ok' end as status,"
    " case when {fault} and id % 3 = 0 then 'quota exceeded' when id % 50 = 19 then 'no such mailbox' end as why from {people}",
    "pushed": "select id, day, 'accepted' as status from {people} where not {fault}",
}


class Shop:
    """People with three channels; on D each has a fault of its own."""

    def __init__(self, root: Path, package: Path, profile: str | None) -> None:
        self.root = root
        (root / "segments" / "entities").mkdir(parents=True)
        (root / "models").mkdir()
        write_project(root, "audiences", ["people"])
        install(root, package)
        (root / "segments/entities/people.yml").write_text(ENTITY)
        for name, band in SEGMENTS.items():
            (root / f"segments/{name}.yml").write_text(SEGMENT.format(name=name, band=band))
        (root / "segments/routes.yml").write_text("routes:\n  crm: {channels: [{channel: console}]}\n")
        made = "generate_series({}, {})" if profile else "range({}, {} + 1)"
        numbers = f"{made.format(1, 1200)} as a(i) cross join {made.format(0, 30)} as b(d)"
        for name, sql in MODELS.items():
            told = sql.format(numbers=numbers, people="{{ ref('people') }}", fault=f"day = date '{D}'")
            (root / f"models/{name}.sql").write_text("{{ config(materialized='table') }}\n" + told + "\n")
        if profile:
            (root / "profiles.yml").write_text(profile)
        read_project.cache_clear()
        write_models(load_project(root, SCHEMA), root)

    def pulse(self, *args: str) -> Result:
        read_project.cache_clear()
        return CliRunner().invoke(cli, ["--project-dir", str(self.root), *args])

    def query(self, sql: str, table: str) -> list[dict]:
        warehouse = connect(self.root)
        try:
            return warehouse.query(sql.format(warehouse.table(table)))
        finally:
            warehouse.close()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.matrix])])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    profile = request.getfixturevalue("postgres_profile") if request.param == "postgres" else None
    package = copy_package(tmp_path / "package", leave_out=("*unit_tests.yml", "marts"))
    return Shop(tmp_path / "shop", package, profile)


def test_each_fault_after_the_rule_is_found_the_same_day_and_told_with_its_step_and_reason(shop: Shop) -> None:
    assert shop.pulse("snapshot", "--from", "2024-01-01", "--to", "2024-01-30").exit_code == 0
    done = shop.pulse("run", "--date", D)
    assert done.exit_code == 0, done.output
    found = shop.query("select segment_id, metric, direction, detected_on from {} order by metric", "pulse_incidents")
    assert [(i["segment_id"], i["metric"], i["direction"], str(i["detected_on"])) for i in found] == [
        ("rich", "ladder:mail:accepted", "down", D), ("poor", "ladder:push:synced", "down", D), ("middle", "reach:sms", "down", D),
    ]  # fmt: skip
    told = " ".join(done.output.split())
    assert "Members are lost at mail itself (step accepted: rejected: quota exceeded)" in told
    assert "The sync to push stopped (step synced: no rows of the destination)" in told
    assert "(step reachable: not consented)" in told
    shown = shop.pulse("reach", "poor", "--channel", "push", "--format", "csv").output
    assert "push,synced,no rows of the destination,420,1.0" in shown
    ends = shop.pulse("reach", "middle", "--channel", "sms", "--date", D)
    assert (
        "sms: the ladder ends at reachable: no destination is declared for it (reach.sms.destination of people)."
        in ends.output
    )
    assert shop.pulse("reach", "rich", "--channel", "fax").exit_code == 2
