"""An entity without history, built by the commands of the README: for yesterday, for today, and before a day has ended."""

from __future__ import annotations

import pytest

from pulse_runner.segments.model import Entity, Field, FieldLeaf, History, Project, Relation, Segment

TYPES = {"id": "integer", "ltv": "integer"}
MON, TUE, WED, THU = "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"

pytestmark = pytest.mark.postgres_in_matrix


def project() -> Project:
    fields = {"ltv": Field("ltv", "number")}
    people = Entity("people", Relation("ref", ("people",)), "id", History("none"), fields)
    return Project({"people": people}, {"rich": Segment("rich", "people", FieldLeaf("ltv", ">", (9,)), "me")}, {})


def rich(world, members: int) -> None:
    """Load the relation anew, with so many members of the segment."""
    world.table("people", TYPES, [(key, 10 if key <= members else 0) for key in range(1, 9)])


def states(world) -> dict[str, tuple]:
    rows = world.query("select snapshot_date, status, size, exited from {pulse_segment_snapshots}")
    return {str(r["snapshot_date"]): (r["status"], r["size"], r["exited"]) for r in rows}


@pytest.fixture
def people(world):
    world.compile(project())
    return world


def test_a_build_for_yesterday_takes_the_day_on_which_it_sees_the_relation(people) -> None:
    rich(people, 5)
    people.built(MON, pulse_now=f"{TUE} 06:30", command="run")
    assert states(people) == {MON: ("not_reconstructable", None, None), TUE: ("ok", 5, None)}
    reason = people.query("select distinct status_reason from {pulse_segment_snapshots} where status <> 'ok'")
    assert reason == [{"status_reason": "people shows only the day of a build, and nothing was kept of 2024-03-04"}]
    # the next morning: what was kept of the day before stands, and the new day is compared with it
    rich(people, 3)
    people.built(TUE, pulse_now=f"{WED} 06:30", command="run")
    expected = {MON: ("not_reconstructable", None, None), TUE: ("ok", 5, None), WED: ("ok", 3, 2)}
    assert states(people) == expected
    health = people.query("select snapshot_date, status, rows from {pulse_entity_health} where column_name = '(rows)'")
    assert {str(h["snapshot_date"]): (h["status"], h["rows"]) for h in health} == {
        MON: ("not_reconstructable", None),
        TUE: ("ok", 8),
        WED: ("ok", 8),
    }
    # the same command again gives the same rows
    people.built(TUE, pulse_now=f"{WED} 06:40", command="run")
    assert states(people) == expected


def test_a_missed_day_is_not_stale(people) -> None:
    rich(people, 5)
    people.built(pulse_now=MON, command="run")
    rich(people, 4)
    people.built(TUE, WED, pulse_now=f"{THU} 06:30", command="run")
    gone = ("not_reconstructable", None, None)
    assert states(people) == {MON: ("ok", 5, None), TUE: gone, WED: gone, THU: ("ok", 4, 1)}


def test_a_load_before_the_day_ends_belongs_to_the_day_before(people) -> None:
    rich(people, 5)
    people.built(MON, pulse_now=f"{TUE} 06:30", pulse_day_ends_at="07:00", command="run")
    assert states(people) == {MON: ("ok", 5, None)}
    # without a date, before the day has ended, and after it
    rich(people, 4)
    people.built(pulse_now=f"{WED} 06:59", pulse_day_ends_at="07:00", command="run")
    assert states(people) == {MON: ("ok", 5, None), TUE: ("ok", 4, 1)}
    rich(people, 1)
    people.built(pulse_now=f"{WED} 07:00", pulse_day_ends_at=7 * 60, command="run")  # as YAML 1.1 reads 7:00
    assert states(people) == {MON: ("ok", 5, None), TUE: ("ok", 4, 1), WED: ("ok", 1, 3)}


def test_a_backfill_leaves_what_was_snapshotted_even_when_its_rows_are_no_longer_kept(people) -> None:
    rich(people, 5)
    for day in (MON, TUE, WED):
        people.built(pulse_now=day, pulse_history_days=1, command="run")
    rich(people, 2)
    people.built("2024-03-03", MON, pulse_now=THU, pulse_history_days=1, command="run")
    ok = ("ok", 5, 0)
    gone = ("not_reconstructable", None, None)
    assert states(people) == {"2024-03-03": gone, MON: ("ok", 5, None), TUE: ok, WED: ok}


def test_an_emptied_relation_is_told_on_the_day_that_shows_it(people) -> None:
    rich(people, 5)
    people.built(pulse_now=MON, command="run")
    people.table("people", TYPES, [])
    people.built(MON, pulse_now=f"{TUE} 06:30", command="run")
    assert states(people) == {MON: ("ok", 5, None), TUE: ("stale", None, None)}
    # what a build saw stands on the next morning too
    rich(people, 6)
    people.built(TUE, pulse_now=f"{WED} 06:30", command="run")
    assert states(people) == {MON: ("ok", 5, None), TUE: ("stale", None, None), WED: ("ok", 6, 0)}


def test_a_time_that_is_none_is_named(people) -> None:
    from pulse_runner.errors import WarehouseError

    rich(people, 5)
    with pytest.raises(WarehouseError, match=r"pulse_day_ends_at: 4 o\'clock is not a time of day. Write HH:MM"):
        people.build(pulse_now=MON, pulse_day_ends_at="4 o'clock", command="run")
