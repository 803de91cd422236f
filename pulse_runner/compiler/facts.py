"""The one heavy model of an entity: all facts about all its segments on one date, from one pass over the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from pulse_runner.compiler.days import Day, LoopDay
from pulse_runner.compiler.events import event_alias, event_columns, event_condition, event_ctes, event_groups
from pulse_runner.compiler.plan import Bit, EntityPlan, SegmentPlan, leaf_columns
from pulse_runner.compiler.sql import in_jinja, leaf_sql, literal
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Attribute,
    Entity,
    EventLeaf,
    Field,
    FieldLeaf,
    Leaf,
    Not,
    Rule,
    SqlLeaf,
)

DAY, BEFORE = LoopDay("pulse_day"), LoopDay("pulse_before")
INACTIVE, CONVERTED, FIRST_CHANNEL = 1, 2, 4
RELATIVE = ("in_last", "more_than_ago", "between_ago")
DEFINITIONS = "{{ pulse_definitions }}"  # filled in by the model's first line
SQL_TYPES = {
    "number": "double precision",
    "text": "varchar",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


def facts_sql(plan: EntityPlan) -> str:
    """Return the body of `<entity>_facts.sql`: import CTEs, bits, moves, one branch per segment, facts."""
    words = range(plan.words)
    plans = plan.segments
    ctes = [
        *event_ctes(plan, DAY, "today"),
        *event_ctes(plan, BEFORE, "before"),
        *event_ctes(plan, DAY, "aged", known_until=BEFORE),
        ("today_copies", _copies(plan, DAY)),
        ("before_copies", _copies(plan, BEFORE)),
        ("today", _rows(plan, DAY, "today")),
        ("before", _rows(plan, BEFORE, "before")),
        ("today_bits", _today_bits(plan)),
        ("before_bits", _before_bits(plan)),
        ("leaves", _leaves(plan)),
        ("segment_list", _segment_list(plan)),
        # what a segment is today: patterns and flags first, then one small query per segment
        ("flag_counts", _flag_counts(words)),
        ("segment_flags", _union(_segment_counts(s, "flag_counts", ("flags",), "w") for s in plans)),
        # who was a member before, and who of them converted
        ("before_counts", _before_counts(words)),
        ("segment_before", _union(_segment_counts(s, "before_counts", ("converted",), "b") for s in plans)),
        # only rows whose bits changed, that came or that went can have entered or left
        ("moves", _moves(words)),
        ("segment_moves", _union(_segment_moves(s, words) for s in plans)),
        ("segment_sums", _segment_sums(plan.entity)),
        *_change_ctes(words),
        ("exits", _select("segment_id, move_id, members", "segment_moves", "was_member and not is_member")),
        ("entries", _select("segment_id, move_id, members", "segment_moves", "is_member and not was_member")),
        *_bucket_ctes(plan, words),
        ("facts", _facts(plan.entity, words)),
    ]
    body = ",\n\n".join(f"{name} as {_once(name)}(\n\n{_indent(sql)}\n\n)" for name, sql in ctes)
    final = (
        f"select\n    {DAY.minus(0)} as snapshot_date,\n    {BEFORE.minus(0)} as previous_date,\n"
        f"    {literal(plan.entity.name)} as entity,\n    segment_id,\n    fact,\n    item,\n    bucket,\n    leaf_columns,\n"
        "    cast(members as bigint) as members\nfrom facts"
    )
    return f"with\n\n{body}\n\n{final}\n"


def _once(name: str) -> str:
    """Ask for a CTE that many others read to be computed once."""
    shared = ("today_bits", "before_bits", "flag_counts", "before_counts", "moves", "segment_moves", "changes")
    return "{{ pulse_materialized() }} " if name in shared or name.startswith("pair_") else ""


def _copies(plan: EntityPlan, day: Day) -> str:
    """Keys that stand more than once as of a day: as a rule none, so only they pay for being told apart."""
    entity = plan.entity
    return (
        f"select {entity.key} as entity_key\nfrom {{{{ relation }}}}\nwhere {as_of_condition(entity, day)} and {entity.key} is not null\n"
        f"group by {entity.key}\nhaving count(*) > 1"
    )


def _rows(plan: EntityPlan, day: Day, name: str) -> str:
    """One row per key as of a day; of duplicate keys the first by all used columns, so that a re-run picks the same."""
    entity = plan.entity
    columns = [f"{{{{ pulse_column('{c}', '{SQL_TYPES[entity.fields[c].type]}', broken) }}}}" for c in plan.columns]
    # a missing column cannot be sorted by
    order = "".join(f"{{% if '{c}' not in broken %}}{c}, {{% endif %}}" for c in plan.columns) + entity.key
    read = f"from {{{{ relation }}}}\n    where {as_of_condition(entity, day)} and {entity.key} is not null"
    single = ",\n        ".join([f"{entity.key} as entity_key", *columns])
    double = f"{single},\n        row_number() over (partition by {entity.key} order by {order}) as pulse_copy"
    picked = ["one.entity_key", *(f"one.{c}" for c in plan.columns)]
    picked += [
        f"{{{{ dbt.datediff('cast(one.{f.days_since} as date)', {_quoted(day)}, 'day') }}}} as {f.name}"
        for f in _clocks(plan)
    ]
    joins = ""
    for source in (name, *(("aged",) if name == "before" else ())):
        for n in range(len(event_groups(plan))):
            joins += f"\nleft join {source}_events_{n} on {source}_events_{n}.entity_key = one.entity_key"
        for n, column in event_columns(plan):
            picked.append(f"{source}_events_{n}.{column} as {event_alias(source, n, column)}")
    listed = ", ".join(["entity_key", *plan.columns])
    return (
        "select\n    " + ",\n    ".join(dict.fromkeys(picked)) + f"\nfrom (\n    select\n        {single}\n    {read}\n"
        f"        and not exists (select 1 from {name}_copies as c where c.entity_key = {entity.key})\n    union all\n"
        f"    select {listed} from (\n    select\n        {double}\n    {read}\n"
        f"        and {entity.key} in (select c.entity_key from {name}_copies as c)\n    ) as copies where pulse_copy = 1\n) as one" + joins
    )  # fmt: skip


def as_of_condition(entity: Entity, day: Day) -> str:
    """Return the condition that picks the rows that are true at the end of a day."""
    h = entity.history
    if h.kind == "validity":
        end = f"({h.valid_to} is null or cast({h.valid_to} as date) > {day.minus(0)})"
        return f"cast({h.valid_from} as date) <= {day.minus(0)} and {end}"
    return f"{h.as_of or 'snapshot_date'} = {day.minus(0)}"


def _clocks(plan: EntityPlan) -> list[Field]:
    """Return the clock fields that SQL expressions or attributes read by name."""
    named = {f for b in plan.bits if isinstance(b.leaf, SqlLeaf) for f in b.leaf.fields}
    named |= {a.field for a in plan.entity.attributes}
    named |= {n for n in plan.entity.fields if any(n in sql for sql in plan.entity.reach.values())}
    return [f for f in plan.entity.fields.values() if f.days_since and f.name in named]


def _quoted(day: Day) -> str:
    return day.minus(0).strip("{} ")


def _bit(plan: EntityPlan, leaf: Leaf, day: Day, source: str) -> str:
    if isinstance(leaf, FieldLeaf):
        return leaf_sql(leaf, plan.entity.fields, day, jinja=True)
    if isinstance(leaf, SqlLeaf):
        return in_jinja(leaf.sql)
    if isinstance(leaf, EventLeaf):
        return event_condition(plan, leaf, source)
    raise ValueError(f"{leaf} has no bit.")


def is_relative(leaf: Leaf, entity: Entity) -> bool:
    """Say whether time alone can change a leaf."""
    if isinstance(leaf, EventLeaf):
        return leaf.in_last is not None
    if isinstance(leaf, SqlLeaf):
        return any(entity.fields[f].days_since for f in leaf.fields)
    return isinstance(leaf, FieldLeaf) and (
        leaf.operator in RELATIVE or (entity.fields[leaf.field].days_since is not None and "null" not in leaf.operator)
    )


def _word(plan: EntityPlan, word: int, day: Day, source: str, which: Sequence[bool] = (True, False)) -> str:
    lines = [
        f"case when {_bit(plan, b.leaf, day, source)} then {b.mask} else 0 end -- {in_jinja(b.text)}"
        for b in plan.bits
        if b.word == word and is_relative(b.leaf, plan.entity) in which
    ]
    return "cast(\n        " + "\n        + ".join(lines or ["0"]) + "\n    as bigint)"


def _today_bits(plan: EntityPlan) -> str:
    entity = plan.entity
    columns = ["entity_key", *(f"{_word(plan, w, DAY, 'today')} as w{w}" for w in range(plan.words))]
    flags = [
        f"case when {_inactive(entity)} then {INACTIVE} else 0 end",
        f"case when {_converted(entity)} then {CONVERTED} else 0 end",
    ]
    flags += [
        f"case when {in_jinja(sql)} then {FIRST_CHANNEL << i} else 0 end" for i, sql in enumerate(entity.reach.values())
    ]
    columns.append("cast(\n        " + "\n        + ".join(flags) + "\n    as bigint) as flags")
    columns += [f"{_bucket(entity, a)} as bucket_{a.name}" for a in entity.attributes]
    return "select\n    " + ",\n    ".join(columns) + "\nfrom today"


def _before_bits(plan: EntityPlan) -> str:
    """The day before's rows judged twice: on that day, and as they would be today had only time passed."""
    inner = ["entity_key"]
    outer = ["entity_key"]
    for w in range(plan.words):
        inner.append(f"{_word(plan, w, BEFORE, 'before', (False,))} as lasting{w}")
        inner.append(f"{_word(plan, w, BEFORE, 'before', (True,))} as then{w}")
        inner.append(f"{_word(plan, w, DAY, 'aged', (True,))} as aged{w}")
        outer += [f"lasting{w} + then{w} as b{w}", f"lasting{w} + aged{w} as g{w}"]
    select = "select\n        " + ",\n        ".join(_indent(c, 4).lstrip() for c in inner) + "\n    from before"
    return "select\n    " + ",\n    ".join(outer) + f"\nfrom (\n    {select}\n) as judged"


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


