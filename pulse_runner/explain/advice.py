"""What to do about a cause: the sentences, with the model, the column and the SQL in them."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.compile.sql import quoted
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.sql import literal


def relation(case: Case) -> str:
    """Name the entity's relation as SQL does."""
    return case.relation or case.entity


def key(case: Case) -> str:
    """Name the key of the entity."""
    return case.sql(case.definition.key) if case.definition else "the key"


def as_of(case: Case) -> str:
    """Name the column that holds the date of a row, '' when the relation has none."""
    day = case.definition.history.as_of if case.definition else None
    return case.sql(day) if day else ""


def on_day(case: Case) -> str:
    """Return the WHERE that picks the rows of the last date, '' when the relation has no dates."""
    history, day = case.definition.history if case.definition else None, literal(case.last)
    if history is None or history.kind == "none":
        return ""
    if history.kind == "as_of":
        return f" where {history.as_of} = {day}"
    begins, ends = f"cast({history.valid_from} as date)", f"cast({history.valid_to} as date)"
    return f" where {begins} <= {day} and ({history.valid_to} is null or {ends} > {day})"


def look_upstream(case: Case, column: str, lineage: Sequence[Evidence]) -> tuple[str, ...]:
    """Say which model to open: the nearest that makes the column and does not only hand it on, else the one nearest to the source."""
    if not lineage:
        return (f"Find out what changed in {column} of {relation(case)} on or before {case.first}.",)
    maker = next((e.values for e in lineage if e.values.get("expression")), lineage[-1].values)
    return (f"Open {maker['path'] or maker['node']} and look at what changed in {column} on or before {case.first}.",)


def look_at_edit(fact: Evidence) -> tuple[str, ...]:
    """Say how the edit of a model is read and, if it is wrong, taken back."""
    path, commit = fact.values["path"] or fact.values["node"], fact.values["commit_id"]
    shown = f"Run `git show {commit} -- {path}`" if commit else f"Open {path}"
    return (
        f"{shown} and ask its author whether {fact.values['column_name']} was meant to change; if not, take the edit back.",
    )


def count_values(case: Case, column: str) -> str:
    """Return the SQL that shows a column day by day."""
    event, _, name = column.rpartition(".")
    if event:
        return _count_events(case, event, name)
    day, counted = as_of(case), f"count(*) as all_rows, count({case.sql(column)}) as with_value from {relation(case)}"
    if not day:
        return f"Run `select {counted}{on_day(case)}`."
    return f"Run `select {day}, {counted} where {day} between {_span(case)} group by 1 order by 1`."


def _count_events(case: Case, event: str, column: str) -> str:
    """Return the SQL that shows a column of an events relation by the day of the event."""
    source = case.definition.events.get(event) if case.definition else None
    at, counted = (
        quoted(source.columns[c], case.dialect) if source and c in source.columns else c
        for c in (source.at if source else "at", column)
    )
    day = f"cast({at} as date)"
    return (
        f"Run `select {day}, count(*) as all_rows, count({counted}) as with_value"
        f" from {case.event_relations.get(event, event)} where {day} between {_span(case)} group by 1 order by 1`."
    )


def count_buckets(case: Case, column: str) -> str:
    """Return the SQL that shows the values of a column on both sides of the change."""
    day, column = as_of(case), case.sql(column)
    if not day or case.before is None:
        return f"Run `select {column}, count(*) from {relation(case)}{on_day(case)} group by 1 order by 2 desc`."
    return (
        f"Run `select {column}, {day}, count(*) from {relation(case)}"
        f" where {day} in ({literal(case.before)}, {literal(case.last)}) group by 1, 2 order by 1, 2`."
    )


def compare_means(case: Case, column: str) -> str:
    """Return the SQL that shows the scale of a column day by day: what a unit or a currency changes."""
    day, name = as_of(case), case.sql(column)
    shown = f"avg({name}) as mean, min({name}) as least, max({name}) as most from {relation(case)}"
    if not day:
        return f"Run `select {shown}{on_day(case)}`."
    return f"Run `select {day}, {shown} where {day} between {_span(case)} group by 1 order by 1`."


def count_days(case: Case, column: str) -> str:
    """Return the SQL that counts the dates of a column on both sides of the change."""
    day, name = as_of(case), case.sql(column)
    if not day or case.before is None:
        return f"Run `select {name}, count(*) from {relation(case)}{on_day(case)} group by 1 order by 1 desc limit 20`."
    return (
        f"Run `select {day}, max({name}) as newest, count({name}) as with_date from {relation(case)}"
        f" where {day} in ({literal(case.before)}, {literal(case.last)}) group by 1 order by 1`."
    )


def rebuild_from(case: Case, day: str) -> str:
    """Say how the dates from an earlier one on are made again."""
    return f"If the events are right now, rebuild the dates that were told before: `pulse snapshot --from {day} --to {case.last}`."


def count_by(case: Case, column: str, at: str) -> str:
    """Return the SQL that counts the events of each day by bucket."""
    column, at = case.sql(column), case.sql(at)
    rows = f"{relation(case)}{on_day(case)}"
    return f"Run `select cast({at} as date), {column}, count(*) from {rows} group by 1, 2 order by 1, 2`."


def rebuild(case: Case) -> str:
    """Say how the dates are made again once the fault is repaired; of a relation without history only today's can be."""
    if case.definition is not None and case.definition.history.kind == "none":
        return f"After the repair, run `pulse run`. {case.entity} has no history, so the days before today stay as they are."
    span = f"--date {case.first}" if case.first == case.last else f"--from {case.first} --to {case.last}"
    return f"After the repair, rebuild the dates: `pulse snapshot {span}`."


def upstream_owner(case: Case, lineage: Sequence[Evidence]) -> str:
    """Name the owner of the model or source nearest to the source that has one in dbt; '' when nobody is named."""
    nodes = [(str(e.values["node"]), str(e.values["path"] or "")) for e in reversed(lineage)]
    return next((case.upstream_owners[n] for n in nodes if n in case.upstream_owners), "")


def _span(case: Case) -> str:
    return f"{literal(case.before or case.first)} and {literal(case.last)}"
