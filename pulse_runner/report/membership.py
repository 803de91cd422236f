"""Count whom rules take now: the funnel of each rule and the overlaps of segments, in one read of each entity's relation.

No table keeps these, so they are counted when a report is made: only sums leave the warehouse. What is read is bounded in pairs and
in seconds; an entity that cannot be read has a reason instead of numbers, and the rest of the report is made all the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path

from pulse_runner.compile.preview import count_funnel, parts_of
from pulse_runner.compile.tally import Tally
from pulse_runner.compile.write import used_columns
from pulse_runner.errors import DeniedError, PulseError
from pulse_runner.explain.evidence.collector import told_parts
from pulse_runner.explain.explanation import Scalar
from pulse_runner.report.contents import Membership, Overlap, Step
from pulse_runner.report.small import told_share
from pulse_runner.scrub import scrub
from pulse_runner.segments.model import Entity, Project, Segment
from pulse_runner.segments.text import rule_text
from pulse_runner.snapshot.read import counted, shown_day
from pulse_runner.warehouse.base import Warehouse

MOST_PAIRS = 780  # of one entity: every pair of 40 segments
MOST_OTHERS = 8  # that stand on a segment's page
DUPLICATE = 0.95  # of those in either of two segments are in both
SECONDS = 20  # that one statement may take
Pair = tuple[str, str]


@dataclass(frozen=True)
class Look:
    """When a report looks at relations: what their history may show up to (`last`), and what shows today only (`today`, `present`)."""

    last: date
    today: date
    present: date


def read_memberships(
    warehouse: Warehouse, project: Project, root: Path, chosen: Sequence[Segment], sizes: Mapping[str, int], look: Look, k: int
) -> dict[str, Membership]:  # fmt: skip
    """Return the membership of each chosen segment by name. Only those in `sizes` are counted: they have a good snapshot."""
    out: dict[str, Membership] = {}
    for name in sorted({s.entity for s in chosen}):
        entity = project.entities[name]
        own = [s for s in chosen if s.entity == name and s.name in sizes]
        every = [s for s in project.segments.values() if s.entity == name and s.enabled and s.name in sizes]
        if not own:
            continue
        try:
            out |= _entity(warehouse, project, root, entity, own, every, sizes, look, k)
        except DeniedError:
            why = f"Pulse may not read {name} itself, so this is not counted."
            out |= {s.name: Membership(trouble=why) for s in own}
        except PulseError as error:
            why = f"Not counted within {SECONDS} seconds, or not at all: {scrub(error.what, 200)}"
            out |= {s.name: Membership(trouble=why) for s in own}
    return out


def _entity(
    warehouse: Warehouse, project: Project, root: Path, entity: Entity, own: Sequence[Segment], every: Sequence[Segment],
    sizes: Mapping[str, int], look: Look, k: int,
) -> dict[str, Membership]:  # fmt: skip
    relation = warehouse.relation(entity.relation.function, *entity.relation.arguments)
    asked = None if entity.history.kind == "none" else look.last
    pairs = chosen_pairs({s.name for s in own}, {s.name: sizes[s.name] for s in every})
    rules = {s.name: s.rule for s in project.segments.values()}
    with warehouse.within(SECONDS):
        there = {str(c).lower() for c in warehouse.frame(f"select * from {relation} where 1 = 0").columns}
        day = shown_day(warehouse, entity, relation, asked, look.today, look.present)
        order = [c for c in used_columns(project, entity, root) if entity.column(c).lower() in there]
        tally = Tally(
            entity, relation, warehouse.dialect, day, day, order,
            lambda e: warehouse.relation(e.relation.function, *e.relation.arguments),
        )  # fmt: skip
        for segment in own:
            count_funnel(tally, segment.name, segment.rule, entity, rules, alone=False)
        flags = {s.name: tally.flag(s.rule, entity, rules) for s in every}
        for name in sorted(flags.keys() - {s.name for s in own}):
            tally.count((name, "all"), flags[name])
        for one, two in pairs:
            tally.count((one, two), flags[one], flags[two])
        got = counted(warehouse, tally).get(day, {})
    got |= {(s.name, "all"): got.get((s.name, "upto", len(parts_of(s.rule))), 0) for s in own}
    labels = {s.name: s.label or s.name for s in every}
    return {s.name: _membership(s, got, day, pairs, labels, k) for s in own}


def chosen_pairs(own: set[str], sizes: Mapping[str, int]) -> list[Pair]:
    """Return the pairs that are counted: those with a segment of the report first, then those that can be most alike.

    Two sets are never more alike than their sizes.

    >>> chosen_pairs({"a"}, {"a": 100, "b": 10, "c": 90})
    [('a', 'c'), ('a', 'b'), ('b', 'c')]
    """

    def rank(pair: Pair) -> tuple[bool, float, Pair]:
        small, large = sorted(sizes[name] for name in pair)
        return (not own & set(pair), -small / large if large else 0.0, pair)

    return sorted(combinations(sorted(sizes), 2), key=rank)[:MOST_PAIRS]


def _membership(
    segment: Segment, got: Mapping[Hashable, int], day: date, pairs: Sequence[Pair], labels: Mapping[str, str], k: int
) -> Membership:
    parts = parts_of(segment.rule)
    left = [got.get("everybody", 0), *(got.get((segment.name, "upto", n), 0) for n in range(1, len(parts) + 1))]
    told = told_steps(left, k)
    names = ["all", *(rule_text(p) for p in parts)]
    funnel = tuple(Step(c, n, told_share(n, left[0])) for c, n in zip(names, told, strict=True))
    near = [b if a == segment.name else a for a, b in pairs if segment.name in (a, b)]
    found = [_overlap(segment.name, other, got, labels, k) for other in near if shared_of(got, segment.name, other)]
    overlaps = sorted(found, key=lambda o: (-_alike(got, segment.name, o.other), o.other))[:MOST_OTHERS]
    order = [segment.name, *(o.other for o in overlaps)]
    heat = tuple(tuple(_share(got, one, two, k) for two in order) for one in order) if overlaps else ()
    return Membership(day, funnel, tuple(overlaps), heat)


def told_steps(left: Sequence[int], k: int) -> list[Scalar]:
    """Return who is left after each step; a step that takes or leaves fewer than k people is told as a bound.

    >>> told_steps([1000, 998, 400, 3], 5)
    [1000, '>990', 400, '<5']
    """
    out: list[Scalar] = list(left[:1])
    for before, now in pairwise(left):
        out.append(told_parts([now, before - now], k)[0])
    return out


def shared_of(got: Mapping[Hashable, int], one: str, two: str) -> int | None:
    """Return how many are members of both; None for a pair that was not counted."""
    return got.get((one, "all")) if one == two else got.get((one, two), got.get((two, one)))


def _alike(got: Mapping[Hashable, int], one: str, two: str) -> float:
    shared = shared_of(got, one, two) or 0
    either = got[one, "all"] + got[two, "all"] - shared
    return shared / either if either else 0.0


def _overlap(one: str, two: str, got: Mapping[Hashable, int], labels: Mapping[str, str], k: int) -> Overlap:
    shared = shared_of(got, one, two) or 0
    alone = [told_parts([shared, got[name, "all"] - shared], k)[0] for name in (one, two)]
    told = next((t for t in alone if isinstance(t, str)), shared)
    alike = _alike(got, one, two)
    return Overlap(
        other=two, label=labels[two], shared=told, of_own=_share(got, one, two, k), of_other=_share(got, two, one, k),
        alike=None if isinstance(told, str) else round(alike, 4), is_duplicate=alike >= DUPLICATE,
    )  # fmt: skip


def _share(got: Mapping[Hashable, int], one: str, two: str, k: int) -> float | None:
    """Return the share of the members of one who are in two as well, as it may be told."""
    shared, size = shared_of(got, one, two), got.get((one, "all"), 0)
    if shared is None or not size:
        return None
    return told_share(told_parts([shared, size - shared], k)[0], size)
