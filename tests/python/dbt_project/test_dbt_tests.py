"""dbt's own tests: the unit tests run in a plain `dbt build`, and each singular test finds a row that was tampered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from plain_dbt import Built, dbt
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
UNIT_TEST_FILES = sorted((ROOT / "models").rglob("*unit_tests.yml"))


def unit_tests() -> list[dict[str, Any]]:
    return [test for path in UNIT_TEST_FILES for test in YAML(typ="safe").load(path)["unit_tests"]]


def test_every_public_table_and_mart_has_a_unit_test() -> None:
    models = {p.stem for folder in ("snapshots", "marts") for p in (ROOT / "models" / folder).glob("*.sql")}
    assert {test["model"] for test in unit_tests()} == models


def test_the_name_of_a_unit_test_fits_into_a_name_of_postgres() -> None:
    assert [test["name"] for test in unit_tests() if len(test["name"]) > 63] == []


def test_the_unit_tests_pass_in_a_first_dbt_build_with_no_runner(built: Built) -> None:
    names = {test["name"] for test in unit_tests()}
    assert {n: s for n, s in built.statuses.items() if n in names} == dict.fromkeys(names, "pass")
    assert {n: s for n, s in built.statuses.items() if s not in ("success", "pass", "no-op")} == {}  # no-op: exposures


# a change of a model that its unit tests must notice: (model, text, put in its place, tests that fail)
MUTATIONS = {
    "division by zero": ("pulse_segment_snapshots", "nullif(pivoted.eligible, 0)", "pivoted.eligible", "a_segment_without_members_has_no_rates"),
    "velocity per snapshot": ("pulse_segment_snapshots", "{{ dbt.datediff('pivoted.previous_date', 'pivoted.snapshot_date', 'day') }}", "1", "velocity_over_a_gap_of_several_days_is_members_per_day"),
    "nothing counted as 0": ("pulse_segment_snapshots", "sum(case when fact = 'exited' then members end)", "sum(case when fact = 'exited' then members else 0 end)", "the_first_day_ever_compares_with_nothing"),
    "reason lost": ("pulse_segment_snapshots", "then bucket end) as status_reason", "then '' end) as status_reason", "broken_and_stale_segments_keep_a_reason_and_count_nothing"),
    "share of another date": ("pulse_segment_distributions", " and sizes.snapshot_date = facts.snapshot_date", "", "the_share_of_a_bucket_is_of_its_own_segment_and_date"),
    "flow turned round": ("pulse_segment_flows", "case when fact = 'flow_to' then segment_id else item end", "segment_id", "a_flow_reads_from_the_segment_left_to_the_segment_entered"),
    "null share of rows": ("pulse_entity_health", "nullif(rows, 0)", "rows", "the_null_share_of_an_empty_entity_is_null"),
    "version not counted up": ("pulse_segments", "coalesce(newest.version, 0) + 1", "1", "a_definition_whose_version_was_closed_becomes_the_next_version"),
    "any headline": ("pulse_open_incidents", " and explanations.newest = 1", "", "active_incidents_are_listed_with_their_newest_headline"),
    "oldest snapshot": ("pulse_segment_health", "order by snapshot_date desc", "order by snapshot_date", "a_segment_is_as_its_latest_snapshot_with_its_incidents_counted"),
}  # fmt: skip


@pytest.mark.postgres_in_matrix
def test_the_unit_tests_notice_each_of_ten_planted_mistakes(built: Built) -> None:
    originals: dict[Path, str] = {}
    expected = set()
    for number, (model, text, wrong, name) in enumerate(MUTATIONS.values()):
        path = next((built.root / "pulse_package/models").rglob(f"{model}.sql"))
        before = path.read_text(encoding="utf-8")
        originals.setdefault(path, before)
        assert before.count(text) == 1, (number, model)
        path.write_text(before.replace(text, wrong), encoding="utf-8")
        expected.add(name)
    try:
        done = dbt(built.root, "test", "--select", "test_type:unit")
    finally:
        for path, text in originals.items():
            path.write_text(text, encoding="utf-8")
    failed = {r.node.name for r in done.result.results if str(r.status) != "pass"}
    assert expected <= failed


Row = dict[str, Any]


def add(column: str, members: int) -> Callable[[Row], Row]:
    return lambda row: row | {column: row[column] + members}


TAMPERED = {
    "exited of a snapshot": ("pulse_segment_snapshots", ("segment_id", "snapshot_date"), "exited > 0", add("exited", 1), ("pulse_segment_changes_add_up", "pulse_segment_flows_balance")),
    "entered of a snapshot": ("pulse_segment_snapshots", ("segment_id", "snapshot_date"), "entered > 0", add("entered", -1), ("pulse_segment_changes_add_up", "pulse_segment_flows_balance")),
    "size of a snapshot": ("pulse_segment_snapshots", ("segment_id", "snapshot_date"), "entered > 0", add("size", 1), ("pulse_segment_changes_add_up",)),
    "members of a change": ("pulse_segment_changes", ("segment_id", "snapshot_date", "direction", "cause", "detail"), "direction = 'lost'", add("members", 1), ("pulse_segment_changes_add_up",)),
    "leavers to nowhere": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "to_segment = '(none)'", add("members", 1), ("pulse_segment_flows_balance",)),
    "leavers to any": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "to_segment = '(any)'", add("members", 1), ("pulse_segment_flows_balance",)),
    "arrivals from nowhere": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "from_segment = '(none)'", add("members", -1), ("pulse_segment_flows_balance",)),
    "a pair too large": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "substr(from_segment, 1, 1) <> '(' and substr(to_segment, 1, 1) <> '('", add("members", 100_000), ("pulse_segment_flows_balance",)),
    "a pair too small": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "substr(from_segment, 1, 1) <> '(' and substr(to_segment, 1, 1) <> '('", add("members", -100_000), ("pulse_segment_flows_balance",)),
    "a flow of a segment that has no snapshot": ("pulse_segment_flows", ("snapshot_date", "from_segment", "to_segment"), "to_segment = '(none)'", lambda row: row | {"from_segment": "unknown"}, ("pulse_segment_flows_balance",)),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_a_singular_test_fails_when_one_row_is_tampered_with(built: Built, what: str) -> None:
    table, keys, condition, change, tests = TAMPERED[what]
    row = _replace(built, table, keys, condition, change)
    try:
        done = dbt(built.root, "test", "--select", "test_type:singular")
    finally:
        _put_back(built, table, keys, change(row), row)
    assert {r.node.name for r in done.result.results if str(r.status) == "fail"} == set(tests)


def test_the_singular_tests_pass_on_what_was_built(built: Built) -> None:
    done = dbt(built.root, "test", "--select", "test_type:singular")
    singular = {p.stem for p in (ROOT / "tests").glob("*.sql")}
    assert {r.node.name: str(r.status) for r in done.result.results} == dict.fromkeys(singular, "pass")


def _replace(built: Built, table: str, keys: Sequence[str], condition: str, change: Callable[[Row], Row]) -> Row:
    """Replace the first row that meets a condition by its changed self; return the row as it was."""
    warehouse = built.open()
    try:
        where = f"{condition} and snapshot_date > cast('2026-05-29' as date)"
        row = warehouse.query(
            f"select * from {warehouse.table(table)} where {where} order by {', '.join(keys)} limit 1"
        )[0]
        _swap(warehouse, table, keys, row, change(row))
    finally:
        warehouse.close()
    return row


def _put_back(built: Built, table: str, keys: Sequence[str], tampered: Row, row: Row) -> None:
    warehouse = built.open()
    try:
        _swap(warehouse, table, keys, tampered, row)
    finally:
        warehouse.close()


def _swap(warehouse: Any, table: str, keys: Sequence[str], old: Row, new: Row) -> None:
    if any(old[k] != new[k] for k in keys):
        changed = next(k for k in keys if old[k] != new[k])
        rows = warehouse.query(f"select * from {warehouse.table(table)} where {changed} = ?", [old[changed]])
        warehouse.delete(table, changed, old[changed])
        rest = [r for r in rows if any(r[k] != old[k] for k in keys)]
        warehouse.replace(table, keys, [*rest, new])
    else:
        warehouse.replace(table, keys, [new])
