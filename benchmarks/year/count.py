"""What a year of messages was: per owner and week, per cause and target before it is acknowledged, late ones, and on quiet days."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean

import duckdb

from benchmarks.year.faults import Fault
from benchmarks.year.shop import CLOSED, Shop

ECHO = 2  # days after a fault that belong to it: what a repair does to levels
SHADOW = 14  # days after a closure in which its gap still moves audiences of the last days and weeks
AFTERWARDS = ("resolved", "acknowledged")


@dataclass(frozen=True)
class Message:
    """One message to one target: the lead's incident is the first of `incidents` (name, story, detected on)."""

    day: date
    sent_at: datetime
    target: str
    kind: str
    subject: str
    is_digest: bool
    incidents: tuple[tuple[str, str, date], ...]

    @property
    def story(self) -> str:
        """Return the cause as Pulse sees it."""
        return self.incidents[0][1]

    @property
    def began(self) -> date:
        """Return when the oldest of its incidents was found."""
        return min(found for _, _, found in self.incidents)


def read(shop: Shop) -> tuple[list[Message], dict[str, datetime]]:
    """Return the messages that went out, in their order, and when each story was acknowledged first."""
    with tempfile.TemporaryDirectory() as folder:  # a copy: the run may be going on
        copy = Path(folder) / "copy.duckdb"
        shutil.copyfile(shop.file, copy)
        with duckdb.connect(str(copy), read_only=True) as connection:
            rows = connection.execute(
                "select d.idempotency_key, d.snapshot_date, d.sent_at, d.route, d.channel, d.notification, d.subject, d.reason,"
                " concat('INC-', i.number), i.group_key, i.detected_on from pulse_alert_deliveries as d"
                " inner join pulse_incidents as i on i.incident_id = d.incident_id where d.status = 'sent'"
                " order by d.sent_at, d.idempotency_key, d.body = '', i.number"
            ).fetchall()
            taken = connection.execute(
                "select i.group_key, min(e.occurred_at) from pulse_incident_events as e"
                " inner join pulse_incidents as i on i.incident_id = e.incident_id where e.event = 'acknowledged' group by i.group_key"
            ).fetchall()
    parts: dict[str, list[tuple[object, ...]]] = {}
    for row in rows:
        parts.setdefault(str(row[0]), []).append(row)
    messages = [
        Message(r[0][1], r[0][2], f"{r[0][3]}/{r[0][4]}", str(r[0][5]), str(r[0][6]), "digest" in str(r[0][7]),  # type: ignore[arg-type]
                tuple((str(x[8]), str(x[9]), x[10]) for x in r))  # type: ignore[misc]
        for r in parts.values()
    ]  # fmt: skip
    return messages, dict(taken)


def of_fault(message: Message, faults: Sequence[Fault]) -> Fault | None:
    """Return the fault in whose days, or just behind them, the incidents of a message were found."""
    return next((f for f in faults if f.covers(message.began, ECHO)), None)


def cause(message: Message, faults: Sequence[Fault]) -> str:
    """Return what a message is about: the planted fault, else the story."""
    fault = of_fault(message, faults)
    return f"{fault.kind}, {fault.first}" if fault else message.story


def before_taken(
    messages: Iterable[Message], acknowledged: Mapping[str, datetime], faults: Sequence[Fault]
) -> dict[tuple[str, str], list[Message]]:
    """Return by cause and target what was told before the cause was acknowledged; its end and the acknowledgement are left out."""
    kept = [m for m in messages if not m.is_digest and m.kind not in AFTERWARDS]
    taken: dict[str, datetime] = {}
    for m in kept:
        at = acknowledged.get(m.story)
        if at is not None:
            taken[cause(m, faults)] = min(at, taken.get(cause(m, faults), at))
    out: dict[tuple[str, str], list[Message]] = {}
    for m in kept:
        name = cause(m, faults)
        if m.sent_at <= taken.get(name, m.sent_at):
            out.setdefault((name, m.target), []).append(m)
    return out


def quiet_reason(message: Message, faults: Sequence[Fault]) -> str:
    """Return what stands behind a message on a quiet day; '' for one on a fault's days.

    >>> quiet_reason(Message(date(2010, 12, 28), datetime(2010, 12, 29), "crm/slack", "opened", "", False,
    ...                      (("INC-1", "a", date(2010, 12, 28)),)), [])
    'a closure'
    """
    if any(f.covers(message.day, ECHO) for f in faults):
        return ""
    if message.is_digest:
        return "a digest that was asked for"
    if of_fault(message, faults) is not None:
        return "a fault's end or acknowledgement" if message.kind in AFTERWARDS else "a fault's reminder or follow-up"
    if message.kind in AFTERWARDS:
        return "the end or acknowledgement of the shop's own moves"
    if any(a <= message.began <= b for a, b, _ in CLOSED):
        return "a closure"
    if any(a <= message.began <= b + timedelta(days=SHADOW) for a, b, _ in CLOSED):
        return "the gap that a closure leaves"
    return "the shop's own moves"


