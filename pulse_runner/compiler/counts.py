"""What segments are today: rows to patterns of leaf bits, patterns to segments, and counts per segment.

A rule is evaluated once per distinct pattern. Buckets are numbered over all attributes, so that a pattern or a segment and a bucket are
one whole number to group by.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from pulse_runner.compiler.bits import FIRST_CHANNEL, INACTIVE, bits_condition, bucket
from pulse_runner.compiler.plan import WORD, EntityPlan
from pulse_runner.compiler.sql import in_jinja, literal
from pulse_runner.compiler.wide import wide_ctes
from pulse_runner.segments.model import Attribute
from pulse_runner.segments.text import rule_hash, rule_text

WIDE_FROM = 200  # segments; below, joining buckets to segments is faster than wide rows
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
        judged.append(
            (
                f"judged_{q}",
                f"{{% call pulse_bitwise() -%}}\nselect\n    pattern_id,\n    {word}\nfrom patterns\n{{%- endcall %}}",
            )
        )
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
    flags = {"inactive": INACTIVE} | {f"reach_{c}": FIRST_CHANNEL << i for i, c in enumerate(entity.reach)}
    counted = [f"count(case when {{{{ pulse_any_bit('flags', {m}) }}}} then 1 end) as {n}" for n, m in flags.items()]
    same = " and ".join(f"p.w{w} = t.w{w}" for w in words)
    codes = ["t.flags", *(f"t.code_{a.name}" for a in entity.attributes)]
    sums = ", ".join(f"sum(f.{n}) as {n}" for n in ("members", *flags))
    return [
        ("today_patterns", f"select p.pattern_id, {', '.join(codes)}\nfrom today_bits as t\ninner join patterns as p on {same}"),
        ("pattern_counts", "select\n    pattern_id,\n    count(*) as members,\n    " + ",\n    ".join(counted) + "\nfrom today_patterns\ngroup by pattern_id"),
        (
            "segment_sums",
            f"select m.segment_no, {sums}\nfrom segment_patterns as m\ninner join pattern_counts as f on f.pattern_id = m.pattern_id\ngroup by m.segment_no",
        ),
        *_bucket_ctes(plan),
    ]  # fmt: skip


def slot_ctes(plan: EntityPlan) -> list[Cte]:
    """Return `bucket_slots`: every bucket of today with its number within the attribute, the largest first, and over all attributes.

    Small ones share the last number.
    """
    entity = plan.entity
    if not entity.attributes:
        return [("bucket_slots", "select '' as attribute, '' as bucket, '' as label, 0 as slot, 0 as code where 1 = 0")]
    names = [f"bucket_{a.name}" for a in entity.attributes]
    buckets = ",\n        ".join(f"{bucket(entity, a)} as {n}" for a, n in zip(entity.attributes, names, strict=True))
    which = " ".join(
        f"when {n} is not null then {literal(a.name)}" for a, n in zip(entity.attributes, names, strict=True)
    )
    tops = " ".join(f"when {literal(a.name)} then {slots_of(a) - 1}" for a in entity.attributes)
    bases = " ".join(f"when {literal(n)} then {b}" for n, b in bases_of(entity.attributes).items())
    totals = (
        f"select\n    case {which} end as attribute,\n    coalesce({', '.join(names)}) as bucket,\n    count(*) as members\n"
        f"from (\n    select\n        {buckets}\n    from today\n) as named\ngroup by grouping sets ({', '.join(f'({n})' for n in names)})"
    )
    ranked = (
        "select\n    attribute,\n    bucket,\n    row_number() over (partition by attribute order by members desc, bucket) as place,\n"
        f"    case attribute {tops} end as top,\n    case attribute {bases} end as base\nfrom bucket_totals"
    )
    slots = (
        "select\n    attribute,\n    bucket,\n    case when place <= top then bucket else '(other)' end as label,\n"
        "    cast(case when place <= top then place else top + 1 end as integer) as slot,\n"
        "    cast(base + case when place <= top then place else top + 1 end as integer) as code\nfrom ranked_buckets"
    )
    return [("bucket_totals", totals), ("ranked_buckets", ranked), ("bucket_slots", slots)]


def slots_of(attribute: Attribute) -> int:
    """Return how many buckets of an attribute can be kept apart, `(other)` included."""
    return len(attribute.bins) + 3 if attribute.bins else attribute.top + 1


def bases_of(attributes: Sequence[Attribute]) -> dict[str, int]:
    """Return the number before an attribute's first bucket, over all attributes."""
    sizes = [0, *accumulate(slots_of(a) for a in attributes)]
    return {a.name: base for a, base in zip(attributes, sizes, strict=False)}


def _bucket_ctes(plan: EntityPlan) -> list[Cte]:
    attributes = plan.entity.attributes
    if not attributes:
        return [("segment_buckets", "select 0 as segment_no, '' as attribute, '' as bucket, 0 as members where 1 = 0")]
    span = 1 + sum(map(slots_of, attributes))
    packed = "\n    union all\n".join(
        f"    select cast(pattern_id as bigint) * {span} + code_{a.name} as packed, cast(count(*) as integer) as members from today_patterns group by 1"
        for a in attributes
    )
    counted = f"select {_unpacked(span, 'pattern_id')}, members\nfrom (\n{packed}\n) as counted"
    if len(plan.judged) >= WIDE_FROM:
        return [("bucket_counts", counted), *wide_ctes(attributes, bases_of(attributes), slots_of)]
    sums = (
        f"select m.segment_no * {span} + c.code as packed, sum(c.members) as members\nfrom segment_patterns as m\n"
        "inner join bucket_counts as c on c.pattern_id = m.pattern_id\ngroup by 1"
    )
    named = (
        f"select s.segment_no, b.attribute, b.label as bucket, s.members\nfrom (\n    select {_unpacked(span, 'segment_no')}, members\n    from bucket_sums\n) as s\n"
        "inner join (select distinct attribute, label, code from bucket_slots) as b on b.code = s.code"
    )
    return [("bucket_counts", counted), ("bucket_sums", sums), ("segment_buckets", named)]


def _unpacked(span: int, first: str) -> str:
    return f"cast((packed - packed % {span}) / {span} as integer) as {first}, cast(packed % {span} as integer) as code"
