"""The column that says as of which date a row is turned into text: that entity is broken, and nothing else."""

from __future__ import annotations

import pytest

from pulse_runner.segments.model import Entity, Field, FieldLeaf, History, Project, Relation, Segment

D1, D2 = "2024-02-28", "2024-02-29"
COLUMNS = {"id": "integer", "ltv": "integer", "seen": "date"}

pytestmark = pytest.mark.postgres_in_matrix


@pytest.mark.parametrize(
    ("kind", "values"),
    [("varchar(20)", (D1, D2)), ("varchar(20)", ("28/02/2024", "yesterday")), ("integer", (20240228, 20240229))],
)
def test_an_entity_whose_dates_are_no_dates_is_broken_and_the_others_are_counted(
    world, kind: str, values: tuple
) -> None:
    def entity(name: str) -> Entity:
        fields = {"ltv": Field("ltv", "number"), "since": Field("since", "number", days_since="seen")}
        return Entity(name, Relation("ref", (name,)), "id", History("as_of", as_of="day"), fields)

    segments = {
        name: Segment(name, of, FieldLeaf("ltv", ">", (0,)), "me")
        for name, of in (("rich", "people"), ("big", "firms"))
    }
    world.compile(Project({"people": entity("people"), "firms": entity("firms")}, segments, {}))
    rows = [(n, n, D1, day) for day in (D1, D2) for n in range(4)]
    for name in ("people", "firms"):
        world.table(name, COLUMNS | {"day": "date"}, rows)
    world.built(D1)

    world.table("people", COLUMNS | {"day": kind}, [(*row[:3], values[row[3] == D2]) for row in rows])
    world.built(D2)
    assert world.sizes(D2) == {"rich": None, "big": 3}
    assert world.sizes(D1) == {"rich": 3, "big": 3}
    told = world.query(
        "select entity, status, status_reason from {pulse_entity_health} where column_name = '(rows)'"
        f" and snapshot_date = cast('{D2}' as date) order by entity"
    )
    word = "number" if kind == "integer" else "text"
    assert [(r["entity"], r["status"], r["status_reason"]) for r in told] == [
        ("firms", "ok", ""),
        ("people", "broken", f"column day is {word}, not a date"),
    ]
    (segment,) = world.query(
        "select status, status_reason from {pulse_segment_snapshots} where segment_id = 'rich'"
        f" and snapshot_date = cast('{D2}' as date)"
    )
    assert segment == {"status": "broken", "status_reason": f"column day is {word}, not a date"}
