"""lineage: the models and sources that a column is read from, with what dbt's project says about them."""

from __future__ import annotations

from dataclasses import dataclass

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.explain.evidence.lineage import name_of, path_of
from pulse_runner.explain.lineage.trace import lineage_of
from pulse_runner.scrub import scrub
from pulse_runner.vocabulary import plural
from pulse_runner.warehouse.manifest import node_of

MOST = 8
SOURCE = "target/manifest.json"


class Given(Arguments):
    """An entity and one of its columns."""

    entity: str
    column: str


@dataclass(frozen=True)
class LineageTool:
    """Tell which nodes feed a column of an entity's relation, nearest first."""

    name: str = "lineage"
    description: str = (
        "The dbt models and sources that feed a column of an entity, nearest first, with their descriptions."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per node."""
        entity = desk.entity(given.entity)
        if given.column not in entity.fields:
            raise ToolRefused(f"{entity.name} has no such column; it has {', '.join(sorted(entity.fields))}")
        column, manifest = entity.column(given.column), desk.manifest
        node = node_of(manifest, entity.relation.function, *entity.relation.arguments)
        if manifest is None or node is None:
            return Result(note="dbt's manifest does not know the relation; run `dbt parse`.")
        lineage, called = lineage_of(manifest, desk.warehouse.dialect, desk.root), scrub(given.column, 80)
        trace, out = lineage.trace(lineage.id_of(node), column), []
        for unique_id, steps in list(trace.nodes().items())[:MOST]:
            found = lineage.node(unique_id)
            mine = [s for s in trace.steps if s.node == unique_id]
            there = ", ".join(dict.fromkeys(s.column for s in mine))
            about = found.get("columns", {}).get(mine[0].column) or {}
            row = {
                "column_name": called, "node": found["name"], "path": path_of(found), "resource_type": found["resource_type"],
                "columns": scrub(there, 160), "steps": steps,
                "description": scrub(str(about.get("description") or found.get("description") or ""), 200),
            }  # fmt: skip
            above = f", {plural(steps, 'step')} above it" if steps else ""
            out.append(
                fact(self.name, f"{called} comes from {row['columns']} of {name_of(found)}{above}.", row, "", SOURCE)
            )
        unknown = [*(u for u, _ in trace.unread), *trace.possible]
        names = ", ".join(str(lineage.node(u)["name"]) for u in unknown[:MOST])
        return Result(tuple(out), note=f"Not known, and possible: {names}." if names else "")
