"""The evidence of one case as the causes look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pulse_runner.explain.case import SIZES, Case
from pulse_runner.explain.explanation import Evidence
from pulse_runner.segments.columns import source_column

MOST = 0.5  # from this part of the moved members on, a cause counts as evidenced


@dataclass(frozen=True)
class View:
    """The evidence of one case, by kind, with the sums that the causes need."""

    case: Case
    evidence: Sequence[Evidence]

    def of(self, *kinds: str) -> list[Evidence]:
        """Return the facts of these kinds, weightiest first."""
        return [e for e in self.evidence if e.kind in kinds]

    @cached_property
    def movements(self) -> list[Evidence]:
        """Return the facts of who moved by what, in the incident's direction.

        For metrics that members do not move by coming and leaving these are all of them.
        """
        sign = {"up": 1, "down": -1}.get(self.case.direction if self.case.metric in SIZES else "", 0)
        if self.case.metric == "exited":
            sign = -sign
        return [e for e in self.of("cause") if sign * (e.contribution or 0) > 0 or not sign]

    def part(self, movements: Sequence[Evidence]) -> float:
        """Return which part (0 to 1) of the excess movement the given ones make."""
        total = sum(abs(e.contribution or 0) for e in self.movements)
        return sum(abs(e.contribution or 0) for e in movements) / total if total else 0.0

    def moved_by(self, *causes: str) -> list[Evidence]:
        """Return the movements by these causes of pulse_segment_changes."""
        return [e for e in self.movements if e.values.get("cause") in causes]

    def moved_through(self, column: str) -> list[Evidence]:
        """Return the movements whose conditions read the column."""
        return [e for e in self.movements if column in self.columns_of(e)]

    def columns_of(self, movement: Evidence) -> set[str]:
        """Return the columns that the conditions of a movement read, clocks resolved."""
        entity = self.case.definition
        names = [c.strip() for c in str(movement.values.get("columns") or "").split(",")]
        return {source_column(entity, n) if entity else n for n in names if n}

    def lineage(self, column: str) -> list[Evidence]:
        """Return the models above the column, nearest first."""
        return [e for e in self.of("lineage") if e.values["column_name"] == column]

    def changed(self, column: str) -> list[Evidence]:
        """Return the edits of models that made the column another way, or may have."""
        edits = [e for e in self.of("model_changed") if e.values["column_name"] == column]
        return [e for e in edits if e.values["changed"] in ("column", "text")]


def ids(*groups: Sequence[Evidence]) -> tuple[str, ...]:
    """Return the ids of facts, in order and once each."""
    return tuple(dict.fromkeys(e.id for group in groups for e in group))


def said(facts: Sequence[Evidence]) -> str:
    """Return the statements of facts as one text."""
    return " ".join(e.statement for e in facts)


def number(fact: Evidence, name: str) -> float:
    """Return a number of a fact; what is too small to be told counts as zero, `>570` as 570."""
    value = fact.values.get(name)
    if isinstance(value, str) and value.startswith(">"):
        return float(value[1:])
    return float(value) if isinstance(value, int | float) else 0.0
