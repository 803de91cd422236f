"""What segments are today: rows to patterns of leaf bits, patterns to segments, and counts per segment.

A rule is evaluated once per distinct pattern. Buckets are numbered over all attributes, so that a pattern or a segment and a bucket are
one whole number to group by.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from pulse_runner.compile.bits import FIRST_CHANNEL, INACTIVE, bits_condition
from pulse_runner.compile.plan import WORD, EntityPlan
from pulse_runner.compile.sql import in_jinja, literal
from pulse_runner.compile.wide import wide_ctes
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
    kept = ["t.flags", *(f"t.bucket_{a.name}" for a in entity.attributes)]
    sums = ", ".join(f"sum(f.{n}) as {n}" for n in ("members", *flags))
    return [
        ("today_patterns", f"select p.pattern_id, {', '.join(kept)}\nfrom today_bits as t\ninner join patterns as p on {same}"),
        ("pattern_counts", "select\n    pattern_id,\n    count(*) as members,\n    " + ",\n    ".join(counted) + "\nfrom today_patterns\ngroup by pattern_id"),
        (
            "segment_sums",
            f"select m.segment_no, {sums}\nfrom segment_patterns as m\ninner join pattern_counts as f on f.pattern_id = m.pattern_id\ngroup by m.segment_no",
        ),
        *_bucket_ctes(plan),
    ]  # fmt: skip


def _slot_ctes(attributes: Sequence[Attribute]) -> list[Cte]:
    """Return `bucket_slots`: every bucket of today with its number within the attribute, the largest first, and over all attributes.

    Small ones share the last number.
    """
    tops = " ".join(f"when {literal(a.name)} then {slots_of(a) - 1}" for a in attributes)
    bases = " ".join(f"when {literal(n)} then {b}" for n, b in bases_of(attributes).items())
    ranked = (
        "select\n    attribute,\n    bucket,\n    row_number() over (partition by attribute order by sum(members) desc, bucket) as place,\n"
        f"    case attribute {tops} end as top,\n    case attribute {bases} end as base\nfrom named_counts\ngroup by attribute, bucket"
    )
    slots = (
        "select\n    attribute,\n    bucket,\n    case when place <= top then bucket else '(other)' end as label,\n"
        "    cast(case when place <= top then place else top + 1 end as integer) as slot,\n"
        "    cast(base + case when place <= top then place else top + 1 end as integer) as code\nfrom ranked_buckets"
    )
    return [("ranked_buckets", ranked), ("bucket_slots", slots)]


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
    named = "\nunion all\n".join(
        f"select pattern_id, {literal(a.name)} as attribute, bucket_{a.name} as bucket, cast(count(*) as integer) as members from today_patterns group by pattern_id, bucket_{a.name}"
        for a in attributes
    )
    counted = (
        "select c.pattern_id, s.code, cast(sum(c.members) as integer) as members\nfrom named_counts as c\n"
        "inner join bucket_slots as s on s.attribute = c.attribute and s.bucket = c.bucket\ngroup by c.pattern_id, s.code"
    )
    ctes = [("named_counts", named), *_slot_ctes(attributes), ("bucket_counts", counted)]
    if len(plan.judged) >= WIDE_FROM:
        return [*ctes, *wide_ctes(attributes, bases_of(attributes), slots_of)]
    sums = (
        f"select m.segment_no * {span} + c.code as packed, sum(c.members) as members\nfrom segment_patterns as m\n"
        "inner join bucket_counts as c on c.pattern_id = m.pattern_id\ngroup by 1"
    )
    labelled = (
        f"select s.segment_no, b.attribute, b.label as bucket, s.members\nfrom (\n    select {_unpacked(span, 'segment_no')}, members\n    from bucket_sums\n) as s\n"
        "inner join (select distinct attribute, label, code from bucket_slots) as b on b.code = s.code"
    )
    return [*ctes, ("bucket_sums", sums), ("segment_buckets", labelled)]


def _unpacked(span: int, first: str) -> str:
    return f"cast((packed - packed % {span}) / {span} as integer) as {first}, cast(packed % {span} as integer) as code"
