"""What becomes of one incident at one address."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from pulse_runner.alert.message import Notification
from pulse_runner.alert.routing import Address

Choice = Literal["send", "skip", "quiet"]


@dataclass(frozen=True)
class Decision:
    """What becomes of one incident at one address: `skip` withholds a message that is due, `quiet` means that none is.

    `fold` says why it is told in a digest; '' for a message of its own.
    """

    incident_id: str
    address: Address
    choice: Choice
    reason: str
    notification: Notification = "opened"
    sequence: int = 0
    fold: str = ""

    @property
    def delivery_id(self) -> str:
        """Return the id of the delivery: the same for the same message, however often it is planned."""
        parts = (self.incident_id, *self.address.key, self.notification, str(self.sequence))
        return sha256("|".join(parts).encode()).hexdigest()[:16]
