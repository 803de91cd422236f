"""Numbers at the edge of what a warehouse can hold: a day is counted all the same."""

from __future__ import annotations

from pulse_runner.segments.model import Entity, Field, FieldLeaf, History, Project, Relation, Segment

DAY = "2024-02-29"
COLUMNS = {
    "usual": ("double precision", (1.5, 2.5, None, 4.0)),
    "huge": ("double precision", (1.5e308, 1.5e308, 1.5e308, 1.5e308)),
    "apart": ("double precision", (1.5e308, -1.5e308, 1.5e308, -1.5e308)),
    "tiny": ("double precision", (1e-310, 1e-310, 2e-310, 2e-310)),
    "endless": ("double precision", ("Infinity", "-Infinity", "1", "2")),
    "none": ("double precision", ("NaN", "1", "2", "3")),
    "exact": ("decimal(38, 0)", ("9" * 38, "9" * 38, "9" * 38, "9" * 38)),
    "whole": ("bigint", (9223372036854775807, 9223372036854775807, 1, 1)),
}
MEANS = {
    "usual": 8 / 3, "huge": None, "apart": 0.0, "tiny": 0.0, "endless": None, "none": None, "exact": 1e38,
    "whole": 2.0**62,
}  # fmt: skip


def test_a_column_whose_sum_is_no_number_has_a_mean_or_none_and_breaks_nothing(world) -> None:
    fields = {name: Field(name, "number") for name in COLUMNS}
    entity = Entity("people", Relation("ref", ("people",)), "id", History("as_of", as_of="day"), fields, amount="huge")
    segments = {name: Segment(name, "people", FieldLeaf(name, ">", (0,)), "me") for name in COLUMNS}
    world.compile(Project({"people": entity}, segments, {}))
    types = {"id": "integer", **{name: kind for name, (kind, _) in COLUMNS.items()}, "day": "date"}
    world.table("people", types, [(n, *(values[n] for _, values in COLUMNS.values()), DAY) for n in range(4)])
    world.built(DAY)
    sizes = world.sizes(DAY)
    assert (sizes["usual"], sizes["huge"], sizes["apart"], sizes["exact"], sizes["whole"]) == (3, 4, 2, 4, 4)
    rows = world.query("select column_name, mean_value from {pulse_entity_health} where column_name <> '(rows)'")
    means = {r["column_name"]: r["mean_value"] for r in rows}
    assert set(means) == set(COLUMNS)
    for name, mean in means.items():
        expected = MEANS[name]
        assert mean == expected if expected is None else abs(mean - expected) <= 1e-8 * abs(expected), name
