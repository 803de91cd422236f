"""The product's voice: one line and one short paragraph about an incident."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.explain.case import SIZES
from pulse_runner.explain.evidence.collector import words
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.movement_words import words_of
from pulse_runner.explain.view import View
from pulse_runner.vocabulary import count, day_month, percent, plural


def headline(view: View, fault: str, first: Hypothesis) -> str:
    """Return one line: how much, since when, by which rule, through which column.

    `fault` is how the first hypothesis stands in it; '' where the movement says it all.
    """
    parts = [p for p in (_by_rule(view), fault) if p] or [in_sentence(first.title)]
    return f"{_how_much(view)}: {'; '.join(parts)}."


def summary(view: View, hypotheses: Sequence[Hypothesis], *, conclusive: bool) -> str:
    """Return a paragraph: what happened, what is believed how firmly, what else is possible."""
    facts = [e.statement for e in view.of("status", "finding", "change", "rate", "balance")[:3]]
    first = hypotheses[0]
    belief = "Most likely" if first.confidence == "high" else "Possibly" if conclusive else ""
    facts.append(f"{belief}: {first.title} ({first.confidence} confidence)." if belief else f"{first.title}.")
    if len(hypotheses) > 1:
        facts.append(f"Also possible: {'; '.join(h.title for h in hypotheses[1:])}.")
    return " ".join(facts)


def in_sentence(title: str) -> str:
    """Return a title that begins with an ordinary word as the second half of a sentence.

    >>> in_sentence("A load ran twice")
    'a load ran twice'
    """
    return title[0].lower() + title[1:]


def _how_much(view: View) -> str:
    case, since = view.case, f"since {day_month(view.case.first)}"
    status = view.of("status")
    if status and status[0].values["status"] != "ok":
        return f"No usable snapshot of {case.subject} {since}"
    if nodes := view.of("node"):
        blind = nodes[0].values["segments"]
        return f"{plural(int(str(blind)), 'segment')} of {case.entity} cannot be seen {since}"
    effect = _effect(view)
    if case.measure.is_distribution:
        return f"The mix of {case.attribute} shifted {since}"
    if effect is None:
        return f"{case.subject} changed {since}"
    amount = percent(abs(effect))
    if case.metric == "size":
        return f"{amount} {'fewer' if effect < 0 else 'more'} members {since}"
    return f"{case.measure.label} {amount} {'lower' if effect < 0 else 'higher'} {since}"


def _effect(view: View) -> float | None:
    """Return the relative change of the metric: against what was expected, else against before."""
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
    """Return who moved by what: the movement with the largest excess over the usual."""
    if view.case.metric not in SIZES or not view.movements or any(e.weight > 0.5 for e in view.of("restated")):
        return (
            ""  # who moved is counted from the restated size, how much from the one that was told: they do not add up
        )
    first = view.movements[0].values
    lost = first["direction"] == "lost"
    who = "leavers" if lost else "newcomers"
    how = words_of(str(first["cause"])).headline(str(first["detail"] or ""), lost)
    usual = first["usual_members"]
    if lost == (view.case.direction == "up") and isinstance(usual, int | float):  # what is usual is absent
        return f"only {_people(first['members'])} {who} {how}, {count(float(usual))} usual"
    moved = f"{_people(first['members'])} of {_people(first['of_members'])} {who}"
    return f"{moved} {'left' if lost else 'came'} {how}"


def _people(value: object) -> str:
    return words(value) if isinstance(value, int | float | str) else str(value)
