"""The lease of a project in Postgres: one row of `pulse_runs`, with its holder and its end, which all machines see.

It needs no more than the runner has: select, insert and delete. It is taken in one transaction under a lock of that
transaction, so it works behind a pooler too. A holder that dies renews it no more, and the next one takes over at its end.
All times are the server's.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta
from pathlib import Path

from pulse_runner.errors import BusyError, NotBuiltError, PulseError, UsageError
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect

ROW = "lease"  # its run_id and its stage
SECONDS = 120.0


def lease_seconds(text: str) -> float:
    """Return how long a lease lasts without being renewed, as PULSE_LEASE_SECONDS says; raise UsageError for what is no such time.

    >>> lease_seconds(""), lease_seconds("30")
    (120.0, 30.0)
    """
    try:
        seconds = float(text) if text else SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise UsageError(f"PULSE_LEASE_SECONDS must be a number from 1 to 86400, not {text!r}.")
    return seconds


@contextmanager
def lease(
    root: Path, target: str | None, day: date, command: str, seconds: float, say: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lease while the block runs, renewing it; raise BusyError that says who has it and since when.

    Before the first build there is no table to hold it. Then it is taken as soon as there is one.
    """
    mine = holder(command) | {"at": os.urandom(4).hex()}
    _with(root, target, lambda w: take(w, day, mine, seconds))
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(seconds / 4):
            try:
                _with(root, target, lambda w: take(w, day, mine, seconds))
            except BusyError as busy:
                say(f"This run has lost its lease. {busy.what}")
                return
            except PulseError:
                continue  # the server may be back before the lease ends

    renewal = threading.Thread(target=renew, daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join(timeout=10)
        with suppress(PulseError):
            _with(root, target, lambda w: give_back(w, mine))


def holder(command: str) -> dict[str, object]:
    """Return what another one is told about this process."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "user": _user(), "command": command}


def take(warehouse: Warehouse, day: date, mine: dict[str, object], seconds: float) -> None:
    """Take the lease, or renew it; raise BusyError when another has it and it has not ended."""
    with warehouse.transaction():
        _alone(warehouse)
        now = warehouse.query("select cast(current_timestamp at time zone 'UTC' as timestamp) as now")[0]["now"]
        since = now
        if held := warehouse.query(f"select * from {warehouse.table('pulse_runs')} where run_id = ?", [ROW]):
            (row,), theirs = held, json.loads(held[0]["counts"])
            if theirs == mine:
                since = row["started_at"]
            elif row["finished_at"] > now:
                raise BusyError(
                    "Another run of this project is at it: `{command}` by {user} on {host}, process {pid},".format(
                        **theirs
                    )
                    + f" since {row['started_at']:%Y-%m-%d %H:%M:%S} UTC.",
                    f"Run again when it has ended. Had it died, its lease would end at {row['finished_at']:%H:%M:%S} UTC.",
                )
        row = {
            "run_id": ROW, "stage": ROW, "from_date": day, "to_date": day, "started_at": since,
            "finished_at": now + timedelta(seconds=seconds), "seconds": None, "outcome": "running",
            "counts": json.dumps(mine), "message": "",
        }  # fmt: skip
        warehouse.replace("pulse_runs", ["run_id"], [row])


def give_back(warehouse: Warehouse, mine: dict[str, object]) -> None:
    """End the lease, if it is still this one."""
    with warehouse.transaction():
        _alone(warehouse)
        held = warehouse.query(f"select counts from {warehouse.table('pulse_runs')} where run_id = ?", [ROW])
        if held and json.loads(held[0]["counts"]) == mine:
            warehouse.delete("pulse_runs", "run_id", ROW)


def _alone(warehouse: Warehouse) -> None:
    warehouse.query(
        "select pg_advisory_xact_lock(hashtext('pulse lease'), hashtext(?)) as alone", [warehouse.table("pulse_runs")]
    )


def _with(root: Path, target: str | None, act: Callable[[Warehouse], None]) -> None:
    warehouse = connect(root, target)
    try:
        with suppress(NotBuiltError):  # there is no table yet
            act(warehouse)
    finally:
        warehouse.close()


def _user() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"
