"""Write proposals as a person would: the segments' files and the seed of known events, as one patch."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pulse_runner.known_events.seed import events_path, with_events, write_known_events
from pulse_runner.segments.edit import Change, update
from pulse_runner.segments.model import DetectorSettings, Project
from pulse_runner.segments.schema import Schema
from pulse_runner.tune.propose import Proposal, as_mapping, events_with


@dataclass(frozen=True)
class Patch:
    """Changes of files that belong together; nothing is written before `write`."""

    changes: tuple[Change, ...]
    events: Path
    events_text: str
    diff: str

    def write(self) -> None:
        """Write every file whole or not at all."""
        for change in self.changes:
            change.write()
        if self.events_text:
            write_known_events(self.events, self.events_text)


def patch_of(root: Path, schema: Schema, project: Project, chosen: Sequence[Proposal]) -> Patch:
    """Return the patch that makes proposals true; raise DefinitionError where the files would not be valid."""
    changes = []
    for segment, found in sorted(as_mapping(chosen).items()):
        settings: dict[str, str] = {}
        for p in found:
            settings |= _setting(p, project.segments[segment].thresholds.get(p.detector))
        changes.append(update(root, schema, segment, settings))
    path = events_path(root)
    fresh, text = with_events(path, events_with(chosen))
    diff = "".join(c.diff for c in changes)
    if fresh:
        name = path.relative_to(root).as_posix()
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = difflib.unified_diff(old.splitlines(True), text.splitlines(True), f"a/{name}", f"b/{name}")
        diff += "".join(lines)
    return Patch(tuple(changes), path, text if fresh else "", diff)


def _setting(p: Proposal, own: DetectorSettings | None) -> dict[str, str]:
    """Return the dotted key of a definition file, with its value, that says what a proposal does; the short form where it will do."""
    key = f"thresholds.{p.detector}"
    is_long = own is not None and bool(own.direction or own.sensitivity or own.attributes or own.enabled is not None)
    if p.attribute:
        value = {f"{key}.attributes.{p.attribute}": f"{p.threshold:g}"}
        if own is not None and own.threshold is not None and not is_long:
            return {key: f"{{threshold: {own.threshold:g}, attributes: {{{p.attribute}: {p.threshold:g}}}}}"}
        return value
    if p.direction is not None:
        if own is not None and own.threshold is not None and not is_long:
            return {key: f"{{threshold: {own.threshold:g}, direction: {p.direction}}}"}
        return {f"{key}.direction": p.direction}
    return {f"{key}.threshold" if is_long else key: f"{p.threshold:g}"}
