"""Evidence from dbt's manifest: which models, columns and sources feed a column, with the expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.health import suspected_columns
from pulse_runner.explain.explanation import Scalar
from pulse_runner.explain.lineage.trace import Lineage as Columns
from pulse_runner.explain.lineage.trace import Trace
from pulse_runner.segments.model import Relation
from pulse_runner.vocabulary import plural
from pulse_runner.warehouse.manifest import Node, node_of

MAX_SUSPECTS = 2
MAX_NODES = 10  # of one column; what is farther away is counted
MAX_EXPRESSION = 160


@dataclass(frozen=True)
class Lineage:
    """Follow the columns that the metric is made of up to their sources, nearest first."""

    kinds: tuple[str, ...] = ("lineage",)

    def gather(self, c: Collector) -> None:
        """Add what feeds each suspected column, else the column that the metric reads first; one fact per node."""
        for column in columns_to_follow(c):
            found = trace_of(c, column)
            if found is not None and c.lineage is not None:
                _tell(c, c.lineage, column, found)


def columns_to_follow(c: Collector) -> list[str]:
    """Return the columns of the metric that are worth following: the suspected ones, else the first."""
    return suspected_columns(c)[:MAX_SUSPECTS] or list(c.case.columns[:1])


def trace_of(c: Collector, column: str) -> Trace | None:
    """Return what feeds a column of the entity or of its events; None where dbt does not know its relation."""
    relation, name = _origin(c, column)
    node = node_of(c.manifest, relation.function, *relation.arguments) if relation else None
    if c.lineage is None or node is None:
        return None
    return c.lineage.trace(c.lineage.id_of(node), name)


def _tell(c: Collector, lineage: Columns, column: str, trace: Trace) -> None:
    nodes, unread = trace.nodes(), dict(trace.unread)
    readers = _readers(lineage, trace)
    for n, (unique_id, steps) in enumerate(list(nodes.items())[:MAX_NODES]):
        node = lineage.node(unique_id)
        mine = [s for s in trace.steps if s.node == unique_id]
        columns = ", ".join(dict.fromkeys(s.column for s in mine))
        maker = next((s for s in mine if s.expressions), None)
        made = _made(maker.expressions) if maker else ""
        gaps = [unread[unique_id]] if unique_id in unread else [g for s in mine for g in s.gaps]
        above = f", {plural(steps, 'step')} above it" if steps else ""
        text = f"Column {column} comes from {columns} of {name_of(node)}{above}"
        if maker:
            text += f", which is {made}" if len(mine) == 1 else f", where {maker.column} is {made}"
        if gaps:
            text += f". What feeds it there is not known: {gaps[0]}"
        row: Mapping[str, Scalar] = {
            "column_name": column, "node": str(node["name"]), "path": path_of(node), "steps": steps, "columns": columns,
            "expression": made.strip("`"), "not_known": gaps[0] if gaps else "",
            "feeds": ", ".join(readers.get(unique_id, ())),
        }  # fmt: skip
        c.add("lineage", text + ".", row, list(row), "", source="target/manifest.json", weight=0.45 - 0.02 * n)
    rest = [*list(nodes)[MAX_NODES:], *trace.possible]
    if rest:
        names = ", ".join(str(lineage.node(u)["name"]) for u in rest[:5]) + (", …" if len(rest) > 5 else "")
        may = " may" if trace.possible else ""
        text = f"{plural(len(rest), 'more node')} above{may} feed {column}: {names}."
        row = {
            "column_name": column,
            "node": str(lineage.node(rest[0])["name"]),
            "path": "",
            "nodes": names,
            "more": len(rest),
        }
        c.add("lineage", text, row, list(row), "", source="target/manifest.json", weight=0.2)


def _readers(lineage: Columns, trace: Trace) -> dict[str, list[str]]:
    """Return the names of the nodes of a trace that read each node, by its id."""
    found: dict[str, dict[str, None]] = {}
    for step in trace.steps:
        for above, _ in step.reads:
            if above != step.node:
                found.setdefault(above, {})[str(lineage.node(step.node)["name"])] = None
    return {above: list(names) for above, names in found.items()}


def name_of(node: Node) -> str:
    """Return how people know a node: `model stg_orders (models/stg_orders.sql)`."""
    kind, name = str(node["resource_type"]), str(node["name"])
    if kind == "source" and node.get("source_name"):
        name = f"{node['source_name']}.{name}"
    path = path_of(node)
    return f"{kind} {name} ({path})" if path else f"{kind} {name}"


def path_of(node: Node) -> str:
    """Return the file of a node."""
    return str(node.get("original_file_path") or "").replace("\\", "/")


def _made(expressions: tuple[tuple[str, str], ...]) -> str:
    """Return how a node makes a column: its expression, and that behind it where the first only hands on."""
    first, *rest = [(name, " ".join(sql.split()).replace("`", "'")) for name, sql in expressions]
    text = first[1] if len(first[1]) <= MAX_EXPRESSION else first[1][: MAX_EXPRESSION - 1] + "…"
    inner = next((f", where {name} is `{sql}`" for name, sql in rest if len(sql) <= MAX_EXPRESSION), "")
    return f"`{text}`{inner}" if len(text) + len(inner) <= 2 * MAX_EXPRESSION else f"`{text}`"


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
