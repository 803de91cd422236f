"""Read the way to the person: who of a segment got through which step of a channel, and why the others did not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from pulse_runner.errors import UsageError, did_you_mean
from pulse_runner.segments.model import Entity
from pulse_runner.warehouse.base import Warehouse

COLUMNS = ("channel", "step", "reason", "members", "share")
STEPS = ("rule", "eligible", "reachable", "synced", "accepted")
STOPPED, MISSED = "no rows of the destination", "not synced"  # reasons that the snapshot writes
LOST_COLUMN = re.compile(r"column reach\.\w+\.(\w+) is missing")


def said_reason(stored: str) -> str:
    """Return a stored reason as it is told: a column that the destination lost is named as its mapping calls it.

    >>> said_reason("column reach.email.status is missing"), said_reason("rejected: quota")
    ('the destination has no column for status', 'rejected: quota')
    """
    lost = LOST_COLUMN.fullmatch(stored)
    return f"the destination has no column for {lost[1]}" if lost else stored


def is_own_reason(stored: str) -> bool:
    """Say whether a stored reason is one that Pulse found, not a text of the destination."""
    return stored in (STOPPED, MISSED) or bool(LOST_COLUMN.fullmatch(stored))


def ladder_rows(
    warehouse: Warehouse, entity: Entity, segment: str, day: date, channel: str | None = None
) -> list[dict[str, Any]]:
    """Return the ladder of a segment on a date: per channel and step who got through (reason '') and who was lost.

    `share` is of those who came to the step. A channel of one condition has the steps up to reachable. Raises UsageError for a
    channel that is not there.
    """
    if channel and channel not in entity.reach:
        hint = did_you_mean(channel, list(entity.reach)) or f"; it has {', '.join(entity.reach) or 'none'}"
        raise UsageError(f"{entity.name} has no channel {channel!r}{hint}.")
    channels = [channel] if channel else list(entity.reach)
    rows = _stored(warehouse, segment, day) if entity.reach_steps else []
    told = {r["channel"] for r in rows}
    rows += [r for r in _plain(warehouse, segment, day) if r["channel"] not in told]
    return sorted(
        (r for r in rows if r["channel"] in channels),
        key=lambda r: (
            channels.index(r["channel"]),
            STEPS.index(r["step"]),
            r["reason"] != "",
            -r["members"],
            r["reason"],
        ),
    )


def endings(entity: Entity, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence per channel whose ladder ends before `accepted`: where it ends, and why."""
    out = []
    for channel in dict.fromkeys(r["channel"] for r in rows):
        last = max((r["step"] for r in rows if r["channel"] == channel), key=STEPS.index)
        if last == "accepted":
            continue
        declared = entity.reach_steps.get(channel)
        destination = declared.destination if declared else None
        if destination is None:
            why = f"no destination is declared for it (reach.{channel}.destination of {entity.name})"
        elif last == "synced":
            why = "its destination has no word for accepted"
        else:
            why = "this segment is not sent to its destination"
        out.append(f"{channel}: the ladder ends at {last}: {why}.")
    return out


def _stored(warehouse: Warehouse, segment: str, day: date) -> list[dict[str, Any]]:
    return warehouse.query(
        f"select channel, step, reason, members, share from {warehouse.table('pulse_reach_ladder')}"
        " where segment_id = ? and snapshot_date = ?",
        [segment, day],
    )


def _plain(warehouse: Warehouse, segment: str, day: date) -> list[dict[str, Any]]:
    """Return the steps of the channels that declare no more than who can be reached."""
    found = warehouse.query(
        f"select r.channel, r.reachable, s.size from {warehouse.table('pulse_segment_reach')} as r"
        f" join {warehouse.table('pulse_segment_snapshots')} as s"
        " on s.segment_id = r.segment_id and s.snapshot_date = r.snapshot_date"
        " where r.segment_id = ? and r.snapshot_date = ?",
        [segment, day],
    )
    rows = []
    for r in found:
        size, reachable = r["size"], r["reachable"]
        steps = [("rule", "", size), ("eligible", "", size), ("reachable", "", reachable)]
        steps += [("reachable", "not reachable", size - reachable)] if size > reachable else []
        for step, reason, members in steps:
            share = members / size if size else None
            rows.append({"channel": r["channel"], "step": step, "reason": reason, "members": members, "share": share})
    return rows
