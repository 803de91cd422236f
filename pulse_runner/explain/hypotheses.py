"""Rank possible causes of an incident from its evidence, by rules alone.

Confidence has one meaning everywhere:
high    the mechanism is evidenced: the snapshot names the cause, or a fault was measured in a column and at least half of the
        members that moved did so by a rule on that column (for a rate: the fault is in the column that the rate is counted from);
medium  a fault was measured on the same date but what it did to the members was not, or members moved by one cause without a
        measured fault behind it;
low     the pattern fits, nothing more.
"Coincides with" is said wherever the mechanism is not evidenced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pulse_runner.explain import words
from pulse_runner.explain.model import (
    CONFIDENCES,
    ROWS,
    Case,
    Confidence,
    Evidence,
    Explanation,
    Hypothesis,
    count,
    percent,
    source_column,
)  # fmt: skip

MOST = 0.5  # from this part of the moved members on, a cause counts as evidenced
MAX_HYPOTHESES = 4
MAX_RECOMMENDATIONS = 6
SIZES = ("size", "entered", "exited")


@dataclass(frozen=True)
class View:
    """The evidence of one case, by kind, with the sums that the rules need."""

    case: Case
    evidence: Sequence[Evidence]

    def of(self, *kinds: str) -> list[Evidence]:
        """Return the facts of these kinds, weightiest first."""
        return [e for e in self.evidence if e.kind in kinds]

    @cached_property
    def causes(self) -> list[Evidence]:
        """Return the causes that pushed the size in the incident's direction (all of them for other metrics)."""
        sign = {"up": 1, "down": -1}.get(self.case.direction if self.case.metric in SIZES else "", 0)
        if self.case.metric == "exited":
            sign = -sign
        return [e for e in self.of("cause") if sign * (e.contribution or 0) > 0 or not sign]

    def part(self, causes: Sequence[Evidence]) -> float:
        """Return which part (0 to 1) of the excess movement the given causes make."""
        total = sum(abs(e.contribution or 0) for e in self.causes)
        return sum(abs(e.contribution or 0) for e in causes) / total if total else 0.0

    def by_column(self, column: str) -> list[Evidence]:
        """Return the causes whose conditions read the column."""
        return [e for e in self.causes if column in columns_of(e, self.case)]

    def by_cause(self, *names: str) -> list[Evidence]:
        """Return the causes of these names."""
        return [e for e in self.causes if e.values.get("cause") in names]


def columns_of(cause: Evidence, case: Case) -> set[str]:
    """Return the columns that a cause's conditions read, clocks resolved."""
    names = [c.strip() for c in str(cause.values.get("columns") or "").split(",")]
    return {source_column(case.definition, n) if case.definition else n for n in names if n}


def explain(case: Case, evidence: Sequence[Evidence]) -> Explanation:
    """Return the rule-based explanation: what the headline says, the hypotheses in order of belief, and what to do."""
    view = View(case, evidence)
    found = [h for rule in RULES for h in rule(view)]
    found.sort(key=lambda h: CONFIDENCES.index(h.confidence))  # stable: RULES are in order of how telling they are
    hypotheses = tuple(_distinct(found)[:MAX_HYPOTHESES]) or (_inconclusive(view),)
    actions = dict.fromkeys(a for h in hypotheses for a in h.actions)
    return Explanation(
        headline=words.headline(view, hypotheses[0]),
        summary=words.summary(view, hypotheses),
        hypotheses=hypotheses,
        recommendations=tuple(actions)[:MAX_RECOMMENDATIONS],
    )


