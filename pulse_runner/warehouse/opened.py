"""An open connection, whoever opened it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Opened:
    """One open connection: `cursor` gives a cursor of the driver, `relation` the quoted name of a table of Pulse.

    `user` is whom the server knows, '' where the warehouse has no users or the profile does not say. `cancel` stops the
    statement that is at work, from any thread; None where the driver is not known to have it.
    """

    dialect: str
    schema: str
    cursor: Callable[[], Any]
    relation: Callable[[str], str]
    close: Callable[[], None]
    user: str = ""
    cancel: Callable[[], None] | None = None
