"""Data as Jinja literals: the one way in which values get into a compiled model, so no value can end its literal or be read as Jinja."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 110


def literal(value: Any) -> str:
    """Return plain data (mappings, lists, text, numbers, booleans, None) as a Jinja expression.

    >>> literal({"name": "it's {{ x }}", "top": 3, "off": None})
    '{"name": "it\\'s {{ x }}", "top": 3, "off": none}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(k))}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else _text(str(value))


def block(value: Mapping[str, Any], rows: tuple[str, ...] = (), indent: str = "") -> str:
    """Return a mapping over several lines: a line per key, and one per item of the lists and mappings that `rows` names.

    What is longer than a line is wrapped between items, so that a change of one item changes one line.
    """
    lines = []
    for key, inner in value.items():
        head = f"{indent}    {_text(key)}: "
        if key in rows and inner:
            items = [f"{_text(str(k))}: {literal(v)}" for k, v in inner.items()] if isinstance(inner, Mapping) else [literal(i) for i in inner]  # fmt: skip
            first, last = ("{", "}") if isinstance(inner, Mapping) else ("[", "]")
            body = "".join(f"{indent}        {item},\n" for item in items)
            lines.append(f"{head}{first}\n{body}{indent}    {last},\n")
        else:
            lines.append(f"{head}{_wrapped(inner, indent + '        ', WIDTH - len(head))},\n")
    return "{\n" + "".join(lines) + indent + "}"


def _wrapped(value: Any, indent: str, room: int) -> str:
    """Return data in one line when it fits, else with its items filled into lines."""
    flat = literal(value)
    if len(flat) <= room or not isinstance(value, Mapping | list | tuple):
        return flat
    first, last = ("{", "}") if isinstance(value, Mapping) else ("[", "]")
    items = [f"{_text(str(k))}: {literal(v)}" for k, v in value.items()] if isinstance(value, Mapping) else [literal(i) for i in value]  # fmt: skip
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) > WIDTH - len(indent):
            lines.append(line.rstrip())
            line = ""
        line += f"{item}, "
    lines.append(line.rstrip())
    return first + "".join(f"\n{indent}{text}" for text in lines) + f"\n{indent[:-4]}{last}"


def _text(text: str) -> str:
    # JSON's escapes are read alike by every Jinja; letters of other scripts stay as they are
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
