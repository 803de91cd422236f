"""Lines put into a YAML file that somebody else wrote, and taken out again.

The file is parsed only to find the places. Everything that stands in it stays, to the byte: a YAML dumper, even a
careful one, changes quotes, indents and blank lines that are not ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pulse_runner.errors import UsageError

HEADER = "# Pulse; `pulse uninstall` takes these lines out"


def with_key(text: str, path: Sequence[str], value: str, file: str) -> str:
    """Return the text with `path` set to a value in flow style; unchanged where the key is there already.

    >>> print(with_key("name: shop\\nvars:\\n    cutoff: 3   # days\\n", ["vars", "pulse_entities"], "[a]", "dbt_project.yml"))
    name: shop
    vars:
        pulse_entities: [a]
        cutoff: 3   # days
    <BLANKLINE>
    """
    *parents, key = path
    node, depth = _root(text, file), 0
    while depth < len(parents) and (inner := _value(node, parents[depth])) is not None:
        node, depth = inner, depth + 1
    if depth == len(parents) and _value(node, key) is not None:
        return text
    for name in reversed(path[depth + 1 :]):  # parents that are missing become flow mappings around the value
        value = f"{{{name}: {value}}}"
    if node is None or (depth == 0 and isinstance(node, MappingNode) and not node.flow_style):
        return _appended(text, path, depth, value)
    entry = f"{path[depth]}: {value}"
    if isinstance(node, MappingNode) and node.flow_style:
        at = node.start_mark.index + 1
        return f"{text[:at]}{entry}{', ' if node.value else ''}{text[at:]}"
    if isinstance(node, MappingNode):
        first = node.value[0][0]
        return _line_before(text, first.start_mark.index, first.start_mark.column, entry)
    if isinstance(node, ScalarNode) and node.value in ("", "null", "~"):
        if node.value:
            return f"{text[: node.start_mark.index]}{{{entry}}}{text[node.end_mark.index :]}"
        return _under_empty(text, parents[:depth], entry, file)
    raise UsageError(f"{file}: `{'.'.join(path[:depth])}` is not a mapping.", f"Write there: {entry}")


def without_key(text: str, path: Sequence[str], file: str) -> str:
    """Return the text without a key that `with_key` put there; and without its parents, where Pulse wrote them."""
    *parents, key = path
    node = _root(text, file)
    for name in parents:
        node = _value(node, name)
    found = _pair(node, key)
    if found is None or not isinstance(node, MappingNode):
        return text
    alone = len(node.value) == 1
    if alone and parents and _is_ours(text, parents, file):
        return without_key(text, parents, file)
    if node.flow_style:
        return _without_flow_entry(text, node, found)
    return _without_lines(text, found[0].start_mark.line, _last_line(found[1]))


def with_item(text: str, key: str, item: str, file: str) -> str:
    """Return the text with an item (`local: pulse_package`) in the list under a key of the file; as it is where it has the item."""
    node = _value(_root(text, file), key)
    if node is None:
        return _appended(text, [key], 0, f"\n  - {item}")
    if not isinstance(node, SequenceNode):
        raise UsageError(
            f"{file}: `{key}` is not a list that can be added to.", f"Write `{item}` into it, then run again."
        )
    if YAML(typ="safe", pure=True).load(item) in YAML(typ="safe", pure=True).load(text)[key]:
        return text
    if node.flow_style:
        at = node.start_mark.index + 1
        return f"{text[:at]}{{{item}}}{', ' if node.value else ''}{text[at:]}"
    first = node.value[0]
    dash = text.rindex("-", 0, first.start_mark.index)
    column = dash - (text.rfind("\n", 0, dash) + 1)
    return _line_before(text, dash, column, f"- {item}")


def without_item(text: str, key: str, item: str, file: str) -> str:
    """Return the text without an item that `with_item` put there, and without the list, where Pulse wrote it."""
    node = _value(_root(text, file), key)
    if not isinstance(node, SequenceNode):
        return text
    wanted = YAML(typ="safe", pure=True).load(item)
    data = YAML(typ="safe", pure=True).load(text)[key]
    at = next((n for n, given in enumerate(data) if given == wanted), None)
    if at is None:
        return text
    if len(node.value) == 1 and _is_ours(text, [key], file):
        return without_key(text, [key], file)
    if node.flow_style:
        return text.replace(f"{{{item}}}, ", "").replace(f"{{{item}}}", "")
    line = text.count("\n", 0, text.rindex("-", 0, node.value[at].start_mark.index))
    return _without_lines(text, line, _last_line(node.value[at]))


def with_entity(text: str, entity: str, file: str = "dbt_project.yml") -> str:
    """Return dbt_project.yml with an entity in its var pulse_entities.

    >>> print(with_entity("vars:\\n  pulse_entities: [customers] # all\\n", "accounts"), end="")
    vars:
      pulse_entities: [customers, accounts] # all
    """
    node = _value(_value(_root(text, file), "vars"), "pulse_entities")
    if node is None:
        return with_key(text, ["vars", "pulse_entities"], f"[{entity}]", file)
    if not isinstance(node, SequenceNode):
        raise UsageError(f"{file}: the var pulse_entities is not a list.", f"Write: pulse_entities: [{entity}]")
    if entity in [item.value for item in node.value]:
        return text
    if not node.flow_style:
        last = node.value[-1]
        end = _line_end(text, last.end_mark.index)
        dash = text.rindex("-", 0, last.start_mark.index)
        indent = " " * (dash - (text.rfind("\n", 0, dash) + 1))
        return f"{text[:end]}{_newline(text)}{indent}- {entity}{text[end:]}"
    at = node.value[-1].end_mark.index if node.value else node.start_mark.index + 1
    return f"{text[:at]}{', ' if node.value else ''}{entity}{text[at:]}"


def _root(text: str, file: str) -> Any:
    try:
        return YAML(typ="rt", pure=True).compose(text)
    except YAMLError as error:
        raise UsageError(
            f"{file} cannot be read: {' '.join(str(error).split())}", "Mend it there; nothing was written."
        ) from error


def _pair(node: Any, key: str) -> tuple[Node, Node] | None:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next(((k, v) for k, v in pairs if k.value == key), None)


def _value(node: Any, key: str) -> Any:
    found = _pair(node, key)
    return found[1] if found else None


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" else end


def _line_before(text: str, at: int, column: int, entry: str) -> str:
    start = text.rfind("\n", 0, at) + 1
    return f"{text[:start]}{text[start : start + column]}{entry}{_newline(text)}{text[start:]}"


def _under_empty(text: str, parents: Sequence[str], entry: str, file: str) -> str:
    """Put an entry under a key that has no value yet."""
    node = _root(text, file)
    for name in parents[:-1]:
        node = _value(node, name)
    key = _pair(node, parents[-1])
    assert key is not None, "the caller has found it"
    end = _line_end(text, key[0].end_mark.index)
    indent = " " * (key[0].start_mark.column + 2)
    return f"{text[:end]}{_newline(text)}{indent}{entry}{text[end:]}"


def _appended(text: str, path: Sequence[str], depth: int, value: str) -> str:
    """Put a block at the end of the file, under a line that says whose it is."""
    new = _newline(text)
    entry = f"{path[depth]}: {value}" if not value.startswith(("{", "\n")) else f"{path[depth]}:{value}"
    if value.startswith("{"):  # one level as a block reads better: {a: {b: 1}} is `a: {b: 1}` under the key
        entry = f"{path[depth]}:\n  {value[1:-1]}"
    block = f"{HEADER}\n{entry}".replace("\n", new)
    if not text:
        return block + new
    return f"{text}{new}{block}{new}" if text.endswith("\n") else f"{text}{new}{new}{block}"


def _is_ours(text: str, parents: Sequence[str], file: str) -> bool:
    """Say whether Pulse wrote the innermost of these keys: it stands under the header, or is a flow mapping on one line."""
    node = _root(text, file)
    for name in parents[:-1]:
        node = _value(node, name)
    found = _pair(node, parents[-1])
    if found is None:
        return False
    if len(parents) > 1:
        return bool(getattr(found[1], "flow_style", False))
    lines = text.splitlines()
    line = int(found[0].start_mark.line)
    return line > 0 and lines[line - 1] == HEADER


def _last_line(node: Node) -> int:
    """Return the line that a value ends on: a block's end mark stands where the next thing begins."""
    if isinstance(node, ScalarNode) or getattr(node, "flow_style", False) or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _without_lines(text: str, first: int, last: int) -> str:
    lines = text.splitlines(keepends=True)
    before, after = lines[:first], lines[last + 1 :]
    if before and before[-1].rstrip("\r\n") == HEADER:
        before = before[:-1]
        if before and not before[-1].strip():
            before = before[:-1]
        if not after and before and not lines[-1].endswith("\n"):
            before[-1] = before[-1].rstrip("\r\n")
    return "".join([*before, *after])


def _without_flow_entry(text: str, node: Any, found: tuple[Node, Node]) -> str:
    at = next(n for n, pair in enumerate(node.value) if pair[0] is found[0])
    start, end = found[0].start_mark.index, found[1].end_mark.index
    if at + 1 < len(node.value):
        end = node.value[at + 1][0].start_mark.index
    elif at:
        start = node.value[at - 1][1].end_mark.index
    return text[:start] + text[end:]
