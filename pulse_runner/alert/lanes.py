"""Work on several services at the same time: a thread each, a deadline each, and one thread that writes.

Only the thread that calls `run_lanes` touches the warehouse. A lane hands it what is to be committed and waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

DEADLINE_SECONDS = 60.0
MOST_LANES = 8

T = TypeVar("T")


class AbandonedError(Exception):
    """The lane is over its deadline: nobody waits for it any more."""


class TakenError(Exception):
    """What a lane wanted to be written is another run's by now. `write` raises it, and the lane that asked gets it."""


@dataclass(eq=False)
class Lane(Generic[T]):
    """One service's work. `commit` blocks until the rows are written; `left` is the time that remains."""

    name: str
    inbox: queue.SimpleQueue[tuple[Lane[T], Sequence[T] | BaseException | None, threading.Event]]
    ends_at: float
    abandoned: threading.Event = field(default_factory=threading.Event)
    taken: TakenError | None = None

    def commit(self, rows: Sequence[T]) -> None:
        """Have rows written; raise AbandonedError when nobody does, TakenError when they may not be."""
        done = threading.Event()
        self.inbox.put((self, rows, done))
        while not done.wait(0.05):
            if self.abandoned.is_set():
                raise AbandonedError
        if self.abandoned.is_set():
            raise AbandonedError
        if self.taken is not None:
            taken, self.taken = self.taken, None
            raise taken

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self.ends_at - time.monotonic()

    def work(self, todo: Callable[[Lane[T]], None]) -> None:
        """Do it, and say that it is done, or what went wrong."""
        said: BaseException | None = None
        try:
            todo(self)
        except BaseException as error:
            said = error
        self.inbox.put((self, said, threading.Event()))


def run_lanes(
    todo: Mapping[str, Callable[[Lane[T]], None]],
    write: Callable[[str, Sequence[T]], None],
    seconds: float = DEADLINE_SECONDS,
) -> list[str]:
    """Work on all lanes, at most MOST_LANES at a time, and return the names of those that were not done in time.

    `write(name, rows)` is called in this thread only. An error of a lane is raised here.
    """
    inbox: queue.SimpleQueue[tuple[Lane[T], Sequence[T] | BaseException | None, threading.Event]] = queue.SimpleQueue()
    waiting, running, late = deque(todo), list[Lane[T]](), list[str]()
    try:
        while waiting or running:
            while waiting and len(running) < MOST_LANES:
                name = waiting.popleft()
                lane = Lane(name, inbox, time.monotonic() + seconds)
                running.append(lane)
                threading.Thread(target=lane.work, args=(todo[name],), daemon=True, name=f"pulse {name}").start()
            try:
                lane, said, done = inbox.get(timeout=max(min(lane.left() for lane in running), 0.0))
            except queue.Empty:
                late += _give_up_slow(running)
                continue
            late += _give_up_slow([other for other in running if other is not lane])
            running = [other for other in running if not other.abandoned.is_set()]
            if lane.abandoned.is_set():
                continue
            if isinstance(said, BaseException):
                raise said
            if said is None:
                running.remove(lane)
                continue
            try:
                write(lane.name, said)
            except TakenError as taken:
                lane.taken = taken
            done.set()
    finally:
        for lane in running:
            lane.abandoned.set()
    return late


def _give_up_slow(running: list[Lane[T]]) -> list[str]:
    """Take the lanes that are over their deadline out, and return their names."""
    slow = [lane for lane in running if lane.left() <= 0]
    for lane in slow:
        lane.abandoned.set()
        running.remove(lane)
    return [lane.name for lane in slow]