def _bucket(entity: Entity, attribute: Attribute) -> str:
    x = attribute.field
    if not attribute.bins:
        return f"coalesce(cast({x} as varchar), '(null)')"
    edges = [f"{b:g}" for b in attribute.bins]
    lines = [f"when {x} is null then '(null)'", f"when {x} < {edges[0]} then '<{edges[0]}'"]
    lines += [f"when {x} < {high} then '[{low},{high})'" for low, high in pairwise(edges)]
    return "case " + " ".join(lines) + f" else '>={edges[-1]}' end"


def _flag_counts(words: range) -> str:
    keep = ", ".join([*(f"w{w}" for w in words), "flags"])
    return f"select {keep}, count(*) as members from today_bits group by {keep}"


def _before_counts(words: range) -> str:
    keep = ", ".join(f"b.b{w}" for w in words)
    converted = f"t.entity_key is not null and {{{{ pulse_bits('coalesce(t.flags, 0)', {CONVERTED}) }}}}"
    return (
        f"select {keep}, {converted} as converted, count(*) as members\nfrom before_bits as b\n"
        f"left join today_bits as t on t.entity_key = b.entity_key\ngroup by {keep}, {converted}"
    )


def _segment_counts(s: SegmentPlan, source: str, by: Sequence[str], prefix: str) -> str:
    """One segment over pattern counts: the members by `by`."""
    columns = ", ".join(by)
    return (
        f"select {literal(s.segment.name)} as segment_id, {columns}, sum(members) as members from {source}\n"
        f"where {bits_condition(s.rule, s.place, prefix)} and {{{{ pulse_intact(broken, {list(s.columns)}) }}}} group by {columns}"
    )


