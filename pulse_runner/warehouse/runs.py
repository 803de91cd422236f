"""The ledger of the runner: one row of `pulse_runs` per stage that ran."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from pulse_runner.errors import BusyError, PulseError
from pulse_runner.warehouse.base import Warehouse


@dataclass
class Run:
    """One stage while it runs; put what it counted into `counts`, and into `failure` why it is not whole though it went on."""

    run_id: str
    counts: dict[str, int] = field(default_factory=dict)
    failure: str = ""


@contextmanager
def recorded(warehouse: Warehouse, stage: str, first: date, last: date, now: datetime) -> Iterator[Run]:
    """Write the stage into `pulse_runs` when it starts and again when it ends, with its outcome, counts and seconds.

    Two runs of one stage never overlap: the second raises BusyError, before it writes anything.
    """
    clock = time.monotonic()
    run = Run(_run_id(stage, first, last))

    def write(outcome: str, message: str) -> None:
        row = _row(run, stage, first, last, now, time.monotonic() - clock, outcome, message)
        warehouse.replace("pulse_runs", ["run_id"], [row])

    with warehouse.exclusive(stage):
        write("running", "")
        try:
            yield run
        except BaseException as error:
            with suppress(PulseError):  # the stage's own error is the one to show
                write("failed", _words(error))
            raise
        write("ok", "")


@contextmanager
def recorded_build(
    open_warehouse: Callable[[], AbstractContextManager[Warehouse]], first: date, last: date, now: datetime
) -> Iterator[Run]:
    """Write the stage `snapshot` into `pulse_runs` when the dbt build inside the block has ended, with its real seconds.

    There is no row before: dbt may need the DuckDB file for itself, and the first build is what makes the table. A build
    that failed before there was a table is not recorded, nor one that was refused because another was at it; in every
    case the build's own error is the one that is raised.
    """
    clock = time.monotonic()
    run = Run(_run_id("snapshot", first, last))

    def write(outcome: str, message: str) -> None:
        row = _row(run, "snapshot", first, last, now, time.monotonic() - clock, outcome, message)
        with open_warehouse() as warehouse:
            warehouse.replace("pulse_runs", ["run_id"], [row])

    try:
        yield run
    except BusyError:
        raise
    except BaseException as error:
        with suppress(PulseError):
            write("failed", _words(error))
        raise
    write("failed" if run.failure else "ok", run.failure)


def _run_id(stage: str, first: date, last: date) -> str:
    return sha256(f"{stage}|{first}|{last}|{datetime.now(UTC).isoformat()}".encode()).hexdigest()[:16]


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    return str(error) if isinstance(error, PulseError) else type(error).__name__


def _row(
    run: Run, stage: str, first: date, last: date, now: datetime, seconds: float, outcome: str, message: str
) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "stage": stage,
        "from_date": first,
        "to_date": last,
        "started_at": now.replace(tzinfo=None),
        "finished_at": None if outcome == "running" else datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        "seconds": round(seconds, 3),
        "outcome": outcome,
        "counts": json.dumps(run.counts, sort_keys=True),
        "message": message[:1000],
    }
