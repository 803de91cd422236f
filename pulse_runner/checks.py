"""One line of `pulse doctor`: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """The outcome of one check; `fix` is what to do, empty when there is nothing to do."""

    name: str
    status: Literal["ok", "warn", "fail", "off"]
    detail: str
    fix: str = ""
