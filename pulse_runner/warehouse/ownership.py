"""Whose a table is: the runner writes only to those that Pulse of the same project made.

dbt makes the tables, and leaves a mark in the comment of each (`macros/pulse_ownership.sql`, which also says how a table
without a mark is known). Both look before the first write.
"""

from __future__ import annotations

from pulse_runner.errors import WarehouseError
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Node, relation_name

MARK = "Made by Pulse for "
COMMENTS = {
    "duckdb": (
        "select comment from duckdb_tables()"
        " where database_name = ? and lower(schema_name) = lower(?) and lower(table_name) = lower(?)"
    ),
    "postgres": (
        "select obj_description(c.oid, 'pg_class') as comment from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
        " inner join pg_database as d on d.datname = current_database() where d.datname = ? and n.nspname = ? and c.relname = ?"
    ),
}


def require_own(warehouse: Warehouse, node: Node | None, project: str) -> None:
    """Raise WarehouseError when the relation of a node is there and was not made by Pulse of this project.

    A warehouse whose comments are not read, and a node that dbt does not know, pass by.
    """
    sql, name = COMMENTS.get(warehouse.dialect), relation_name(node)
    if sql is None or node is None or name is None:
        return
    rows = warehouse.query(sql, [node.get("database"), node.get("schema"), node.get("alias")])
    comment = str(rows[0]["comment"] or "") if rows else None
    if comment is None or f"{MARK}{project}." in comment:
        return  # one that is not there yet is for the database to refuse
    if MARK in comment:
        raise WarehouseError(
            f"{name} belongs to Pulse of another project ({comment.splitlines()[-1]}) Nothing was written.",
            "Give Pulse of this project a schema of its own.",
        )
    there = {c.lower() for c in _columns(warehouse, name)}
    known = {str(c).lower() for c in node.get("columns", {})}
    if there - known or len(there) * 2 <= len(known):
        raise WarehouseError(
            f"{name} is there already, and Pulse did not make it. Nothing was written to it.",
            "Rename it, or give Pulse a schema of its own: models: {pulse: {+schema: ...}} in dbt_project.yml.",
        )


def _columns(warehouse: Warehouse, name: str) -> list[str]:
    return list(warehouse.frame(f"select * from {name} where 1 = 0").columns)
