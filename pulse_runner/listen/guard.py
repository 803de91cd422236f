"""Who may come in: the signature, its age, and how often. Pure but for the clock that is given."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pulse_runner.alert.channels.n8n import signature

WINDOW = 300  # seconds that a clock may differ, and that a request stays good
SHORTEST_SECRET = 16


def objection(secret: str, stamp: str, given: str, body: bytes, now: float) -> str:
    """Say why a request is not let in; '' when it is. The scheme is that of the events that Pulse sends.

    >>> objection("0123456789abcdef", "1000", "", b"{}", 1000.0)
    'the signature is missing'
    """
    if not given or not stamp:
        return "the signature is missing"
    try:
        wanted = signature(secret, stamp, body.decode())
    except UnicodeDecodeError:
        return "the signature is wrong"
    if not hmac.compare_digest(wanted.encode(), given.encode(errors="replace")):
        return "the signature is wrong"
    # after the signature, so that a stranger learns nothing of the clock
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > WINDOW:
        return f"the timestamp is more than {WINDOW} seconds from this server's clock"
    return ""


@dataclass
class Bucket:
    """Lets `size` through at once, and `per_minute` in the long run."""

    size: float
    per_minute: float
    clock: Callable[[], float]
    _left: float = field(init=False)
    _at: float = field(init=False)
    _turn: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin full."""
        self._left, self._at = self.size, self.clock()

    def wait(self) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        with self._turn:
            now = self.clock()
            self._left = min(self.size, self._left + (now - self._at) * self.per_minute / 60)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return 0.0
            return (1 - self._left) * 60 / self.per_minute
