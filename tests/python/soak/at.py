"""Start `pulse` while its clock shows another time: python at.py 2026-03-02T06:30:00 run --date 2026-03-01"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module

READERS = ("cli.context", "warehouse.lock", "warehouse.runs", "alert.stage", "cli.schedule")  # who asks what time it is


def shifted(offset: timedelta) -> type[datetime]:
    """Return a datetime whose `now` is off by so much; it goes on as time does."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + offset

    return Shifted


if __name__ == "__main__":
    clock = shifted(datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC) - datetime.now(UTC))
    for name in READERS:
        import_module(f"pulse_runner.{name}").datetime = clock  # type: ignore[attr-defined]
    from pulse_runner.cli import main

    sys.argv = ["pulse", *sys.argv[2:]]
    main()
