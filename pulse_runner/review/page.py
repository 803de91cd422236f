"""A review as a page of blocks, which is printed as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulse_runner import metrics
from pulse_runner.review.changes import REWRITTEN, Change, EntityChange, Setting
from pulse_runner.review.count import SIDES, Counts, Overlap, Reason, Side, Step
from pulse_runner.review.fired import DAYS, Fired
from pulse_runner.review.review import Review, Reviewed
from pulse_runner.segments.text import rule_text
from pulse_runner.vocabulary import percent, plural

MOST_OVERLAPS = 8
WORDS = {"edited": "rule edited", "added": "new", "removed": "removed", "settings": "settings only"}
FIRED = ("before", "after", "before and after")


@dataclass(frozen=True)
class Line:
    """A sentence or two."""

    text: str


@dataclass(frozen=True)
class Edit:
    """Lines that went and lines that came, as in a diff."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """Text that stands in a cell as it was written, such as a condition."""

    text: str


Cell = str | int | Code | None


@dataclass(frozen=True)
class Table:
    """Rows under a title; numbers stand to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = Line | Edit | Table


@dataclass(frozen=True)
class Section:
    """What there is to say about one segment, or about an entity; `brief` fits on the line of the title."""

    title: str
    brief: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The whole: a title, an overview, and a section for each segment that differs."""

    title: str
    overview: tuple[Block, ...]
    sections: tuple[Section, ...]


def page_of(review: Review) -> Page:
    """Return the page of a review."""
    segments = sorted(review.segments, key=lambda s: list(WORDS).index(s.change.kind))
    found = [_section(s) for s in segments] + [_entity_section(e) for e in review.entities]
    if not review.segments:
        return Page(f"No segment differs from {review.base}.", (), tuple(found))
    number = len(review.segments)
    title = f"{plural(number, 'segment')} {'differs' if number == 1 else 'differ'} from {review.base}"
    return Page(title, (_overview(segments),), tuple(found))


def _overview(segments: Sequence[Reviewed]) -> Table:
    rows = []
    for s in segments:
        c = s.counts
        before, after = (
            0 if _is_gone(s.change, side) else n for side, n in zip(SIDES, (c.before, c.after), strict=True)
        )
        rows.append(
            (
                Code(s.change.name),
                WORDS[s.change.kind],
                before,
                after,
                _change(before, after),
                c.enter,
                c.leave,
                _alerts(s),
            )
        )
    columns = ("segment", "edit", "before", "after", "change", "enter", "leave", f"incidents in {DAYS} days")
    return Table("", columns, tuple(rows))


def _is_gone(change: Change, side: str) -> bool:
    return (change.before if side == "before" else change.after) is None


def _change(before: int | None, after: int | None) -> str:
    """Return how far a size moved."""
    if before is None or after is None:
        return "?"
    if before == after:
        return "same"
    if not before or not after:
        return f"{after - before:+,}"
    return f"{'+' if after > before else ''}{percent((after - before) / before)}"


def _alerts(s: Reviewed) -> str:
    """Return how many incidents there would have been under each rule."""
    if not s.fired:
        return "same"
    told = [_number(s.fired[side]) if side in s.fired else None for side in SIDES]
    return " → ".join(t for t in told if t is not None)


def _number(fired: Fired) -> str:
    return str(len(fired.incidents)) if fired.status == "replayed" else "off" if fired.status == "disabled" else "?"


def _section(s: Reviewed) -> Section:
    change, segment = s.change, s.change.now.segment
    title = f"{segment.label} ({change.name})" if segment.label else change.name
    blocks: list[Block] = [Line(f"Entity {segment.entity}, owner {segment.owner}.")]
    if lines := tuple(_edit(change)):
        blocks.append(Edit(lines))
    blocks += [Line(_sentence(why)) for why in change.because]
    blocks += [Line(_sentence(trouble)) for trouble in s.counts.troubles]
    if told := _size(s.counts, change):
        blocks.append(Line(told))
    if change.moves_members:
        blocks += _funnel(s.counts, change)
        blocks += _moves(s.counts)
        blocks += _overlap(s.counts.overlaps, change)
    if s.fired:
        blocks += _fired(s.fired)
    return Section(title, WORDS[change.kind], tuple(blocks))


def _edit(change: Change) -> Iterator[tuple[str, str]]:
    """Yield the lines of a diff: the rule where it is another, and the settings."""
    texts = {
        side: rule_text(v.rule) for side, v in zip(SIDES, (change.before, change.after), strict=True) if v is not None
    }
    if len(set(texts.values())) == 1 and len(texts) == 2:
        yield " ", texts["after"]
    elif not any(s.name == REWRITTEN for s in change.settings):
        yield from ((sign, texts[side]) for sign, side in zip("-+", SIDES, strict=True) if side in texts)
    yield from _setting_lines(change.settings)


def _setting_lines(settings: Sequence[Setting]) -> Iterator[tuple[str, str]]:
    for s in settings:
        if s.name == REWRITTEN:
            yield " ", "The rule is written in another way and means the same."
        name = "" if s.name == REWRITTEN else f"{s.name}: "
        yield "-", f"{name}{s.before}"
        yield "+", f"{name}{s.after}"


def _entity_section(entity: EntityChange) -> Section:
    note = Line(
        "Segments whose members this moves are listed above. Rates, reach and distributions may move in all others."
    )
    return Section(f"Entity {entity.name}", "edited", (Edit(tuple(_setting_lines(entity.settings))), note))


def _size(c: Counts, change: Change) -> str:
    if c.before is None and c.after is None:
        return ""
    if not change.moves_members:
        return f"Size on {c.day}: {c.after:,}. The members stay the same." if c.after is not None else ""
    if c.before is None or c.after is None:
        size = c.after if c.before is None else c.before
        which = (
            ""
            if _is_gone(change, "before") or _is_gone(change, "after")
            else " after"
            if c.before is None
            else " before"
        )
        share = f", {percent(size / c.everybody)} of all" if size is not None and c.everybody else ""
        return f"Size on {c.day}: {size:,}{which}{share}."
    told = f"Size on {c.day}: {c.before:,} before, {c.after:,} after ({_change(c.before, c.after)})."
    if c.enter is None or c.leave is None:
        return told
    people = ", ".join((_people(c.enter, "enter"), _people(c.leave, "leave"), _people(c.stay or 0, "stay")))
    return f"{told} {_sentence(people)}"


def _people(number: int, verb: str) -> str:
    return f"{number:,} {verb}{'s' if number == 1 else ''}" if number else f"none {verb}"


def _funnel(c: Counts, change: Change) -> Iterator[Table]:
    if not c.funnel:
        return
    who = f"all {change.now.segment.entity}"
    both = c.before is not None and c.after is not None
    if both:
        rows: list[tuple[Cell, ...]] = [
            ("", who, c.everybody, c.everybody),
            *((_sign(s), Code(s.condition), s.before, s.after) for s in c.funnel),
        ]
        yield Table("Left after each condition", ("", "condition", "before", "after"), tuple(rows))
        return
    left = [s.before if s.after is None else s.after for s in c.funnel]
    rows_of_one: list[tuple[Cell, ...]] = [
        (who, c.everybody),
        *((Code(s.condition), n) for s, n in zip(c.funnel, left, strict=True)),
    ]
    yield Table("Left after each condition", ("condition", "members"), tuple(rows_of_one))


def _sign(step: Step) -> str:
    return "-" if step.after is None else "+" if step.before is None else ""


def _moves(c: Counts) -> Iterator[Table]:
    if c.enter:
        yield _reasons("Who enters, by the first condition that kept them out before", c.enter_by)
    if c.leave:
        yield _reasons("Who leaves, by the first condition that they fail now", c.leave_by)
    conditions = {s.condition for s in c.funnel}
    if (c.enter or c.leave) and any(leaf.leaf not in conditions for leaf in c.leaves):
        signs = {"before": "-", "after": "+"}
        rows = tuple((signs[leaf.side], Code(leaf.leaf), leaf.entering, leaf.leaving) for leaf in c.leaves)
        yield Table("For how many of them each edited part is true", ("", "part", "entering", "leaving"), rows)


def _reasons(title: str, reasons: Sequence[Reason]) -> Table:
    if all(r.first == r.failing for r in reasons):
        return Table(title, ("condition", "members"), tuple((Code(r.condition), r.first) for r in reasons))
    return Table(
        title, ("condition", "first", "fail it at all"), tuple((Code(r.condition), r.first, r.failing) for r in reasons)
    )


def _overlap(overlaps: Sequence[Overlap], change: Change) -> Iterator[Block]:
    there = [o for o in overlaps if o.before or o.after]
    if not there:
        return
    shown = there[:MOST_OVERLAPS]
    title = "Members shared with other segments (and as a share of both together)"
    if change.before is None or change.after is None:
        one = [
            (Code(o.segment), _first(o.before, o.after), _share(_first(o.jaccard_before, o.jaccard_after)))
            for o in shown
        ]
        yield Table(title, ("segment", "shared", "share"), tuple(one))
    else:
        rows = [(Code(o.segment), o.before, o.after, _share(o.jaccard_before), _share(o.jaccard_after)) for o in shown]
        yield Table(title, ("segment", "before", "after", "share before", "share after"), tuple(rows))
    if len(there) > len(shown):
        yield Line(f"{plural(len(there) - len(shown), 'more segment')} shared less; `--format json` has all.")


def _first(one: Any, two: Any) -> Any:
    return two if one is None else one


def _share(share: float | None) -> str:
    return "-" if share is None else percent(share)


def _fired(fired: Mapping[Side, Fired]) -> Iterator[Block]:
    """Yield what would have fired: one row per incident, which rule it is of, and why a rule cannot be judged."""
    for side, f in fired.items():
        if f.status != "replayed":
            word = "disabled" if f.status == "disabled" else f.status
            yield Line(
                f"Incidents {side} the edit: {word}, {f.reason}."
                if len(fired) == 2
                else f"Incidents: {word}, {f.reason}."
            )
    done = {side: f for side, f in fired.items() if f.status == "replayed"}
    if not done:
        return
    any_one = next(iter(done.values()))
    span = f"the {DAYS} days to {any_one.last}"
    judged = ", ".join(metrics.words(m) for m in dict.fromkeys(m for f in done.values() for m in f.metrics))
    days = min(f.days for f in done.values())
    scope = f"Judged: {judged}{'' if days == DAYS else f', of {days} days that have rows'}."
    rows = _incident_rows(done)
    if not rows:
        under = (
            "either rule"
            if len(done) == 2
            else "this rule"
            if len(fired) == 1
            else f"the rule {next(iter(done))} the edit"
        )
        yield Line(f"Nothing would have fired in {span} under {under}. {scope}")
        return
    columns = ("found on", "severity", "incident") if len(fired) == 1 else ("rule", "found on", "severity", "incident")
    yield Table(f"What would have fired in {span}", columns, tuple(r[1:] if len(fired) == 1 else r for r in rows))
    yield Line(scope)


def _incident_rows(done: Mapping[Side, Fired]) -> list[tuple[Cell, ...]]:
    found: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for side, f in done.items():
        for i in f.incidents:
            found.setdefault((i["detected_on"], i["metric"], i["detector"]), {})[side] = i
    rows: list[tuple[Cell, ...]] = []
    for key, sides in sorted(found.items()):
        which = "both" if len(sides) == 2 else f"{next(iter(sides))} only" if len(done) == 2 else next(iter(sides))
        last = list(sides.values())[-1]
        rows.append((which, str(key[0]), str(last["severity"]), str(last["reason"])))
    return rows


def _sentence(text: str) -> str:
    """Return text as a sentence.

    >>> _sentence("it broke")
    'It broke.'
    """
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