def _distinct(found: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Drop a hypothesis that says the same as an earlier one, and vague ones beside an evidenced one."""
    out = list[Hypothesis]()
    for h in found:
        if any(h.title == kept.title for kept in out):
            continue
        if h.confidence == "low" and any(kept.confidence == "high" for kept in out):
            continue
        out.append(h)
    return out


def _ids(*groups: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.id for group in groups for e in group))


def _said(facts: Sequence[Evidence]) -> str:
    return " ".join(e.statement for e in facts)


def _column_fault(view: View, fact: Evidence, cause: str, title: str, confirm: str) -> Hypothesis:
    """Join a fault that was measured in a column with the members that moved by rules on that column."""
    column = str(fact.values["column_name"])
    moved = view.by_column(column)
    part = view.part(moved)
    siblings = [e for e in view.of("siblings") if column in e.statement]
    lineage = [e for e in view.of("lineage") if e.values["column_name"] == column]
    own = view.case.metric not in SIZES and column in view.case.columns()[:1]
    confidence: Confidence = "high" if part >= MOST or own else "medium" if column in view.case.columns() else "low"
    if moved:
        link = f"Conditions on {column} account for {percent(part)} of the members that moved beyond the usual."
    elif own:
        link = f"The metric is counted from {column}."
    else:
        link = f"This coincides with the change; which members moved because of {column} was not measured."
    return Hypothesis(
        cause=cause, title=title, confidence=confidence,
        reasoning=" ".join([_said([fact]), _said(moved[:2]), link, _said(siblings)]).replace("  ", " ").strip(),
        evidence=_ids([fact], moved, siblings, lineage[:1]),
        owner_hint=words.upstream_owner(view.case, lineage),
        actions=(*words.look_upstream(view.case, column, lineage), words.count_values(view.case, column), words.rebuild(view.case)),
        confirm=confirm,
        refute=f"The values of {column} are right and really changed on {view.case.last}.",
    )  # fmt: skip


def _missing(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("column_missing", "column_retyped"):
        column = fact.values["column_name"]
        gone = fact.kind == "column_missing"
        what = "was dropped or renamed" if gone else f"changed its type to {fact.values['data_type']}"
        h = _column_fault(
            view, fact, fact.kind, f"Column {column} {what} upstream",
            f"The history of the model that makes {column} shows the edit on or before {view.case.last}.",
        )  # fmt: skip
        named = [e for e in view.of("status") if str(column) in str(e.values["status_reason"])]
        yield replace(h, confidence="high", evidence=_ids(named) + h.evidence) if named else h
    if not view.of("column_missing", "column_retyped"):
        for status in view.of("status"):
            if status.values["status"] == "broken":
                yield Hypothesis(
                    "column_missing", f"The segment cannot be evaluated: {status.values['status_reason']}", "high",
                    status.statement, _ids([status]), words.upstream_owner(view.case, view.of("lineage")),
                    (f"Compare the columns of {view.case.relation or view.case.entity} with the definition of {view.case.subject};"
                     " put the column back upstream, or edit the rule.", words.rebuild(view.case)),
                    "The relation lacks the column, or has it with another type.", "The column is there with its declared type.",
                )  # fmt: skip


def _null_burst(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("nulls"):
        column, more = fact.values["column_name"], _number(fact, "null_share") > _number(fact, "before_null_share")
        if more:
            yield _column_fault(
                view, fact, "null_burst", f"Column {column} lost values: nulls rose to {percent(_number(fact, 'null_share'))}",
                f"The rows with a null {column} on {view.case.last} had a value the day before.",
            )  # fmt: skip
        else:
            yield _column_fault(
                view, fact, "nulls_filled", f"Column {column} was filled: nulls fell to {percent(_number(fact, 'null_share'))}",
                f"A backfill or a new default of {column} was deployed on {view.case.last}.",
            )  # fmt: skip


def _recoded(view: View) -> Iterator[Hypothesis]:
    """One bucket empties as another fills by about as much: the value was renamed."""
    buckets = view.of("bucket")
    emptied = [
        b
        for b in buckets
        if _number(b, "before_share") >= 0.03 and _number(b, "share") <= 0.2 * _number(b, "before_share")
    ]
    for old in emptied:
        loss = _number(old, "before_share") - _number(old, "share")
        for new in buckets:
            gain = _number(new, "share") - _number(new, "before_share")
            if new is old or new.values["attribute"] != old.values["attribute"] or not 0.6 * loss <= gain <= 1.5 * loss:
                continue
            attribute, before, after = old.values["attribute"], old.values["bucket"], new.values["bucket"]
            to_null = after == "(null)"
            fresh = _number(new, "before_share") <= 0.2 * _number(new, "share")
            column = _field(view.case, str(attribute))
            lineage = [e for e in view.of("lineage") if e.values["column_name"] == column]
            yield Hypothesis(
                cause="null_burst" if to_null else "recoded",
                title=(
                    f"Values of {attribute} became null"
                    if to_null
                    else f"A value of {attribute} was recoded: '{before}' became '{after}'"
                ),
                confidence="high" if fresh else "medium",
                reasoning=f"{_said([old, new])} The one empties by as much as the other fills; people do not move like this in a day.",
                evidence=_ids([old, new], lineage[:1]),
                owner_hint=words.upstream_owner(view.case, lineage),
                actions=(
                    *words.look_upstream(view.case, column, lineage),
                    words.count_buckets(view.case, column),
                    f"Map '{after}' back to '{before}' upstream, or accept both values in the rules that read {column}.",
                ),
                confirm=f"The same keys had '{before}' on {view.case.before} and have '{after}' on {view.case.last}.",
                refute=f"The keys in '{after}' are not those that were in '{before}'.",
            )  # fmt: skip


def _values_changed(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("mean"):
        column, ratio = fact.values["column_name"], _number(fact, "mean_value") / _number(fact, "before_mean_value")
        if any(e.values["column_name"] == column for e in view.of("nulls")):
            continue  # the mean moved because the rows did
        yield _column_fault(
            view, fact, "unit_change", f"The scale of column {column} changed: its mean is {ratio:.2g} times what it was",
            f"Single keys show {column} multiplied by about {ratio:.2g} on {view.case.last} (a unit or a currency).",
        )  # fmt: skip
    for fact in view.of("distinct"):
        column = fact.values["column_name"]
        if any(e.values["column_name"] == column for e in view.of("nulls", "mean")):
            continue
        yield _column_fault(
            view, fact, "recoded", f"Column {column} has other values than before",
            f"A value of {column} that the rule names is spelt differently since {view.case.last}.",
        )  # fmt: skip


def _load(view: View) -> Iterator[Hypothesis]:
    case = view.case
    for fact in view.of("duplicate_keys"):
        yield _relation_fault(
            view, fact, "duplicate_load", f"A load ran twice: {case.entity} has {count(_number(fact, 'duplicate_keys'))} duplicate keys",
            f"Run `select {words.key(case)}, count(*) from {words.relation(case)}{words.on_day(case)} group by 1 having count(*) > 1`"
            " and look for rows that differ only in their load time.", view.by_cause("row_new"),
        )  # fmt: skip
    for fact in view.of("null_keys"):
        yield _relation_fault(
            view, fact, "null_keys", f"Rows of {case.entity} lost their key",
            f"Look at the join that makes {words.key(case)} in {words.relation(case)}.", view.by_cause("row_gone"),
        )  # fmt: skip
    for fact in view.of("rows"):
        fewer = _number(fact, "rows") < _number(fact, "before_rows")
        if not fewer and view.of("duplicate_keys"):
            continue
        title = (
            f"A load was incomplete: {case.entity} lost rows"
            if fewer
            else f"{case.entity} gained rows that it did not have before"
        )
        yield _relation_fault(
            view, fact, "partial_load" if fewer else "extra_rows", title,
            f"Compare the row count of the sources of {words.relation(case)} on {case.last} with the day before.",
            view.by_cause("row_gone" if fewer else "row_new"),
        )  # fmt: skip
    stale = view.of("stale") or [e for e in view.of("status") if e.values["status"] == "stale"]
    for fact in stale[:1]:
        yield _relation_fault(
            view, fact, "stale_load", f"{case.entity} was not refreshed",
            f"Look at the load of {words.relation(case)} for {case.last}, and run it again.", view.by_cause("aged"), sure=True,
        )  # fmt: skip


def _relation_fault(
    view: View, fact: Evidence, cause: str, title: str, action: str, moved: Sequence[Evidence], *, sure: bool = False
) -> Hypothesis:
    part = view.part(moved)
    confidence: Confidence = "high" if sure or part >= MOST or not view.case.segment_id else "medium"
    link = (
        f"These causes make {percent(part)} of the movement beyond the usual."
        if moved
        else "This coincides with the change."
    )
    around = view.of("siblings", "run")
    return Hypothesis(
        cause, title, confidence,
        " ".join(t for t in (_said([fact]), _said(moved), "" if sure and not moved else link, _said(around)) if t),
        _ids([fact], moved, around), words.upstream_owner(view.case, view.of("lineage")),
        (action, words.rebuild(view.case)),
        "Other segments of the entity moved on the same date.", "The rows of that date are complete and unique.",
    )  # fmt: skip


def _edited(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("definition")[:1]:
        moved = view.by_cause("edited")
        part = view.part(moved)
        yield Hypothesis(
            "rule_edited", f"The rule of {view.case.subject} was edited", "high" if part >= MOST else "medium",
            " ".join([fact.statement, _said(moved), f"The edit makes {percent(part)} of the movement beyond the usual."
                      if moved else "This coincides with the change."]),
            _ids([fact], moved), view.case.owner or "the segment's owner",
            (f"Ask the owner of {view.case.subject} whether the edit of {fact.values['valid_from']} was meant to move this many members.",
             f"If it was: `pulse incidents resolve {view.case.incident_id} --as-new-normal`. If not: restore the rule before it."),
            "The members who moved differ exactly in the edited condition.", "The same members move under the old rule.",
        )  # fmt: skip


def _tracking(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("conversion_bucket")[:1]:
        bucket, attribute = fact.values["bucket"], fact.values["attribute"]
        at = view.case.definition.conversion_event_at if view.case.definition else ""
        yield Hypothesis(
            "tracking_loss", f"Events are lost for '{bucket}' of {attribute}", "high",
            f"{fact.statement} One bucket stopped while the others went on: a break in tracking, not in demand.",
            _ids([fact], view.of("rate")), f"the team that sends the events of {attribute} '{bucket}'",
            (f"Check what was released for {attribute} '{bucket}' on or before {view.case.first}, and whether its events still arrive.",
             words.count_by(view.case, _field(view.case, str(attribute)), at or ""),
             "When the events are back, load the missing ones and rebuild the dates with `pulse snapshot`."),
            f"Raw events of '{bucket}' stop at one time of one day.", f"'{bucket}' has its usual events in the raw source.",
        )  # fmt: skip


def _aged(view: View) -> Iterator[Hypothesis]:
    aged = view.by_cause("aged")
    part = view.part(aged)
    if not aged or part < 0.3 or view.of("stale"):
        return
    columns = sorted({c for e in aged for c in columns_of(e, view.case)})
    fresh = [e for e in view.of("column_steady") if e.values["column_name"] in columns]
    yield Hypothesis(
        "aged_out", "Members aged past a relative date without new activity", "medium" if part >= MOST else "low",
        f"{_said(aged)} Ageing makes {percent(part)} of the movement beyond the usual; ageing at the usual rate is expected,"
        " so fewer of them than usual were active again, or a large group became old on the same day.",
        _ids(aged, fresh), view.case.owner,
        (f"Check whether a large group shares one value of {', '.join(columns) or 'the date'} (an import or a campaign).",
         words.count_values(view.case, columns[0]) if columns else words.rebuild(view.case)),
        "Many of the leavers have the same day in that column.", "New activity exists in the source but not in the relation.",
    )  # fmt: skip


def _consent(view: View) -> Iterator[Hypothesis]:
    if not view.case.metric.startswith("reach:") or view.of("nulls", "column_missing", "column_retyped"):
        return
    channel = view.case.metric.removeprefix("reach:")
    own = [e for e in view.of("reach") if e.values["channel"] == channel]
    rest = [e for e in view.of("reach") if e.values["channel"] != channel]
    others_fell = [e for e in rest if _number(e, "reach_rate") < 0.9 * _number(e, "before_rate")]
    if own:
        yield Hypothesis(
            "consent_loss", f"Consent or addresses for {channel} were lost", "low" if others_fell else "medium",
            f"{_said(own)} {_said(rest)} " + ("Other channels fell too." if others_fell else "No other channel fell with it."),
            _ids(own, rest, view.of("column_steady")), f"the team that keeps the consent for {channel}",
            (f"Check unsubscribes, expired tokens and consent imports for {channel} on {view.case.first}.",
             *(words.count_values(view.case, c) for c in view.case.columns()[:1])),
            f"The consent source shows the withdrawals on {view.case.first}.", "The consent source still has them as opted in.",
        )  # fmt: skip


def _season(view: View) -> Iterator[Hypothesis]:
    for fact in view.of("known_event")[:1]:
        yield Hypothesis(
            "known_event", f"A known event: {fact.values['reason']}", "medium",
            f"{fact.statement} This coincides with the change.", _ids([fact], view.of("change")), view.case.owner,
            ("Wait for the end of the event before acting on the size.",), "The metric returns after the event.",
            "The metric stays where it is after the event.",
        )  # fmt: skip
    new = view.by_cause("row_new")
    if view.case.direction == "up" and new and view.part(new) >= MOST and not view.of("duplicate_keys"):
        yield Hypothesis(
            "campaign", "Many new rows arrived: a campaign or an import", "medium",
            f"{_said(new)} New rows make {percent(view.part(new))} of the movement beyond the usual.", _ids(new, view.of("rows")),
            view.case.owner, (f"Ask whether a campaign or an import ran on {view.case.first}.",),
            "The new keys share a source or a campaign.", "The new keys are copies of existing ones.",
        )  # fmt: skip


def _drift(view: View) -> Iterator[Hypothesis]:
    leaf = [e for e in view.by_cause("leaf") if not _faulty(view, columns_of(e, view.case))]
    slow = view.case.last > view.case.first or view.case.detector == "inactivity_creep"
    if leaf and view.part(leaf) >= MOST and view.case.metric in SIZES:
        columns = {c for e in leaf for c in columns_of(e, view.case)}
        steady = [e for e in view.of("column_steady") if e.values["column_name"] in columns]
        text = "Their columns show no fault in the health table, so the values of single people changed." if steady else (
            "Nothing is known against their columns."
        )  # fmt: skip
        yield Hypothesis(
            "people_moved", "People's own values changed" + (" little by little" if slow else ""),
            "medium" if steady else "low", f"{_said(leaf[:2])} {text}", _ids(leaf, steady, view.of("flow")), view.case.owner,
            ("Look at where the members went (`pulse explain --evidence` lists the flows) and decide whether the audience still fits.",
             *(words.count_values(view.case, c) for c in sorted(columns)[:1])),
            "The movement is spread over many days and buckets.", "It sits on one day, one bucket or one load.",
        )  # fmt: skip
    elif view.case.detector == "inactivity_creep" and not view.of("stale"):
        yield Hypothesis(
            "people_drifted", "Members are drifting away", "medium" if view.of("column_steady") else "low",
            f"{_said(view.of('rate'))} {_said(view.of('column_steady')[:1])} The rise is slow and no fault was measured on its way.",
            _ids(view.of("rate"), view.of("column_steady")), view.case.owner,
            (f"Win back the inactive members of {view.case.subject}, or tighten its rule on activity.",
             "Compare with a release or a price change at the start of the rise."),
            "The inactive members have real last visits, spread over the window.", "Their last visits stop on one day.",
        )  # fmt: skip


def _faulty(view: View, columns: set[str]) -> bool:
    faults = view.of("nulls", "mean", "distinct", "column_missing", "column_retyped")
    return any(e.values["column_name"] in columns for e in faults)


def _inconclusive(view: View) -> Hypothesis:
    known = view.evidence[:3]
    return Hypothesis(
        "unknown", "Inconclusive: the evidence does not point at a cause", "low",
        f"{_said(known)} No fault was measured upstream, and no single cause makes most of the movement.", _ids(known),
        view.case.owner,
        (f"Look at {view.case.subject} by hand: `pulse snapshots show {view.case.segment_id}`." if view.case.segment_id
         else f"Look at {view.case.entity} in entity_health.",
         f"If the new level is right: `pulse incidents resolve {view.case.incident_id} --as-new-normal`."),
        "", "",
    )  # fmt: skip


def _number(fact: Evidence, name: str) -> float:
    """Return a number of a fact; what is too small to be told counts as zero."""
    value = fact.values.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _field(case: Case, attribute: str) -> str:
    if case.definition:
        for a in case.definition.attributes:
            if a.name == attribute:
                return a.field
    return attribute


RULES: tuple[Callable[[View], Iterator[Hypothesis]], ...] = (
    _missing, _edited, _load, _null_burst, _recoded, _tracking, _values_changed, _season, _aged, _consent, _drift,
)  # fmt: skip
__all__ = ["ROWS", "RULES", "View", "explain"]
