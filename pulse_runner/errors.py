"""Everything that Pulse raises on purpose.

PulseError
├── UsageError          the call cannot be carried out as asked (exit code 2)
├── DefinitionError     segments/ is not valid; carries every problem found, each with file and line
├── WarehouseError      the warehouse or dbt refused; carries what was tried
│   ├── BusyError       another process holds the warehouse or the run lock
│   ├── NotBuiltError   a table or view is not there (yet)
│   └── DeniedError     the database user lacks a privilege
├── ExplainError        an explanation could not be made or did not pass its checks
├── ChannelError        a message could not be delivered; says whether a retry can help
└── UndeliveredError    alerts that are due have not arrived (exit code 4)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class PulseError(Exception):
    """Any failure that Pulse can name; its text says what and where on one line, and what to do on the next."""

    exit_code = 1

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(f"{what}\n  {do}" if do else what)
        self.what = what
        self.do = do


class UsageError(PulseError):
    """The call cannot be carried out as asked."""

    exit_code = 2


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` for the nearest known word, or nothing.

    >>> did_you_mean("countri", ["country", "plan"])
    '; did you mean `country`?'
    """
    words = list(known)
    if len(word) > 100 or len(words) > 2000:
        return ""  # to compare all would take longer than to look
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def unknown_segment(name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a segment that is not defined, with the name that was probably meant.

    >>> print(unknown_segment("ritch", ["rich", "poor"]))
    There is no segment 'ritch'.
      Did you mean 'rich'? `pulse segments list` names them all.
    """
    close = get_close_matches(name, sorted(known), 1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return UsageError(f"There is no segment {name!r}.", f"{meant}`pulse segments list` names them all.")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one place of a definition file, and what to do where that does not go without saying.

    `line` is 1-based; 0 when the problem belongs to the file as a whole.
    """

    file: str
    line: int
    message: str
    do: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f"\n    {self.do}" if self.do else "")


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


class NotBuiltError(WarehouseError):
    """A table or view is not in the warehouse: nothing was built yet, or it was dropped."""


class DeniedError(WarehouseError):
    """The database user lacks a privilege."""


class ExplainError(PulseError):
    """An explanation could not be made or did not pass its checks."""


class UndeliveredError(PulseError):
    """Alerts that are due have not arrived; everything else is done."""

    exit_code = 4


class ChannelError(PulseError):
    """A message could not be delivered.

    `retryable` says whether the same message may go through later; `retry_after` is in seconds, when the channel named it.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
