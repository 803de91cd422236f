"""What a terminal can show: its width, severities in words with a colour beside them, text that fits."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

import click

COLOURS = {"critical": "bright_red", "high": "red", "medium": "yellow", "low": "cyan"}
DETAILS = ("incident_id", "last_seen_on", "effect", "detector")  # columns that a narrow terminal does without
SHORT = 12  # characters of a column that is never wrapped: a date, a number
READABLE = 24  # that a text needs at least
USUAL = 100


def has_colours(env: Mapping[str, str] | None = None) -> bool:
    """Say whether stdout may be coloured: it is a terminal that knows colours, and NO_COLOR is not set."""
    env = os.environ if env is None else env
    return not env.get("NO_COLOR") and env.get("TERM") != "dumb" and sys.stdout.isatty()


def width() -> int | None:
    """Return how many characters a line of stdout has room for, None where it is no terminal."""
    return shutil.get_terminal_size((USUAL, 24)).columns if sys.stdout.isatty() else None


def painted(text: str, severity: str) -> str:
    """Return text in the colour of a severity where colours are shown; the word itself says it without."""
    colour = COLOURS.get(severity)
    return click.style(text, fg=colour, bold=severity in ("critical", "high")) if colour and has_colours() else text


def left_out(widths: Mapping[str, int], room: int) -> list[str]:
    """Return the columns that give way so that the others can be read: those of DETAILS, in that order.

    >>> left_out({"incident": 8, "title": 60, "incident_id": 16}, 40)
    ['incident_id']
    """
    kept, out = dict(widths), list[str]()
    for name in DETAILS:
        if sum(min(w, READABLE) for w in kept.values()) + 2 * (len(kept) - 1) <= room:
            break
        if name in kept:
            del kept[name]
            out.append(name)
    return out


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Return widths of columns (two spaces between them) that fit: the widest one gives way first, a short one never.

    >>> fitted([6, 40, 30], 60)
    [6, 25, 25]
    >>> fitted([9, 9], 10)
    [9, 9]
    """
    out = list(widths)
    while sum(out) + 2 * (len(out) - 1) > room and max(out) > SHORT:
        out[out.index(max(out))] -= 1
    return out


def wrapped(text: str, most: int) -> list[str]:
    """Return text in lines of so many characters, broken at spaces, else behind an underscore or a hyphen, else anywhere.

    >>> wrapped("high_value_active_users", 12), wrapped("size fell 41%", 9), wrapped("", 9)
    (['high_value_', 'active_users'], ['size fell', '41%'], [''])
    """
    lines = []
    for piece in textwrap.wrap(text, most, break_long_words=False, break_on_hyphens=False) or [""]:
        while len(piece) > most:
            at = max(piece.rfind("_", 0, most), piece.rfind("-", 0, most)) + 1 or most
            lines.append(piece[:at])
            piece = piece[at:]
        lines.append(piece)
    return lines


def hanging(label: str, text: str, room: int | None) -> str:
    """Return a label and text behind it, its further lines under the text.

    >>> print(hanging("cause: ", "a load ran twice", 18))
    cause: a load ran
           twice
    """
    if room is None or not text:
        return label + text
    return textwrap.fill(
        text, max(room, len(label) + 20) if room > 40 else room, initial_indent=label, subsequent_indent=" " * len(label),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
