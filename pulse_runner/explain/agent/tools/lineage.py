"""lineage: the models and sources that a column is read from, with what dbt's project says about them."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.explain.scrub import scrub
from pulse_runner.warehouse.manifest import node_of, nodes_that_name

MOST = 8


class Given(Arguments):
    """An entity and one of its columns."""

    entity: str
    column: str


@dataclass(frozen=True)
class LineageTool:
    """Tell which nodes above an entity's relation name a column, nearest first."""

    name: str = "lineage"
    description: str = (
        "The dbt models and sources above an entity that name a column, nearest first, with their descriptions."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per node."""
        entity = desk.entity(given.entity)
        if given.column not in entity.fields:
            raise ToolRefused(f"{entity.name} has no such column; it has {', '.join(sorted(entity.fields))}")
        node = node_of(desk.manifest, entity.relation.function, *entity.relation.arguments)
        if desk.manifest is None or node is None:
            return Result(note="dbt's manifest does not know the relation; run `dbt parse`.")
        out = []
        for found in nodes_that_name(desk.manifest, node, entity.column(given.column), MOST):
            column = found.get("columns", {}).get(entity.column(given.column)) or {}
            described = scrub(str(column.get("description") or found.get("description") or ""), 200)
            row = {
                "column_name": scrub(given.column, 80), "node": found["name"], "path": found.get("original_file_path") or "",
                "resource_type": found["resource_type"], "description": described,
            }  # fmt: skip
            text = f"{found['resource_type']} {found['name']} ({row['path']}) names {row['column_name']}."
            out.append(fact(self.name, text, row, "", "target/manifest.json"))
        return Result(tuple(out))
