"""What the stages may ask of a warehouse, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


class Warehouse(Protocol):
    """A connection to the warehouse that dbt writes to."""

    @property
    def dialect(self) -> str:
        """Name the SQL dialect: the dbt adapter's type (`duckdb`, `postgres`, ...)."""
        ...

    @property
    def schema(self) -> str:
        """Name the schema of the profile's target."""
        ...

    def table(self, name: str) -> str:
        """Return the quoted, qualified name of one of Pulse's tables or views, where dbt put it."""
        ...

    def relation(self, function: str, *arguments: str) -> str:
        """Return how SQL names `ref('model')` or `source('source', 'table')`; raise UsageError when dbt knows none."""
        ...

    def query(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows of a SELECT, with `?` placeholders whatever the driver; raise WarehouseError."""
        ...

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Cancel a statement of the block that is still at work after so many seconds, where the driver can: it raises WarehouseError."""
        ...

    def frame(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        """Return the rows of a SELECT as a data frame, for reads of many rows; columns named `*_date` are datetime64."""
        ...

    def require_own(self, *tables: str) -> None:
        """Raise WarehouseError when a table is there and Pulse of this project did not make it."""
        ...

    def replace(self, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Delete the rows that share `keys` with `rows`, insert `rows`: the same call twice gives the same table."""
        ...

    def insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows that are not there yet; all have the columns of the first."""
        ...

    def delete(self, table: str, key: str, value: object) -> None:
        """Delete the rows of a table whose column `key` has this value, in the open transaction."""
        ...

    def change(self, statements: Sequence[str]) -> None:
        """Carry out statements that give no rows (DDL), all or nothing."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit everything inside the block at its end, or nothing when it raises."""
        ...

    def turn(self, what: str) -> None:
        """Wait until no other open transaction has this turn, and hold it until the open transaction ends."""
        ...

    def exclusive(self, what: str) -> AbstractContextManager[None]:
        """Hold a lock of the warehouse while the block runs; raise BusyError when another run holds it."""
        ...

    def close(self) -> None:
        """Give the connection (and, on DuckDB, the file) back."""
        ...
