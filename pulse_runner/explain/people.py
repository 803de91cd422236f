"""Rules about people: they age out, withdraw consent, come with a campaign, drift away."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_runner.explain import words
from pulse_runner.explain.model import Hypothesis, percent
from pulse_runner.explain.view import MOST, SIZES, View, columns_of, ids, number, said


def aged(view: View) -> Iterator[Hypothesis]:
    """Name ageing beyond the usual."""
    aged = view.by_cause("aged")
    part = view.part(aged)
    if not aged or part < 0.3 or view.of("stale"):
        return
    columns = sorted({c for e in aged for c in columns_of(e, view.case)})
    fresh = [e for e in view.of("column_steady") if e.values["column_name"] in columns]
    yield Hypothesis(
        "aged_out", "Members aged past a relative date without new activity", "medium" if part >= MOST else "low",
        f"{said(aged)} Ageing makes {percent(part)} of the movement beyond the usual; ageing at the usual rate is expected,"
        " so fewer of them than usual were active again, or a large group became old on the same day.",
        ids(aged, fresh), view.case.owner,
        (f"Check whether a large group shares one value of {', '.join(columns) or 'the date'} (an import or a campaign).",
         words.count_values(view.case, columns[0]) if columns else words.rebuild(view.case)),
        "Many of the leavers have the same day in that column.", "New activity exists in the source but not in the relation.",
    )  # fmt: skip


def consent(view: View) -> Iterator[Hypothesis]:
    """Name a loss of consent in one channel."""
    if not view.case.metric.startswith("reach:") or view.of("nulls", "column_missing", "column_retyped"):
        return
    channel = view.case.metric.removeprefix("reach:")
    own = [e for e in view.of("reach") if e.values["channel"] == channel]
    rest = [e for e in view.of("reach") if e.values["channel"] != channel]
    others_fell = [e for e in rest if number(e, "reach_rate") < 0.9 * number(e, "before_rate")]
    if own:
        yield Hypothesis(
            "consent_loss", f"Consent or addresses for {channel} were lost", "low" if others_fell else "medium",
            f"{said(own)} {said(rest)} " + ("Other channels fell too." if others_fell else "No other channel fell with it."),
            ids(own, rest, view.of("column_steady")), f"the team that keeps the consent for {channel}",
            (f"Check unsubscribes, expired tokens and consent imports for {channel} on {view.case.first}.",
             *(words.count_values(view.case, c) for c in view.case.columns()[:1])),
            f"The consent source shows the withdrawals on {view.case.first}.", "The consent source still has them as opted in.",
        )  # fmt: skip


def season(view: View) -> Iterator[Hypothesis]:
    """Name known events, campaigns and imports."""
    for fact in view.of("known_event")[:1]:
        yield Hypothesis(
            "known_event", f"A known event: {fact.values['reason']}", "medium",
            f"{fact.statement} This coincides with the change.", ids([fact], view.of("change")), view.case.owner,
            ("Wait for the end of the event before acting on the size.",), "The metric returns after the event.",
            "The metric stays where it is after the event.",
        )  # fmt: skip
    new = view.by_cause("row_new")
    if view.case.direction == "up" and new and view.part(new) >= MOST and not view.of("duplicate_keys"):
        yield Hypothesis(
            "campaign", "Many new rows arrived: a campaign or an import", "medium",
            f"{said(new)} New rows make {percent(view.part(new))} of the movement beyond the usual.", ids(new, view.of("rows")),
            view.case.owner, (f"Ask whether a campaign or an import ran on {view.case.first}.",),
            "The new keys share a source or a campaign.", "The new keys are copies of existing ones.",
        )  # fmt: skip


def drift(view: View) -> Iterator[Hypothesis]:
    """Name a change in people themselves, where no fault was measured."""
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
            "medium" if steady else "low", f"{said(leaf[:2])} {text}", ids(leaf, steady, view.of("flow")), view.case.owner,
            ("Look at where the members went (`pulse explain --evidence` lists the flows) and decide whether the audience still fits.",
             *(words.count_values(view.case, c) for c in sorted(columns)[:1])),
            "The movement is spread over many days and buckets.", "It sits on one day, one bucket or one load.",
        )  # fmt: skip
    elif view.case.detector == "inactivity_creep" and not view.of("stale"):
        yield Hypothesis(
            "people_drifted", "Members are drifting away", "medium" if view.of("column_steady") else "low",
            f"{said(view.of('rate'))} {said(view.of('column_steady')[:1])} The rise is slow and no fault was measured on its way.",
            ids(view.of("rate"), view.of("column_steady")), view.case.owner,
            (f"Win back the inactive members of {view.case.subject}, or tighten its rule on activity.",
             "Compare with a release or a price change at the start of the rise."),
            "The inactive members have real last visits, spread over the window.", "Their last visits stop on one day.",
        )  # fmt: skip


def _faulty(view: View, columns: set[str]) -> bool:
    faults = view.of("nulls", "mean", "distinct", "column_missing", "column_retyped")
    return any(e.values["column_name"] in columns for e in faults)
