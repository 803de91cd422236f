"""The product's voice: headline, summary and the sentences that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from pulse_runner.explain.model import Case, Evidence, Hypothesis, count, day_month, percent

if TYPE_CHECKING:
    from pulse_runner.explain.view import View

LOWERED = ("A ", "The ", "Column ", "Values ", "Events ", "Members ", "Consent ", "Many ", "Rows ", "Inconclusive")


def headline(view: View, first: Hypothesis) -> str:
    """Return one line: how much, since when, by which rule, through which column."""
    parts = [p for p in (_by_rule(view), _by_fault(view, first)) if p]
    start = _how_much(view)
    if not parts:
        parts = [_lower(first.title)]
    return f"{start}: {'; '.join(parts)}."


def summary(view: View, hypotheses: Sequence[Hypothesis]) -> str:
    """Return a short paragraph: what happened, what is believed and how firmly, what speaks for something else."""
    facts = [e.statement for e in view.of("status", "finding", "change", "rate", "balance")[:3]]
    first = hypotheses[0]
    belief = "Most likely" if first.confidence == "high" else "Possibly" if first.cause != "unknown" else ""
    facts.append(f"{belief}: {first.title} ({first.confidence} confidence)." if belief else f"{first.title}.")
    if len(hypotheses) > 1:
        facts.append(f"Also possible: {'; '.join(h.title for h in hypotheses[1:])}.")
    return " ".join(facts)


def _how_much(view: View) -> str:
    case, since = view.case, f"since {day_month(view.case.first)}"
    status = view.of("status")
    if status and status[0].values["status"] != "ok":
        return f"No usable snapshot of {case.subject} {since}"
    effect = _effect(view)
    if case.detector == "distribution_shift":
        return f"The mix of {case.attribute} shifted {since}"
    if effect is None:
        return f"{case.subject} changed {since}"
    amount = percent(abs(effect))
    if case.metric == "size":
        return f"{amount} {'fewer' if effect < 0 else 'more'} members {since}"
    name = case.metric.replace("_", " ").replace("reach:", "reach by ")
    return f"{name[0].upper()}{name[1:]} {amount} {'lower' if effect < 0 else 'higher'} {since}"


def _effect(view: View) -> float | None:
    """Return the relative change of the case's metric: against what was expected, else against before."""
    for fact in view.of("finding"):
        expected, observed = fact.values["expected"], fact.values["observed"]
        if isinstance(expected, int | float) and isinstance(observed, int | float) and expected:
            return observed / expected - 1
    for fact in view.of("rate", "reach"):
        now, before = fact.values.get(view.case.metric, fact.values.get("reach_rate")), fact.values["before_rate"]
        own = fact.kind == "rate" or f"reach:{fact.values['channel']}" == view.case.metric
        if own and isinstance(now, int | float) and isinstance(before, int | float) and before:
            return now / before - 1
    for fact in view.of("change"):
        rate = fact.values["change_rate"]
        if isinstance(rate, int | float) and view.case.metric in fact.values:
            return float(rate)
    return None


def _by_rule(view: View) -> str:
    if view.case.metric not in ("size", "entered", "exited") or not view.causes:
        return ""
    cause = view.causes[0].values
    lost = cause["direction"] == "lost"
    who = "leavers" if lost else "newcomers"
    moved = f"{_people(cause['members'])} of {_people(cause['of_members'])} {who}"
    usual = cause["usual_members"]
    if lost == (view.case.direction == "up") and isinstance(usual, int | float):  # the usual movement is what is absent
        return f"only {_people(cause['members'])} {who} {_how(cause['cause'], cause['detail'], lost)}, {count(float(usual))} usual"
    return f"{moved} {'left' if lost else 'came'} {_how(cause['cause'], cause['detail'], lost)}"


def _how(cause: object, detail: object, lost: bool) -> str:
    if cause == "leaf":
        return f"by `{detail}`"
    return {
        "aged": f"by ageing past `{detail}`" if detail else "by ageing",
        "edited": "by the edited rule",
        "row_gone": "with rows that are gone" if lost else "",
        "row_new": "with new rows",
    }[str(cause)]


def _people(value: object) -> str:
    return count(value) if isinstance(value, int | float) else str(value)


