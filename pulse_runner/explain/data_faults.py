"""Rules about faults in the data: columns, values, loads, edits, tracking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pulse_runner.explain import words
from pulse_runner.explain.model import Confidence, Evidence, Hypothesis, count, percent
from pulse_runner.explain.view import MOST, SIZES, View, field, ids, number, said


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
        reasoning=" ".join([said([fact]), said(moved[:2]), link, said(siblings)]).replace("  ", " ").strip(),
        evidence=ids([fact], moved, siblings, lineage[:1]),
        owner_hint=words.upstream_owner(view.case, lineage),
        actions=(*words.look_upstream(view.case, column, lineage), words.count_values(view.case, column), words.rebuild(view.case)),
        confirm=confirm,
        refute=f"The values of {column} are right and really changed on {view.case.last}.",
    )  # fmt: skip


def missing(view: View) -> Iterator[Hypothesis]:
    """Name columns that are gone or have another type."""
    for fact in view.of("column_missing", "column_retyped"):
        column = fact.values["column_name"]
        gone = fact.kind == "column_missing"
        what = "was dropped or renamed" if gone else f"changed its type to {fact.values['data_type']}"
        h = _column_fault(
            view, fact, fact.kind, f"Column {column} {what} upstream",
            f"The history of the model that makes {column} shows the edit on or before {view.case.last}.",
        )  # fmt: skip
        named = [e for e in view.of("status") if str(column) in str(e.values["status_reason"])]
        yield replace(h, confidence="high", evidence=ids(named) + h.evidence) if named else h
    if not view.of("column_missing", "column_retyped"):
        for status in view.of("status"):
            if status.values["status"] == "broken":
                yield Hypothesis(
                    "column_missing", f"The segment cannot be evaluated: {status.values['status_reason']}", "high",
                    status.statement, ids([status]), words.upstream_owner(view.case, view.of("lineage")),
                    (f"Compare the columns of {view.case.relation or view.case.entity} with the definition of {view.case.subject};"
                     " put the column back upstream, or edit the rule.", words.rebuild(view.case)),
                    "The relation lacks the column, or has it with another type.", "The column is there with its declared type.",
                )  # fmt: skip


def null_burst(view: View) -> Iterator[Hypothesis]:
    """Name columns whose nulls rose or fell."""
    for fact in view.of("nulls"):
        column, more = fact.values["column_name"], number(fact, "null_share") > number(fact, "before_null_share")
        if more:
            yield _column_fault(
                view, fact, "null_burst", f"Column {column} lost values: nulls rose to {percent(number(fact, 'null_share'))}",
                f"The rows with a null {column} on {view.case.last} had a value the day before.",
            )  # fmt: skip
        else:
            yield _column_fault(
                view, fact, "nulls_filled", f"Column {column} was filled: nulls fell to {percent(number(fact, 'null_share'))}",
                f"A backfill or a new default of {column} was deployed on {view.case.last}.",
            )  # fmt: skip


def recoded(view: View) -> Iterator[Hypothesis]:
    """One bucket empties as another fills by about as much: the value was renamed."""
    buckets = view.of("bucket")
    emptied = [
        b
        for b in buckets
        if number(b, "before_share") >= 0.03 and number(b, "share") <= 0.2 * number(b, "before_share")
    ]
    for old in emptied:
        loss = number(old, "before_share") - number(old, "share")
        for new in buckets:
            gain = number(new, "share") - number(new, "before_share")
            if new is old or new.values["attribute"] != old.values["attribute"] or not 0.6 * loss <= gain <= 1.5 * loss:
                continue
            attribute, before, after = old.values["attribute"], old.values["bucket"], new.values["bucket"]
            to_null = after == "(null)"
            fresh = number(new, "before_share") <= 0.2 * number(new, "share")
            column = field(view.case, str(attribute))
            lineage = [e for e in view.of("lineage") if e.values["column_name"] == column]
            yield Hypothesis(
                cause="null_burst" if to_null else "recoded",
                title=(
                    f"Values of {attribute} became null"
                    if to_null
                    else f"A value of {attribute} was recoded: '{before}' became '{after}'"
                ),
                confidence="high" if fresh else "medium",
                reasoning=f"{said([old, new])} The one empties by as much as the other fills; people do not move like this in a day.",
                evidence=ids([old, new], lineage[:1]),
                owner_hint=words.upstream_owner(view.case, lineage),
                actions=(
                    *words.look_upstream(view.case, column, lineage),
                    words.count_buckets(view.case, column),
                    f"Map '{after}' back to '{before}' upstream, or accept both values in the rules that read {column}.",
                ),
                confirm=f"The same keys had '{before}' on {view.case.before} and have '{after}' on {view.case.last}.",
                refute=f"The keys in '{after}' are not those that were in '{before}'.",
            )  # fmt: skip


def values_changed(view: View) -> Iterator[Hypothesis]:
    """Name columns whose scale or set of values changed."""
    for fact in view.of("mean"):
        column, ratio = fact.values["column_name"], number(fact, "mean_value") / number(fact, "before_mean_value")
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


def load(view: View) -> Iterator[Hypothesis]:
    """Name loads that ran twice, in part or not at all."""
    case = view.case
    for fact in view.of("duplicate_keys"):
        yield _relation_fault(
            view, fact, "duplicate_load", f"A load ran twice: {case.entity} has {count(number(fact, 'duplicate_keys'))} duplicate keys",
            f"Run `select {words.key(case)}, count(*) from {words.relation(case)}{words.on_day(case)} group by 1 having count(*) > 1`"
            " and look for rows that differ only in their load time.", view.by_cause("row_new"),
        )  # fmt: skip
    for fact in view.of("null_keys"):
        yield _relation_fault(
            view, fact, "null_keys", f"Rows of {case.entity} lost their key",
            f"Look at the join that makes {words.key(case)} in {words.relation(case)}.", view.by_cause("row_gone"),
        )  # fmt: skip
    for fact in view.of("rows"):
        fewer = number(fact, "rows") < number(fact, "before_rows")
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
        " ".join(t for t in (said([fact]), said(moved), "" if sure and not moved else link, said(around)) if t),
        ids([fact], moved, around), words.upstream_owner(view.case, view.of("lineage")),
        (action, words.rebuild(view.case)),
        "Other segments of the entity moved on the same date.", "The rows of that date are complete and unique.",
    )  # fmt: skip


def edited(view: View) -> Iterator[Hypothesis]:
    """Name an edit of the rule."""
    for fact in view.of("definition")[:1]:
        moved = view.by_cause("edited")
        part = view.part(moved)
        yield Hypothesis(
            "rule_edited", f"The rule of {view.case.subject} was edited", "high" if part >= MOST else "medium",
            " ".join([fact.statement, said(moved), f"The edit makes {percent(part)} of the movement beyond the usual."
                      if moved else "This coincides with the change."]),
            ids([fact], moved), view.case.owner or "the segment's owner",
            (f"Ask the owner of {view.case.subject} whether the edit of {fact.values['valid_from']} was meant to move this many members.",
             f"If it was: `pulse incidents resolve {view.case.incident_id} --as-new-normal`. If not: restore the rule before it."),
            "The members who moved differ exactly in the edited condition.", "The same members move under the old rule.",
        )  # fmt: skip


def tracking(view: View) -> Iterator[Hypothesis]:
    """Name the bucket whose events stopped while the others went on."""
    for fact in view.of("conversion_bucket")[:1]:
        bucket, attribute = fact.values["bucket"], fact.values["attribute"]
        at = view.case.definition.conversion_event_at if view.case.definition else ""
        yield Hypothesis(
            "tracking_loss", f"Events are lost for '{bucket}' of {attribute}", "high",
            f"{fact.statement} One bucket stopped while the others went on: a break in tracking, not in demand.",
            ids([fact], view.of("rate")), f"the team that sends the events of {attribute} '{bucket}'",
            (f"Check what was released for {attribute} '{bucket}' on or before {view.case.first}, and whether its events still arrive.",
             words.count_by(view.case, field(view.case, str(attribute)), at or ""),
             "When the events are back, load the missing ones and rebuild the dates with `pulse snapshot`."),
            f"Raw events of '{bucket}' stop at one time of one day.", f"'{bucket}' has its usual events in the raw source.",
        )  # fmt: skip
