"""What an alert says, for any channel. Pure: rows in, an AlertMessage out; channels only lay it out.

The order is that of a reader with ten seconds: how much and which segment, since when, what did it, what to do, the evidence,
and the commands that handle it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

Notification = Literal["opened", "worsened", "reminder", "resolved"]
Kind = Literal["opened", "worsened", "reminder", "resolved", "test"]
Style = Literal["text", "spark", "numbered", "bullets", "code"]
Row = Mapping[str, Any]

SEVERITIES = ("low", "medium", "high", "critical")
HISTORY_DAYS = 28
BLOCKS = "▁▂▃▄▅▆▇█"
RATES = ("conversion_rate", "inactive_rate", "null_share", "reach:")
# (lines per section, characters per line) from generous to terse: a channel takes the first that fits its limit
SIZES = ((6, 400), (4, 240), (3, 160), (2, 120), (1, 80))

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class History:
    """A metric on the days up to and including `last`, oldest first; None where there is no snapshot."""

    values: tuple[float | None, ...]
    last: date
    is_rate: bool = False


@dataclass(frozen=True)
class Section:
    """A titled part of a message; `keep` marks lines that are never left out (commands)."""

    title: str
    lines: tuple[str, ...]
    style: Style = "text"
    keep: bool = False


@dataclass(frozen=True)
class Subject:
    """One incident with what is known about it: rows of incidents and pulse_incident_explanations, its segment's words."""

    incident: Row
    label: str
    owner: str = ""
    rule: str = ""
    explanation: Row | None = None
    history: History | None = None


@dataclass(frozen=True)
class AlertMessage:
    """A message about one or several incidents of one cause: a headline of one line, then sections in reading order."""

    kind: Kind
    severity: str
    headline: str
    sections: tuple[Section, ...]
    footer: str
    day: date
    at: datetime
    history: History | None = None
    facts: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def subject(self) -> str:
        """Return the line for a mail's subject and a phone's notification."""
        return self.headline if self.kind in ("resolved", "test") else f"[{self.severity}] {self.headline}"


def build(kind: Notification, subjects: Sequence[Subject], day: date, now: datetime, why: str) -> AlertMessage:
    """Return the message about `subjects` (one cause, at least one), the most severe one in full and the others in a list.

    `why` is the reason for sending it; `day` is the date that it speaks about, `now` (UTC) when it is written.
    """
    ordered = sorted(subjects, key=_importance)
    first, others = ordered[0], ordered[1:]
    head = headline(kind, first, day)
    if others:
        head = f"{head} · {len(others)} more with the same cause"
    sections = _resolved_sections(first) if kind == "resolved" else _active_sections(first, day)
    if others:
        title = "Resolved with it" if kind == "resolved" else "Same cause"
        listed = tuple(f"{headline(kind, s, day)} · incident {s.incident['incident_id']}" for s in others)
        sections.insert(-1, Section(title, listed, "bullets"))
    footer = f"Incident {first.incident['incident_id']} · owner {first.owner or 'not set'} · sent because {why}"
    return AlertMessage(
        kind=kind,
        severity=max((str(s.incident["severity"]) for s in ordered), key=SEVERITIES.index),
        headline=clean(head),
        sections=tuple(s for s in sections if s.lines),
        footer=clean(footer),
        day=day,
        at=now,
        history=first.history,
        facts=tuple(_facts(s, kind, day) for s in ordered),
    )


def test_message(route: str, now: datetime) -> AlertMessage:
    """Return a message that says only that a route works."""
    text = "Nothing happened to your segments. Incidents of the segments that name this route arrive here."
    head = f"Test message: the route {route} reaches you"
    return AlertMessage("test", "low", head, (Section("What this is", (text,)),), "Sent by hand", now.date(), now)


test_message.__test__ = False  # type: ignore[attr-defined]  # pytest collects imported functions by their name


def headline(kind: Kind, subject: Subject, day: date) -> str:
    """Return one line: which segment, how much, against what; with a first word where it is not news."""
    row, label = subject.incident, subject.label
    if kind == "resolved":
        return f"{_ending(row)}: {label}{_where_it_is(subject)}"
    text = _movement(row, label)
    if kind == "worsened":
        return f"Worse: {text}"
    if kind == "reminder":
        return f"Still open after {_days((day - row['started_on']).days)}: {text}"
    return text


def _movement(row: Row, label: str) -> str:
    observed, expected = row.get("observed"), row.get("expected")
    metric = str(row["metric"])
    measured = metric == "size" or row["detector"] in (
        "conversion_anomaly",
        "inactivity_creep",
        "reach_drop",
        "size_jump",
    )
    if not measured or observed is None or expected is None:
        return str(row["title"]) if row["title"] else f"{label} changed"
    what = label if metric == "size" else f"{label}: {metric_name(metric)}"
    unit = " members" if metric == "size" else ""
    rate = is_rate(metric)
    moved = _verb(observed, expected)
    low, high = row.get("lower_bound"), row.get("upper_bound")
    between = f" ({number(low, rate)} to {number(high, rate)})" if low is not None and high is not None else ""
    return f"{what} {moved}: {number(observed, rate)}{unit}, {number(expected, rate)} expected{between}"