def _by_fault(view: View, first: Hypothesis) -> str:
    """Return the fault behind the first hypothesis, in a few words."""
    by_id = {e.id: e for e in view.evidence}
    for fact in (by_id[i] for i in first.evidence if i in by_id):
        v = fact.values
        if fact.kind == "nulls":
            share, before = v["null_share"], v["before_null_share"]
            if isinstance(share, int | float) and isinstance(before, int | float):
                return f"column {v['column_name']} has {percent(share)} nulls since that day ({percent(before)} before)"
        if fact.kind in ("column_missing", "column_retyped"):
            what = (
                "is missing"
                if fact.kind == "column_missing"
                else f"is {v['data_type']}, it was {v['before_data_type']}"
            )
            return f"column {v['column_name']} {what}"
        if fact.kind in (
            "status",
            "definition",
            "mean",
            "distinct",
            "duplicate_keys",
            "rows",
            "stale",
            "conversion_bucket",
        ):
            return _lower(first.title)
    return _lower(first.title) if first.confidence != "low" and first.cause != "people_moved" else ""


def _lower(title: str) -> str:
    """Return a title as the second half of a sentence: only a leading ordinary word loses its capital."""
    ordinary = title.startswith(LOWERED)
    return title[0].lower() + title[1:] if ordinary else title


def relation(case: Case) -> str:
    """Name the entity's relation as SQL does."""
    return case.relation or case.entity


def key(case: Case) -> str:
    """Name the key of the entity."""
    return case.definition.key if case.definition else "the key"


def as_of(case: Case) -> str:
    """Name the column that holds the date of a row, '' when the relation has none."""
    return case.definition.history.as_of or "" if case.definition else ""


def on_day(case: Case) -> str:
    """Return the WHERE that picks the rows of the case's last date, '' when the relation has no such column."""
    return f" where {as_of(case)} = date '{case.last}'" if as_of(case) else ""


def look_upstream(case: Case, column: str, lineage: Sequence[Evidence]) -> tuple[str, ...]:
    """Say which model to open, nearest to the source last."""
    if not lineage:
        return (f"Find out what changed in {column} of {relation(case)} on or before {case.first}.",)
    nearest = lineage[-1].values
    return (
        f"Open {nearest['path'] or nearest['node']} and look at what changed in {column} on or before {case.first}.",
    )


def count_values(case: Case, column: str) -> str:
    """Return the SQL that shows a column day by day."""
    day = as_of(case)
    if not day:
        return f"Run `select count(*) as all_rows, count({column}) as with_value from {relation(case)}`."
    since = case.before or case.first
    return (
        f"Run `select {day}, count(*) as all_rows, count({column}) as with_value from {relation(case)}"
        f" where {day} between {_sql(since)} and {_sql(case.last)} group by 1 order by 1`."
    )


def count_buckets(case: Case, column: str) -> str:
    """Return the SQL that shows the values of a column on both sides of the change."""
    day = as_of(case)
    if not day or case.before is None:
        return f"Run `select {column}, count(*) from {relation(case)} group by 1 order by 2 desc`."
    return (
        f"Run `select {column}, {day}, count(*) from {relation(case)}"
        f" where {day} in ({_sql(case.before)}, {_sql(case.last)}) group by 1, 2 order by 1, 2`."
    )


def count_by(case: Case, column: str, at: str) -> str:
    """Return the SQL that counts the events of each day by bucket."""
    where = f" where {as_of(case)} = {_sql(case.last)}" if as_of(case) else ""
    return (
        f"Run `select cast({at} as date), {column}, count(*) from {relation(case)}{where} group by 1, 2 order by 1, 2`."
    )


def rebuild(case: Case) -> str:
    """Say how the dates are made again once the fault is repaired."""
    span = f"--date {case.first}" if case.first == case.last else f"--from {case.first} --to {case.last}"
    return f"After the repair, rebuild the dates: `pulse snapshot {span}`."


def upstream_owner(case: Case, lineage: Sequence[Evidence]) -> str:
    """Say who is likely to know."""
    if lineage and lineage[-1].values["path"]:
        return f"the owners of {lineage[-1].values['path']}"
    return f"the owners of {relation(case)}"


def _sql(day: date) -> str:
    return f"date '{day.isoformat()}'"
