"""What segments are today: rows to patterns of leaf bits, patterns to segments, and counts per segment.

A rule is evaluated once per distinct pattern. Counts of a pattern stand in one row, one column per bucket, so that a segment is one
sum over its patterns. The number of buckets is known when the rows are: a line with a slot token is repeated once per slot.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.compiler.bits import FIRST_CHANNEL, INACTIVE, bits_condition, bucket
from pulse_runner.compiler.plan import WORD, EntityPlan
from pulse_runner.compiler.sql import in_jinja, literal
from pulse_runner.segments.model import Attribute
from pulse_runner.segments.text import rule_hash, rule_text

BUNDLE = 1100  # slots in one table: a row of integers must fit a page of Postgres, and its columns below 1,600
Cte = tuple[str, str]


def segment_words(plan: EntityPlan) -> range:
    """Return the places of the words that hold one bit per segment."""
    return range(-(-len(plan.judged) // WORD))


def pattern_ctes(plan: EntityPlan) -> list[Cte]:
    """Return the patterns of today, of the day before and of that day aged, with the segments that they satisfy."""
    words = range(plan.words)

    def side(prefix: str, here: str) -> str:
        columns = ", ".join(f"{prefix}{w} as w{w}" for w in words)
        return f"select {columns} from transitions where {here}"

    distinct = "\nunion\n".join((side("w", "is_here"), side("b", "was_here"), side("g", "was_here")))
    columns = ["cast(row_number() over (order by w0) as integer) as pattern_id", *(f"w{w}" for w in words)]
    judged, members = [], []
    for q in segment_words(plan):
        lines = [
            f"case when {bits_condition(s.rule, s.place, 'w')} then {1 << n} else 0 end -- {s.segment.name}{'' if s.watched else ', an earlier rule'}"
            for n, s in enumerate(plan.judged[q * WORD : (q + 1) * WORD])
        ]
        word = "cast(\n        " + "\n        + ".join(lines) + "\n    as bigint) as satisfied"
        judged.append((f"judged_{q}", f"select\n    pattern_id,\n    {word}\nfrom patterns"))
        members.append(
            f"select l.segment_no, p.pattern_id\nfrom judged_{q} as p\ninner join segment_list as l on l.segment_word = {q}"
            " and l.problem = '' and {{ pulse_any_bit('p.satisfied', 'l.segment_mask') }}"
        )
    return [
        ("distinct_patterns", distinct),
        ("patterns", "select\n    " + ",\n    ".join(columns) + "\nfrom distinct_patterns"),
        *judged,
        ("segment_patterns", "\nunion all\n".join(members)),
    ]


def segment_list(plan: EntityPlan) -> str:
    """Return one row per judged rule: its number and hash, its place in the segment words, what is wrong with its columns, its leaf masks."""
    rows = []
    for n, s in enumerate(plan.judged):
        reason = f"{{{{ pulse_broken_reason(broken, {list(s.columns)}) if broken else \"''\" }}}}"
        masks = [str(m) for pair in zip(s.for_masks, s.against_masks, strict=True) for m in pair]
        about = [literal(rule_hash(s.rule, plan.entity)), in_jinja(literal(rule_text(s.rule)))]
        rows.append(
            f"({n}, {literal(s.segment.name)}, {literal(s.watched)}, {', '.join(about)}, {n // WORD}, {1 << n % WORD}, {reason}, {', '.join(masks)})"
        )
    names = ["segment_mask", *(f"{side}{w}" for w in range(plan.words) for side in ("for", "against"))]
    numbers = ", ".join(f"cast({n} as bigint) as {n}" for n in names)
    listed = ", ".join(
        [
            "segment_no",
            "segment_id",
            "watched",
            "rule_hash",
            "rule_text",
            "segment_word",
            names[0],
            "problem",
            *names[1:],
        ]
    )
    return (
        f"select segment_no, segment_id, watched, rule_hash, rule_text, segment_word, problem, {numbers}\nfrom (values\n    "
        + ",\n    ".join(rows) + f"\n) as listed ({listed})"
    )  # fmt: skip


def count_ctes(plan: EntityPlan) -> list[Cte]:
    """Return the counts of today per segment: `segment_sums` (members, inactive, reach) and `segment_buckets`."""
    entity, words = plan.entity, range(plan.words)
    keep = ", ".join(f"w{w}" for w in words)
    flags = {"inactive": INACTIVE} | {f"reach_{c}": FIRST_CHANNEL << i for i, c in enumerate(entity.reach)}
    counted = [f"count(case when {{{{ pulse_any_bit('flags', {m}) }}}} then 1 end) as {n}" for n, m in flags.items()]
    same = " and ".join(f"p.w{w} = f.w{w}" for w in words)
    listed = ", ".join(f"f.{n}" for n in ("members", *flags))
    sums = ", ".join(f"sum(f.{n}) as {n}" for n in ("members", *flags))
    ctes = [
        ("flag_counts", f"select\n    {keep},\n    count(*) as members,\n    " + ",\n    ".join(counted) + f"\nfrom today_bits\ngroup by {keep}"),
        ("pattern_counts", f"select p.pattern_id, {listed}\nfrom flag_counts as f\ninner join patterns as p on {same}"),
        (
            "segment_sums",
            f"select m.segment_no, {sums}\nfrom segment_patterns as m\ninner join pattern_counts as f on f.pattern_id = m.pattern_id\ngroup by m.segment_no",
        ),
    ]  # fmt: skip
    return ctes + _bucket_ctes(plan)


def bundles(attributes: Sequence[Attribute]) -> list[list[Attribute]]:
    """Return the attributes in groups whose buckets fit one wide row."""
    found: list[list[Attribute]] = []
    room = 0
    for a in attributes:
        size = len(a.bins) + 2 if a.bins else a.top + 1
        if not found or size > room:
            found.append([])
            room = BUNDLE
        found[-1].append(a)
        room -= size
    return found


def slot_ctes(plan: EntityPlan) -> list[Cte]:
    """Return `bucket_slots`: every bucket of today with its number within the attribute, the largest first; small ones share the last."""
    entity = plan.entity
    if not entity.attributes:
        return [("bucket_slots", "select '' as attribute, '' as bucket, '' as label, 0 as slot where 1 = 0")]
    names = [f"bucket_{a.name}" for a in entity.attributes]
    buckets = ",\n        ".join(f"{bucket(entity, a)} as {n}" for a, n in zip(entity.attributes, names, strict=True))
    which = " ".join(
        f"when {n} is not null then {literal(a.name)}" for a, n in zip(entity.attributes, names, strict=True)
    )
    tops = " ".join(f"when {literal(a.name)} then {1000000 if a.bins else a.top}" for a in entity.attributes)
    totals = (
        f"select\n    case {which} end as attribute,\n    coalesce({', '.join(names)}) as bucket,\n    count(*) as members\n"
        f"from (\n    select\n        {buckets}\n    from today\n) as named\ngroup by grouping sets ({', '.join(f'({n})' for n in names)})"
    )
    ranked = (
        "select\n    attribute,\n    bucket,\n    row_number() over (partition by attribute order by members desc, bucket) as place,\n"
        f"    case attribute {tops} end as top\nfrom bucket_totals"
    )
    slots = (
        "select\n    attribute,\n    bucket,\n    case when place <= top then bucket else '(other)' end as label,\n"
        "    cast(case when place <= top then place else top + 1 end as integer) as slot\nfrom ranked_buckets"
    )
    return [("bucket_totals", totals), ("ranked_buckets", ranked), ("bucket_slots", slots)]


def _bucket_ctes(plan: EntityPlan) -> list[Cte]:
    attributes, words = plan.entity.attributes, range(plan.words)
    if not attributes:
        return [("segment_buckets", "select 0 as segment_no, '' as attribute, '' as bucket, 0 as members where 1 = 0")]
    keep = ", ".join(f"w{w}" for w in words)
    same = " and ".join(f"p.w{w} = c.w{w}" for w in words)
    slots = [f"slot_{a.name}" for a in attributes]
    sets = ",\n        ".join(f"({keep}, {n})" for n in slots)
    counted = (
        f"select p.pattern_id, {', '.join(f'c.{n}' for n in slots)}, c.members\nfrom (\n"
        f"    select\n        {keep}, {', '.join(slots)},\n        cast(count(*) as integer) as members\n"
        f"    from today_bits\n    group by grouping sets (\n        {sets}\n    )\n) as c\ninner join patterns as p on {same}"
    )
    groups = bundles(attributes)
    ctes = [("bucket_counts", counted)]
    for i, group in enumerate(groups):
        ctes += _bundle_ctes(i, group)
    unpivoted = "\nunion all\n".join(
        f"select w.segment_no, s.attribute, s.label as bucket, w.members\nfrom bundle_rows_{i} as w\n"
        "inner join (select distinct attribute, label, slot from bucket_slots) as s on s.attribute = w.attribute and s.slot = w.slot\n"
        "where w.members > 0"
        for i in range(len(groups))
    )
    return [*ctes, ("segment_buckets", unpivoted)]


def _bundle_ctes(i: int, group: Sequence[Attribute]) -> list[Cte]:
    """Make one wide row per pattern for some attributes, sum it per segment, and take the sums apart again."""
    ctes = []
    for a in group:
        slot = slot_token(a.name)
        wide = (
            f"select\n    pattern_id,\n    cast(sum(case when slot_{a.name} = {slot} then members else 0 end) as integer) as n{slot},\n"
            f"    cast(sum(members) as integer) as members\nfrom bucket_counts\nwhere slot_{a.name} is not null\ngroup by pattern_id"
        )
        ctes.append((f"wide_{a.name}", wide))
    first = f"wide_{group[0].name}"
    columns = "".join(
        f"    {alias}.n{slot_token(a.name)} as {a.name}_{slot_token(a.name)},\n"
        for a in group
        for alias in (f"wide_{a.name}",)
    )
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