def _verb(observed: float, expected: float) -> str:
    verb = "fell" if observed < expected else "rose"
    return f"{verb} {percent(abs(observed / expected - 1))}" if expected > 0 else f"{verb} from zero"


def _ending(row: Row) -> str:
    return {"recovered": "Recovered", "accepted": "Accepted as the new normal"}.get(str(row["resolution"]), "Resolved")


def _where_it_is(subject: Subject) -> str:
    past = subject.history
    if past is None or not past.values or past.values[-1] is None:
        return ""
    metric = str(subject.incident["metric"])
    now = number(past.values[-1], past.is_rate)
    return f" has {now} members" if metric == "size" else f", {metric_name(metric)} is {now}"


def _active_sections(subject: Subject, day: date) -> list[Section]:
    row, told = subject.incident, subject.explanation
    started, found = row["started_on"], row["detected_on"]
    age = "today" if started == day else f"{_days((day - started).days)} ago"
    since = f"{long_day(started)} ({age})" + ("" if found == started else f", found on {long_day(found)}")
    state = f"{row['severity']} severity, {row['status']}"
    if row.get("assignee"):
        state += f", in the hands of {row['assignee']}"
    sections = [Section("Since", (clean(f"{since}; {state}"),)), *_spark(subject)]
    if told is None:
        sections.append(Section("What did it", (clean(str(row["reason"])), "Not explained yet: run `pulse explain`.")))
    else:
        sections += _why(told)
    if subject.rule:
        sections.append(Section("Rule", (clean(subject.rule),), "code"))
    if told is not None:
        sections.append(Section("What to do", _texts(json.loads(told["recommendations"] or "[]")), "numbered"))
        sections.append(Section("Evidence", _evidence(told), "bullets"))
    identity = row["incident_id"]
    commands = (
        f"pulse incidents acknowledge {identity}",
        f"pulse incidents resolve {identity}",
        f'pulse incidents ignore {identity} --note "why"',
    )
    return [*sections, Section("Handle it", commands, "code", keep=True)]


def _resolved_sections(subject: Subject) -> list[Section]:
    row = subject.incident
    ended = row["resolved_on"] or row["last_seen_on"]
    lasted = f"{long_day(row['started_on'])} to {long_day(ended)} ({_days((ended - row['started_on']).days)})"
    how = {
        "recovered": "The metric is back in its expected range.",
        "accepted": "The level has lasted; Pulse now compares with it.",
    }.get(str(row["resolution"]), "Closed by a person.")
    note = f" Note: {clean(str(row['note']))}" if row.get("note") else ""
    sections = [Section("How it ended", (how + note,)), Section("Lasted", (lasted,)), *_spark(subject)]
    sections.append(Section("What it was", (clean(str(row["title"])),)))
    command = f"pulse incidents reopen {row['incident_id']}"
    return [*sections, Section("If this is wrong", (command,), "code", keep=True)]


def _spark(subject: Subject) -> list[Section]:
    past = subject.history
    if past is None or sum(v is not None for v in past.values) < 2:
        return []
    known = [v for v in past.values if v is not None]
    ends = f"{number(known[0], past.is_rate)} → {number(known[-1], past.is_rate)}"
    return [Section(f"Last {len(past.values)} days", (f"{sparkline(past.values)}  {ends}",), "spark")]


def _why(told: Row) -> list[Section]:
    lines = [str(told["headline"] or "")]
    hypotheses = json.loads(told["hypotheses"] or "[]")
    if hypotheses:
        first = hypotheses[0]
        lines.append(f"Most likely: {first['title']} ({first['confidence']} confidence)")
        if first.get("owner_hint"):
            lines.append(f"Who can tell: {first['owner_hint']}")
    return [Section("What did it", _texts(lines))]


def _evidence(told: Row) -> tuple[str, ...]:
    """Return the statements that the hypotheses cite, in the order of citation, then the others."""
    facts = {e["id"]: e["statement"] for e in json.loads(told["evidence"] or "[]")}
    cited = [i for h in json.loads(told["hypotheses"] or "[]") for i in h.get("evidence", ())]
    order = dict.fromkeys([*(i for i in cited if i in facts), *facts])
    return _texts(f"{facts[i]} [{i}]" for i in order)


def _facts(subject: Subject, kind: Kind, day: date) -> dict[str, Any]:
    """Return what a program gets to know about an incident: aggregates only."""
    row, told = subject.incident, subject.explanation
    names = (
        "incident_id", "group_key", "segment_id", "entity", "detector", "metric", "attribute", "bucket", "status", "severity",
        "direction", "started_on", "detected_on", "last_seen_on", "resolved_on", "resolution", "observed", "expected",
        "lower_bound", "upper_bound", "effect", "p_value", "threshold", "title", "reason",
    )  # fmt: skip
    out = {name: row.get(name) for name in names}
    out |= {"headline": clean(headline(kind, subject, day)), "label": subject.label, "owner": subject.owner}
    out["rule"] = subject.rule
    if told is not None:
        out["explanation"] = {
            "headline": told["headline"], "summary": told["summary"], "source": told["source"], "version": told["version"],
            "hypotheses": json.loads(told["hypotheses"] or "[]"),
            "recommendations": json.loads(told["recommendations"] or "[]"),
        }  # fmt: skip
    return out


