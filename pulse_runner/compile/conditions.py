"""Leaves as data: one entry per column (or leaf) and word, which the package's macro `pulse_condition` turns into a number."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.compile.events import aggregate_column, group_of, sign
from pulse_runner.compile.forms import Form, day_form, field_form
from pulse_runner.compile.ladder import RELATIVE, ladder_key, ladder_sql, rung
from pulse_runner.compile.plan import WORD, EntityPlan
from pulse_runner.compile.sql import literal
from pulse_runner.segments.columns import leaf_columns
from pulse_runner.segments.model import Entity, EventLeaf, FieldLeaf, Leaf, SqlLeaf
from pulse_runner.segments.text import leaf_text


def conditions(plan: EntityPlan) -> list[Form]:
    """Return the entries of all leaves, in the order of their bits. Leaves on one column that share a word share an entry.

    Each has `columns` (what it reads), `leaves` ([bit, text] of each), `word`, `relative` where time alone can change it, and one of the
    forms that the macro pulse_condition describes.
    """
    groups: dict[object, list[tuple[Leaf, int]]] = {}
    for leaf, bit in plan.bits.items():
        relative = is_relative(leaf, plan.entity)
        groups.setdefault((bit // WORD, relative, ladder_key(leaf, plan.entity) or leaf), []).append((leaf, bit))
    return [_entry(plan, leaves) for leaves in groups.values()]


def is_relative(leaf: Leaf, entity: Entity) -> bool:
    """Say whether time alone can change a leaf."""
    if isinstance(leaf, EventLeaf):
        return leaf.in_last is not None
    if isinstance(leaf, SqlLeaf):
        return any(entity.fields[f].days_since for f in leaf.fields)
    return isinstance(leaf, FieldLeaf) and (
        leaf.operator in RELATIVE or (entity.fields[leaf.field].days_since is not None and "null" not in leaf.operator)
    )


def _entry(plan: EntityPlan, leaves: Sequence[tuple[Leaf, int]]) -> Form:
    first, bit = leaves[0]
    about: Form = {
        "columns": ",".join(leaf_columns(first, plan.entity)),
        "leaves": [[b, " ".join(leaf_text(leaf).split())] for leaf, b in leaves],
        "word": bit // WORD,
    }
    if is_relative(first, plan.entity):
        about["relative"] = True
    return about | _form(plan, [(leaf, 1 << b % WORD) for leaf, b in leaves])


def _form(plan: EntityPlan, leaves: Sequence[tuple[Leaf, int]]) -> Form:
    first, mask = leaves[0]
    if isinstance(first, SqlLeaf):
        return {"sql": f"case when {first.sql} then {mask} else 0 end"}
    if isinstance(first, EventLeaf):
        return _event(plan, first, mask)
    fields = [(leaf, m) for leaf, m in leaves if isinstance(leaf, FieldLeaf)]
    if not fields:
        raise ValueError(f"{first} has no bit.")
    key = ladder_key(first, plan.entity)
    if key is None or (len(fields) == 1 and key[0] != "days"):
        return field_form(fields[0][0], plan.entity, mask)
    return day_form(key[1], fields) if key[0] == "days" else {"sql": ladder_sql(*key, [rung(f, m) for f, m in fields])}


def _event(plan: EntityPlan, leaf: EventLeaf, mask: int) -> Form:
    """A count or an aggregate of the events of a group; a key without events has performed zero times."""
    column, test, empty = "event_count", "> 0", True
    if leaf.aggregate is not None:
        a = leaf.aggregate
        column, empty = aggregate_column(a), a.function == "sum"
        test = f"{sign(a.comparison.operator)} {literal(a.comparison.value)}"
    elif leaf.count is not None:
        test = f"{sign(leaf.count.operator)} {literal(leaf.count.value)}"
    negated = leaf.operator == "not_performed"
    return {
        "event": group_of(plan, leaf), "column": column, "test": test, "empty": empty, "negated": negated, "mask": mask,
    }  # fmt: skip