def _moves(words: range) -> str:
    keep = [c for w in words for c in (f"t.w{w}", f"b.b{w}", f"b.g{w}")]
    changed = " or ".join(f"t.w{w} <> b.b{w} or b.g{w} <> b.b{w}" for w in words)
    here = "b.entity_key is not null, t.entity_key is not null, " + ", ".join(keep)
    return (
        "select\n    row_number() over (order by count(*)) as move_id,\n    b.entity_key is not null as was_here,\n"
        "    t.entity_key is not null as is_here,\n    " + ",\n    ".join(keep)
        + ",\n    count(*) as members\nfrom today_bits as t\nfull join before_bits as b on t.entity_key = b.entity_key\n"
        + f"where t.entity_key is null or b.entity_key is null or {changed}\ngroup by {here}"
    )  # fmt: skip


def _leaves(plan: EntityPlan) -> str:
    if not plan.bits:
        return "select 0 as word, cast(0 as bigint) as mask, 0 as place, '' as leaf, '' as leaf_columns where false"
    rows = []
    for i, b in enumerate(plan.bits):
        text = in_jinja(literal(b.text))
        columns = literal(",".join(leaf_columns(b.leaf, plan.entity)))
        rows.append(
            f"select {b.word} as word, cast({b.mask} as bigint) as mask, {i} as place, {text} as leaf, {columns} as leaf_columns"
        )
    return "\nunion all\n".join(rows)


