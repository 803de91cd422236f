"""consent_loss: reach fell in one channel and its columns are whole: a sync of consents failed, or people withdrew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, number, said

FELL = 0.9  # another channel fell too when this or less of its rate is left
LEFT = 0.25  # of those who agreed, at most, for a sync that failed: people do not all withdraw in a day


@dataclass(frozen=True)
class ConsentLoss:
    """Name a failed sync where a flag is all but gone, of all or of one bucket; else, without a fault in a column, a loss of consent."""

    names: tuple[str, ...] = ("consent_sync_failed", "consent_loss")
    kinds: tuple[str, ...] = (
        "reach",
        "ladder_loss",
        "cause",
        "flag",
        "slice_true",
        "column_steady",
        "nulls",
        "column_missing",
        "column_retyped",
        "swapped_values",
    )
    faults: tuple[str, ...] = ("flag", "slice_true")
    families: tuple[Family, ...] = ("reach", "members", "relation")
    directions: tuple[str, ...] = ("down",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it for an incident of reach, or of members by a flag, without another measured fault."""
        if view.of("nulls", "column_missing", "column_retyped", "swapped_values"):
            return
        for column in view.case.columns:
            flags = [e for e in view.of("flag") if e.values["column_name"] == column]
            slices = [e for e in view.of("slice_true") if column in e.values]
            if _failed(flags, slices, column):
                yield _sync(view, column, flags, slices)
                return
        if view.case.channel:
            yield from _withdrawn(view)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which channel lost consent, where no other fell with it."""
        return "" if hypothesis.confidence == "low" else in_sentence(hypothesis.title)


def _failed(flags: list[Evidence], slices: list[Evidence], column: str) -> bool:
    """Say whether next to nobody is left who agreed, over all or in one bucket."""
    return any(number(e, "share") <= LEFT * number(e, "before_share") for e in flags) or any(
        number(e, column) <= LEFT * number(e, f"before_{column}") for e in slices
    )


def _losses(view: View) -> list[Evidence]:
    """Return the losses on the way to being reachable that grew, where the channel tells its steps apart; the largest."""
    return [e for e in view.of("ladder_loss") if e.values["step"] in ("eligible", "reachable")][:1]


def _at_step(view: View) -> str:
    return "".join(f" (step {e.values['step']}: {e.values['reason']})" for e in _losses(view))


def _sync(view: View, column: str, flags: list[Evidence], slices: list[Evidence]) -> Hypothesis:
    case = view.case
    where = next((f" of '{e.values['bucket']}' ({e.values['attribute']})" for e in slices), "")
    moved = view.moved_through(column)
    own = case.channel and column in case.columns[:1]
    return Hypothesis(
        cause="consent_sync_failed",
        title=f"A sync of {column}{where} failed: those who agreed are not there any more{_at_step(view)}",
        confidence="high" if own or view.part(moved) >= 0.5 else "medium",
        reasoning=(
            f"{said([*flags, *slices, *view.of('reach')[:1], *_losses(view), *moved[:1]])} People withdraw one by one, not all on one day."
        ),
        evidence=ids(flags, slices, view.of("reach")[:1], _losses(view), moved[:1]),
        owner_hint=f"the team that keeps {column}",
        actions=(
            f"Check the last import of {column}: whether it ran, and whether it was complete.",
            advice.count_buckets(case, column),
            f"Hold campaigns that read {column} until it is repaired. {advice.rebuild(case)}",
        ),
        confirm=f"The consent source still has them as opted in on {case.last}.",
        refute=f"The consent source shows as many withdrawals on {case.last}.",
    )


def _withdrawn(view: View) -> Iterator[Hypothesis]:
    case, channel = view.case, view.case.channel
    own = [e for e in view.of("reach") if e.values["channel"] == channel]
    rest = [e for e in view.of("reach") if e.values["channel"] != channel]
    fell = [e for e in rest if number(e, "reach_rate") < FELL * number(e, "before_rate")]
    if not own:
        return
    others = "Other channels fell too." if fell else "No other channel fell with it."
    yield Hypothesis(
        cause="consent_loss",
        title=f"Consent or addresses for {channel} were lost{_at_step(view)}",
        confidence="low" if fell else "medium",
        reasoning=f"{said([*own, *_losses(view), *rest])} {others}",
        evidence=ids(own, _losses(view), rest, view.of("column_steady")),
        owner_hint=f"the team that keeps the consent for {channel}",
        actions=(
            f"Check unsubscribes, expired tokens and consent imports for {channel} on {case.first}.",
            *(advice.count_values(case, c) for c in case.columns[:1]),
        ),
        confirm=f"The consent source shows the withdrawals on {case.first}.",
        refute="The consent source still has them as opted in.",
    )
