"""Everything that Pulse raises on purpose.

PulseError
├── UsageError          the call cannot be carried out as asked (exit code 2)
├── DefinitionError     segments/ is not valid; carries every problem found, each with file and line
├── WarehouseError      the warehouse or dbt refused; carries what was tried
│   └── BusyError       another process holds the warehouse or the run lock
├── ExplainError        an explanation could not be made or did not pass its checks
└── ChannelError        a message could not be delivered; says whether a retry can help
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PulseError(Exception):
    """Any failure that Pulse can name; its text says what, where and what to do."""

    exit_code = 1


class UsageError(PulseError):
    """The call cannot be carried out as asked."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one place of a definition file.

    `line` is 1-based; 0 when the problem belongs to the file as a whole.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class DefinitionError(PulseError):
    """The definitions are not valid. Nothing was written."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the definitions; nothing was written:"
        super().__init__("\n".join([head, *(f"  {p}" for p in self.problems)]))


class WarehouseError(PulseError):
    """The warehouse or dbt refused."""


class BusyError(WarehouseError):
    """Another process holds the warehouse or the run lock."""


class ExplainError(PulseError):
    """An explanation could not be made or did not pass its checks."""


class ChannelError(PulseError):
    """A message could not be delivered.

    `retryable` says whether the same message may go through later; `retry_after` is in seconds, when the channel named it.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
