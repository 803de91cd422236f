"""How members come to move, in words: one entry per cause that pulse_segment_changes can name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pulse_runner.scrub import scrub

Words = Callable[[str, bool], str]  # of the detail (a condition, or '') and of whether members left


@dataclass(frozen=True)
class MovementWords:
    """The words of one cause.

    `sentence` completes "12 of 20 members who left ...", `headline` "12 of 20 leavers left ...".
    """

    cause: str
    sentence: Words
    headline: Words


def words_of(cause: str) -> MovementWords:
    """Return the words of a cause; one that is not known is told by its name.

    >>> words_of("leaf").sentence("ltv > 1000", True)
    'because `ltv > 1000` stopped being true'
    >>> words_of("merged_away").headline("", True)
    'by merged_away'
    """
    neutral = f"by {scrub(cause)}"
    unknown = MovementWords(cause, lambda detail, lost: neutral, lambda detail, lost: neutral)
    return next((m for m in MOVEMENT_WORDS if m.cause == cause), unknown)


MOVEMENT_WORDS: tuple[MovementWords, ...] = (
    MovementWords(
        "leaf",
        lambda detail, lost: f"because `{detail}` stopped being true" if lost else f"because `{detail}` became true",
        lambda detail, lost: f"by `{detail}`",
    ),
    MovementWords(
        "aged",
        lambda detail, lost: f"as time passed `{detail}`" if detail else "as time passed a relative date",
        lambda detail, lost: f"by ageing past `{detail}`" if detail else "by ageing",
    ),
    MovementWords(
        "edited",
        lambda detail, lost: "because the definition was edited",
        lambda detail, lost: "by the edited rule",
    ),
    MovementWords(
        "row_gone",
        lambda detail, lost: "because their rows are gone from the relation",
        lambda detail, lost: "with rows that are gone",
    ),
    MovementWords(
        "row_new",
        lambda detail, lost: "with rows that are new in the relation",
        lambda detail, lost: "with new rows",
    ),
)
