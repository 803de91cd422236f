"""Change definition files as a careful person would: comments, order and quotes stay, and nothing invalid is ever written."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from pulse_runner.errors import UsageError, unknown_segment
from pulse_runner.segments.load import build_project, read_texts
from pulse_runner.segments.model import Segment, leaves
from pulse_runner.segments.schema import Schema
from pulse_runner.segments.source import parse

EDITOR_LINE = "# yaml-language-server: $schema=schema/segment.json\n"


def find_segment(root: Path, schema: Schema, name: str) -> Segment:
    """Return a segment by name; raise UsageError with the name that was probably meant."""
    segments = build_project(read_texts(root), schema).segments
    if name not in segments:
        raise unknown_segment(name, segments)
    return segments[name]


def create(root: Path, schema: Schema, name: str, entity: str, owner: str, rules: Sequence[str], **more: Any) -> Change:
    """Return the change that adds a segment with rules given as YAML; raise UsageError when the name is taken."""
    texts = read_texts(root)
    if name in build_project(texts, schema).segments:
        raise UsageError(f"There is a segment {name!r} already; change it with `pulse segments update {name}`.")
    data = CommentedMap(segment=name)
    data.update({k: more[k] for k in ("label", "description") if more.get(k)})
    data.update(entity=entity, owner=owner, rules=CommentedSeq([rule_of(r) for r in rules]))
    if more.get("alerts"):
        data["alerts"] = _flow(CommentedSeq(more["alerts"]))
    return Change(root, schema, texts, f"segments/{name}.yml", EDITOR_LINE + _dump(data))


def update(
    root: Path,
    schema: Schema,
    name: str,
    settings: Mapping[str, str],
    add: Sequence[str] = (),
    remove: Sequence[int] = (),
) -> Change:
    """Return the change that sets dotted keys, adds rules given as YAML, and removes rules by number (1 is the first)."""

    def edit(data: CommentedMap) -> None:
        for key, value in settings.items():
            _set(data, key, value)
        if not add and not remove:
            return
        rules = data["rules"]
        listed = rules if isinstance(rules, list) else rules.get("all") if isinstance(rules, dict) else None
        if listed is None:
            raise UsageError(
                f"The rule of {name} is not a list, so rules cannot be added or removed by number; edit the file."
            )
        for number in sorted(set(remove), reverse=True):
            if not 1 <= number <= len(listed):
                raise UsageError(f"{name} has {len(listed)} rules; there is no number {number}.")
            del listed[number - 1]
        listed.extend(rule_of(r) for r in add)

    return _edited(root, schema, name, edit)


def enable(root: Path, schema: Schema, name: str, enabled: bool) -> Change:
    """Return the change that switches a segment on or off."""
    return _edited(root, schema, name, lambda data: _set(data, "enabled", "true" if enabled else "false"))


def delete(root: Path, schema: Schema, name: str) -> Change:
    """Return the change that removes a segment's file; raise UsageError while another segment refers to it."""
    texts = read_texts(root)
    project = build_project(texts, schema)
    segment = find_segment(root, schema, name)
    users = [
        s.name
        for s in project.segments.values()
        if any(getattr(leaf, "segment", None) == name for leaf in leaves(s.rule))
    ]
    if users:
        raise UsageError(f"{name} is used by {', '.join(sorted(users))}; change those rules first.")
    return Change(root, schema, texts, segment.file, None)


class Change:
    """A change of one file, checked against all others; `text` None removes the file."""

    def __init__(self, root: Path, schema: Schema, texts: Mapping[str, str], file: str, text: str | None) -> None:
        self.root, self.file, self.text = root, file, text
        self.before = texts.get(file, "")
        after = {k: v for k, v in texts.items() if k != file} | ({file: text} if text is not None else {})
        build_project(after, schema)  # raises DefinitionError: nothing invalid is written

    @property
    def diff(self) -> str:
        """Return the change as a unified diff; '' when there is none."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            (self.text or "").splitlines(keepends=True),
            f"a/{self.file}",
            f"b/{self.file}" if self.text is not None else "/dev/null",
        )
        return "".join(lines)

    def write(self) -> None:
        """Write the file whole or not at all."""
        path = self.root / self.file
        if self.text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text(self.text, encoding="utf-8")
        os.replace(temporary, path)


def rule_of(text: str) -> Any:
    """Return a rule given as YAML on the command line, in one line when it is dumped."""
    return _flow(_load(text, repr(text[:60])))


def _edited(root: Path, schema: Schema, name: str, edit: Callable[[CommentedMap], None]) -> Change:
    texts = read_texts(root)
    file = find_segment(root, schema, name).file
    data = _load(texts[file], file)
    edit(data)
    return Change(root, schema, texts, file, _dump(data))


def _set(data: CommentedMap, dotted: str, value: str) -> None:
    *parents, last = dotted.split(".")
    if parents and parents[0] == "rules":
        raise UsageError("Rules are changed with --add-rule and --remove-rule, or in the file.")
    for key in parents:
        if not isinstance(data.get(key), dict):
            data[key] = CommentedMap()
        data = data[key]
    data[last] = _load(value, f"{dotted}={value[:60]}")


def _load(text: str, what: str) -> Any:
    """Return YAML with its comments and quotes; UsageError for what is no YAML, too large, or no value that there is."""
    found = parse(what, text)
    if found.problems and text.strip():
        raise UsageError("\n".join(map(str, found.problems)))
    try:
        return _yaml().load(text)
    except (YAMLError, ValueError, OverflowError) as error:  # a day such as 2026-02-30, which ruamel makes a date of
        raise UsageError(
            f"{what} cannot be read: {' '.join(str(error).split())}", "Put the value in quotes."
        ) from error


def _flow(value: Any) -> Any:
    if isinstance(value, CommentedMap | CommentedSeq):
        value.fa.set_flow_style()
        for part in value.values() if isinstance(value, dict) else value:
            _flow(part)
    return value


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dump(data: Any) -> str:
    out = StringIO()
    _yaml().dump(data, out)
    return out.getvalue()