def tables(
    messages: Sequence[Message], acknowledged: Mapping[str, datetime], faults: Sequence[Fault], days: int, first: date
) -> str:
    """Return all tables as Markdown."""
    last = first + timedelta(days=days - 1)
    seen = [f for f in faults if f.first <= last]
    parts = [
        f"{days} days from {first} to {last}, {len(seen)} faults, {len(messages)} messages.",
        _by_owner(messages, days),
        _by_fault(messages, acknowledged, seen),
        _own_moves(messages, acknowledged, seen),
        _on_quiet_days(messages, seen, first, days),
    ]
    return "\n\n".join(parts)


def _by_owner(messages: Sequence[Message], days: int) -> str:
    weeks = days / 7
    lines = ["| target | messages | per week | worst week | opened | follow-ups | reminders | acknowledged | resolved | digests |",
             "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for target in sorted({m.target for m in messages}):
        own = [m for m in messages if m.target == target]
        kinds = Counter("digest" if m.is_digest else m.kind for m in own)
        worst = max(Counter(m.day.isocalendar()[:2] for m in own).values())
        follow = sum(kinds[k] for k in ("worsened", "grew", "explained"))
        cells = [
            target, len(own), f"{len(own) / weeks:.1f}", worst, kinds["opened"], follow, kinds["reminder"], kinds["acknowledged"],
            kinds["resolved"], kinds["digest"],
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _by_fault(messages: Sequence[Message], acknowledged: Mapping[str, datetime], faults: Sequence[Fault]) -> str:
    told = before_taken(messages, acknowledged, faults)
    lines = ["| fault | days | first told | late | stories | targets | messages before acknowledged | per target | repeats |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    every = list[int]()
    for fault in faults:
        own = [m for m in messages if of_fault(m, faults) is fault and m.kind not in AFTERWARDS]
        counts = [len(ms) for (name, _), ms in told.items() if name == f"{fault.kind}, {fault.first}"]
        every += counts
        begin = min((m.day for m in own), default=None)
        late = "NEVER" if begin is None else "late" if begin > fault.first + timedelta(days=1) else ""
        cells = [
            f"{fault.kind}{' (people)' if fault.is_real else ''}", f"{fault.first}, {(fault.last - fault.first).days + 1}", begin or "",
            late, len({m.story for m in own}), len(counts), sum(counts), f"{mean(counts):.1f}" if counts else "", sum(counts) - len(counts),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if every:
        lines.append(
            f"| **all** | | | | | {len(every)} | {sum(every)} | {mean(every):.2f} | {sum(every) - len(every)} |"
        )
    return "\n".join(lines)


def _own_moves(messages: Sequence[Message], acknowledged: Mapping[str, datetime], faults: Sequence[Fault]) -> str:
    names = {f"{f.kind}, {f.first}" for f in faults}
    counts = [len(ms) for (name, _), ms in before_taken(messages, acknowledged, faults).items() if name not in names]
    if not counts:
        return "No other causes were told."
    return (
        f"Other causes (the shop's own): {len(counts)} of a target, {sum(counts)} messages before acknowledged,"
        f" {mean(counts):.2f} each, at most {max(counts)}."
    )


def _on_quiet_days(messages: Sequence[Message], faults: Sequence[Fault], first: date, days: int) -> str:
    every = [first + timedelta(days=n) for n in range(days)]
    quiet = [d for d in every if not any(f.covers(d, ECHO) for f in faults)]
    reasons = Counter(r for m in messages if (r := quiet_reason(m, faults)))
    lines = [f"| messages on the {len(quiet)} quiet days | count |", "|---|---|"]
    return "\n".join([*lines, *(f"| {reason} | {n} |" for reason, n in reasons.most_common())])


def aloud(messages: Sequence[Message], faults: Sequence[Fault]) -> str:
    """Return a line for each message: day, target, kind, its incidents, its headline, and the fault or why it came on a quiet day."""
    lines = []
    for m in messages:
        fault = of_fault(m, faults)
        why = fault.kind if fault else quiet_reason(m, faults) or "beside a fault"
        names = ",".join(name for name, _, _ in m.incidents)
        lines.append(f"{m.day} {m.target:14} {m.kind:12} {names[:40]:20} {m.story[:6]} [{why}] {m.subject}")
    return "\n".join(lines)
