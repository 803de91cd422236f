"""How a source asks the warehouse: SQL with literal values, one fact per row, failures apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from pulse_runner.errors import DeniedError, WarehouseError
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence, Scalar
from pulse_runner.explain.lineage.trace import Lineage
from pulse_runner.scrub import scrub
from pulse_runner.segments.model import Project
from pulse_runner.vocabulary import count
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest

Answers = dict[str, list[dict[str, Any]]]


@dataclass
class Collector:
    """Evidence of one case while it is gathered.

    `gaps` says which questions could not be answered, and why. `manifest` is dbt's, and `lineage` the
    columns of it; None when there is none. `answers` are those to SELECTs of this run, by their text.
    """

    case: Case
    warehouse: Warehouse
    project: Project
    manifest: Manifest | None = None
    lineage: Lineage | None = None
    answers: Answers = field(default_factory=dict)
    found: list[Evidence] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def table(self, name: str) -> str:
        """Return the qualified name of one of Pulse's tables."""
        return self.warehouse.table(name)

    def rows(self, sql: str, about: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT; one that fails becomes a gap: it is not evidence. A missing privilege is for a person."""
        try:
            return self.asked(sql)
        except DeniedError:
            raise
        except WarehouseError as error:
            self.gaps.append(f"{about}: {scrub(str(error), 300)}")
            return []

    def tried(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT on somebody's own relation, none where it does not fit or may not be read: that is no gap."""
        try:
            return self.asked(sql)
        except WarehouseError:
            return []

    def columns_of(self, relation: str) -> list[str]:
        """Return the names of a relation's columns, none where it cannot be read."""
        try:
            return [str(n) for n in self.warehouse.frame(f"select * from {relation} where 1 = 0").columns]
        except WarehouseError:
            return []

    def asked(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT; one that another incident of the run asked already is not asked again."""
        if sql not in self.answers:
            self.answers[sql] = self.warehouse.query(sql)
        return [dict(row) for row in self.answers[sql]]

    def add(
        self,
        kind: str,
        statement: str,
        row: Mapping[str, Any],
        columns: Sequence[str],
        sql: str,
        *,
        source: str,
        weight: float,
        contribution: float | None = None,
        hide: Sequence[str] = (),
    ) -> None:
        """Keep one row of `sql` as a fact; columns of `hide` below k are told as `<k`."""
        values = {c: plain(row.get(c)) for c in columns}
        for name in hide:
            values[name] = hidden(values[name], self.case.k)
        self.found.append(Evidence(kind, scrub(statement, 600), values, sql, weight, source, contribution=contribution))


def hidden(value: Scalar, k: int) -> Scalar:
    """Return a number of people as it may leave the warehouse.

    >>> hidden(3, 5), hidden(0, 5), hidden(5, 5)
    ('<5', 0, 5)
    """
    return f"<{k}" if isinstance(value, int | float) and 0 < value < k else value


def told_parts(parts: Sequence[int], k: int) -> list[Scalar]:
    """Return the parts of a total that is known as they may leave the warehouse.

    A part of fewer than k people is told as `<k`. What the total leaves over, once the others are taken away, is at least k
    as well: else the largest part is told as a lower bound, in steps of 2 k.

    >>> told_parts([578, 30, 0], 5), told_parts([578, 2], 5), told_parts([578, 3, 40, 3], 5)
    ([578, 30, 0], ['>570', '<5'], [578, '<5', 40, '<5'])
    """
    out: list[Scalar] = [hidden(p, k) for p in parts]
    small = [p for p in parts if 0 < p < k]
    rest = [(p, n) for n, p in enumerate(parts) if p >= k]
    if small and (len(small) == 1 or sum(small) < k) and rest:
        part, n = max(rest)
        out[n] = f">{(part - k) // (2 * k) * 2 * k}"
    return out


def people(value: float, k: int) -> str:
    """Write a number of people; from 1 to k - 1 it is only told as smaller than k.

    >>> people(3, 5), people(0, 5), people(1200, 5)
    ('<5', '0', '1,200')
    """
    return f"<{k}" if 0 < value < k else count(value)


def words(told: Scalar) -> str:
    """Write a number of people that is hidden already, or not.

    >>> words(1200), words("<5"), words(">570")
    ('1,200', '<5', 'more than 570')
    """
    if told == ">0":
        return "some"
    return count(told) if isinstance(told, int | float) else str(told).replace(">", "more than ")


def plain(value: Any) -> Scalar:
    """Return a warehouse value as it is kept.

    Days as ISO text, text as one harmless line, numbers with six decimals.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        return scrub(value, 400)
    if isinstance(value, int):
        return value
    number = round(float(value), 6)
    return int(number) if number == int(number) else number
