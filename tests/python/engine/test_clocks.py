"""The calendar: 29 February, the days on which the clocks change, and loads that are late."""

from __future__ import annotations

import pytest

from pulse_runner.segments.model import Entity, Field, FieldLeaf, History, Project, Relation, Rule, Segment

TYPES = {"id": "integer", "seen": "timestamp", "day": "date"}

pytestmark = pytest.mark.postgres_in_matrix


def project(rules: dict[str, Rule], fields: dict[str, Field], **changes: object) -> Project:
    settings: dict = {"history": History("as_of", as_of="day")} | changes
    entity = Entity("people", Relation("ref", ("people",)), "id", fields=fields, **settings)
    return Project({"people": entity}, {n: Segment(n, "people", r, "me") for n, r in rules.items()}, {})


def test_29_february_is_a_day_like_any_other(world) -> None:
    rules: dict[str, Rule] = {
        "since_yesterday": FieldLeaf("seen", "in_last", (1,)),
        "within_365": FieldLeaf("seen", "in_last", (365,)),
        "a_year_ago": FieldLeaf("seen", "between_ago", (365, 366)),
        "on_the_29th": FieldLeaf("seen", "on", ("2024-02-29",)),
    }
    world.compile(project(rules, {"seen": Field("seen", "timestamp")}))
    seen = {
        1: "2024-02-28 12:00",
        2: "2024-02-29 00:00",
        3: "2024-02-29 23:59",
        4: "2023-03-01 12:00",
        5: "2023-02-28 12:00",
    }
    days = ["2023-03-01", "2024-02-28", "2024-02-29", "2024-03-01"]
    rows = [(key, at if at[:10] <= day else None, day) for day in days for key, at in seen.items()]
    world.table("people", TYPES, rows)
    world.built("2023-03-01")
    world.built("2024-02-28", "2024-03-01", command="run")
    # 2023 has no 29th: 28 February is yesterday of 1 March
    assert world.sizes("2023-03-01") == {"since_yesterday": 2, "within_365": 2, "a_year_ago": 0, "on_the_29th": 0}
    assert world.sizes("2024-02-29") == {"since_yesterday": 3, "within_365": 4, "a_year_ago": 2, "on_the_29th": 2}
    # 1 March 2023 is 365 days before 29 February 2024, and 366 days before 1 March 2024
    assert world.sizes("2024-03-01") == {"since_yesterday": 2, "within_365": 3, "a_year_ago": 1, "on_the_29th": 2}
    velocities = world.query(
        "select snapshot_date, previous_date, velocity from {pulse_segment_snapshots} where segment_id = 'on_the_29th' order by snapshot_date"
    )
    assert [(str(v["previous_date"]), v["velocity"]) for v in velocities[2:]] == [
        ("2024-02-28", 2.0),
        ("2024-02-29", 0.0),
    ]


@pytest.fixture
def berlin(new_world, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """Give a world whose warehouse sessions are in the time zone Europe/Berlin."""
    monkeypatch.setenv("PGTZ", "Europe/Berlin")  # libpq tells the server
    world = new_world()
    if not (world.root / "profiles.yml").is_file():
        (world.root / "profiles.yml").write_text(
            "pulse:\n  target: test\n  outputs:\n    test: {type: duckdb, threads: 2, "
            f"path: {str(world.root / 'pulse.duckdb')!r}, settings: {{TimeZone: Europe/Berlin}}}}\n",
            encoding="utf-8",
        )
    path = world.root / "dbt_project.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("pulse_timezone: UTC", "pulse_timezone: Europe/Berlin"),
        encoding="utf-8",
    )
    return world


@pytest.mark.parametrize(
    ("eve", "change", "after", "offset"),
    [
        ("2024-03-30", "2024-03-31", "2024-04-01", ("+01", "+01", "+02", "+02")),  # a day of 23 hours
        ("2024-10-26", "2024-10-27", "2024-10-28", ("+02", "+02", "+01", "+01")),  # and one of 25
    ],
    ids=["spring", "autumn"],
)
@pytest.mark.parametrize("type_", ["timestamp", "timestamptz"])
def test_half_past_eleven_and_half_past_midnight_are_two_days_when_the_clocks_change(
    berlin, type_: str, eve: str, change: str, after: str, offset: tuple[str, ...]
) -> None:
    rules: dict[str, Rule] = {
        "today": FieldLeaf("idle", "=", (0,)),
        "yesterday": FieldLeaf("idle", "=", (1,)),
        "two_days": FieldLeaf("seen", "more_than_ago", (1,)),
    }
    fields = {"seen": Field("seen", "timestamp"), "idle": Field("idle", "number", days_since="seen")}
    berlin.compile(project(rules, fields))
    clock = [f"{eve} 23:30", f"{change} 00:30", f"{change} 23:30", f"{after} 00:30"]
    given = [text + (zone if type_ == "timestamptz" else "") for text, zone in zip(clock, offset, strict=True)]
    rows = [
        (key, text, day) for day in (eve, change, after) for key, text in enumerate(given) if clock[key][:10] <= day
    ]
    berlin.table("people", TYPES | {"seen": type_}, rows)
    berlin.built(eve, after, command="run")
    assert berlin.sizes(eve) == {"today": 1, "yesterday": 0, "two_days": 0}
    assert berlin.sizes(change) == {"today": 2, "yesterday": 1, "two_days": 0}
    assert berlin.sizes(after) == {"today": 1, "yesterday": 2, "two_days": 1}


