"""What is checked of `reach`: the SQL of each step, the destination, and the segments that are sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulse_runner.errors import did_you_mean
from pulse_runner.segments.expression import check_expression
from pulse_runner.segments.functions import Functions
from pulse_runner.segments.relations import check_relation, same_names
from pulse_runner.segments.source import Document, Path

CONDITIONS = ("eligible", "consented", "addressable", "reachable")


def check_reach(
    document: Document, spec: Any, types: Mapping[str, str], functions: Functions, segments: Mapping[str, Any]
) -> None:
    """Add every problem of an entity's channels to its document."""
    for name, channel in spec.reach.items():
        path: Path = ("reach", name)
        given = [part for part in CONDITIONS if getattr(channel, part)]
        short = isinstance(document.data["reach"][name], str)
        for part in given:
            for refusal in check_expression(getattr(channel, part), types, functions)[0]:
                document.complain(path if short else (*path, part), *refusal)
        if not set(given) - {"eligible"}:
            document.complain(path, f"channel `{name}` needs `consented`, `addressable` or `reachable`")
        _segments(document, path, spec.entity, channel, segments)
        if channel.destination:
            _destination(document, (*path, "destination"), channel.destination)


def _segments(document: Document, path: Path, entity: str, channel: Any, segments: Mapping[str, Any]) -> None:
    own = [n for n, s in segments.items() if s.entity == entity]
    if channel.segments and not channel.destination:
        document.complain(
            (*path, "segments"), "`segments` says who is sent to a destination; there is no `destination`"
        )
    for n, name in enumerate(channel.segments):
        if name not in own:
            hint = did_you_mean(name, own) or f"; it must be a segment of {entity}"
            document.complain((*path, "segments", n), f"unknown segment `{name}`{hint}")


def _destination(document: Document, path: Path, spec: Any) -> None:
    check_relation(document, (*path, "relation"), spec.relation)
    same_names(document, path, [c for c in (spec.key, spec.at, spec.status, spec.reason, spec.segment) if c])
    seen: dict[str, str] = {}
    for outcome, words in (spec.statuses or {}).items():
        for n, word in enumerate(words):
            first = seen.setdefault(word, outcome)
            if first != outcome:
                document.complain((*path, "statuses", outcome, n), f"status `{word}` is both `{first}` and `{outcome}`")
