"""Leaves as bits: one sum of masks per word and row, and conditions over the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pulse_runner.compile.days import Day, LoopDay
from pulse_runner.compile.events import event_condition
from pulse_runner.compile.ladder import RELATIVE, Rung, ladder_key, ladder_sql, rung
from pulse_runner.compile.plan import Bit, EntityPlan
from pulse_runner.compile.sql import in_jinja, leaf_sql
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Attribute,
    Entity,
    EventLeaf,
    FieldLeaf,
    Leaf,
    Not,
    Rule,
    SqlLeaf,
)

DAY, BEFORE = LoopDay("pulse_day"), LoopDay("pulse_before")
INACTIVE, CONVERTED, FIRST_CHANNEL = 1, 2, 4


def today_bits(plan: EntityPlan) -> str:
    """Return one row per key: leaf words w0.., flags (inactive, converted, reach) and the bucket of each attribute."""
    entity = plan.entity
    columns = ["today.entity_key", *(f"{_word(plan, w, DAY, 'today')} as w{w}" for w in range(plan.words))]
    flags = [
        f"case when {_inactive(entity)} then {INACTIVE} else 0 end",
        f"case when {_converted(entity)} then {CONVERTED} else 0 end",
    ]
    flags += [
        f"case when {in_jinja(sql)} then {FIRST_CHANNEL << i} else 0 end" for i, sql in enumerate(entity.reach.values())
    ]
    columns.append("cast(\n        " + "\n        + ".join(flags) + "\n    as bigint) as flags")
    columns += [f"{bucket(entity, a)} as bucket_{a.name}" for a in entity.attributes]
    return "select\n    " + ",\n    ".join(columns) + "\nfrom today"


def before_bits(plan: EntityPlan) -> str:
    """Return the day before's rows judged twice: on that day (b0..), and as they would be today had only time passed (g0..)."""
    inner, outer = ["entity_key"], ["entity_key"]
    for w in range(plan.words):
        inner.append(f"{_word(plan, w, BEFORE, 'before', (False,))} as lasting{w}")
        inner.append(f"{_word(plan, w, BEFORE, 'before', (True,))} as then{w}")
        inner.append(f"{_word(plan, w, DAY, 'aged', (True,))} as aged{w}")
        outer += [f"lasting{w} + then{w} as b{w}", f"lasting{w} + aged{w} as g{w}"]
    select = "select\n        " + ",\n        ".join(c.replace("\n", "\n    ") for c in inner) + "\n    from before"
    return "select\n    " + ",\n    ".join(outer) + f"\nfrom (\n    {select}\n) as judged"


def is_relative(leaf: Leaf, entity: Entity) -> bool:
    """Say whether time alone can change a leaf."""
    if isinstance(leaf, EventLeaf):
        return leaf.in_last is not None
    if isinstance(leaf, SqlLeaf):
        return any(entity.fields[f].days_since for f in leaf.fields)
    return isinstance(leaf, FieldLeaf) and (
        leaf.operator in RELATIVE or (entity.fields[leaf.field].days_since is not None and "null" not in leaf.operator)
    )


def bits_condition(rule: Rule, place: Mapping[Leaf, Bit], prefix: str) -> str:
    """Return a rule over bit words; the bits of an `all` or `any` that share a word are tested at once.

    Written plainly, because there is one per rule and a macro call takes a millisecond: the block macro pulse_bitwise spells it for a warehouse without `&`.
    """
    if isinstance(rule, Not):
        return f"not {bits_condition(rule.part, place, prefix)}"
    if not isinstance(rule, All | AnyOf):
        bit = place[rule]
        return f"({prefix}{bit.word} & {bit.mask}) = {bit.mask}"
    masks: dict[int, int] = {}
    parts = []
    for part in rule.parts:
        if isinstance(part, All | AnyOf | Not):
            parts.append(bits_condition(part, place, prefix))
        else:
            bit = place[part]
            masks[bit.word] = masks.get(bit.word, 0) | bit.mask
    every = isinstance(rule, All)
    parts = [*(f"({prefix}{w} & {m}) {f'= {m}' if every else '<> 0'}" for w, m in sorted(masks.items())), *parts]
    return parts[0] if len(parts) == 1 else "(" + (" and " if every else " or ").join(parts) + ")"


def _word(plan: EntityPlan, word: int, day: Day, source: str, which: Sequence[bool] = (True, False)) -> str:
    """One word: leaves on one column share a CASE, others have one each; their texts stand above them."""
    bits = [b for b in plan.bits if b.word == word and is_relative(b.leaf, plan.entity) in which]
    shared: dict[tuple[str, str] | Bit, list[Bit]] = {}
    for b in bits:
        shared.setdefault(ladder_key(b.leaf, plan.entity) or b, []).append(b)
    lines = []
    for key, group in shared.items():
        texts = "; ".join(b.text for b in group).replace("\n", " ")
        lines.append(f"{_together(plan, key, group, day, source)} -- {in_jinja(texts)}")
    return "cast(\n        " + "\n        + ".join(lines or ["0"]) + "\n    as bigint)"


def _together(plan: EntityPlan, key: tuple[str, str] | Bit, bits: Sequence[Bit], day: Day, source: str) -> str:
    if isinstance(key, Bit) or len(bits) == 1:
        return f"case when {_leaf(plan, bits[0].leaf, day, source)} then {bits[0].mask} else 0 end"
    rungs: list[Rung] = [rung(b.leaf, b.mask) for b in bits if isinstance(b.leaf, FieldLeaf)]
    return ladder_sql(*key, rungs, day)


def _leaf(plan: EntityPlan, leaf: Leaf, day: Day, source: str) -> str:
    if isinstance(leaf, FieldLeaf):
        return leaf_sql(leaf, plan.entity.fields, day, jinja=True)
    if isinstance(leaf, SqlLeaf):
        return in_jinja(leaf.sql)
    if isinstance(leaf, EventLeaf):
        return event_condition(plan, leaf, source)
    raise ValueError(f"{leaf} has no bit.")


def _inactive(entity: Entity) -> str:
    if not entity.last_seen_at:
        return "false"
    last = f"cast({entity.last_seen_at} as date)"
    return f"{entity.last_seen_at} is null or {last} < {DAY.minus(entity.inactive_after_days or 0)}"


def _converted(entity: Entity) -> str:
    if not entity.conversion_event_at:
        return "false"
    at = f"cast({entity.conversion_event_at} as date)"
    return f"{at} > {BEFORE.minus(0)} and {at} <= {DAY.minus(0)}"


def bucket(entity: Entity, attribute: Attribute) -> str:
    """Return the name of the bucket that a row falls into, as SQL; never null."""
    x = attribute.field
    if not attribute.bins:
        return f"coalesce(cast({x} as varchar), '(null)')"
    edges = [f"{b:g}" for b in attribute.bins]
    lines = [f"when {x} is null then '(null)'", f"when {x} < {edges[0]} then '<{edges[0]}'"]
    lines += [f"when {x} < {high} then '[{low},{high})'" for low, high in pairwise(edges)]
    return "case " + " ".join(lines) + f" else '>={edges[-1]}' end"