def test_a_row_that_changes_at_half_past_eleven_is_the_new_one_at_the_end_of_that_day(berlin) -> None:
    history = History("validity", valid_from="since", valid_to="until")
    berlin.compile(project({"rich": FieldLeaf("ltv", ">", (9,))}, {"ltv": Field("ltv", "number")}, history=history))
    types = {"id": "integer", "ltv": "integer", "since": "timestamp", "until": "timestamp"}
    rows = [
        (1, 0, "2024-03-29 12:00", "2024-03-30 23:30"),
        (1, 10, "2024-03-30 23:30", None),
        (2, 0, "2024-03-29 12:00", "2024-03-31 00:30"),
        (2, 10, "2024-03-31 00:30", "2024-03-31 23:30"),
        (2, 0, "2024-03-31 23:30", None),
    ]
    berlin.table("people", types, rows)
    berlin.built("2024-03-29", "2024-04-01", command="run")
    days = ("2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01")
    assert [berlin.sizes(day)["rich"] for day in days] == [0, 1, 1, 1]


def states(world) -> dict[str, tuple]:
    rows = world.query("select snapshot_date, status, status_reason, size from {pulse_segment_snapshots}")
    return {str(r["snapshot_date"]): (r["status"], r["status_reason"], r["size"]) for r in rows}


def test_a_day_whose_rows_were_not_refreshed_is_stale_until_they_are(world) -> None:
    fields = {"id": Field("id", "number"), "loaded": Field("loaded", "timestamp")}
    world.compile(project({"all": FieldLeaf("id", ">", (0,))}, fields, updated_at="loaded", max_age_days=1))
    types = {"id": "integer", "loaded": "timestamp", "day": "date"}
    d1, d2, d3, d4 = "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"
    fresh = [(1, "2024-02-28 06:00", d1), (2, "2024-02-20 06:00", d1)]  # the newest row counts
    at_the_limit = [(1, "2024-02-28 06:00", d2)]
    too_old = [(1, "2024-02-28 23:59", d3)]
    never = [(1, None, d4)]
    world.table("people", types, [*fresh, *at_the_limit, *too_old, *never])
    world.built(d1, d4)
    assert states(world) == {
        d1: ("ok", "", 2),
        d2: ("ok", "", 1),
        d3: ("stale", "upstream relation people is late: loaded is 2024-02-28, older than 2024-02-29", None),
        d4: ("stale", "upstream relation people is late: loaded is empty, older than 2024-03-01", None),
    }
    health = world.query("select snapshot_date, status from {pulse_entity_health} where column_name = '(rows)'")
    assert {str(h["snapshot_date"]): h["status"] for h in health} == {d1: "ok", d2: "ok", d3: "stale", d4: "stale"}

    world.table("people", types, [*fresh, *at_the_limit, (1, "2024-03-01 06:00", d3), *never])
    world.built(d1, d4, pulse_skip_done=True)
    assert states(world)[d3] == ("ok", "", 1)
    assert states(world)[d4][0] == "stale"


def test_the_kept_history_is_pruned_and_the_snapshots_are_not(world) -> None:
    world.compile(
        project({"rich": FieldLeaf("ltv", ">", (9,))}, {"ltv": Field("ltv", "number")}, history=History("none"))
    )
    types = {"id": "integer", "ltv": "integer"}
    days = ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
    for n, day in enumerate(days):
        world.table("people", types, [(key, 10 if key <= n else 0) for key in range(5)])
        world.built(pulse_now=day, pulse_history_days=2, command="run")
    kept = world.query(
        "select snapshot_date, count(*) as n from {pulse_people__history} group by snapshot_date order by snapshot_date"
    )
    assert [(str(k["snapshot_date"]), k["n"]) for k in kept] == [(day, 5) for day in days[2:]]
    rows = world.query("select * from {pulse_segment_snapshots} order by snapshot_date")
    assert [(str(r["snapshot_date"]), r["size"], r["entered"], r["status"]) for r in rows] == [
        (day, n + 1, 1 if n else None, "ok") for n, day in enumerate(days)
    ]
