"""One run per project: who comes second waits, and says for whom.

A file in the project's `target/` is seen by every process of this machine, and the system gives it back when one dies. On
Postgres a lease in the warehouse is seen by other machines too. DuckDB lets in one process at a time, so there the lease
is the file itself, and a process that is not Pulse's is waited for as well.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

from pulse_runner.errors import BusyError, PulseError
from pulse_runner.warehouse.connection import connect, warehouse_type
from pulse_runner.warehouse.dbt import ensure_manifest
from pulse_runner.warehouse.lease import holder, lease

if sys.platform != "win32":
    import fcntl

PAUSE = 0.5  # seconds between two looks


@contextmanager
def run_lock(
    root: Path, target: str | None, day: date, command: str, *, wait: float, seconds: float, strangers: bool,
    say: Callable[[str], None],
) -> Iterator[None]:  # fmt: skip
    """Hold the lock of a project while the block runs; wait for it up to `wait` seconds, then raise BusyError.

    It is one lock for all dates: incidents, messages and dbt's views belong to all of them. `command` is what the one who
    waits is told; `seconds` is how long a lease lasts after its holder has died. With `strangers`, a process that has the
    DuckDB file open and is not Pulse's is waited for too.
    """
    kind = warehouse_type(root, target)
    if kind == "postgres":
        with suppress(PulseError):  # what is wrong with the project is said by who needs it
            ensure_manifest(root, target)  # it says in which schema the lease is
    deadline, told = time.monotonic() + wait, ""
    while True:
        with ExitStack() as held:
            try:
                held.enter_context(_file_lock(root, command))
                if kind == "postgres":
                    held.enter_context(lease(root, target, day, command, seconds, say))
                elif kind == "duckdb" and strangers:
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
def _file_lock(root: Path, command: str) -> Iterator[None]:
    """Hold the lock file of a project; raise BusyError that names the process that has it."""
    if sys.platform == "win32":  # it has no such locks: there only the warehouse's own count
        yield
        return
    path = root / "target" / "pulse_run.lock"
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(
                f"Another run of this project is at it{_holder(path)}.", "Run again when it has ended."
            ) from None
        if not path.exists() or os.fstat(handle).st_ino != path.stat().st_ino:  # its last holder has just taken it away
            raise BusyError("Another run of this project has just ended.", "Run again.")
        os.truncate(handle, 0)
        os.write(handle, json.dumps(_me(command)).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _me(command: str) -> dict[str, object]:
    return holder(command) | {"since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text(encoding="utf-8"))
        return ": `{command}` by {user} on {host}, process {pid}, since {since} UTC".format(**who)
    except (OSError, ValueError, KeyError):
        return ""
