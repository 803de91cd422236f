"""An edited rule: what the edit did and what the data did, told apart, to the member."""

from __future__ import annotations

import pytest

from pulse_runner.compile.render import Layout
from pulse_runner.compile.versions import KEPT
from pulse_runner.errors import DefinitionError
from pulse_runner.segments.model import All, Entity, Field, FieldLeaf, History, Project, Relation, Rule, Segment

TYPES = {"id": "integer", "ltv": "double precision", "plan": "varchar(10)", "seen": "date", "day": "date"}
FIELDS = {
    "ltv": Field("ltv", "number"),
    "plan": Field("plan", "text"),
    "seen": Field("seen", "date"),
    "idle": Field("idle", "number", days_since="seen"),
}
PATH = Layout().versions
D1, D2, D3 = "2024-02-28", "2024-02-29", "2024-03-01"
#        id  before           after the night of the edit
ROWS = {
    1: ((2000, "pro"), (2000, "pro")),  # stays under both rules
    2: ((700, "pro"), (700, "pro")),  # the edit lets it in
    3: ((2000, "free"), (2000, "free")),  # the edit puts it out
    4: ((700, "pro"), (100, "pro")),  # the edit would let it in, but its ltv fell
    5: ((100, "pro"), (900, "pro")),  # its ltv rose past the new bound only
    6: ((3000, "pro"), None),  # its row is gone
    7: (None, (800, "pro")),  # its row is new
    8: ((2000, "pro"), (600, "pro")),  # under the old rule it would have left
}
OLD = FieldLeaf("ltv", ">", (1000,))
NEW = All((FieldLeaf("ltv", ">", (500,)), FieldLeaf("plan", "=", ("pro",))))

pytestmark = pytest.mark.postgres_in_matrix


def project(**rules: Rule) -> Project:
    entity = Entity("people", Relation("ref", ("dim",)), "id", History("as_of", as_of="day"), FIELDS)
    return Project({"people": entity}, {n: Segment(n, "people", r, "team") for n, r in rules.items()}, {})


def fill(world) -> None:
    rows = [
        (key, *state, day, day)
        for key, states in ROWS.items()
        for state, day in zip(states, (D1, D2), strict=True)
        if state
    ]
    rows += [(key, *states[1], D3, D3) for key, states in ROWS.items() if states[1]]
    world.table("dim", TYPES, rows)


def changes(world, day: str, segment: str = "rich") -> dict[tuple[str, str, str], int]:
    rows = world.query(
        f"select direction, cause, detail, members from {{pulse_segment_changes}} where segment_id = '{segment}' and snapshot_date = cast('{day}' as date)"
    )
    return {(r["direction"], r["cause"], r["detail"]): r["members"] for r in rows}


def snapshot(world, day: str) -> dict[str, int]:
    sql = "select size, previous_size, entered, exited from {pulse_segment_snapshots} where segment_id = 'rich' and snapshot_date = "
    return world.query(f"{sql}cast('{day}' as date)")[0]


EXPECTED = {
    ("gained", "edited", "was: ltv > 1000"): 1,  # 2
    ("lost", "edited", "was: ltv > 1000"): 1,  # 3
    ("gained", "leaf", "ltv > 500"): 1,  # 5
    ("gained", "row_new", ""): 1,  # 7
    ("lost", "row_gone", ""): 1,  # 6
}


def test_an_edit_is_split_from_the_data_and_the_parts_add_up_to_the_stored_sizes(new_world) -> None:
    world = new_world()
    fill(world)
    world.compile(project(rich=OLD, bystander=OLD))
    world.built(D1)
    assert world.sizes(D1) == {"rich": 4, "bystander": 4}
    world.compile(project(rich=NEW, bystander=OLD))
    world.built(D2)
    assert changes(world, D2) == EXPECTED
    assert snapshot(world, D2) == {"size": 5, "previous_size": 4, "entered": 3, "exited": 2}
    assert changes(world, D2, "bystander") == {("lost", "leaf", "ltv > 1000"): 1, ("lost", "row_gone", ""): 1}

    again = world.content("pulse_segment_changes")
    world.built(D2)
    assert world.content("pulse_segment_changes") == again
    world.built(D3)
    assert changes(world, D3) == {}
    # taken back: the rule before is the one that was edited in
    world.compile(project(rich=OLD, bystander=OLD))
    world.built(D3)
    assert changes(world, D3) == {
        ("gained", "edited", "was: ltv > 500 and plan = pro"): 1,
        ("lost", "edited", "was: ltv > 500 and plan = pro"): 4,
    }


def test_a_rule_that_was_edited_twice_between_snapshots_is_compared_with_what_the_tables_hold(world) -> None:
    fill(world)
    world.compile(project(rich=OLD))
    world.built(D1)
    world.compile(project(rich=FieldLeaf("ltv", ">", (123,))))
    world.compile(project(rich=NEW))
    world.built(D2)
    assert changes(world, D2) == EXPECTED


def test_only_the_last_versions_are_kept_and_a_broken_file_says_what_to_do(world) -> None:
    fill(world)
    for bound in range(1, 6):
        world.compile(project(rich=FieldLeaf("ltv", ">", (bound,))))
    text = (world.root / PATH).read_text()
    assert text.count('"kind": "FieldLeaf"') == 1 + KEPT
    (world.root / PATH).write_text(text[:-20])
    with pytest.raises(DefinitionError, match="Restore it from version control"):
        world.compile(project(rich=OLD))
    assert (world.root / PATH).read_text() == text[:-20]


def test_changes_since_a_chosen_earlier_date_add_up_to_the_two_sizes(new_world) -> None:
    world = new_world()
    fill(world)
    world.compile(project(rich=OLD, late=FieldLeaf("idle", "<=", (0,))))
    world.built(D1, D3, pulse_compare_days=[2, 7])
    rows = world.query(
        "select segment_id, direction, cause, detail, members, previous_date from {pulse_segment_changes} where is_chosen order by 1, 2, 3"
    )
    assert [
        (r["segment_id"], r["direction"], r["cause"], r["detail"], r["members"], str(r["previous_date"])) for r in rows
    ] == [
        ("late", "gained", "row_new", "", 1, D1),
        ("late", "lost", "row_gone", "", 1, D1),
        ("rich", "lost", "leaf", "ltv > 1000", 1, D1),
        ("rich", "lost", "row_gone", "", 1, D1),
    ]
    before = world.content("pulse_segment_changes")
    world.built(D3, pulse_compare_days=[2, 7])
    assert world.content("pulse_segment_changes") == before
    # the comparison with the snapshot before is what it was
    world.built(D3)
    assert world.content("pulse_segment_changes") == [r for r in before if r[-1] == "False"]
    refused = world.build(D3, pulse_compare_days=[1])
    assert "from 2 to 40" in refused.failures[0].message
