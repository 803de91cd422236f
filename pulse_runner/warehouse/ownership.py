"""Whose a table is: the runner writes only to those that Pulse of the same project made.

dbt makes the tables, and leaves a mark in the comment of each (`macros/pulse_ownership.sql`, which also says how a table
without a mark is known). Both look before the first write.
"""

from __future__ import annotations

from pulse_runner.errors import WarehouseError
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Node, relation_name
from pulse_runner.warehouse.relations import Relation, can_be_read, relations_in

MARK = "Made by Pulse for "
SCHEMA_VERSION = 2  # of the names and columns of Pulse's tables; the table of them is in CHANGELOG.md


def mark_of(project: str) -> str:
    """Return the last line of the comment on each relation that Pulse makes (`pulse_mark_line` of the package)."""
    return f"{MARK}{project}. Schema {SCHEMA_VERSION}."


def is_marked(relation: Relation, project: str) -> bool:
    """Say whether Pulse of this project made the relation, by its mark."""
    return f"{MARK}{project}." in relation.comment


def fits_contract(relation: Relation, node: Node) -> bool:
    """Say whether a table without a mark is of its model: every column is one of the model's, and most of those are there."""
    there = {c.lower() for c in relation.columns}
    known = {str(c).lower() for c in node.get("columns") or node.get("config", {}).get("column_types") or ()}
    return not there - known and len(there) * 2 > len(known)


def require_own(warehouse: Warehouse, node: Node | None, project: str) -> None:
    """Raise WarehouseError when the relation of a node is there and was not made by Pulse of this project.

    A warehouse whose comments are not read, and a node that dbt does not know, pass by.
    """
    name = relation_name(node)
    if node is None or name is None or not can_be_read(warehouse):
        return
    alias = str(node.get("alias"))
    found = relations_in(warehouse, str(node.get("database")), str(node.get("schema")), [alias]).get(alias.lower())
    if found is not None:  # one that is not there yet is for the database to refuse
        require_own_relation(found, node, project)


def require_own_relation(found: Relation, node: Node, project: str) -> None:
    """Raise WarehouseError when the relation that stands where a node's is to be was not made by Pulse of this project."""
    name = relation_name(node)
    if is_marked(found, project):
        return
    if MARK in found.comment:
        raise WarehouseError(
            f"{name} belongs to Pulse of another project ({found.comment.splitlines()[-1]}) Nothing was written.",
            "Give Pulse of this project a schema of its own.",
        )
    if not fits_contract(found, node):
        raise WarehouseError(
            f"{name} is there already, and Pulse did not make it. Nothing was written to it.",
            "Rename it, or give Pulse a schema of its own: models: {pulse: {+schema: ...}} in dbt_project.yml.",
        )
