"""One run per project and date: who comes second waits, and says for what.

Two locks, because neither sees everything. A file in the project's `target/` is seen by every process of this machine. On
Postgres a lock of the server is seen by other machines too. DuckDB lets in one process at a time, whatever the date, so
there the lock is one per project, and a process that is not Pulse's is waited for as well.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from pulse_runner.errors import BusyError
from pulse_runner.warehouse.connection import connect, warehouse_type

if sys.platform != "win32":
    import fcntl

PAUSE = 0.5  # seconds between two looks


@contextmanager
def run_lock(root: Path, target: str | None, day: date, *, wait: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a project and date while the block runs; wait for it up to `wait` seconds, then raise BusyError."""
    kind = warehouse_type(root, target)
    what = "this project" if kind == "duckdb" else str(day)
    deadline, told = time.monotonic() + wait, ""
    while True:
        with ExitStack() as held:
            try:
                held.enter_context(_file_lock(root, what))
                if kind == "postgres":
                    warehouse = connect(root, target)
                    held.callback(warehouse.close)
                    held.enter_context(warehouse.exclusive(f"run of {day}"))
                elif kind == "duckdb":
                    connect(root, target).close()  # whoever else has the file open
            except BusyError as busy:
                if time.monotonic() >= deadline:
                    raise
                if busy.what != told:
                    told = busy.what
                    say(f"Waiting: {told}")
            else:
                yield
                return
        time.sleep(PAUSE)


@contextmanager
def _file_lock(root: Path, what: str) -> Iterator[None]:
    """Hold the lock file of a date; raise BusyError that names the process that has it."""
    if sys.platform == "win32":  # it has no such locks: there only the warehouse's own count
        yield
        return
    path = root / "target" / f"pulse_run_{what.replace(' ', '_')}.lock"
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(f"Another run of {what} is at it{_holder(path)}.", "Run again when it has ended.") from None
        if not path.exists() or os.fstat(handle).st_ino != path.stat().st_ino:  # its last holder has just taken it away
            raise BusyError(f"Another run of {what} has just ended.", "Run again.")
        os.truncate(handle, 0)
        os.write(handle, json.dumps({"process": os.getpid(), "since": f"{datetime.now(UTC):%H:%M:%S}"}).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return f" (process {who['process']}, since {who['since']} UTC)"
    except (OSError, ValueError, KeyError):
        return ""