def _segment_list(plan: EntityPlan) -> str:
    rows = []
    for s in plan.segments:
        masks = [f"cast({m} as bigint) as for{w}" for w, m in enumerate(s.for_masks)]
        masks += [f"cast({m} as bigint) as against{w}" for w, m in enumerate(s.against_masks)]
        reason = f"{{{{ pulse_broken_reason(broken, {list(s.columns)}) }}}}"
        rows.append(f"select {literal(s.segment.name)} as segment_id, {reason} as problem, {', '.join(masks)}")
    return "\nunion all\n".join(rows)


def bits_condition(rule: Rule, place: Mapping[Leaf, Bit], prefix: str) -> str:
    """Return a rule over bit words; the bits of an `all` or `any` that share a word are tested at once."""
    if isinstance(rule, Not):
        return f"not {bits_condition(rule.part, place, prefix)}"
    if not isinstance(rule, All | AnyOf):
        bit = place[rule]
        return f"{{{{ pulse_bits('{prefix}{bit.word}', {bit.mask}) }}}}"
    masks: dict[int, int] = {}
    parts = []
    for part in rule.parts:
        if isinstance(part, All | AnyOf | Not):
            parts.append(bits_condition(part, place, prefix))
        else:
            bit = place[part]
            masks[bit.word] = masks.get(bit.word, 0) | bit.mask
    every = isinstance(rule, All)
    macro = "pulse_bits" if every else "pulse_any_bit"
    parts = [*(f"{{{{ {macro}('{prefix}{w}', {m}) }}}}" for w, m in sorted(masks.items())), *parts]
    return parts[0] if len(parts) == 1 else "(" + (" and " if every else " or ").join(parts) + ")"


def _segment_moves(s: SegmentPlan, words: range) -> str:
    keep = ["move_id", "was_here", "is_here", *(f"{p}{w}" for w in words for p in "bgw"), "members"]
    return (
        f"select {literal(s.segment.name)} as segment_id, * from (\n    select\n        " + ", ".join(keep)
        + f",\n        was_here and {bits_condition(s.rule, s.place, 'b')} as was_member"
        + f",\n        was_here and {bits_condition(s.rule, s.place, 'g')} as aged_member"
        + f",\n        is_here and {bits_condition(s.rule, s.place, 'w')} as is_member\n    from moves\n) as judged\n"
        + f"where was_member <> is_member and {{{{ pulse_intact(broken, {list(s.columns)}) }}}}"
    )  # fmt: skip


