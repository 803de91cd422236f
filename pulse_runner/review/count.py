"""Count both rules of every change over the same rows: sizes, who enters and leaves and by which condition, overlaps."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

from pulse_runner.compile.tally import Tally
from pulse_runner.errors import PulseError
from pulse_runner.review.changes import Change, Version, conditions, signed
from pulse_runner.review.sides import Source, Sources
from pulse_runner.segments.model import Project, Rule
from pulse_runner.segments.text import rule_text
from pulse_runner.snapshot.read import counted

Side = Literal["before", "after"]
SIDES: tuple[Side, Side] = ("before", "after")


@dataclass(frozen=True)
class Step:
    """One condition of a funnel: how many are left after it in each rule, None in a rule that does not have it here."""

    condition: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Reason:
    """A condition that members leave or enter by: for how many it is the first of the rule that fails, and how many fail it at all."""

    condition: str
    first: int
    failing: int


@dataclass(frozen=True)
class LeafCount:
    """A leaf that only one of the rules has: for how many of those who leave and of those who enter it is true."""

    leaf: str
    side: Side
    leaving: int
    entering: int


@dataclass(frozen=True)
class Overlap:
    """Members shared with another segment; None where one of the two was or is not there."""

    segment: str
    before: int | None
    after: int | None
    jaccard_before: float | None
    jaccard_after: float | None


@dataclass(frozen=True)
class Counts:
    """What a change does on one date. A size is None on a side that is not there, or that could not be counted; `troubles` say why."""

    day: date | None
    everybody: int | None = None
    before: int | None = None
    after: int | None = None
    stay: int | None = None
    funnel: tuple[Step, ...] = ()
    leave_by: tuple[Reason, ...] = ()
    enter_by: tuple[Reason, ...] = ()
    leaves: tuple[LeafCount, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def leave(self) -> int | None:
        """Return how many are members before and not after."""
        return None if self.before is None or self.stay is None else self.before - self.stay

    @property
    def enter(self) -> int | None:
        """Return how many are members after and not before."""
        return None if self.after is None or self.stay is None else self.after - self.stay


def count_changes(sources: Sources, changes: Sequence[Change]) -> dict[str, Counts]:
    """Return the counts of every change by segment. All changes over the same rows are counted in one read of them."""
    out: dict[str, Counts] = {}
    together: dict[int, list[_Counter]] = {}
    for change in changes:
        counter = _Counter(sources, change)
        if counter.is_one_read:
            together.setdefault(id(counter.source), []).append(counter)
        else:
            out[change.name] = counter.alone()
    for counters in together.values():
        try:
            out |= _read(counters, with_others=True)
        except PulseError:  # one of the rules is at fault: then each by itself
            for counter in counters:
                try:
                    out |= _read([counter], with_others=False)
                except PulseError:
                    out[counter.change.name] = counter.alone()
    return out


def _read(counters: Sequence[_Counter], with_others: bool) -> dict[str, Counts]:
    source = counters[0].source
    tally = source.tally(source.day, source.day)
    for counter in counters:
        counter.ask(tally, with_others)
    got = counted(source.warehouse, tally).get(source.day, {})
    return {c.change.name: c.answer(got) for c in counters}


class _Counter:
    """The questions of one change, and the answers put together."""

    def __init__(self, sources: Sources, change: Change) -> None:
        self.change = change
        self._sources = sources
        self._found: dict[Side, Source] = {}
        self._troubles: list[str] = []
        self._leaves: list[tuple[Side, int, str]] = []
        self._others: list[str] = []
        for side, version in self._versions().items():
            source = sources.of(version.entity, side == "before")
            trouble = source.trouble(version)
            if trouble:
                self._troubles.append(f"{self._rule(side)} cannot be counted: {trouble}")
            else:
                self._found[side] = source

    @property
    def source(self) -> Source:
        """Return the rows that the change is counted over; those of the rule after it where the two differ."""
        return self._found.get("after") or self._found["before"]

    @property
    def is_one_read(self) -> bool:
        """Say whether all that can be counted is in the same rows."""
        return len({id(s) for s in self._found.values()}) == 1

    def ask(self, tally: Tally, with_others: bool) -> None:
        """Put the questions into a tally over the source."""
        name = self.change.name
        self._steps = {side: self._conditions(version) for side, version in self._counted().items()}
        flags = {side: [self._flag(tally, c, side) for c in steps] for side, steps in self._steps.items()}
        member = {side: self._flag(tally, self._version(side).rule, side) for side in flags}
        for side in flags:
            tally.count((name, side), member[side])
            for n in range(len(flags[side])):
                tally.count((name, "upto", side, n), *flags[side][: n + 1])
        self._keys: Mapping[Side, Sequence[str]] = flags
        if len(member) == 2:
            tally.count((name, "stay"), member["before"], member["after"])
        if len(member) == 2 and self.change.moves_members:
            self._ask_moves(tally, flags, member)
        if with_others and self.change.moves_members:
            self._ask_overlaps(tally, member)

    def answer(self, got: Mapping[Hashable, int]) -> Counts:
        """Return what the tally counted; nobody is counted on a date without rows."""
        name = self.change.name
        size = {side: got.get((name, side), 0) for side in self._counted()}
        texts = {side: [rule_text(c) for c in steps] for side, steps in self._steps.items()}
        both = len(size) == 2
        return Counts(
            day=self.source.day,
            everybody=got.get("everybody", 0),
            before=size.get("before"),
            after=size.get("after"),
            stay=got.get((name, "stay"), 0) if both else None,
            funnel=tuple(_funnel(self._keys, texts, lambda side, n: got.get((name, "upto", side, n), 0))),
            leave_by=self._reasons(got, "leave", texts["after"]) if both else (),
            enter_by=self._reasons(got, "enter", texts["before"]) if both else (),
            leaves=tuple(
                LeafCount(
                    text,
                    side,
                    got.get((name, "leaf", side, n, "leave"), 0),
                    got.get((name, "leaf", side, n, "enter"), 0),
                )
                for side, n, text in self._leaves
            ),
            overlaps=self._overlaps(got, size),
            troubles=tuple(self._troubles),
        )

    def alone(self) -> Counts:
        """Return the counts of a change side by side: where the rules read different rows, or the warehouse refuses one of them."""
        if not self._found:
            return Counts(None, troubles=tuple(self._troubles))
        if len(self._found) == 1:
            (side,) = self._found
            counts = self._one_side(side)
            return replace(counts, troubles=(*self._troubles, *counts.troubles))
        parts = {side: self._one_side(side) for side in self._found}
        before, after = parts["before"], parts["after"]
        texts = {side: [s.condition for s in parts[side].funnel] for side in SIDES}
        left = {side: [s.before if side == "before" else s.after for s in parts[side].funnel] for side in SIDES}
        troubles = [*self._troubles, *before.troubles, *after.troubles]
        if before.day != after.day:
            troubles.append(f"The rule before the edit is counted on {before.day}, the latest date of its relation")
        stay = None
        if before.before is not None and after.after is not None:
            try:
                stay = self._stay()
            except PulseError as error:
                troubles.append(f"Who stays cannot be counted: {error.what}")
        return Counts(
            day=after.day, everybody=after.everybody, before=before.before, after=after.after, stay=stay,
            funnel=tuple(_funnel(texts, texts, lambda side, n: left[side][n] or 0)), troubles=tuple(troubles),
        )  # fmt: skip

    def _one_side(self, side: Side) -> Counts:
        only = replace(self.change, after=None) if side == "before" else replace(self.change, before=None)
        counter = _Counter(self._sources, only)
        try:
            return _read([counter], with_others=False)[self.change.name]
        except PulseError as error:
            return Counts(counter.source.day, troubles=(f"{self._rule(side)} cannot be counted: {error.what}",))

    def _stay(self) -> int:
        """Count the keys that are members of both rules, over two relations."""
        judged = {}
        for side, source in self._found.items():
            tally = source.tally(source.day, source.day)
            flag = self._flag(tally, self._version(side).rule, side)
            judged[side] = f"(select cast(entity_key as varchar) as k from ({tally.judged()}) as j where {flag})"
        sql = f"select count(*) as stay from {judged['before']} as b join {judged['after']} as a on a.k = b.k"
        return int(self.source.warehouse.query(sql)[0]["stay"])

    def _ask_moves(self, tally: Tally, flags: Mapping[Side, Sequence[str]], member: Mapping[Side, str]) -> None:
        """Ask which condition of the rule that they are not in is the first to fail those who move."""
        name = self.change.name
        moves: dict[str, tuple[tuple[str, ...], Side]] = {
            "leave": ((member["before"], f"not {member['after']}"), "after"),
            "enter": ((member["after"], f"not {member['before']}"), "before"),
        }
        for move, (who, side) in moves.items():
            for n, flag in enumerate(flags[side]):
                tally.count((name, move, "first", n), *who, *flags[side][:n], f"not {flag}")
                tally.count((name, move, "failing", n), *who, f"not {flag}")
        own = {side: self._leaf_flags(tally, side) for side in SIDES}
        for side, other in (SIDES, SIDES[::-1]):
            for n, (flag, text) in enumerate(own[side].items()):
                if flag in own[other]:
                    continue
                self._leaves.append((side, n, text))
                for move, (who, _) in moves.items():
                    tally.count((name, "leaf", side, n, move), *who, flag)

    def _leaf_flags(self, tally: Tally, side: Side) -> dict[str, str]:
        """Return the leaves of a side by what they mean, with their texts."""
        found: dict[str, str] = {}
        for condition in self._steps[side]:
            for leaf in signed(condition):
                found.setdefault(self._flag(tally, leaf, side), rule_text(leaf))
        return found

    def _reasons(self, got: Mapping[Hashable, int], move: str, texts: Sequence[str]) -> tuple[Reason, ...]:
        name = self.change.name
        every = [
            Reason(text, got.get((name, move, "first", n), 0), got.get((name, move, "failing", n), 0))
            for n, text in enumerate(texts)
        ]
        return tuple(r for r in every if r.failing)

    def _ask_overlaps(self, tally: Tally, member: Mapping[Side, str]) -> None:
        """Ask for the members shared with every other segment of the entity that can be counted."""
        name = self.change.name
        projects: dict[Side, Project] = {"before": self._sources.base, "after": self._sources.head}
        for side, flag in member.items():
            rules = {s.name: s.rule for s in projects[side].segments.values()}
            entity = self._version(side).entity
            for other in sorted(projects[side].segments.values(), key=lambda s: s.name):
                version = Version(other, entity, rules)
                if (
                    other.name == name
                    or other.entity != entity.name
                    or not other.enabled
                    or self.source.missing(version)
                ):
                    continue
                theirs = tally.flag(other.rule, entity, rules)
                tally.count((other.name, "size", side), theirs)
                tally.count((name, "with", side, other.name), flag, theirs)
                self._others.append(other.name)

    def _overlaps(self, got: Mapping[Hashable, int], size: Mapping[Side, int]) -> tuple[Overlap, ...]:
        out = []
        for other in dict.fromkeys(self._others):
            shared = {side: got.get((self.change.name, "with", side, other)) for side in SIDES}
            share = {side: _jaccard(shared[side], size.get(side), got.get((other, "size", side))) for side in SIDES}
            out.append(Overlap(other, shared["before"], shared["after"], share["before"], share["after"]))
        return tuple(sorted(out, key=lambda o: (-max(o.jaccard_before or 0, o.jaccard_after or 0), o.segment)))

    def _conditions(self, version: Version) -> tuple[Rule, ...]:
        return conditions(version.rule, version, self.change.inlined)

    def _flag(self, tally: Tally, rule: Rule, side: Side) -> str:
        version = self._version(side)
        return tally.flag(rule, version.entity, version.rules)

    def _rule(self, side: Side) -> str:
        return f"The rule {side} the edit" if len(self._versions()) == 2 else "The rule"

    def _versions(self) -> dict[Side, Version]:
        both: dict[Side, Version | None] = {"before": self.change.before, "after": self.change.after}
        return {side: version for side, version in both.items() if version is not None}

    def _counted(self) -> dict[Side, Version]:
        return {side: version for side, version in self._versions().items() if side in self._found}

    def _version(self, side: Side) -> Version:
        return self._versions()[side]


def _funnel(
    keys: Mapping[Side, Sequence[str]], texts: Mapping[Side, Sequence[str]], left: Callable[[Side, int], int]
) -> Iterator[Step]:
    """Yield both funnels as one: what the two rules share stands once, in the order of the rule after the edit."""
    old, new = keys.get("before", ()), keys.get("after", ())
    for _, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[i:i_end] == new[j:j_end]:
            for n in range(i_end - i):
                yield Step(texts["after"][j + n], left("before", i + n), left("after", j + n))
            continue
        gone = (Step(texts["before"][n], left("before", n), None) for n in range(i, i_end))
        come = (Step(texts["after"][n], None, left("after", n)) for n in range(j, j_end))
        yield from (step for pair in zip_longest(gone, come) for step in pair if step is not None)


def _jaccard(shared: int | None, own: int | None, theirs: int | None) -> float | None:
    if shared is None or own is None or theirs is None:
        return None
    union = own + theirs - shared
    return shared / union if union else 0.0
