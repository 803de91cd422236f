"""The seed file of known events: read it, and add public holidays to it without touching what people wrote."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pulse_runner.errors import PulseError, UsageError
from pulse_runner.known_events.calendar import holidays_of
from pulse_runner.known_events.event import SCOPES, KnownEvent
from pulse_runner.segments.characters import DO as HIDDEN
from pulse_runner.segments.characters import hidden_character
from pulse_runner.warehouse.project import first_folder

FILE = "pulse_known_events.csv"
COLUMNS = ("starts_on", "ends_on", "scope", "scope_value", "reason")


def events_path(root: Path) -> Path:
    """Return the seed of known events of a project, in the first folder that dbt reads seeds from."""
    return root / first_folder(root, "seed-paths", "seeds") / FILE


def read_known_events(path: Path) -> list[KnownEvent]:
    """Return the events of a CSV file with the columns of the seed. PulseError names the line that is not one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PulseError(f"There is no file {path}.", f"Write it with the header {','.join(COLUMNS)}.") from None
    rows = csv.DictReader(io.StringIO(text))
    missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
    if missing:
        raise PulseError(f"{path}: line 1 has no {', '.join(missing)}. The header is {','.join(COLUMNS)}.")
    return [_event(row, f"{path}: line {rows.line_num}") for row in rows]


def with_holidays(
    path: Path,
    country: str,
    first: date,
    last: date,
    *,
    scope: str = "all",
    scope_value: str = "",
    region: str | None = None,
) -> tuple[list[KnownEvent], str]:
    """Return the holidays that the file does not have yet, and the file's text with them at its end.

    UsageError for a country or region that has no calendar.
    """
    if scope not in SCOPES or (scope == "all") != (not scope_value):
        raise UsageError("Give --scope entity, segment or owner together with --scope-value, or neither.")
    found = [
        KnownEvent(h.starts_on, h.ends_on, scope, scope_value, h.reason)
        for h in holidays_of(country, first, last, region)
    ]
    return with_events(path, found)


def with_events(path: Path, events: Iterable[KnownEvent]) -> tuple[list[KnownEvent], str]:
    """Return the events that the file does not have yet, and the file's text with them at its end; its lines stay as they are."""
    known = (
        {(e.starts_on, e.scope, e.scope_value, e.reason) for e in read_known_events(path)} if path.is_file() else set()
    )
    fresh = [e for e in events if (e.starts_on, e.scope, e.scope_value, e.reason) not in known]
    text = path.read_bytes().decode("utf-8") if path.is_file() else ",".join(COLUMNS) + "\n"
    return fresh, text + ("" if text.endswith("\n") else "\n") + _lines(fresh)


def write_known_events(path: Path, text: str) -> None:
    """Replace the file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(text.encode("utf-8"))
    os.replace(temporary, path)


def _lines(events: Iterable[KnownEvent]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([e.starts_on, e.ends_on, e.scope, e.scope_value, e.reason] for e in events)
    return out.getvalue()


def _event(row: dict[str, str], where: str) -> KnownEvent:
    try:
        starts, ends = date.fromisoformat(row["starts_on"]), date.fromisoformat(row["ends_on"])
    except (TypeError, ValueError):
        raise PulseError(f"{where}: starts_on and ends_on are dates as YYYY-MM-DD.") from None
    if ends < starts:
        raise PulseError(f"{where}: ends_on {ends} is before starts_on {starts}.")
    if row["scope"] not in SCOPES:
        raise PulseError(f"{where}: scope {row['scope']!r} is not one of {', '.join(SCOPES)}.")
    for column in ("scope_value", "reason"):
        if hidden := hidden_character(row[column] or ""):
            raise PulseError(f"{where}: {column} holds the control character {hidden[1]}.", HIDDEN)
    return KnownEvent(starts, ends, row["scope"], row["scope_value"] or "", row["reason"] or "")
