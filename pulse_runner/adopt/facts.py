"""What a table looks like: its columns with their types, how many values they have, and whether a key is one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pulse_runner.compile.sql import quoted
from pulse_runner.errors import UsageError
from pulse_runner.segments.model import FieldType
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import RELATIONS, Manifest, Node, is_own, node_of, relation_name

SAMPLE = 200_000  # rows that columns are counted over: a table may be large
TYPES: tuple[tuple[FieldType, str], ...] = (
    ("boolean", r"bool"),
    ("timestamp", r"timestamp|datetime"),
    ("date", r"^date$"),
    ("text", r"char|text|string|uuid|enum"),
    ("number", r"^(u?(tiny|small|medium|big|huge)?int|u?int\d*\b|num|dec|float|double|real|bignum)"),
)


@dataclass(frozen=True)
class Column:
    """A column of the relation as the warehouse has it; `type` is None where no rule can use it (JSON, arrays, ...)."""

    name: str
    type: FieldType | None
    raw: str
    filled: int = 0
    distinct: int = 0
    mean: float | None = None
    most: str | None = None  # the most common value of a text


@dataclass(frozen=True)
class Table:
    """A relation: how dbt calls it, how SQL does, and its columns; `rows` were sampled, `is_snapshot` says that dbt keeps its history."""

    call: str
    name: str
    relation: str
    columns: tuple[Column, ...]
    rows: int = 0
    is_snapshot: bool = False

    def column(self, name: str) -> Column:
        """Return a column by name, whatever its case where that leaves no doubt; raise UsageError that lists the columns."""
        found = [c for c in self.columns if c.name == name]
        found = found or [c for c in self.columns if c.name.lower() == name.lower()]
        if len(found) != 1:
            raise UsageError(
                f"{self.name} has no column {name!r}.", f"It has {', '.join(c.name for c in self.columns)}."
            )
        return found[0]


@dataclass(frozen=True)
class Place:
    """Where a relation is, before anybody looked: the call, and the parts of its name."""

    call: str
    name: str
    database: str | None
    schema: str
    identifier: str
    relation: str
    kind: str


def places(manifest: Manifest) -> list[Place]:
    """Return the relations of a project that an entity could be: models, snapshots, seeds and sources, without Pulse's own."""
    found = []
    for node in manifest.get("nodes", {}).values():
        if node["resource_type"] in RELATIONS and not is_own(node) and relation_name(node):
            found.append(_place(f"ref({node['name']!r})", node, str(node["resource_type"])))
    for node in manifest.get("sources", {}).values():
        found.append(_place(f"source({node['source_name']!r}, {node['name']!r})", node, "source"))
    return sorted(found, key=lambda p: (p.kind == "seed", p.kind == "source", p.call))


def place_of(manifest: Manifest | None, function: str, *arguments: str) -> Place | None:
    """Return where a `ref` or `source` is, None when dbt knows none."""
    node = node_of(manifest, function, *arguments)
    if node is None or not relation_name(node):
        return None
    return _place(f"{function}({', '.join(map(repr, arguments))})", node, str(node["resource_type"]))


def undeclared(schema: str, table: str, dialect: str) -> Place:
    """Return where a source is that the project does not declare: a schema and a table of the target's database."""
    relation = f"{quoted(schema, dialect)}.{quoted(table, dialect)}"
    return Place(f"source({schema!r}, {table!r})", table, None, schema, table, relation, "source")


def read_columns(warehouse: Warehouse, found: Sequence[Place]) -> dict[str, tuple[Column, ...]]:
    """Return the columns of the relations that are there, by call, in their order."""
    schemas = sorted({p.schema.lower() for p in found})
    if not schemas:
        return {}
    marks = ", ".join("?" for _ in schemas)
    rows = warehouse.query(
        "select table_catalog, table_schema, table_name, column_name, data_type from information_schema.columns"
        f" where lower(table_schema) in ({marks}) order by table_catalog, table_schema, table_name, ordinal_position",
        schemas,
    )
    out = {}
    for place in found:
        columns = tuple(
            Column(r["column_name"], type_of(r["data_type"]), str(r["data_type"])) for r in rows if _is_of(place, r)
        )
        if columns:
            out[place.call] = columns
    return out


def look(warehouse: Warehouse, place: Place, columns: Sequence[Column]) -> Table:
    """Return a relation with its columns counted, over a sample of its rows."""
    sampled = f"(select * from {place.relation} limit {SAMPLE}) as sampled"
    known = [c for c in columns if c.type is not None]
    names = {c.name: quoted(c.name, warehouse.dialect) for c in known}
    parts = ["count(*) as all_rows"]
    for n, c in enumerate(known):
        parts += [f"count({names[c.name]}) as filled_{n}", f"count(distinct {names[c.name]}) as distinct_{n}"]
        if c.type == "number":
            parts.append(f"avg(cast({names[c.name]} as double precision)) as mean_{n}")
    row = warehouse.query(f"select {', '.join(parts)} from {sampled}")[0]
    counted = {}
    for n, c in enumerate(known):
        most = None
        if c.type == "text" and 1 < row[f"distinct_{n}"] <= 50:
            most = _most_common(warehouse, sampled, names[c.name])
        counted[c.name] = Column(
            c.name, c.type, c.raw, row[f"filled_{n}"], row[f"distinct_{n}"], row.get(f"mean_{n}"), most
        )
    every = tuple(counted.get(c.name, c) for c in columns)
    return Table(place.call, place.name, place.relation, every, row["all_rows"], place.kind == "snapshot")


def count_keys(warehouse: Warehouse, table: Table, columns: Sequence[str]) -> tuple[int, int]:
    """Return the rows that have all of these columns, and how many different values they take together, over the whole relation."""
    names = ", ".join(quoted(c, warehouse.dialect) for c in columns)
    filled = " and ".join(f"{quoted(c, warehouse.dialect)} is not null" for c in columns)
    row = warehouse.query(
        f"select sum(copies) as all_rows, count(*) as keys from (select count(*) as copies from {table.relation}"
        f" where {filled} group by {names}) as grouped"
    )[0]
    return int(row["all_rows"] or 0), int(row["keys"])


def type_of(raw: Any) -> FieldType | None:
    """Return the type of a column in the words of definitions, None where no rule can use it.

    >>> [type_of(t) for t in ("DECIMAL(18,2)", "timestamp with time zone", "UUID", "INTEGER[]", "interval", "bigint", "json")]
    ['number', 'timestamp', 'text', None, None, 'number', None]
    """
    text = str(raw).lower()
    if text.endswith("[]") or re.match(r"(struct|map|array|list|union|interval|range)", text):
        return None
    return next((name for name, pattern in TYPES if re.search(pattern, text)), None)


def _is_of(place: Place, row: dict[str, Any]) -> bool:
    database = place.database.lower() if place.database else None
    return (
        row["table_schema"].lower() == place.schema.lower()
        and row["table_name"].lower() == place.identifier.lower()
        and database in (None, str(row["table_catalog"]).lower())
    )


def _most_common(warehouse: Warehouse, sampled: str, name: str) -> str | None:
    rows = warehouse.query(
        f"select cast({name} as varchar) as value, count(*) as n from {sampled} where {name} is not null"
        " group by 1 order by 2 desc, 1 limit 1"
    )
    return str(rows[0]["value"]) if rows else None


def _place(call: str, node: Node, kind: str) -> Place:
    identifier = str(node.get("alias") or node.get("identifier") or node["name"])
    return Place(
        call, str(node["name"]), node.get("database"), str(node["schema"]), identifier, str(relation_name(node)), kind
    )
