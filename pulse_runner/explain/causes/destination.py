"""destination: what was sent was not taken: the sync stopped or sent fewer, or the destination rejects, with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain.causes.base import Family
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.headline import in_sentence
from pulse_runner.explain.view import View, ids, said
from pulse_runner.snapshot.ladder import MISSED, STOPPED, said_reason


@dataclass(frozen=True)
class Destination:
    """Name the step at which members are lost, and the reason that grew most there."""

    names: tuple[str, ...] = ("sync_stopped", "sync_incomplete", "destination_unreadable", "destination_rejects")
    kinds: tuple[str, ...] = ("ladder_loss",)
    faults: tuple[str, ...] = ("ladder_loss",)
    families: tuple[Family, ...] = ("ladder",)
    directions: tuple[str, ...] = ("down",)

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis: about the largest loss at the incident's own step."""
        channel, step = view.case.ladder or ("", "")
        losses = [e for e in view.of("ladder_loss") if e.values["step"] == step]
        if losses:
            yield _synced(view, channel, losses) if step == "synced" else _rejected(view, channel, losses)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say the step and the reason."""
        return in_sentence(hypothesis.title)


def _synced(view: View, channel: str, losses: list[Evidence]) -> Hypothesis:
    case, reason = view.case, said_reason(str(losses[0].values["reason"]))
    cause, title = {
        STOPPED: ("sync_stopped", f"The sync to {channel} stopped (step synced: {reason})"),
        MISSED: ("sync_incomplete", f"Fewer members were sent to {channel} (step synced: {reason})"),
    }.get(reason, ("destination_unreadable", f"What {channel} did is not known (step synced: {reason})"))
    return Hypothesis(
        cause=cause,
        title=title,
        confidence="high" if reason != MISSED else "medium",
        reasoning=f"{said(losses)} The audience itself is whole: its reachable members are counted before the step.",
        evidence=ids(losses),
        owner_hint=f"the team that runs the sync to {channel}",
        actions=(
            f"Look at the runs of the sync to {channel} on {case.first}: whether it ran, and what it sent.",
            f"Once its rows are there, `pulse snapshot --date {case.last}` counts the day again.",
        ),
        confirm=f"The tool that syncs shows no complete run on {case.last}.",
        refute=f"The members are in {channel}: then its audit table is late or incomplete.",
    )


def _rejected(view: View, channel: str, losses: list[Evidence]) -> Hypothesis:
    case, reason = view.case, str(losses[0].values["reason"])
    return Hypothesis(
        cause="destination_rejects",
        title=f"Members are lost at {channel} itself (step accepted: {reason})",
        confidence="high",
        reasoning=f"{said(losses)} They were sent; what became of them was decided at {channel}.",
        evidence=ids(losses),
        owner_hint=f"the team that keeps the account at {channel}",
        actions=(
            f"Look up `{reason}` in the log of {channel}, and whether its account, sender or quota changed on {case.first}.",
            f"Hold campaigns by {channel} until it accepts again, and send to those who were missed.",
        ),
        confirm=f"{channel} shows the same refusals on {case.last}.",
        refute=f"{channel} shows them as accepted: then the mapping of its statuses is wrong.",
    )
