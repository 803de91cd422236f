"""The functions and casts that SQL in a definition may use: pure, deterministic, one value out of one row.

A definition is data that many people edit and few review. So its SQL has an allow list, and what is not on it is refused.
A project adds names with the var `pulse_sql_functions` of dbt_project.yml; a file of segments/ cannot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Place = Literal["duckdb", "postgres", "others"]
PLACES: tuple[Place, ...] = ("duckdb", "postgres", "others")
EVERYWHERE, BOTH = PLACES, PLACES[:2]


@dataclass(frozen=True)
class Allowed:
    """A function or a type by its name in lower case, the warehouses that have it, and what it gives."""

    name: str
    on: tuple[Place, ...]
    gives: str


FUNCTIONS: tuple[Allowed, ...] = (
    Allowed("abs", EVERYWHERE, "the number without its sign"),
    Allowed("ascii", EVERYWHERE, "the code of the first letter"),
    Allowed("btrim", ("postgres",), "the text without letters at both ends"),
    Allowed("cast", EVERYWHERE, "the value as another type: `cast(x as type)`, or `x::type`"),
    Allowed("ceil", EVERYWHERE, "the next whole number"),
    Allowed("ceiling", BOTH, "the next whole number"),
    Allowed("char_length", BOTH, "the number of letters"),
    Allowed("character_length", BOTH, "the number of letters"),
    Allowed("coalesce", EVERYWHERE, "the first that is not null"),
    Allowed("concat", ("duckdb",), "the texts in a row; `||` works everywhere"),
    Allowed("contains", ("duckdb",), "whether the text holds another"),
    Allowed("date_diff", ("duckdb",), "the number of units between two dates: `date_diff('day', a, b)`"),
    Allowed("date_part", BOTH, "a part of a date: `date_part('year', x)`"),
    Allowed("date_trunc", BOTH, "the first moment of the unit: `date_trunc('month', x)`"),
    Allowed("ends_with", ("duckdb",), "whether the text ends with another"),
    Allowed("extract", EVERYWHERE, "a part of a date: `extract(year from x)`"),
    Allowed("floor", EVERYWHERE, "the whole number before"),
    Allowed("greatest", EVERYWHERE, "the largest; warehouses differ where one is null"),
    Allowed("initcap", ("postgres",), "each word with a capital"),
    Allowed("isfinite", BOTH, "whether a date or number is finite"),
    Allowed("isinf", ("duckdb",), "whether a number is infinite"),
    Allowed("isnan", ("duckdb",), "whether a number is not a number"),
    Allowed("last_day", ("duckdb",), "the last day of the month"),
    Allowed("least", EVERYWHERE, "the smallest; warehouses differ where one is null"),
    Allowed("left", EVERYWHERE, "the first letters: `left(x, 2)`"),
    Allowed("length", EVERYWHERE, "the number of letters"),
    Allowed("ln", EVERYWHERE, "the natural logarithm"),
    Allowed("log10", BOTH, "the logarithm to base 10"),
    Allowed("lower", EVERYWHERE, "the text in small letters"),
    Allowed("ltrim", EVERYWHERE, "the text without spaces before it"),
    Allowed("make_date", BOTH, "the date of year, month and day"),
    Allowed("md5", BOTH, "a hash, as text"),
    Allowed("mod", EVERYWHERE, "the rest of a division"),
    Allowed("nullif", EVERYWHERE, "null where both are equal, else the first"),
    Allowed("position", BOTH, "where a text begins in another: `position('a' in x)`"),
    Allowed("regexp_like", ("postgres",), "whether a pattern is found; the pattern is written out"),
    Allowed("regexp_matches", ("duckdb",), "whether a pattern is found; the pattern is written out"),
    Allowed("replace", EVERYWHERE, "the text with one piece put for another, both written out, the second no longer"),
    Allowed("reverse", EVERYWHERE, "the text from its end"),
    Allowed("right", EVERYWHERE, "the last letters: `right(x, 2)`"),
    Allowed("round", EVERYWHERE, "the number, rounded"),
    Allowed("rtrim", EVERYWHERE, "the text without spaces after it"),
    Allowed("sign", EVERYWHERE, "-1, 0 or 1"),
    Allowed("split_part", BOTH, "a piece of the text: `split_part(x, '-', 1)`"),
    Allowed("sqrt", EVERYWHERE, "the square root"),
    Allowed("starts_with", BOTH, "whether the text begins with another"),
    Allowed("strip_accents", ("duckdb",), "the letters without accents"),
    Allowed("strpos", BOTH, "where a text begins in another: `strpos(x, 'a')`"),
    Allowed("substr", EVERYWHERE, "a piece of the text: `substr(x, 1, 3)`"),
    Allowed("translate", BOTH, "letters put for letters"),
    Allowed("trim", EVERYWHERE, "the text without spaces around it"),
    Allowed("trunc", BOTH, "the number without what stands behind the point"),
    Allowed("try_cast", ("duckdb",), "as `cast`, null where it cannot be"),
    Allowed("upper", EVERYWHERE, "the text in capitals"),
)
TYPES: tuple[Allowed, ...] = (
    Allowed("bigint", EVERYWHERE, "a whole number of 64 bits"),
    Allowed("bool", BOTH, "true or false"),
    Allowed("boolean", EVERYWHERE, "true or false"),
    Allowed("date", EVERYWHERE, "a day; from a date, a timestamp, or text that is written out"),
    Allowed("decimal", EVERYWHERE, "an exact number, `decimal(38, 10)` at most"),
    Allowed("double", ("duckdb", "others"), "a number of 64 bits"),
    Allowed("double precision", ("duckdb", "postgres"), "a number of 64 bits"),
    Allowed("float", EVERYWHERE, "a number"),
    Allowed("float64", ("others",), "a number of 64 bits"),
    Allowed("int", EVERYWHERE, "a whole number"),
    Allowed("int64", ("others",), "a whole number of 64 bits"),
    Allowed("integer", EVERYWHERE, "a whole number"),
    Allowed("numeric", EVERYWHERE, "an exact number, `numeric(38, 10)` at most"),
    Allowed("real", BOTH, "a number of 32 bits"),
    Allowed("smallint", EVERYWHERE, "a whole number of 16 bits"),
    Allowed("string", ("others",), "text"),
    Allowed("text", ("duckdb", "postgres"), "text"),
    Allowed("timestamp", EVERYWHERE, "a time; from a date, a timestamp, or text that is written out"),
    Allowed("varchar", EVERYWHERE, "text"),
)
# what gives the date or the time at which the query runs
CLOCKS = frozenset(
    re.findall(
        r"\w+",
    "age clock_timestamp current_date current_time current_timestamp get_current_time get_current_timestamp getdate localtime "
    "localtimestamp now statement_timestamp sysdate timeofday today transaction_timestamp current_localtime "
    "current_localtimestamp",
    )
)  # fmt: skip
# what gives who is asking, and where
SESSION = frozenset(
    re.findall(r"\w+", "current_user session_user system_user user current_role current_schema current_catalog")
)


@dataclass(frozen=True)
class Functions:
    """What the SQL of a project may use: the list of its `warehouse`, and the names that the project adds (`own`).

    Where the warehouse is not known, only what every warehouse has is allowed.
    """

    warehouse: str | None = None
    own: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the functions by name, in lower case."""
        return frozenset(f.name for f in FUNCTIONS if self._has(f)) | self.own

    @cached_property
    def types(self) -> frozenset[str]:
        """Return the types that a cast may name, in lower case."""
        return frozenset(t.name for t in TYPES if self._has(t))

    @property
    def where(self) -> str:
        """Say whose list it is."""
        return f"the list for {self.warehouse}" if self.warehouse else "the list for every warehouse"

    def _has(self, allowed: Allowed) -> bool:
        if self.warehouse is None:
            return allowed.on == EVERYWHERE
        place: Place = self.warehouse if self.warehouse in BOTH else "others"  # type: ignore[assignment]
        return place in allowed.on


def places_of(name: str, listed: Sequence[Allowed]) -> tuple[Place, ...]:
    """Return the warehouses that have a function or type; none for one that is not on the list.

    >>> places_of("regexp_like", FUNCTIONS)
    ('postgres',)
    """
    return next((a.on for a in listed if a.name == name), ())
