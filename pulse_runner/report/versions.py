"""The versions of a segment's definition, and what each edit did to who is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pulse_runner.explain.evidence.collector import hidden
from pulse_runner.explain.explanation import Scalar
from pulse_runner.report.contents import Version
from pulse_runner.vocabulary import percent

Rows = Sequence[Mapping[str, Any]]


def versions_of(rows: Rows, snapshots: Rows, edits: Rows, k: int) -> tuple[Version, ...]:
    """Return the versions, the newest first. `edits` are the members who came and left by edits, per day and direction."""
    ordered = sorted(rows, key=lambda r: r["version"])
    out = []
    for n, row in enumerate(ordered):
        edited = n > 0 and row["definition_hash"] != ordered[n - 1]["definition_hash"]
        gained, lost = _moved(edits, row["valid_from"], k) if edited else (None, None)
        out.append(
            Version(
                version=int(row["version"]), rule=row["rule_text"], valid_from=row["valid_from"], valid_to=row["valid_to"],
                owner=row["owner"] or "", is_rule_edit=edited, change=_change(snapshots, row["valid_from"]) if n else "",
                gained=gained, lost=lost,
            )
        )  # fmt: skip
    return tuple(reversed(out))


def _moved(edits: Rows, day: date, k: int) -> tuple[Scalar, Scalar]:
    """Return who came and who left by the edit of a day; both None where its changes are not known."""
    moved = {r["direction"]: int(r["members"]) for r in edits if r["snapshot_date"] == day}
    if not moved:
        return None, None
    gained, lost = (hidden(moved.get(direction, 0), k) for direction in ("gained", "lost"))
    return gained, lost


def _change(snapshots: Rows, day: date) -> str:
    """Say how the size changed on a day, edit and data together; '' where it is not known."""
    found = next((s for s in snapshots if s["snapshot_date"] == day), None)
    if found is None or found["size"] is None or not found["previous_size"]:
        return ""
    moved = found["size"] - found["previous_size"]
    return f"{moved:+,} ({percent(moved / found['previous_size'])})"
