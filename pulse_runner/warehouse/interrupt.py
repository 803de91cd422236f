"""Ctrl-C while dbt works: it stops within two seconds, and leaves whole days behind.

dbt takes a KeyboardInterrupt for an error of whatever it was doing, and its threads go on with the statement that they
are at. So the statements are cancelled in the warehouse, and a thread that waits for nobody ends the process when it has
not ended by itself. A day is one transaction: a day that was not committed is not there.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import synchronize, util
from typing import Any

GRACE = 1.2  # seconds to write down what happened and to end in good order
EXIT_CODE = 130  # as shells have it: 128 and the number of the signal


@contextmanager
def stoppable(go_on: str) -> Iterator[None]:
    """Let Ctrl-C end the block and the process, with exit code 130 and one line that names the command that goes on."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are for the main thread
        return
    text = f"Stopped: the days that were complete stay, and no other has a row.\n  Go on with `{go_on}`."
    pressed, leaving = threading.Event(), threading.Lock()

    def stop(number: int, frame: Any) -> None:
        if not pressed.is_set():  # once is enough
            pressed.set()
            cancel_statements()
            raise KeyboardInterrupt

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    threading.Thread(target=_watch, args=(theirs, leaving, text), daemon=True).start()
    handler = signal.signal(signal.SIGINT, stop)
    wakeup = signal.set_wakeup_fd(ours.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        if pressed.is_set():
            _leave(leaving, text)
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)
        ours.close()


def _watch(wakeup: socket.socket, leaving: threading.Lock, text: str) -> None:
    """Wait for Ctrl-C, and end the process when it is still there a little later; the main thread may be in a driver."""
    with wakeup:
        while (signals := wakeup.recv(16)) and signal.SIGINT not in signals:
            pass
    if signals:  # without any, the block has ended
        time.sleep(GRACE)
        _leave(leaving, text)


def _leave(leaving: threading.Lock, text: str) -> None:
    """Say it once and end the process at once: Python would wait for dbt's threads, and those for the warehouse."""
    leaving.acquire()  # for good: the other one of the two that may come here waits until the process is gone
    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides it
    sys.stderr.write(f"{show_cursor}{text}\n")
    sys.stderr.flush()
    with suppress(Exception):  # dbt's locks, which Python would otherwise report as leaked
        for finalizer in list(util._finalizer_registry.values()):  # type: ignore[attr-defined]
            if finalizer._callback is synchronize.SemLock._cleanup:  # type: ignore[attr-defined]
                finalizer()
    os._exit(EXIT_CODE)


def cancel_statements() -> None:
    """Cancel the statement of every connection that dbt has open in this process."""
    factory = sys.modules.get("dbt.adapters.factory")
    for adapter in list(factory.FACTORY.adapters.values()) if factory else []:
        for connection in list(adapter.connections.thread_connections.values()):
            with suppress(Exception):  # it may have ended meanwhile; each driver has its own error tree
                if connection.state == "open":
                    _cancel(adapter, connection)


def _cancel(adapter: Any, connection: Any) -> None:
    if connection.type == "duckdb":
        connection.handle.cursor().interrupt()
    elif connection.type == "postgres":
        connection.handle.cancel()  # of the driver: safe from any thread
    else:
        adapter.connections.cancel(connection)
