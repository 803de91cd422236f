"""The evidence of one case as the rules look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pulse_runner.explain.model import Case, Evidence, source_column

SIZES = ("size", "entered", "exited")
MOST = 0.5  # from this part of the moved members on, a cause counts as evidenced


@dataclass(frozen=True)
class View:
    """The evidence of one case, by kind, with the sums that the rules need."""

    case: Case
    evidence: Sequence[Evidence]

    def of(self, *kinds: str) -> list[Evidence]:
        """Return the facts of these kinds, weightiest first."""
        return [e for e in self.evidence if e.kind in kinds]

    @cached_property
    def causes(self) -> list[Evidence]:
        """Return the causes that pushed the size in the incident's direction (all of them for other metrics)."""
        sign = {"up": 1, "down": -1}.get(self.case.direction if self.case.metric in SIZES else "", 0)
        if self.case.metric == "exited":
            sign = -sign
        return [e for e in self.of("cause") if sign * (e.contribution or 0) > 0 or not sign]

    def part(self, causes: Sequence[Evidence]) -> float:
        """Return which part (0 to 1) of the excess movement the given causes make."""
        total = sum(abs(e.contribution or 0) for e in self.causes)
        return sum(abs(e.contribution or 0) for e in causes) / total if total else 0.0

    def by_column(self, column: str) -> list[Evidence]:
        """Return the causes whose conditions read the column."""
        return [e for e in self.causes if column in columns_of(e, self.case)]

    def by_cause(self, *names: str) -> list[Evidence]:
        """Return the causes of these names."""
        return [e for e in self.causes if e.values.get("cause") in names]


def columns_of(cause: Evidence, case: Case) -> set[str]:
    """Return the columns that a cause's conditions read, clocks resolved."""
    names = [c.strip() for c in str(cause.values.get("columns") or "").split(",")]
    return {source_column(case.definition, n) if case.definition else n for n in names if n}


def ids(*groups: Sequence[Evidence]) -> tuple[str, ...]:
    """Return the ids of facts, in order and once each."""
    return tuple(dict.fromkeys(e.id for group in groups for e in group))


def said(facts: Sequence[Evidence]) -> str:
    """Return the statements of facts as one text."""
    return " ".join(e.statement for e in facts)


def number(fact: Evidence, name: str) -> float:
    """Return a number of a fact; what is too small to be told counts as zero."""
    value = fact.values.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def field(case: Case, attribute: str) -> str:
    """Return the field behind an attribute."""
    if case.definition:
        for a in case.definition.attributes:
            if a.name == attribute:
                return a.field
    return attribute
