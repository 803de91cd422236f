"""Evidence from dbt's manifest: which models and sources above the relation name a column."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.health import suspected_columns
from pulse_runner.segments.model import Relation
from pulse_runner.warehouse.manifest import node_of, nodes_that_name

MAX_SUSPECTS = 2
MAX_DEPTH = 4


@dataclass(frozen=True)
class Lineage:
    """Follow a column's name through the SQL of the models above its relation, nearest first."""

    kinds: tuple[str, ...] = ("lineage",)

    def gather(self, c: Collector) -> None:
        """Add the path of each suspected column, else of the column that the metric reads first."""
        for column in suspected_columns(c)[:MAX_SUSPECTS] or c.case.columns[:1]:
            _follow(c, column)


def _follow(c: Collector, column: str) -> None:
    relation, name = _origin(c, column)
    node = node_of(c.manifest, relation.function, *relation.arguments) if relation else None
    if c.manifest is None or node is None:
        return
    for depth, found in enumerate(nodes_that_name(c.manifest, node, name, MAX_DEPTH)):
        what, where = found["resource_type"], found.get("original_file_path") or ""
        text = (
            f"Column {column} is read from {what} {found['name']} ({where})."
            if depth == 0
            else f"Above it, {what} {found['name']} ({where}) names {name}."
        )
        row = {"column_name": column, "node": found["name"], "path": where}
        c.add("lineage", text, row, list(row), "", source="target/manifest.json", weight=0.45 - 0.05 * depth)


def _origin(c: Collector, column: str) -> tuple[Relation | None, str]:
    """Return the relation that a column is read from, and its name there."""
    entity = c.case.definition
    if entity is None:
        return None, column
    event, dot, name = column.partition(".")
    if not dot:
        return entity.relation, entity.column(column)
    source = entity.events[event]
    return source.relation, source.columns.get(name, name)
