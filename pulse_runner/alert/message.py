"""What an alert says, for any channel: a headline, sections in reading order, a footer. Channels only lay it out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from pulse_runner.vocabulary import Severity, day_month, number

Notification = Literal["opened", "worsened", "grew", "explained", "acknowledged", "reminder", "resolved"]
MessageKind = Literal[Notification, "digest", "weekly", "test"]
PLAIN = ("resolved", "weekly", "test")  # kinds that stand without a severity
Style = Literal["text", "spark", "numbered", "bullets", "code"]

# (lines per section, characters per line) from generous to terse: a channel takes the first that fits its limit
SIZES = ((6, 400), (4, 240), (3, 160), (2, 120), (1, 80))

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Trend:
    """A metric on the days up to and including `last`, oldest first; None where there is no snapshot."""

    values: tuple[float | None, ...]
    last: date
    is_rate: bool = False
    low: float | None = None  # what was expected on the last day
    high: float | None = None
    since: date | None = None  # the day from which it is not as expected

    @property
    def first(self) -> date:
        """Return the day of the oldest value."""
        return self.last - timedelta(days=len(self.values) - 1)

    @property
    def axis(self) -> tuple[float, float]:
        """Return the ends of the axis: of the values and the expected band, not zero, or a fall looks modest."""
        ends = [*self.known, *(v for v in (self.low, self.high) if v is not None)]
        return (min(ends), max(ends)) if ends else (0.0, 0.0)

    def words(self) -> str:
        """Return what the chart shows in words: its dates, its ends, and the band."""
        start, end = (number(v, self.is_rate) for v in (self.known[0], self.known[-1]))
        low, high = (number(v, self.is_rate) for v in self.axis)
        text = f"{day_month(self.first)} to {day_month(self.last)}: {start} → {end}; axis from {low} to {high}"
        if self.low is None or self.high is None:
            return text
        band = f"{number(self.low, self.is_rate)} to {number(self.high, self.is_rate)}"
        return f"{text}; expected on {day_month(self.last)}: {band}"

    @property
    def known(self) -> list[float]:
        """Return the values that there are."""
        return [v for v in self.values if v is not None]


@dataclass(frozen=True)
class Section:
    """A titled part of a message.

    `keep` marks lines that are never left out (commands), `first` what stands on a phone's first screen.
    """

    title: str
    lines: tuple[str, ...]
    style: Style = "text"
    keep: bool = False
    first: bool = False


@dataclass(frozen=True)
class Thread:
    """The conversation of a message: key, subject and body of its first one; the last two are '' in the first one itself."""

    key: str = ""
    subject: str = ""
    body: str = ""


@dataclass(frozen=True)
class AlertMessage:
    """A message about one or several incidents of one cause: a headline of one line, then sections in reading order.

    `day` is the snapshot date that it speaks about, `at` when it was written (UTC), `report_url` where more stands.
    """

    kind: MessageKind
    severity: Severity
    headline: str
    sections: tuple[Section, ...]
    footer: str
    day: date
    at: datetime
    trend: Trend | None = None
    facts: tuple[Mapping[str, Any], ...] = field(default=())
    versions: tuple[tuple[Section, ...], ...] = ()  # ways to say the same, from generous to terse
    report_url: str = ""
    thread: Thread = Thread()

    @property
    def badge(self) -> str:
        """Return one word for a glance."""
        return {"resolved": "Over", "weekly": "Week", "test": "Test"}.get(self.kind, self.severity.capitalize())

    @property
    def has_fold(self) -> bool:
        """Say whether a part is for the first screen and the rest for who wants to know more."""
        return any(s.first for s in self.sections)

    @property
    def subject(self) -> str:
        """Return the line for a mail's subject and a phone's notification."""
        return self.headline if self.kind in PLAIN else f"[{self.severity}] {self.headline}"


def test_message(route: str, now: datetime) -> AlertMessage:
    """Return a message that says only that a route works."""
    text = "Nothing happened to your segments. Incidents of the segments that name this route arrive here."
    head = f"Test message: the route {route} reaches you"
    return AlertMessage("test", "low", head, (Section("What this is", (text,)),), "Sent by hand", now.date(), now)


test_message.__test__ = False  # type: ignore[attr-defined]  # pytest collects imported functions by their name


def smaller(message: AlertMessage) -> Iterator[AlertMessage]:
    """Yield the message in ever fewer words; what is left out is said (`… 3 more`)."""
    yield from (replace(message, sections=sections, versions=()) for sections in message.versions)
    for lines, chars in SIZES:
        yield replace(
            message,
            headline=clip(message.headline, min(chars, 240)),
            footer=clip(message.footer, chars),
            sections=tuple(_cut(s, lines, chars) for s in message.sections),
        )


def _cut(section: Section, lines: int, chars: int) -> Section:
    if section.keep or section.style == "spark":
        return section
    kept = tuple(clip(line, chars) for line in section.lines[:lines])
    left_out = len(section.lines) - len(kept)
    return replace(section, lines=(*kept, f"… {left_out} more") if left_out else kept)


def as_text(message: AlertMessage, width: int = 100) -> str:
    """Return the message as plain text: for the console, and as the text part of a mail."""
    head = message.headline if message.kind in PLAIN else f"{message.severity.upper()}  {message.headline}"
    out = [head, "=" * min(len(head), width)]
    for section in message.sections:
        out.append("")
        if section.style in ("text", "spark") and len(section.lines) == 1:
            out.append(_filled(f"{section.title}: ", section.lines[0], width))
            continue
        out.append(f"{section.title}:")
        is_code = section.style == "code"  # to be pasted
        out += [
            f"  {mark}{line}" if is_code else _filled(f"  {mark}", line, width)
            for mark, line in zip(marks(section), section.lines, strict=True)
        ]
    link = ["", f"Report: {message.report_url}"] if message.report_url else []
    return "\n".join([*out, *link, "", message.footer])


def _filled(label: str, text: str, width: int) -> str:
    """Return text behind its label in lines of a width, the further ones indented."""
    indent = " " * (len(label) if label.startswith(" ") else 2)
    return textwrap.fill(
        text, width, initial_indent=label, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def unbroken(text: str) -> str:
    """Return text in which no line break can part a number from its percent sign.

    >>> unbroken("fell 40 % to 834")
    'fell 40\\xa0% to 834'
    """
    return re.sub(r"(?<=\d) %", "\u00a0%", text)


def marks(section: Section) -> list[str]:
    """Return what stands before each line of a section: a number, a bullet or nothing; never before `… n more`."""
    return [
        "" if line.startswith("… ") and line.endswith(" more")
        else f"{n}. " if section.style == "numbered"
        else "- " if section.style == "bullets"
        else ""
        for n, line in enumerate(section.lines, start=1)
    ]  # fmt: skip


def clean(text: str) -> str:
    """Return one line without control characters and without Markdown that a channel would show or, worse, follow.

    >>> clean("**42 %** fewer,\\nsee [this](https://example.com)")
    '42 % fewer, see this'
    """
    plain = _LINK.sub(r"\1", _CONTROL.sub(" ", text)).replace("**", "")
    return re.sub(r"\s+", " ", plain.lstrip("# ")).strip()


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters, the cut marked; code that is cut is still code.

    >>> clip("members", 5)
    'memb…'
    >>> clip("is `a + b`", 8)
    'is `a…`'
    """
    if len(text) <= limit:
        return text
    kept = text[: limit - 1].rstrip()
    if kept.count("`") % 2 == 0:
        return f"{kept}…"
    return f"{kept.rstrip('`')}…" if kept.endswith("`") else f"{kept[: limit - 2].rstrip()}…`"


def utc_text(at: datetime) -> str:
    """Write a time in UTC as RFC 3339 has it.

    >>> utc_text(datetime(2026, 5, 4, 6, 30))
    '2026-05-04T06:30:00Z'
    """
    naive = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return f"{naive.isoformat(timespec='seconds')}Z"
