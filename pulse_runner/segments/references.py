"""Segments that refer to segments: no circle, and no rule that grows beyond measure when all are written out.

Both are told without writing anything out, in time that grows with the number of references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulse_runner.segments.limits import DEEPEST, MOST_LEAVES, SPLIT
from pulse_runner.segments.source import Document

Own = tuple[str, Document, Any]  # kind, document, spec


@dataclass
class Size:
    """The conditions of a rule, how deep it is, and the depth at which it refers to each segment, repeats included."""

    leaves: int = 0
    depth: int = 0
    refers: list[tuple[str, int]] = field(default_factory=list)


def check_references(documents: Sequence[Own], segments: Mapping[str, Any]) -> None:
    """Complain of circles, and where there is none, of rules that are too large with what they refer to."""
    sizes = {name: _size(spec) for name, spec in segments.items()}
    order = _from_the_leaves(sizes)
    if order is None:
        _circles(documents, sizes)
        return
    for name in order:
        size = sizes[name]
        for other, depth in size.refers:
            if other in sizes:
                size.leaves += sizes[other].leaves
                size.depth = max(size.depth, depth + sizes[other].depth)
    for kind, document, spec in documents:
        if kind != "segment":
            continue
        size = sizes[spec.segment]
        over = ", with the segments that it refers to" if size.refers else ""
        if size.leaves > MOST_LEAVES:
            document.complain(
                ("rules",),
                f"the rule has {_many(size.leaves)} conditions{over}; at most {MOST_LEAVES:,} are read",
                SPLIT,
            )
        elif size.depth > DEEPEST:
            document.complain(
                ("rules",), f"the rule is nested {_many(size.depth)} deep{over}; at most {DEEPEST} are read", SPLIT
            )


def _many(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "more than a million billion"


def _size(spec: Any) -> Size:
    size = Size()
    for part, depth in _parts(spec.rules):
        kind = type(part).__name__
        size.depth = max(size.depth, depth)
        if kind == "SegmentLeafSpec":
            size.refers.append((part.segment, depth))
        elif kind not in ("AllSpec", "AnySpec", "NotSpec"):
            size.leaves += 1 + len(getattr(part, "where", ()))
    return size


def _parts(rule: Any) -> Iterator[tuple[Any, int]]:
    """Yield a rule and all within it, with the depth of each."""
    waiting = [(rule, 1)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        kind = type(part).__name__
        inside = (
            part.all
            if kind == "AllSpec"
            else part.any
            if kind == "AnySpec"
            else [part.not_]
            if kind == "NotSpec"
            else []
        )
        waiting += [(p, depth + 1) for p in reversed(inside)]


def _from_the_leaves(sizes: Mapping[str, Size]) -> list[str] | None:
    """Return the segments so that each comes after all that it refers to; None where some refer to each other in a circle."""
    open_references = {name: len({o for o, _ in s.refers if o in sizes}) for name, s in sizes.items()}
    users: dict[str, list[str]] = {}
    for name, size in sizes.items():
        for other in {o for o, _ in size.refers}:
            users.setdefault(other, []).append(name)
    order = [name for name, count in open_references.items() if count == 0]
    for name in order:  # grows as it is read
        for user in users.get(name, ()):
            open_references[user] -= 1
            if open_references[user] == 0:
                order.append(user)
    return order if len(order) == len(sizes) else None


def _circles(documents: Sequence[Own], sizes: Mapping[str, Size]) -> None:
    refers = {name: sorted({o for o, _ in s.refers if o in sizes}) for name, s in sizes.items()}
    told: set[str] = set()
    for kind, document, spec in documents:
        if kind != "segment" or spec.segment in told:
            continue
        trail = _way_back(spec.segment, refers)
        if trail:
            told.update(trail)
            shown = (*trail, spec.segment) if len(trail) <= 10 else (*trail[:5], "...", *trail[-4:], spec.segment)
            document.complain(("rules",), f"the segments refer to each other in a circle: {' -> '.join(shown)}")


def _way_back(start: str, refers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the shortest way from a segment back to itself, the segment first; [] when there is none."""
    came_from: dict[str, str] = {}
    waiting = [start]
    for at in waiting:  # grows as it is read
        for other in refers[at]:
            if other == start:
                trail = [at]
                while trail[-1] != start:
                    trail.append(came_from[trail[-1]])
                return trail[::-1]
            if other not in came_from:
                came_from[other] = at
                waiting.append(other)
    return []
