"""Both sides of a change in the warehouse: which relation each reads, and whether it has what the rule needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from pulse_runner.compile.tally import Tally
from pulse_runner.compile.write import used_columns
from pulse_runner.errors import PulseError
from pulse_runner.review.changes import Version, same_rows
from pulse_runner.segments.columns import rule_columns
from pulse_runner.segments.model import Entity, EventSource, Project
from pulse_runner.snapshot.read import shown_day
from pulse_runner.warehouse.base import Warehouse


@dataclass
class Source:
    """The rows of an entity as the warehouse has them now: read when they are asked for, and only once."""

    warehouse: Warehouse
    entity: Entity
    project: Project
    root: Path
    shown: Callable[[Entity, str], date]

    @cached_property
    def relation(self) -> str:
        """Return how SQL names the relation."""
        return self.warehouse.relation(self.entity.relation.function, *self.entity.relation.arguments)

    @cached_property
    def columns(self) -> frozenset[str]:
        """Return the columns that the relation has, in small letters."""
        return frozenset(
            str(c).lower() for c in self.warehouse.frame(f"select * from {self.relation} where 1 = 0").columns
        )

    @cached_property
    def day(self) -> date:
        """Return the date that is looked at."""
        return self.shown(self.entity, self.relation)

    def missing(self, version: Version) -> list[str]:
        """Return the columns of the relation that a rule reads and that are not there."""
        read = rule_columns(version.rule, version.entity, version.rules)
        names = [version.entity.column(c) for c in read if "." not in c]
        return [n for n in names if n.lower() not in self.columns]

    def trouble(self, version: Version) -> str:
        """Say why a rule cannot be counted here, '' when nothing is known to be in the way."""
        try:
            missing = self.missing(version)
            for source in version.events:
                self._events(source)
            _ = self.day
        except PulseError as error:
            return error.what
        return f"{self.entity.name} has no column {', '.join(missing)}" if missing else ""

    def tally(self, first: date, last: date) -> Tally:
        """Return an empty tally over these rows."""
        order = used_columns(self.project, self.entity, self.root)
        there = [c for c in order if self.entity.column(c).lower() in self.columns]
        return Tally(self.entity, self.relation, self.warehouse.dialect, first, last, there, self._events)

    def _events(self, source: EventSource) -> str:
        return self.warehouse.relation(source.relation.function, *source.relation.arguments)


@dataclass
class Sources:
    """The entities of both projects. One that reads the same rows in both has one source, that of the checkout."""

    warehouse: Warehouse
    base: Project
    head: Project
    root: Path
    asked: date | None
    today: date
    present: date
    _made: dict[tuple[str, bool], Source] = field(default_factory=dict)

    def of(self, entity: Entity, is_base: bool) -> Source:
        """Return the rows that an entity of the base, or of the checkout, reads."""
        own = self.head.entities.get(entity.name)
        if is_base and own is not None and same_rows(entity, own):
            entity, is_base = own, False
        project = self.base if is_base else self.head
        key = (entity.name, is_base)
        if key not in self._made:
            self._made[key] = Source(self.warehouse, entity, project, self.root, self._shown)
        return self._made[key]

    def _shown(self, entity: Entity, relation: str) -> date:
        return shown_day(self.warehouse, entity, relation, self.asked, self.today, self.present)