def _segment_sums(entity: Entity) -> str:
    now = {"members": "true", "inactive": f"{{{{ pulse_bits('flags', {INACTIVE}) }}}}"}
    now |= {f"reach_{c}": f"{{{{ pulse_bits('flags', {FIRST_CHANNEL << i}) }}}}" for i, c in enumerate(entity.reach)}
    then = {"previous_members": "true", "eligible": "true", "converted": "converted"}
    moved = {"entered": "is_member", "exited": "was_member"}

    def sums(parts: Mapping[str, str], source: str) -> str:
        lines = ", ".join(f"sum(case when {c} then members end) as {n}" for n, c in parts.items())
        return f"(select segment_id, {lines} from {source} group by segment_id)"

    columns = [
        f"coalesce({alias}.{n}, 0) as {n}" for alias, parts in (("n", now), ("b", then), ("m", moved)) for n in parts
    ]
    return (
        "select\n    l.segment_id,\n    " + ",\n    ".join(columns) + "\nfrom segment_list as l\n"
        f"left join {sums(now, 'segment_flags')} as n on n.segment_id = l.segment_id\n"
        f"left join {sums(then, 'segment_before')} as b on b.segment_id = l.segment_id\n"
        f"left join {sums(moved, 'segment_moves')} as m on m.segment_id = l.segment_id\nwhere l.problem = ''"
    )


def _change_ctes(words: range) -> list[tuple[str, str]]:
    """Who entered or left, by the last step that changed the membership: time, the data of a leaf, a new or a vanished row.

    `on` holds the leaves that turned true in that step, `off` those that turned false; a leaf is named when it turned in the
    direction that the rule needs.
    """
    caused = (
        "select\n    *,\n    case\n        when not was_here then 'row_new'\n        when not is_here then 'row_gone'\n"
        "        when aged_member <> is_member then 'leaf'\n        else 'aged'\n    end as cause,\n"
        "    case when is_member then 'gained' else 'lost' end as direction\nfrom segment_moves"
    )
    steps = [
        f"case when cause = 'leaf' then w{w} else g{w} end as now{w},\n    case when cause = 'leaf' then g{w} else b{w} end as old{w}"
        for w in words
    ]
    sides = [
        f"now{w} - {{{{ pulse_and('now{w}', 'old{w}') }}}} as on{w},\n    old{w} - {{{{ pulse_and('now{w}', 'old{w}') }}}} as off{w}"
        for w in words
    ]
    flips = []
    for w in words:
        gained = f"{{{{ pulse_and('c.on{w}', 'l.for{w}') }}}} + {{{{ pulse_and('c.off{w}', 'l.against{w}') }}}}"
        lost = f"{{{{ pulse_and('c.off{w}', 'l.for{w}') }}}} + {{{{ pulse_and('c.on{w}', 'l.against{w}') }}}}"
        flips.append(
            f"case\n        when c.cause not in ('leaf', 'aged') then 0\n        when c.direction = 'gained' then {gained}\n"
            f"        else {lost}\n    end as flipped{w}"
        )
    keys = "segment_id, direction, cause, " + ", ".join(f"flipped{w}" for w in words)
    return [
        ("changes_caused", caused),
        ("changes_steps", "select\n    segment_id, direction, cause, members,\n    " + ",\n    ".join(steps) + "\nfrom changes_caused"),
        ("changes_sides", "select\n    segment_id, direction, cause, members,\n    " + ",\n    ".join(sides) + "\nfrom changes_steps"),
        (
            "changes_flips",
            "select\n    c.segment_id, c.direction, c.cause, c.members,\n    " + ",\n    ".join(flips)
            + "\nfrom changes_sides as c\ninner join segment_list as l on l.segment_id = c.segment_id",
        ),
        ("changes", f"select {keys}, sum(members) as members from changes_flips group by {keys}"),
    ]  # fmt: skip


def _bucket_ctes(plan: EntityPlan, words: range) -> list[tuple[str, str]]:
    """Distributions: pairs of attributes are counted per pattern together, then per segment, then taken apart.

    Two attributes in one pass cost little more than one, because their buckets are few.
    """
    attributes = plan.entity.attributes
    ctes = [(f"top_{a.name}", _top(a)) for a in attributes if not a.bins]
    parts = []
    for n in range(0, len(attributes), 2):
        pair = attributes[n : n + 2]
        names = [f"bucket_{a.name}" for a in pair]
        columns = ", ".join([*(f"w{w}" for w in words), *names])
        ctes.append((f"pair_{n // 2}", f"select {columns}, count(*) as members from today_bits group by {columns}"))
        ctes.append(
            (f"segment_pair_{n // 2}", _union(_segment_counts(s, f"pair_{n // 2}", names, "w") for s in plan.segments))
        )
        parts += [_one_attribute(a, f"segment_pair_{n // 2}") for a in pair]
    nothing = "select '' as segment_id, '' as attribute, '' as bucket, 0 as members where 1 = 0"
    return [*ctes, ("segment_buckets", _union(parts) or nothing)]


