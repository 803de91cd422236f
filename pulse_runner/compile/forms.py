"""The forms of a field condition, as the package's macro `pulse_condition` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulse_runner.compile.ladder import day_cuts, ladder_key, null_bits, rung
from pulse_runner.compile.sql import leaf_sql, literal
from pulse_runner.segments.model import Entity, FieldLeaf

Form = dict[str, Any]


def field_form(leaf: FieldLeaf, entity: Entity, mask: int) -> Form:
    """Return the form of one field condition that shares its CASE with no other; `mask` is what it counts when true."""
    key = ladder_key(leaf, entity)
    if key is not None and key[0] == "days":
        return day_form(key[1], [(leaf, mask)])
    if leaf.operator == "matches":
        return {"matches": [leaf.field, literal(leaf.values[0])], "mask": mask}
    return {"sql": f"case when {leaf_sql(leaf, entity.fields)} then {mask} else 0 end"}


def day_form(column: str, leaves: Sequence[tuple[FieldLeaf, int]]) -> Form:
    """Return the form of conditions on the days since one date."""
    rungs = [rung(leaf, mask) for leaf, mask in leaves]
    cuts, rest = day_cuts(rungs)
    return {"days": column, "cuts": cuts, "rest": rest, "none": null_bits(rungs)}
