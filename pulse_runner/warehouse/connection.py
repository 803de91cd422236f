"""One open connection to the warehouse that dbt writes to: queries, writes in transactions, and the lock of a stage.

`connect` opens it by the driver that the profile names, without importing dbt, and by dbt's adapter where a profile needs
dbt to be understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from pulse_runner.errors import BusyError, NotBuiltError, PulseError, UsageError, WarehouseError
from pulse_runner.warehouse.adapter import open_by_dbt, release_embedded_file
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.driver import open_plain
from pulse_runner.warehouse.manifest import node_of, own_node, read_manifest, relation_name
from pulse_runner.warehouse.opened import Opened
from pulse_runner.warehouse.ownership import require_own
from pulse_runner.warehouse.privileges import denied
from pulse_runner.warehouse.profile import plain_output, plain_target
from pulse_runner.warehouse.project import profile_name, profiles_dir, read_project, require_package
from pulse_runner.warehouse.rendering import render
from pulse_runner.warehouse.secrets import known_secrets

if TYPE_CHECKING:
    import pandas as pd

INSERT_CHUNK = 500
BUSY = (
    "The DuckDB file is held by another process (DuckDB lets in one at a time).",
    "Wait for it to end, or close the shell that has the file open, and run again.",
)
_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|\?|%")
# how drivers say that a relation is not there
_NOT_THERE = re.compile(
    r"(?:Table with name|relation|Object|View with name) [\"'`]?(?P<name>[\w.$\"]+?)[\"'`]? does not exist"
    r"|Not found: Table (?P<other>[\w.:$-]+)",
    re.IGNORECASE,
)


class OpenWarehouse:
    """One open connection."""

    def __init__(self, opened: Opened, root: Path, target: str | None = None) -> None:
        self._opened = opened
        self._root, self._target = root, target
        self._own: set[str] = set()
        self._in_transaction = False

    @property
    def dialect(self) -> str:
        """Name the SQL dialect: the dbt adapter's type."""
        return self._opened.dialect

    @property
    def schema(self) -> str:
        """Name the schema of the profile's target."""
        return self._opened.schema

    def table(self, name: str) -> str:
        """Return the quoted, qualified name of one of Pulse's tables or views, where dbt put it.

        A project that dbt has never parsed has none yet; then it is the name in the target's schema.
        """
        found = relation_name(own_node(read_manifest(self._root, self._target), name))
        return found if found is not None else self._opened.relation(name)

    def relation(self, function: str, *arguments: str) -> str:
        """Return how SQL names `ref('model')` or `source('source', 'table')`; raise UsageError when dbt knows none."""
        manifest = read_manifest(self._root, self._target)
        if manifest is None:
            require_package(self._root)
        found = relation_name(node_of(manifest, function, *arguments))
        if found is None:
            called = f"{function}({', '.join(map(repr, arguments))})"
            raise UsageError(
                f"dbt knows no {called} with a table or view.", "Look at its spelling, or run `dbt parse`."
            )
        return found

    def query(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows of a SELECT; raise WarehouseError with the statement's first line."""
        cursor = self._execute(sql, params)
        names = [d[0] for d in cursor.description]
        return [{n: _plain(v) for n, v in zip(names, row, strict=True)} for row in cursor.fetchall()]

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cancel a statement of the block that is still at work after so many seconds, where the driver can."""
        cancel = self._opened.cancel
        if cancel is None:
            yield
            return
        timer = Timer(seconds, cancel)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def frame(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        """Return the rows of a SELECT as a data frame, for reads of many rows; dates are datetime64, counts may be NaN."""
        import pandas as pd

        cursor = self._execute(sql, params)
        if self.dialect == "duckdb":
            frame = cursor.df()
        else:
            frame = pd.DataFrame(cursor.fetchall(), columns=[d[0] for d in cursor.description])
        for name in frame.columns:
            if name.endswith("_date"):
                frame[name] = pd.to_datetime(frame[name])
        return frame

    def require_own(self, *tables: str) -> None:
        """Look once at each table that is written to: raise WarehouseError where Pulse of this project did not make it."""
        for table in (t for t in tables if t not in self._own):
            node = own_node(read_manifest(self._root, self._target), table)
            require_own(self, node, str(read_project(self._root).get("name")))
            self._own.add(table)

    def replace(self, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Delete the rows that share `keys` with `rows`, then insert `rows`, in one transaction."""
        if not rows:
            return
        self.require_own(table)
        target = self.table(table)
        with self.transaction():
            for start in range(0, len(rows), INSERT_CHUNK):
                chunk = rows[start : start + INSERT_CHUNK]
                wanted = list(dict.fromkeys(tuple(row[k] for k in keys) for row in chunk))
                match = " or ".join("(" + " and ".join(f"{k} = ?" for k in keys) + ")" for _ in wanted)
                self._execute(f"delete from {target} where {match}", [v for key in wanted for v in key])
            self.insert(table, rows)

    def insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows that are not there yet, in one transaction; all rows have the columns of the first."""
        if not rows:
            return
        self.require_own(table)
        columns = list(rows[0])
        into = f"insert into {self.table(table)} ({', '.join(columns)})"
        with self.transaction():
            if self.dialect == "duckdb":
                # one list a column: thousands of single values take DuckDB seconds to bind
                lists = [[row[c] for row in rows] for c in columns]
                self._execute(f"{into} select {', '.join('unnest(?)' for _ in columns)}", lists)
                return
            for start in range(0, len(rows), INSERT_CHUNK):
                chunk = rows[start : start + INSERT_CHUNK]
                values = ", ".join("(" + ", ".join("?" for _ in columns) + ")" for _ in chunk)
                self._execute(f"{into} values {values}", [row[c] for row in chunk for c in columns])

    def delete(self, table: str, key: str, value: object) -> None:
        """Delete the rows of a table whose column `key` has this value."""
        self.require_own(table)
        with self.transaction():
            self._execute(f"delete from {self.table(table)} where {key} = ?", [value])

    def change(self, statements: Sequence[str]) -> None:
        """Carry out statements that give no rows (DDL), all or nothing."""
        with self.transaction():
            for statement in statements:
                self._execute(statement, ())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside the block at its end, or nothing when it raises; an inner block joins the outer."""
        if self._in_transaction:
            yield
            return
        self._execute("begin", ())
        self._in_transaction = True
        try:
            yield
        except BaseException:
            self._in_transaction = False
            with suppress(WarehouseError):  # the first error is the one to show
                self._execute("rollback", ())
            raise
        self._in_transaction = False
        self._execute("commit", ())

    def turn(self, what: str) -> None:
        """Wait until no other open transaction has this turn, and hold it until the open transaction ends.

        DuckDB lets only one process in. Other warehouses have no such lock: schedule one run.
        """
        if self.dialect == "postgres":
            self.query("select pg_advisory_xact_lock(?) as got", [self._lock_key(what)])

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """Hold a session lock named after the schema while the block runs; raise BusyError when another run holds it.

        DuckDB lets only one process in, so there the file itself is the lock. Other warehouses have none: schedule one run.
        """
        if self.dialect != "postgres":
            yield
            return
        key = self._lock_key(what)
        if not self.query("select pg_try_advisory_lock(?) as got", [key])[0]["got"]:
            raise BusyError(
                f"Another run of Pulse is at `{what}` in schema {self.schema!r}.", "Wait for it to end and run again."
            )
        try:
            yield
        finally:
            self.query("select pg_advisory_unlock(?) as freed", [key])

    def _lock_key(self, what: str) -> int:
        return int.from_bytes(sha256(f"pulse|{self.schema}|{what}".encode()).digest()[:8], "big", signed=True)

    def close(self) -> None:
        """Give the connection back and, on DuckDB, the file."""
        self._opened.close()
        release_embedded_file()

    def _execute(self, sql: str, params: Sequence[object]) -> Any:
        cursor, said = self._opened.cursor(), render(sql, self.dialect)
        try:
            if params:
                cursor.execute(_driver_sql(said, self.dialect), tuple(params))
            else:
                cursor.execute(said)
        except Exception as error:  # each driver has its own error tree
            reason = known_secrets(self._root).clean(str(error).strip())
            raise self._refusal(sql, reason) from None  # the driver's own error may quote a secret
        return cursor

    def _refusal(self, sql: str, text: str) -> PulseError:
        """Return the error for a statement that the warehouse refused."""
        if refused := denied(text, self._opened.user, sql):
            return refused
        missing = _NOT_THERE.search(text)
        name = re.split(r"[.:]", (missing["name"] or missing["other"]).replace('"', ""))[-1] if missing else ""
        if name.startswith(("pulse_", "seg_")):
            return NotBuiltError(
                f"Pulse has no {name} in schema {self.schema} of this {self.dialect} warehouse (yet).",
                "`pulse run` makes Pulse's tables; `pulse doctor` says what else is missing.",
            )
        first = " ".join(sql.split())[:200]
        if missing:
            return NotBuiltError(
                f"{self.dialect} refused `{first}`: there is no {name}.",
                f"Is it built? `dbt build --select {name}` makes a model of the project.",
            )
        return WarehouseError(f"{self.dialect} refused `{first}`: {' '.join(text.split())[:600]}")


def connect(root: Path, target: str | None = None) -> Warehouse:
    """Open the warehouse that the project's profile names.

    Raises BusyError when another process holds a DuckDB file, WarehouseError when the profile or the server refuses.
    """
    folder, name = profiles_dir(root), profile_name(root)
    output: Mapping[str, Any] | None = None
    try:
        output = plain_output(folder / "profiles.yml", name, target)
        opened = open_plain(output, root) if output else None
        chosen = plain_target(folder / "profiles.yml", name, target)
        return OpenWarehouse(opened or open_by_dbt(root, folder, name, target), root, chosen)
    except Exception as error:  # of dbt or of a driver
        text = " ".join(known_secrets(root).clean(str(error)).split())
        if is_lock_conflict(text):
            raise BusyError(*BUSY) from None
        if refused := denied(text, str((output or {}).get("user", ""))):
            raise refused from None
        raise WarehouseError(
            f"The warehouse of profile {name!r} in {folder} does not open: {text}",
            "Check that target in profiles.yml and the variables that it reads; `dbt debug` tries it too.",
        ) from None


def warehouse_type(root: Path, target: str | None = None) -> str | None:
    """Return the type of the profile's target (`duckdb`, `postgres`, ...), None where only dbt can read the profile."""
    output = plain_output(profiles_dir(root) / "profiles.yml", profile_name(root), target)
    return str(output["type"]) if output and "type" in output else None


def is_lock_conflict(text: str) -> bool:
    """Say whether a driver's error text means that another process has the DuckDB file open."""
    return "set lock on file" in text.lower()


def _driver_sql(sql: str, dialect: str) -> str:
    """Turn `?` placeholders into the driver's own.

    >>> _driver_sql("select '?', 5 % 2 where a = ?", "postgres")
    "select '?', 5 %% 2 where a = %s"
    """
    if dialect == "duckdb":
        return sql

    def swap(match: re.Match[str]) -> str:
        text = match.group()
        return "%s" if text == "?" else text.replace("%", "%%")

    return _PLACEHOLDER.sub(swap, sql)


def _plain(value: Any) -> Any:
    """Return a driver's value as plain Python: Decimal becomes int or float."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            return float(value)
        return int(value) if value == value.to_integral_value() else float(value)
    return value
