"""Try proposals out: replay the history with each, on top of those before it, and refuse what would lose a confirmed incident."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.detectors import DETECTORS
from pulse_runner.detectors.base import Settings
from pulse_runner.incidents.incident import Incident
from pulse_runner.tune.propose import Labels, Proposal, events_with, overlap, settings_with


@dataclass(frozen=True)
class Trial:
    """What a replay said of a proposal: the incidents that it removes, the confirmed ones that it keeps, and why it is refused
    ('' where it is not)."""

    proposal: Proposal
    removed: tuple[Incident, ...]
    kept: tuple[Incident, ...]
    refused: str = ""


def try_out(
    history: Recording, settings: Settings, labels: Labels, found: Sequence[Proposal], first: date, last: date,
    on_trial: Callable[[int], None] = lambda number: None,
) -> list[Trial]:  # fmt: skip
    """Return a trial per proposal. A confirmed incident that the replay finds with today's settings is never lost."""
    before = replay(history, settings, DETECTORS, first, last).incidents
    confirmed = [i for i in labels.confirmed if _same(i, before)]
    chosen, out = list[Proposal](), list[Trial]()
    for number, proposal in enumerate(found):
        on_trial(number)
        tried = [*chosen, proposal]
        after = replay(
            history.without(events_with(tried)), settings_with(settings, tried), DETECTORS, first, last
        ).incidents
        removed = tuple(i for i in before if not _same(i, after))
        kept = tuple(c for c in confirmed if _same(c, after))
        lost = [c.name for c in confirmed if not _same(c, after)]
        refused = f"it would lose {', '.join(lost)}, which was confirmed" if lost else ""
        if not refused and not removed:
            refused = "it would have removed nothing"
        out.append(Trial(proposal, removed, kept, refused))
        if not refused:
            chosen, before = tried, after
    return out


def _same(one: Incident, others: Sequence[Incident]) -> bool:
    """Say whether an incident, or one of the same test on the same days, is among others."""
    return any(one.keys & other.keys and overlap(one, other) for other in others)
