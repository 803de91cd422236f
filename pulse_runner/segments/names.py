"""What Pulse calls a column: columns may have any name, and the SQL of Pulse uses plain ones.

A column is read from its relation once, quoted, under the name that `safe_name` gives. From there on
no statement needs quotes, on no warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from sqlglot import tokenize
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]  # a compiled module

# words that Postgres or DuckDB read as part of the language where a column should stand
WORDS = frozenset(
    re.findall(
        r"\w+",
        "all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check "
        "collate collation column concurrently constraint create cross current_catalog current_date current_role "
        "current_schema current_time current_timestamp current_user default deferrable desc describe distinct do else "
        "end except false fetch for foreign freeze from full glob grant group having ilike in initially inner intersect "
        "into is isnull join lambda lateral leading left like limit localtime localtimestamp natural not notnull null "
        "offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify "
        "references returning right select semi session_user show similar some summarize symmetric system_user table "
        "tablesample then to trailing true union unique unpack unpivot user using variadic verbose when where window "
        "with ",
    )
)
# names that Pulse gives to columns of its own steps
OWN = re.compile(
    r"entity_key|flags|pulse_copy|pulse_day|move_id|members|[wbg]\d+|bucket_\w*|(today|before|aged|lasting|then)(_\w*|\d+)?"
)
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")


def safe_name(column: str) -> str:
    """Return the name under which Pulse reads a column: its own where that is plain, else one made from it.

    >>> [safe_name(c) for c in ("ltv", "Order Total", "customer-id", "order", "2nd_order", "before_tax")]
    ['ltv', 'order_total', 'customer_id', 'order_', 'c_2nd_order', 'c_before_tax']
    """
    name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") if not _PLAIN.fullmatch(column) else column
    if not re.search(r"[a-z]", name):
        name = f"c_{sha256(column.encode()).hexdigest()[:8]}"
    if not name[0].isalpha() or OWN.fullmatch(name):
        name = f"c_{name}"
    return f"{name}_" if name in WORDS else name


def renamed(columns: Iterable[str]) -> dict[str, str]:
    """Return the columns that Pulse calls differently: its name for each, and the column's own."""
    return {safe_name(c): c for c in columns if safe_name(c) != c}


def safe_sql(sql: str, columns: Iterable[str]) -> str:
    """Return an expression over columns with the names that Pulse reads them under.

    >>> safe_sql("\\"Order Total\\" > 5 and note <> '\\"Order Total\\"'", ["Order Total", "note"])
    'order_total > 5 and note <> \\'"Order Total"\\''
    """
    wanted: Mapping[str, str] = {own: name for name, own in renamed(columns).items()}
    if not wanted:
        return sql
    out, at = [], 0
    for token in tokenize(sql, read="postgres"):
        if token.text in wanted and _is_name(token, sql):
            out += [sql[at : token.start], wanted[token.text]]
            at = token.end + 1
    return "".join([*out, sql[at:]])


def _is_name(token: Token, sql: str) -> bool:
    if token.token_type is TokenType.IDENTIFIER:
        return True
    return token.token_type is not TokenType.STRING and sql[token.start : token.end + 1] == token.text
