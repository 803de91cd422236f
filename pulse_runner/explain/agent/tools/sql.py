"""sql: one SELECT over Pulse's aggregates, or over counts of an entity; parsed and rebuilt before it is run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pulse_runner.compile.sql import readable
from pulse_runner.errors import PulseError
from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, fact
from pulse_runner.explain.agent.tools.guard import Source, guarded
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.segments.model import Entity
from pulse_runner.segments.people import looks_like_people

# what may be read of each table; `{people}` columns are told in steps of k
_TABLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "pulse_segment_snapshots": (
        "snapshot_date", ("segment_id", "snapshot_date", "entity", "status"),
        ("size", "previous_size", "entered", "exited", "eligible", "converted", "inactive"),
    ),
    "pulse_segment_reach": ("snapshot_date", ("segment_id", "snapshot_date", "channel"), ("reachable",)),
    "pulse_segment_distributions": ("snapshot_date", ("segment_id", "snapshot_date", "attribute", "bucket"), ("members",)),
    "pulse_segment_changes": (
        "snapshot_date", ("segment_id", "snapshot_date", "direction", "cause", "detail", "columns", "is_chosen"), ("members",),
    ),
    "pulse_segment_flows": ("snapshot_date", ("snapshot_date", "from_segment", "to_segment"), ("members",)),
    "pulse_entity_health": (
        "snapshot_date", ("entity", "snapshot_date", "column_name", "data_type", "status"),
        ("rows", "nulls", "distinct_count", "duplicate_keys", "null_keys"),
    ),
    "pulse_findings": (
        "snapshot_date",
        ("segment_id", "snapshot_date", "detector", "metric", "attribute", "verdict", "severity", "direction", "threshold", "started_on"),
        (),
    ),
    "pulse_incidents": (
        "started_on",
        ("incident_id", "segment_id", "entity", "detector", "metric", "attribute", "status", "severity", "direction", "started_on",
         "detected_on", "resolved_on", "resolution"),
        (),
    ),
    "pulse_known_events": ("starts_on", ("starts_on", "ends_on", "scope", "scope_value"), ()),
}  # fmt: skip


class Given(Arguments):
    """The statement, and of an entity the day whose rows are counted ('' else)."""

    sql: str
    day: str


@dataclass(frozen=True)
class Sql:
    """Run a caller's SELECT over what may be told."""

    name: str = "sql"
    description: str = (
        "One SELECT over one of Pulse's tables of aggregates, such as pulse_segment_snapshots, pulse_segment_changes, "
        "pulse_segment_distributions or pulse_entity_health; or `select plan, count(*) from customers group by plan` over an entity's rows "
        "of a day. No joins, no subqueries, at most 40 rows; counts of people are rounded down and small groups left out. day: "
        "YYYY-MM-DD for an entity, '' else."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per row."""
        day = desk.day(given.day) if given.day else desk.today
        sql = guarded(given.sql, _sources(desk, day), desk.warehouse.dialect, desk.k)
        rows = desk.warehouse.query(sql)
        out = []
        for row in rows:
            said = ", ".join(f"{n} {'none' if v is None else v}" for n, v in row.items())
            out.append(fact(self.name, f"{said}.", row, sql, "sql"))
        return Result(tuple(out), "" if rows else "No rows: nothing fits, or the groups are too small.")


def _sources(desk: Desk, day: date) -> dict[str, Source]:
    out = {name: _aggregates(desk, name) for name in _TABLES}
    for entity in desk.project.entities.values():
        try:
            out[entity.name.lower()] = _people(desk, entity, day)
        except PulseError:  # dbt knows no relation of it
            continue
    return out


def _aggregates(desk: Desk, name: str) -> Source:
    """Return a table of Pulse without what may not be told: rows of parts below k, and counts finer than k."""
    clock, plain, people = _TABLES[name]
    k = desk.k
    counts = [f"cast(floor(1.0 * {c} / {k}) * {k} as bigint) as {c}" for c in people]
    where = [f"{clock} <= {literal(desk.today)}"]
    if people == ("members",):
        where.append(f"(members = 0 or members >= {k})")
    sql = sql_text(f"""
        select {", ".join([*plain, *counts])}
        from {desk.table(name)}
        where {" and ".join(where)}
    """)
    return Source(sql, frozenset((*plain, *people)))


def _people(desk: Desk, entity: Entity, day: date) -> Source:
    """Return the rows of an entity of one day, with the columns that people may be counted by, or picked by."""
    shown = [
        a.field for a in entity.attributes if a.values != "hidden" and not a.bins and not looks_like_people(a.field)
    ]
    groups = [
        n
        for n in dict.fromkeys(shown)
        if n != entity.key and entity.fields[n].type in ("text", "boolean") and not entity.fields[n].days_since
    ]
    picked = [
        n for n, f in entity.fields.items()
        if n != entity.key and f.type in ("number", "boolean", "date", "timestamp") and not f.days_since and not looks_like_people(n)
    ]  # fmt: skip
    columns = list(dict.fromkeys([*groups, *picked]))
    relation = readable(
        desk.warehouse.relation(entity.relation.function, *entity.relation.arguments), entity, desk.warehouse.dialect
    )
    history, where = entity.history, "1 = 1"
    if history.kind == "as_of":
        where = f"cast({history.as_of} as date) = {literal(day)}"
    elif history.kind == "validity":
        ends = f"({history.valid_to} is null or cast({history.valid_to} as date) > {literal(day)})"
        where = f"cast({history.valid_from} as date) <= {literal(day)} and {ends}"
    sql = f"select {', '.join(columns) or '1 as nothing'} from {relation} as given where {where}"
    return Source(sql, frozenset(columns), frozenset(groups))