def _top(a: Attribute) -> str:
    return (
        f"select bucket_{a.name} as bucket from (\n    select bucket_{a.name}, row_number() over (order by count(*) desc, bucket_{a.name})"
        f" as place\n    from today_bits group by bucket_{a.name}\n) as ranked where place <= {a.top}"
    )


def _one_attribute(a: Attribute, source: str) -> str:
    if a.bins:
        return (
            f"select segment_id, {literal(a.name)} as attribute, bucket_{a.name} as bucket, sum(members) as members\nfrom {source}\n"
            f"group by segment_id, bucket_{a.name}"
        )
    return (
        f"select p.segment_id, {literal(a.name)} as attribute, coalesce(t.bucket, '(other)') as bucket, sum(p.members) as members\n"
        f"from {source} as p\nleft join top_{a.name} as t on t.bucket = p.bucket_{a.name}\n"
        "group by p.segment_id, coalesce(t.bucket, '(other)')"
    )


def _facts(entity: Entity, words: range) -> str:
    def plain(fact: str, column: str, item: str = "''") -> str:
        return f"select segment_id, {literal(fact)} as fact, {item} as item, '' as bucket, '' as leaf_columns, {column} as members from segment_sums"

    parts = [plain("members", "members"), plain("inactive", "inactive")]
    since = "{{ pulse_has_before() }}"
    for fact in ("previous_members", "entered", "exited", "eligible", "converted"):
        parts.append(f"{plain(fact, fact)} where {since}")
    parts += [plain("reach", f"reach_{c}", literal(c)) for c in entity.reach]
    parts.append("select segment_id, 'distribution', attribute, bucket, '', members from segment_buckets")
    named, read = _leaf_names(words, "leaf", " + "), _leaf_names(words, "leaf_columns", ",")
    parts.append(f"select segment_id, direction, cause, {named}, {read}, members from changes as c where {since}")
    parts.append(f"select '', 'definitions', '{DEFINITIONS}', '', '', null")
    parts.append(
        "select segment_id, 'status', case when problem = '' then 'ok' else 'broken' end, problem, '', null from segment_list"
    )
    parts += [
        f"select e.segment_id, 'flow_to', n.segment_id, '', '', sum(e.members) from exits as e inner join entries as n on n.move_id = e.move_id where {since} group by e.segment_id, n.segment_id",
        f"select e.segment_id, 'flow_to', case when n.move_id is null then '(none)' else '(any)' end, '', '', sum(e.members) from exits as e left join (select distinct move_id from entries) as n on n.move_id = e.move_id where {since} group by e.segment_id, case when n.move_id is null then '(none)' else '(any)' end",
        f"select n.segment_id, 'flow_from', case when e.move_id is null then '(none)' else '(any)' end, '', '', sum(n.members) from entries as n left join (select distinct move_id from exits) as e on e.move_id = n.move_id where {since} group by n.segment_id, case when e.move_id is null then '(none)' else '(any)' end",
    ]
    return "\nunion all\n".join(parts)


def _leaf_names(words: range, column: str, separator: str) -> str:
    """The flipped leaves of a change, in the order of their bits; '' when there is none."""
    hit = " or ".join(f"(l.word = {w} and {{{{ pulse_and('c.flipped{w}', 'l.mask') }}}} <> 0)" for w in words)
    names = f"{{{{ dbt.listagg('l.{column}', \"'{separator}'\", 'order by l.place') }}}}"
    return f"coalesce((select {names} from leaves as l where {hit}), '')"


def _select(columns: str, source: str, condition: str) -> str:
    return f"select {columns} from {source} where {condition}"


def _union(parts: Iterable[str]) -> str:
    return "\nunion all\n".join(parts)


def _indent(sql: str, by: int = 4) -> str:
    return "\n".join((" " * by + line) if line else line for line in sql.split("\n"))
