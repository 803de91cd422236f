"""Buckets of very many segments: the counts of a pattern stand in one row, one column per bucket, so that a segment is one sum over its patterns.

The number of buckets is known when the rows are: a line with a slot token is repeated once per slot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pulse_runner.segments.model import Attribute

BUNDLE = 1100  # slots in one table: a row of integers must fit a page of Postgres, and its columns below 1,600
Cte = tuple[str, str]
Slots = Callable[[Attribute], int]


def wide_ctes(attributes: Sequence[Attribute], bases: Mapping[str, int], slots_of: Slots) -> list[Cte]:
    """Return `segment_buckets` and what it needs, from `bucket_counts`, `segment_patterns` and `bucket_slots`."""
    groups = _bundles(attributes, slots_of)
    ctes: list[Cte] = []
    for i, group in enumerate(groups):
        ctes += _bundle_ctes(i, group, bases, slots_of)
    named = "\nunion all\n".join(
        f"select w.segment_no, s.attribute, s.label as bucket, w.members\nfrom bundle_rows_{i} as w\n"
        "inner join (select distinct attribute, label, slot from bucket_slots) as s on s.attribute = w.attribute and s.slot = w.slot\n"
        "where w.members > 0"
        for i in range(len(groups))
    )
    return [*ctes, ("segment_buckets", named)]


def _bundles(attributes: Sequence[Attribute], slots_of: Slots) -> list[list[Attribute]]:
    """Return the attributes in groups whose buckets fit one wide row."""
    found: list[list[Attribute]] = []
    room = 0
    for a in attributes:
        if not found or slots_of(a) > room:
            found.append([])
            room = BUNDLE
        found[-1].append(a)
        room -= slots_of(a)
    return found


def _bundle_ctes(i: int, group: Sequence[Attribute], bases: Mapping[str, int], slots_of: Slots) -> list[Cte]:
    """Make one wide row per pattern for some attributes, sum it per segment, and take the sums apart again."""
    ctes = []
    for a in group:
        slot, base = slot_token(a.name), bases[a.name]
        wide = (
            f"select\n    pattern_id,\n    cast(sum(case when code = {base} + {slot} then members else 0 end) as integer) as n{slot},\n"
            f"    cast(sum(members) as integer) as members\nfrom bucket_counts\nwhere code > {base} and code <= {base + slots_of(a)}\ngroup by pattern_id"
        )
        ctes.append((f"wide_{a.name}", wide))
    first = f"wide_{group[0].name}"
    columns = "".join(f"    wide_{a.name}.n{slot_token(a.name)} as {a.name}_{slot_token(a.name)},\n" for a in group)
    joins = "".join(f"\ninner join wide_{a.name} on wide_{a.name}.pattern_id = {first}.pattern_id" for a in group[1:])
    sums = "".join(
        f"    cast(sum(c.{a.name}_{slot_token(a.name)}) as integer) as {a.name}_{slot_token(a.name)},\n" for a in group
    )
    return [
        *ctes,
        (f"bundle_{i}", f"select\n{columns}    {first}.pattern_id\nfrom {first}{joins}"),
        (
            f"bundle_sums_{i}",
            f"select\n{sums}    m.segment_no\nfrom segment_patterns as m\ninner join bundle_{i} as c on c.pattern_id = m.pattern_id\ngroup by m.segment_no",
        ),
        (f"bundle_rows_{i}", f"{{{{ pulse_unpivot('bundle_sums_{i}', {[a.name for a in group]}) }}}}"),
    ]


def slot_token(attribute: str) -> str:
    """Name the slot of an attribute's bucket; the line that it is in is repeated once per slot."""
    return f"__pulse_slot_{attribute}__"
