"""DuckDB and Postgres by their own drivers, with the settings that dbt's adapters take from a profile.

A setting that is not in the list of a driver here may mean anything: then nothing is opened, and dbt's adapter is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_runner.warehouse.opened import Opened

_EVERYWHERE = {"type", "schema", "threads"}
_DUCKDB = _EVERYWHERE | {"path", "database", "keep_open", "disable_transactions", "external_root"}
_POSTGRES_OPTIONS = {
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "connect_timeout",
    "keepalives_idle",
    "application_name",
}
_POSTGRES_NEEDS = {"host", "user", "port", "schema"}
_POSTGRES = (
    _EVERYWHERE
    | _POSTGRES_NEEDS
    | _POSTGRES_OPTIONS
    | {"password", "pass", "dbname", "database", "role", "search_path"}
)


def open_plain(output: Mapping[str, Any], root: Path) -> Opened | None:
    """Open the warehouse of a profile's target by its driver; None where only dbt's adapter knows how."""
    kind = output.get("type")
    if kind == "duckdb" and set(output) <= _DUCKDB:
        return _duckdb(output, root)
    if kind == "postgres" and set(output) <= _POSTGRES and set(output) >= _POSTGRES_NEEDS:
        return _postgres(output)
    return None


def _duckdb(output: Mapping[str, Any], root: Path) -> Opened | None:
    path, schema = output.get("path"), output.get("schema", "main")
    if not isinstance(path, str) or not isinstance(schema, str) or ":" in Path(path).name or "://" in path:
        return None
    if path.startswith(("md:", "motherduck:", "ducklake:")):
        return None
    name = Path(path).name.lstrip(".").split(".")[0]  # as DuckDB names the catalog of a file
    if output.get("database", name) != name:
        return None
    import duckdb

    connection = duckdb.connect(str(root / path))  # dbt, too, takes a relative path from the project's folder
    return Opened(
        "duckdb", schema, lambda: connection, lambda table: _quoted(name, schema, table), connection.close,
        cancel=connection.interrupt,
    )  # fmt: skip


def _postgres(output: Mapping[str, Any]) -> Opened | None:
    password, database = output.get("password", output.get("pass")), output.get("dbname", output.get("database"))
    texts = (output["host"], output["user"], output["schema"], password, database)
    if not all(isinstance(text, str) for text in texts) or not isinstance(output["port"], int):
        return None
    import psycopg2  # type: ignore[import-untyped]  # it has none of its own, and stubs are one more dependency

    options = {"connect_timeout": 10, "application_name": "dbt"} | {
        key: output[key] for key in _POSTGRES_OPTIONS if output.get(key)
    }
    if output.get("search_path"):
        options["options"] = "-c search_path={}".format(str(output["search_path"]).replace(" ", "\\ "))
    connection = psycopg2.connect(
        dbname=database, user=output["user"], host=output["host"], password=password, port=output["port"], **options
    )
    connection.autocommit = True  # transactions are opened by name, in transaction()
    if output.get("role"):
        connection.cursor().execute("set role {}".format(output["role"]))
    schema = output["schema"]
    return Opened(
        "postgres",
        schema,
        connection.cursor,
        lambda table: _quoted(str(database), schema, table),
        connection.close,
        user=str(output.get("role") or output["user"]),
        cancel=connection.cancel,
    )


def _quoted(*parts: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
