"""What is true of every relation that a definition names: how it is called, and that its columns can be told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pulse_runner.segments.names import safe_name
from pulse_runner.segments.source import Document, Path

CALL = re.compile(r"\s*(ref|source)\(\s*['\"]([^'\"]+)['\"]\s*(?:,\s*['\"]([^'\"]+)['\"]\s*)?\)\s*")


def check_relation(document: Document, path: Path, text: str) -> None:
    """Complain of a relation that is no call of dbt's."""
    if CALL.fullmatch(text) is None:
        document.complain(path, f"`{text}` is not ref('model') or source('source', 'table')")


def same_names(document: Document, path: Path, columns: Sequence[str]) -> None:
    """Complain of two columns that Pulse would read under one name."""
    seen: dict[str, str] = {}
    for column in columns:
        first = seen.setdefault(safe_name(column), column)
        if first != column:
            both = f"`{first}` and `{column}` are both read as `{safe_name(column)}`"
            document.complain(path, f"{both}; leave one out, or give it another name in the relation")
