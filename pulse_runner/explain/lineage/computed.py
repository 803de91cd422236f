"""Rows that an expression in FROM makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sqlglot import exp

from pulse_runner.explain.lineage.names import Part, folded
from pulse_runner.explain.lineage.sources import Names, Origin, Setting, found_at, ordered

FLATTENED = ("seq", "key", "path", "index", "value", "this")  # what Snowflake's flatten() gives


class Reads(Protocol):
    """The SELECT that an expression stands in: it knows what the columns of an expression are made of."""

    def expression(self, node: Part) -> Origin:
        """Return what an expression is made of."""
        ...


class Computed:
    """Rows that an expression makes: unnest, flatten, values, a table function. Each column may be made of all that it reads."""

    def __init__(self, node: Part, setting: Setting, outer: Reads | None) -> None:
        self._node, self._setting, self._outer = node, setting, outer

    def names(self) -> Names:
        """Return the columns that its alias names."""
        alias = self._node.args.get("alias")
        listed = [self._setting.name(c) for c in (alias.args.get("columns") or [])] if alias is not None else []
        own = [self._setting.name(alias.this)] if alias is not None and getattr(alias, "this", None) else []
        given = (
            [folded(n, False, self._setting.dialect) for n in FLATTENED] if self._setting.dialect == "snowflake" else []
        )
        return Names(
            tuple(dict.fromkeys([*listed, *own, *given])), bool(listed) or not isinstance(self._node, exp.Table)
        )

    def origin(self, name: str) -> Origin:
        """Return every column that the expression reads."""
        if isinstance(self._node, exp.Values):
            return Origin()
        if self._outer is None or (
            isinstance(self._node, exp.Table) and next(self._node.find_all(exp.Column), None) is None
        ):
            return Origin(gaps=(f"{name} comes from {_short(self._node, self._setting)}",))
        inner = self._node.this if isinstance(self._node, exp.Lateral) else self._node
        parts = [v for v in inner.args.values() if not isinstance(v, exp.TableAlias)]
        found = Origin(expressions=((name, inner),))
        for part in parts:
            for piece in part if isinstance(part, list) else [part]:
                if hasattr(piece, "iter_expressions"):
                    found += self._outer.expression(piece)
        return found

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order."""
        return ordered(self.names())

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of."""
        return found_at(self, place)


def _short(node: Part, setting: Setting) -> str:
    return str(node.sql(dialect=setting.dialect or None, comments=False))[:80]
