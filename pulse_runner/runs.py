"""The ledger of the runner: one row of `pulse_runs` per stage that ran."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from pulse_runner.errors import PulseError
from pulse_runner.warehouse.base import Warehouse


@dataclass
class Run:
    """One stage while it runs; put what it counted into `counts`."""

    run_id: str
    counts: dict[str, int] = field(default_factory=dict)


@contextmanager
def recorded(warehouse: Warehouse, stage: str, first: date, last: date, now: datetime) -> Iterator[Run]:
    """Write the stage into `pulse_runs` when it starts and again when it ends, with its outcome, counts and seconds.

    Two runs of one stage never overlap: the second raises BusyError, before it writes anything.
    """
    started, clock = now, time.monotonic()
    run = Run(sha256(f"{stage}|{first}|{last}|{datetime.now(UTC).isoformat()}".encode()).hexdigest()[:16])

    def write(outcome: str, message: str) -> None:
        finished = None if outcome == "running" else datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        row = {
            "run_id": run.run_id,
            "stage": stage,
            "from_date": first,
            "to_date": last,
            "started_at": started.replace(tzinfo=None),
            "finished_at": finished,
            "seconds": round(time.monotonic() - clock, 3),
            "outcome": outcome,
            "counts": json.dumps(run.counts, sort_keys=True),
            "message": message[:1000],
        }
        warehouse.replace("pulse_runs", ["run_id"], [row])

    with warehouse.exclusive(stage):
        write("running", "")
        try:
            yield run
        except BaseException as error:
            with suppress(PulseError):  # the stage's own error is the one to show
                write("failed", str(error) if isinstance(error, PulseError) else type(error).__name__)
            raise
        write("ok", "")
