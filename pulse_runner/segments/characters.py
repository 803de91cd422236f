"""Characters that no text of a definition may hold: a reviewer cannot see them, and programs read them in different ways."""

from __future__ import annotations

import re

DO = "Take it out, or write the text without it. A line break and a tab are the only control characters that a text may hold."

# some warehouses read a backslash as an escape: before a quote it would end the literal that the text becomes
ESCAPING = re.compile(r"\\(?:'|\n|\Z)")
ESCAPES = "Snowflake, BigQuery, Databricks and Spark read it as an escape. Write the text without it."

# control characters, line separators, marks that turn the direction of writing, halves of a character, and what is none
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def hidden_character(text: str) -> tuple[int, str] | None:
    """Return where the first such character is, and its name; None when there is none.

    >>> hidden_character("a" + chr(1) + "b"), hidden_character("Zoë\\tand a line\\n")
    ((1, 'U+0001'), None)
    """
    found = _HIDDEN.search(text)
    return (found.start(), f"U+{ord(found[0]):04X}") if found else None
