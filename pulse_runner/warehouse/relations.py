"""What relations stand in a schema: their columns with types, their comments, the text of views. DuckDB and Postgres only.

Types are named alike on both, so that what one version of Pulse made can be written down once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulse_runner.warehouse.base import Warehouse

_COLUMNS = (
    "select t.table_catalog as database, t.table_schema as schema, t.table_name as name, t.table_type as kind, c.column_name,"
    " c.data_type as data_type, c.ordinal_position as position"
    " from information_schema.tables as t inner join information_schema.columns as c"
    " on c.table_catalog = t.table_catalog and c.table_schema = t.table_schema and c.table_name = t.table_name"
    " where lower(t.table_catalog) = lower(?) and lower(t.table_schema) = lower(?)"
)
_COMMENTS = {
    "duckdb": (
        "select table_name as name, comment, '' as text from duckdb_tables()"
        " where lower(database_name) = lower(?) and lower(schema_name) = lower(?) union all"
        " select view_name as name, comment, sql as text from duckdb_views()"
        " where lower(database_name) = lower(?) and lower(schema_name) = lower(?)"
    ),
    "postgres": (
        "select c.relname as name, obj_description(c.oid, 'pg_class') as comment,"
        " case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '' end as text"
        " from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'v', 'm', 'p') and lower(current_database()) = lower(?) and lower(n.nspname) = lower(?)"
    ),
}
_READERS = (
    "select distinct s.nspname || '.' || r.relname as reader from pg_depend as d inner join pg_rewrite as w on w.oid = d.objid"
    " inner join pg_class as r on r.oid = w.ev_class inner join pg_namespace as s on s.oid = r.relnamespace"
    " inner join pg_class as c on c.oid = d.refobjid inner join pg_namespace as n on n.oid = c.relnamespace"
    " where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass"
    " and n.nspname = ? and c.relname = ? and r.oid <> c.oid order by 1"
)
_TYPES = {
    "character varying": "text", "varchar": "text", "double precision": "double",
    "timestamp without time zone": "timestamp",
}  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """A table or view as it stands; `columns` holds the type of each by its name, `text` the SQL of a view."""

    database: str
    schema: str
    name: str
    is_view: bool
    columns: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    text: str = ""

    @property
    def sql(self) -> str:
        """Return how SQL names it."""
        return quoted(self.database, self.schema, self.name)

    @property
    def label(self) -> str:
        """Return how a person reads it."""
        return f"{self.schema}.{self.name}"


def can_be_read(warehouse: Warehouse) -> bool:
    """Say whether the relations of this kind of warehouse are read here."""
    return warehouse.dialect in _COMMENTS


def relations_in(
    warehouse: Warehouse, database: str, schema: str, names: Sequence[str] | None = None
) -> dict[str, Relation]:
    """Return the relations of a schema by their names in lower case; with `names` only those."""
    only, wanted = "", list[str]()
    if names is not None:
        only, wanted = f" where lower(name) in ({', '.join('?' for _ in names)})", [n.lower() for n in names]
    at = [database, schema]
    rows = warehouse.query(f"select * from ({_COLUMNS}) as found{only} order by position", [*at, *wanted])
    sql = _COMMENTS[warehouse.dialect]
    noted = (
        warehouse.query(f"select * from ({sql}) as found{only}", at * (sql.count("?") // 2) + wanted) if rows else []
    )
    about = {r["name"]: r for r in noted}
    columns: dict[str, dict[str, str]] = {}
    for row in rows:
        found = str(row["data_type"]).lower()
        columns.setdefault(row["name"], {})[row["column_name"]] = _TYPES.get(found, found)
    at_all = {row["name"]: row for row in rows}
    return {
        name.lower(): Relation(
            row["database"], row["schema"], name, "VIEW" in row["kind"], columns[name],
            str(about[name]["comment"] or ""), str(about[name]["text"] or ""),
        )
        for name, row in at_all.items()
        if name in about
    }  # fmt: skip


def readers_of(warehouse: Warehouse, relation: Relation) -> list[str]:
    """Return the views that the database will not let lose a relation, as `schema.name`; DuckDB lets all of them."""
    if warehouse.dialect != "postgres":
        return []
    return [str(r["reader"]) for r in warehouse.query(_READERS, [relation.schema, relation.name])]


def quoted(*parts: str | None) -> str:
    """Return a name as SQL writes it.

    >>> quoted("main", "Order Total")
    '"main"."Order Total"'
    """
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)


def literal(text: str) -> str:
    """Return text as SQL writes it.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