def _importance(subject: Subject) -> tuple[int, int, float, str]:
    row = subject.incident
    is_entity = (
        0 if row["segment_id"] else 1
    )  # people ask about their audience first; the column behind it is named as the cause
    return (-SEVERITIES.index(row["severity"]), is_entity, -abs(row.get("effect") or 0.0), str(row["incident_id"]))


def _texts(items: Iterable[Any]) -> tuple[str, ...]:
    texts = (clean(i if isinstance(i, str) else str(i.get("action") or i.get("text") or "")) for i in items)
    return tuple(t for t in texts if t)


def smaller(message: AlertMessage) -> Iterator[AlertMessage]:
    """Yield the message in ever fewer words; what is left out is said (`… 3 more`)."""
    for lines, chars in SIZES:
        yield replace(
            message,
            headline=clip(message.headline, min(chars, 240)),
            footer=clip(message.footer, chars),
            sections=tuple(_cut(s, lines, chars) for s in message.sections),
        )


def _cut(section: Section, lines: int, chars: int) -> Section:
    if section.keep:
        return section
    kept = tuple(clip(line, chars) for line in section.lines[:lines])
    left_out = len(section.lines) - len(kept)
    return replace(section, lines=(*kept, f"… {left_out} more") if left_out else kept)


def as_text(message: AlertMessage, width: int = 100) -> str:
    """Return the message as plain text: for the console, and as the text part of a mail."""
    head = (
        message.headline if message.kind in ("resolved", "test") else f"{message.severity.upper()}  {message.headline}"
    )
    out = [head, "=" * min(len(head), width)]
    for section in message.sections:
        out.append("")
        if section.style in ("text", "spark") and len(section.lines) == 1:
            out.append(f"{section.title}: {section.lines[0]}")
            continue
        out.append(f"{section.title}:")
        out += [f"  {mark}{line}" for mark, line in zip(marks(section), section.lines, strict=True)]
    return "\n".join([*out, "", message.footer])


def marks(section: Section) -> list[str]:
    """Return what stands before each line of a section: a number, a bullet or nothing; never before `… n more`."""
    return [
        "" if line.startswith("… ") and line.endswith(" more")
        else f"{n}. " if section.style == "numbered"
        else "- " if section.style == "bullets"
        else ""
        for n, line in enumerate(section.lines, start=1)
    ]  # fmt: skip


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values as blocks from zero to their largest; a gap is a middle dot.

    >>> sparkline([0, 50, None, 100])
    '▁▅·█'
    """
    top = max((v for v in values if v is not None), default=0) or 1
    return "".join("·" if v is None else BLOCKS[min(max(int(v / top * 7 + 0.51), 0), 7)] for v in values)


def clean(text: str) -> str:
    """Return one line without control characters and without Markdown that a channel would show or, worse, follow.

    >>> clean("**42 %** fewer,\\nsee [this](https://example.com)")
    '42 % fewer, see this'
    """
    plain = _LINK.sub(r"\1", _CONTROL.sub(" ", text)).replace("**", "")
    return re.sub(r"\s+", " ", plain.lstrip("# ")).strip()


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters, the cut marked.

    >>> clip("members", 5)
    'memb…'
    """
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def is_rate(metric: str) -> bool:
    """Say whether a metric is a share between 0 and 1."""
    return metric.startswith(RATES)


def metric_name(metric: str) -> str:
    """Return a metric as it stands in a sentence.

    >>> metric_name("reach:email"), metric_name("conversion_rate")
    ('reach by email', 'conversion rate')
    """
    return metric.replace("reach:", "reach by ").replace("_", " ")


def number(value: float, rate: bool) -> str:
    """Write a count or a rate as people read it.

    >>> number(1234.4, rate=False), number(0.0723, rate=True), number(0.004, rate=True)
    ('1,234', '7.2 %', '0.40 %')
    """
    if rate:
        return f"{value * 100:.{2 if abs(value) < 0.01 and value else 1}f} %"
    return f"{value:,.1f}" if abs(value) < 10 and value != round(value) else f"{value:,.0f}"


def percent(share: float) -> str:
    """Write a relative change in percent, with a decimal only where it says something.

    >>> percent(0.42), percent(0.042)
    ('42 %', '4.2 %')
    """
    value = share * 100
    return f"{value:.0f} %" if value >= 10 or value == round(value) else f"{value:.1f} %"


def utc_text(at: datetime) -> str:
    """Write a time in UTC as RFC 3339 has it.

    >>> utc_text(datetime(2026, 5, 4, 6, 30))
    '2026-05-04T06:30:00Z'
    """
    naive = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return f"{naive.isoformat(timespec='seconds')}Z"


def long_day(day: date) -> str:
    """Write a day with its year.

    >>> long_day(date(2026, 5, 4))
    '4 May 2026'
    """
    return f"{day.day} {day:%B} {day.year}"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
