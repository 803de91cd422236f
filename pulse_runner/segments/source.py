"""YAML with line numbers: a file becomes plain values plus the line of every key and item.

The nodes of YAML 1.2 are read directly rather than through a loader: dates stay the text that was written, `no`, `on` and
`NO` are text, and every duplicate key is reported, not the first only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.parser import RoundTripParser

from pulse_runner.errors import Problem
from pulse_runner.segments.characters import DO as HIDDEN
from pulse_runner.segments.characters import ESCAPES, ESCAPING, hidden_character
from pulse_runner.segments.limits import (
    DEEPEST,
    LARGEST_FILE,
    LONGEST_MESSAGE,
    MOST_PROBLEMS,
    MOST_VALUES,
    SPLIT,
    number_of,
)

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class TooMany(Exception):  # noqa: N818  it ends a list, and is no error
    """A file has more than can be told of it."""


@dataclass
class Document:
    """A parsed file: `data` as plain values, `lines` from a path to its 1-based line, and what was wrong so far."""

    file: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def complain(self, path: Path, message: str, do: str = "") -> None:
        """Add a problem at a path; the same one is added once. TooMany ends the list: see `some`."""
        said = " ".join(message.split())
        said = said if len(said) <= LONGEST_MESSAGE else f"{said[:LONGEST_MESSAGE]} ..."
        problem = Problem(self.file, self.line(path), said, do)
        if problem in self.problems:
            return
        if len(self.problems) == MOST_PROBLEMS:
            self.problems.append(Problem(self.file, 0, f"there are more problems; the first {MOST_PROBLEMS} are told"))
        if len(self.problems) > MOST_PROBLEMS:
            raise TooMany
        self.problems.append(problem)

    def some(self) -> AbstractContextManager[None]:
        """Return a block that ends where the file has too many problems to tell them all."""
        return suppress(TooMany)


def parse(file: str, text: str) -> Document:
    """Parse the text of one file; what cannot be parsed becomes a problem of the document, with data None."""
    document = Document(file)
    if hidden := hidden_character(text.replace("\r\n", "\n").removeprefix("\ufeff")):
        place, name = hidden
        line = text.replace("\r\n", "\n").removeprefix("\ufeff").count("\n", 0, place) + 1
        document.problems.append(Problem(file, line, f"the file holds the control character {name}", HIDDEN))
        return document
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_FILE:
        document.problems.append(
            Problem(file, 0, f"the file has {size:,} bytes; at most {LARGEST_FILE:,} are read", SPLIT)
        )
        return document
    yaml = YAML(typ="rt", pure=True)
    yaml.Parser = _Bounded
    try:
        nodes = list(yaml.compose_all(text))
    except _TooLargeError as error:
        document.problems.append(Problem(file, error.line, str(error), SPLIT))
        return document
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(part) for part in (error.context, error.problem) if part)
        reason = " ".join(reason.split())[:LONGEST_MESSAGE]
        document.problems.append(Problem(file, mark.line + 1 if mark else 0, f"this is not YAML: {reason}"))
        return document
    except YAMLError as error:
        document.problems.append(
            Problem(file, 0, f"this is not YAML: {' '.join(str(error).split())[:LONGEST_MESSAGE]}")
        )
        return document
    if not nodes or nodes[0] is None:
        document.problems.append(Problem(file, 0, "the file is empty"))
    elif len(nodes) > 1:
        document.problems.append(Problem(file, nodes[1].start_mark.line + 1, "one definition per file: split at `---`"))
    else:
        with document.some():
            try:
                document.data = _plain(document, nodes[0], (), ())
            except _TooLargeError as error:
                document.problems.append(Problem(file, error.line, str(error), SPLIT))
    return document


class _TooLargeError(Exception):
    """The values of a file are too many, or too deep within each other."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


class _Bounded(RoundTripParser):
    """A parser that stops where a file is too deep or too long, before anything is made of it."""

    depth = values = 0

    def get_event(self) -> Any:
        event = super().get_event()
        if isinstance(event, CollectionStartEvent):
            self.depth += 1
        elif isinstance(event, CollectionEndEvent):
            self.depth -= 1
        self.values += isinstance(event, NodeEvent)
        _require_small(self.depth, self.values, event)
        return event


def _require_small(depth: int, values: int, at: Any) -> None:
    if depth > DEEPEST:
        raise _TooLargeError(f"lists and mappings are nested more than {DEEPEST} deep", at.start_mark.line + 1)
    if values > MOST_VALUES:
        raise _TooLargeError(
            f"the file has more than {MOST_VALUES:,} values, aliases written out", at.start_mark.line + 1
        )


def _plain(document: Document, node: Node, path: Path, above: Sequence[int]) -> Any:
    document.values += 1
    _require_small(len(above), document.values, node)
    document.lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in above:
        document.complain(path, "an alias stands inside the thing that it names")
        return None
    above = (*above, id(node))
    if isinstance(node, MappingNode):
        return _mapping(document, node, path, above)
    if isinstance(node, SequenceNode):
        return [_plain(document, item, (*path, i), above) for i, item in enumerate(node.value)]
    return _scalar(document, node, path)


def _mapping(document: Document, node: MappingNode, path: Path, above: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode) or key_node.value == "<<":
            document.problems.append(
                Problem(document.file, line, "a key must be plain text (no `<<`, no list, no mapping)")
            )
            continue
        key = str(key_node.value)
        if hidden := hidden_character(key):
            document.problems.append(
                Problem(document.file, line, f"a key holds the control character {hidden[1]}", HIDDEN)
            )
            continue
        if key in found:
            first = document.lines[(*path, key)]
            document.problems.append(
                Problem(document.file, line, f"key `{key}` stands twice; the first is on line {first}")
            )
            continue
        document.lines[(*path, key)] = line
        found[key] = _plain(document, value_node, (*path, key), above)
    return found


def _scalar(document: Document, node: Node, path: Path) -> Any:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    if hidden := hidden_character(text):
        document.complain(path, f"the text holds the control character {hidden[1]}", HIDDEN)
        return None
    if ESCAPING.search(text):
        document.complain(path, "the text holds a backslash before a quote or at the end of a line", ESCAPES)
        return None
    if getattr(node, "style", None) in ("'", '"', "|", ">") or kind in ("str", "timestamp"):
        return text
    if kind == "bool":  # a `%YAML 1.1` line would make booleans of `no` and `NO` too: those stay text
        return True if text in _TRUE else False if text in _FALSE else text
    if kind == "null":
        return None
    if kind in ("int", "float"):
        if _FLOAT.fullmatch(text):
            number = number_of(text)
            if number is None:
                what = f"the number {text[:20]}{'...' if len(text) > 20 else ''} does not fit"
                document.complain(path, what, "Whole numbers reach to 9223372036854775807, others to 1.7e308.")
            return number
        document.complain(path, f"`{text}` is not a plain decimal number; put it in quotes if it is text")
        return None
    document.complain(path, f"tag `{node.tag}` is not used here")
    return None
