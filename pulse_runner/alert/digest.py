"""The budget of a target: in one run the worst are told in full, the rest in one message that names them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from pulse_runner.alert.compose import Topic, headline, importance
from pulse_runner.alert.decision import Decision
from pulse_runner.alert.message import AlertMessage, Section, clean, clip
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.vocabulary import SEVERITIES, plural, severity_rank

ORDER = {"opened": 0, "worsened": 0, "grew": 0, "explained": 1, "acknowledged": 1, "reminder": 1, "resolved": 2}
SHORT_ID = 8  # `pulse incidents show` takes the first characters of an id
LINE = 540
CHUNK = 2_500  # characters of a section: Slack takes 3,000, escapes included
NAMED_AT_LEAST = 700  # so many fit into every channel by their short ids


@dataclass(frozen=True)
class Letter:
    """What goes to one target in one message; `why` says why it is a digest, '' when it is none."""

    decisions: tuple[Decision, ...]
    why: str = ""

    @property
    def is_digest(self) -> bool:
        """Say whether it names incidents of several causes."""
        return bool(self.why)


def letters(
    groups: Iterable[Sequence[Decision]],
    about: Mapping[str, Topic],
    waiting: Mapping[ChannelSettings, int],
    sent: Mapping[ChannelSettings, int],
) -> list[Letter]:
    """Return the messages of a run, the worst first: per target as many as its budget allows, then one for the rest.

    A group is what one message tells of one cause. `waiting` counts the messages of earlier runs that are still to be
    sent to a target: they come out of its budget. `sent` counts what a target got in the last hour: when its budget of the
    hour is used up there is one digest more, and then nothing until the hour is over. What is withheld costs nothing.
    """
    out, due = list[Letter](), defaultdict[ChannelSettings, list[Letter]](list)
    for group in groups:
        letter = Letter(tuple(group))
        if letter.decisions[0].choice == "send":
            due[letter.decisions[0].address.settings].append(letter)
        else:
            out.append(letter)
    for settings, found in due.items():
        found.sort(key=lambda letter: _worst(letter, about))
        places = [d.address for letter in found for d in letter.decisions]
        budget = min(a.messages_per_run for a in places)
        hourly = min((a.messages_per_hour for a in places if a.messages_per_hour), default=None)
        left = None if hourly is None else hourly - sent.get(settings, 0) - waiting.get(settings, 0)
        if left is not None and left < 0:
            out += [_until_the_hour_is_over(letter, hourly) for letter in found]
            continue
        folded = [letter for letter in found if letter.decisions[0].fold]
        own = [letter for letter in found if not letter.decisions[0].fold]
        room = max(budget - waiting.get(settings, 0), 0)
        is_hour = left is not None and left < room
        room = left if left is not None and is_hour else room
        full, rest = own[:room], [*folded, *own[room:]]
        if len(rest) > 1 or folded:
            why = folded[0].decisions[0].fold if folded else _why(*((hourly, "hour") if is_hour else (budget, "run")))
            rest = [Letter(tuple(d for letter in rest for d in letter.decisions), why)]
        out += [*full, *rest]
    return out


def _why(budget: int | None, of: str) -> str:
    """Say why there is a digest.

    >>> _why(10, "run")
    'More than 10 messages were due in this run.'
    """
    return f"More than {plural(budget or 0, 'message')} were due in this {of}."


def _until_the_hour_is_over(letter: Letter, hourly: int | None) -> Letter:
    why = f"the budget of {plural(hourly or 0, 'message')} an hour is used up; told by the first run after it"
    return Letter(tuple(replace(d, choice="skip", reason=why) for d in letter.decisions))


def digest(letter: Letter, about: Mapping[str, Topic], day: date, now: datetime) -> AlertMessage:
    """Return the one message that names everything that the budget left over, the worst first."""
    topics = [about[d.incident_id] for d in letter.decisions]
    heads = [headline(d.notification, t, day) for d, t in zip(letter.decisions, topics, strict=True)]
    severities = [t.incident.severity for t in topics]
    counts = Counter(severities)
    by_severity = ", ".join(f"{counts[s]} {s}" for s in reversed(SEVERITIES) if counts[s])
    told = " The worst are told one by one;" if "were due" in letter.why else ""
    rest = " this message names the rest, the worst first." if told else " The worst come first."
    why = f"{letter.why}{told}{rest}"
    versions = tuple(
        (Section("Why a list", (why,)), *_sections(lines, style), _HANDLE)
        for lines, style in (
            ([f"{h} · {t.incident.name}" for h, t in zip(heads, topics, strict=True)], "bullets"),
            (_joined([f"{clip(t.label, 40)} {_short(t)}" for t in topics]), "text"),
            (_joined([f"{clip(t.label, 12)} {_short(t)}" for t in topics]), "text"),
            (_joined([_short(t) for t in topics]), "text"),
            ([*_joined([_short(t) for t in topics[:NAMED_AT_LEAST]]), _more(len(topics) - NAMED_AT_LEAST)], "text"),
        )
    )
    return AlertMessage(
        kind="digest",
        severity=max(severities, key=severity_rank),
        headline=f"{plural(len(topics), 'more change' if told else 'change')} of incidents: {by_severity}",
        sections=versions[0],
        footer=f"Sent as a digest. {letter.why}",
        day=day,
        at=now,
        facts=tuple(_facts(d, t, h) for d, t, h in zip(letter.decisions, topics, heads, strict=True)),
        versions=versions,
    )


_HANDLE = Section("Look at them", ("pulse incidents list", "pulse incidents show ID"), "code", keep=True)


def _worst(letter: Letter, about: Mapping[str, Topic]) -> tuple[object, ...]:
    return (ORDER[letter.decisions[0].notification], *min(importance(about[d.incident_id]) for d in letter.decisions))


def _short(topic: Topic) -> str:
    return topic.incident.name if topic.incident.number is not None else topic.incident.incident_id[:SHORT_ID]


def _more(count: int) -> str:
    return f"… and {count:,} more" if count > 0 else ""


def _joined(names: Sequence[str]) -> list[str]:
    """Return names as lines of some length."""
    lines = [""]
    for name in map(clean, names):
        if lines[-1] and len(lines[-1]) + len(name) > LINE:
            lines.append("")
        lines[-1] += f", {name}" if lines[-1] else name
    return lines


def _sections(lines: Iterable[str], style: str) -> list[Section]:
    """Return lines as sections that are not too long for a channel."""
    chunks: list[list[str]] = [[]]
    for line in map(clean, lines):
        if chunks[-1] and sum(map(len, chunks[-1])) + len(line) > CHUNK:
            chunks.append([])
        chunks[-1] += [line] if line else []
    kind = "bullets" if style == "bullets" else "text"
    return [Section("Named here" if n == 0 else "And", tuple(chunk), kind) for n, chunk in enumerate(chunks) if chunk]  # type: ignore[arg-type]


def _facts(decision: Decision, topic: Topic, head: str) -> dict[str, object]:
    incident = topic.incident
    return {
        "incident_id": incident.incident_id, "number": incident.number, "notification": decision.notification,
        "segment_id": incident.segment_id, "entity": incident.entity, "severity": incident.severity,
        "status": incident.status, "owner": topic.owner, "label": topic.label, "headline": clean(head),
    }  # fmt: skip
