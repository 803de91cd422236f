"""How the reason of a stale day names what upstream was not well: written by the snapshot, read by the detectors.

The text stands in `status_reason` of the snapshots, so a detection on any day and from any place reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pulse_runner.scrub import scrub

State = Literal["failed", "was skipped", "is late"]
MESSAGE = 240  # characters of an error that are kept
_START = re.compile(r"(?:^|; )upstream (\w+) (\S+) (failed|was skipped|is late)(?:: |(?=;|$))")
# what servers put around their error, and values of rows that they quote
_TAIL = re.compile(r"\s+(?:LINE \d+:|compiled code at |CONTEXT:|DETAIL:\s+Failing row).*$", re.DOTALL)
_VALUE = re.compile(
    r"(?P<before>\bstring |\bvalue |\bsyntax for type [\w ]+: |\)=)(?:'[^']*'|\"[^\"]*\"|\([^)]*\))", re.IGNORECASE
)


@dataclass(frozen=True)
class Trouble:
    """One node of dbt that is the reason why a day cannot be snapshotted; `kind` is model, seed, snapshot, source or test."""

    kind: str
    name: str
    state: State
    message: str = ""

    def text(self) -> str:
        """Return the trouble as it stands in a reason.

        >>> Trouble("model", "orders", "failed", "no such column; total").text()
        'upstream model orders failed: no such column, total'
        """
        said = self.error
        return f"{self.headline()}: {said}" if said else self.headline()

    @property
    def error(self) -> str:
        """Return its message as one harmless line."""
        return error_line(self.message)

    def headline(self) -> str:
        """Return what is wrong with which node, without the words of the error."""
        return f"upstream {self.kind} {self.name} {self.state}"


def reason_of(troubles: Iterable[Trouble]) -> str:
    """Return the reason that names some troubles."""
    return "; ".join(t.text() for t in troubles)


def troubles_in(reason: str) -> list[Trouble]:
    """Return the troubles that a reason names, none where it was written by something else.

    >>> troubles_in("upstream model orders failed: no column; upstream source crm.people is late")[1].name
    'crm.people'
    >>> troubles_in("shop has no rows of 2026-05-30")
    []
    """
    starts = list(_START.finditer(reason))
    ends = [*(m.start() for m in starts[1:]), len(reason)]
    if not starts or starts[0].start() != 0:
        return []
    return [
        Trouble(m[1], m[2], m[3], reason[m.end() : end].strip())  # type: ignore[arg-type]
        for m, end in zip(starts, ends, strict=True)
    ]


def error_line(text: str) -> str:
    """Return an error of dbt or a server as one line, without values of rows, addresses and what is around it.

    >>> error_line("Database Error in model orders (models/orders.sql)\\n  column x is not there\\n  LINE 3: select x")
    'Database Error in model orders (models/orders.sql) column x is not there'
    >>> error_line("Could not convert string 'Ada Smith' to INT32")
    'Could not convert string […] to INT32'
    """
    plain = _VALUE.sub(lambda m: f"{m['before']}[…]", _TAIL.sub("", text.strip()))
    return re.sub(r"\s+", " ", scrub(plain, MESSAGE)).replace(";", ",").strip(" .")
