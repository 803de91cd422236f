"""The one heavy model of an entity: all facts about all its segments on one date, from one pass over the rows.

Rows become leaf bits, bits become patterns, and everything that is per segment is computed per pattern. The CTEs marked as steps are
made as temporary tables by the materialization, because many others read them.
"""

from __future__ import annotations

from pulse_runner.compile.bits import BEFORE, DAY, before_bits, today_bits
from pulse_runner.compile.changes import change_ctes, leaf_list, transition_cte
from pulse_runner.compile.counts import count_ctes, pattern_ctes, segment_list
from pulse_runner.compile.events import event_ctes
from pulse_runner.compile.plan import EntityPlan
from pulse_runner.compile.rows import copies, rows
from pulse_runner.compile.sql import literal
from pulse_runner.segments.model import Entity

DEFINITIONS = "{{ pulse_definitions }}"  # filled in by the model's first line
STEPS = (
    "copies", "today_bits", "before_bits", "transitions", "patterns", "segment_list", "segment_patterns", "today_patterns", "pattern_counts",
    "named_counts", "bucket_slots", "bucket_counts", "edited", "moves", "segment_moves", "changes", "exits", "entries",
)  # fmt: skip


def facts_sql(plan: EntityPlan) -> str:
    """Return the body of `<entity>_facts.sql`: the rows of two days, their bits, patterns, counts, changes, facts."""
    ctes = [
        *event_ctes(plan, DAY, "today"),
        *event_ctes(plan, BEFORE, "before"),
        *event_ctes(plan, DAY, "aged", known_until=BEFORE),
        ("copies", copies(plan, (DAY, BEFORE))),
        ("today", rows(plan, DAY, "today")),
        ("before", rows(plan, BEFORE, "before")),
        ("today_bits", today_bits(plan)),
        ("before_bits", before_bits(plan)),
        transition_cte(plan),
        ("leaves", leaf_list(plan)),
        ("segment_list", segment_list(plan)),
        *pattern_ctes(plan),
        *count_ctes(plan),
        *change_ctes(plan),
        ("exits", _moved("was_member")),
        ("entries", _moved("now_member")),
        ("sums", _sums(plan.entity)),
        ("facts", _facts(plan)),
    ]
    body = ",\n\n".join(
        f"{name} as {'{{ pulse_step() }} ' if _is_step(name) else ''}(\n\n{_indent(sql)}\n\n)" for name, sql in ctes
    )
    final = (
        f"select\n    {DAY.minus(0)} as snapshot_date,\n    {BEFORE.minus(0)} as previous_date,\n"
        f"    {literal(plan.entity.name)} as entity,\n    segment_id,\n    fact,\n    item,\n    bucket,\n    leaf_columns,\n"
        "    cast(members as bigint) as members\nfrom facts"
    )
    return f"with\n\n{body}\n\n{final}\n"


def _is_step(name: str) -> bool:
    return name in STEPS or (name.startswith(("judged_", "bundle_")) and not name.startswith("bundle_rows_"))


def _moved(side: str) -> str:
    return f"select s.segment_no, s.move_id, v.members\nfrom segment_moves as s\ninner join moves as v on v.move_id = s.move_id\nwhere s.{side}"


def _sums(entity: Entity) -> str:
    """One row per segment that is not broken, with a zero where nothing was counted."""
    parts = {
        "n": ("segment_sums", {c: c for c in ("members", "inactive", *(f"reach_{c}" for c in entity.reach))}),
        "b": ("segment_before", {"previous_members": "members", "eligible": "members", "converted": "converted"}),
        "i": ("(select segment_no, sum(members) as members from entries group by segment_no)", {"entered": "members"}),
        "o": ("(select segment_no, sum(members) as members from exits group by segment_no)", {"exited": "members"}),
    }
    columns = [f"coalesce({alias}.{c}, 0) as {name}" for alias, (_, cs) in parts.items() for name, c in cs.items()]
    joins = [
        f"left join {source} as {alias} on {alias}.segment_no = l.segment_no" for alias, (source, _) in parts.items()
    ]
    return (
        "select\n    l.segment_id,\n    " + ",\n    ".join(columns) + "\nfrom segment_list as l\n" + "\n".join(joins)
        + "\nwhere l.watched and l.problem = ''"
    )  # fmt: skip


def _facts(plan: EntityPlan) -> str:
    def plain(fact: str, column: str, item: str = "''") -> str:
        return f"select segment_id, {literal(fact)} as fact, {item} as item, '' as bucket, '' as leaf_columns, {column} as members from sums"

    since = "{{ pulse_has_before() }}"
    words = range(plan.words)
    parts = [plain("members", "members"), plain("inactive", "inactive")]
    for fact in ("previous_members", "entered", "exited", "eligible", "converted"):
        parts.append(f"{plain(fact, fact)} where {since}")
    parts += [plain("reach", f"reach_{c}", literal(c)) for c in plan.entity.reach]
    named = "inner join segment_list as l on l.segment_no ="
    parts.append(
        f"select l.segment_id, 'distribution', d.attribute, d.bucket, '', d.members from segment_buckets as d {named} d.segment_no where l.watched"
    )
    same = " and ".join(f"n.flipped{w} = c.flipped{w}" for w in words)
    parts.append(
        "select l.segment_id, c.direction, c.cause, case when c.cause = 'edited' then 'was: ' || e.previous_rule else coalesce(n.leaf, '') end, coalesce(n.leaf_columns, ''), c.members from changes as c "
        f"{named} c.segment_no left join flip_names as n on {same} left join edited as e on e.segment_no = c.segment_no where {since}"
    )
    parts.append(f"select '', 'definitions', '{DEFINITIONS}', '', '', null")
    parts.append(
        "select segment_id, 'status', case when problem = '' then 'ok' else 'broken' end, problem, '', null from segment_list where watched"
    )
    parts.append("select segment_id, 'rule', rule_hash, '', '', null from segment_list where watched and problem = ''")
    return "\nunion all\n".join([*parts, *_flows(since)])


def _flows(since: str) -> list[str]:
    """Who left for which other segment in the same move, for none or for any; and who came from none or from any."""
    return [
        f"select f.segment_id, 'flow_to', t.segment_id, '', '', p.members from (\n"
        "    select e.segment_no as from_no, n.segment_no as to_no, sum(e.members) as members\n    from exits as e inner join entries as n on n.move_id = e.move_id\n"
        f"    where {since} group by e.segment_no, n.segment_no\n) as p\n"
        "inner join segment_list as f on f.segment_no = p.from_no inner join segment_list as t on t.segment_no = p.to_no",
        _flow_side("flow_to", "exits", "entries", since),
        _flow_side("flow_from", "entries", "exits", since),
    ]


def _flow_side(fact: str, mine: str, other: str, since: str) -> str:
    met = "case when o.move_id is null then '(none)' else '(any)' end"
    return (
        f"select l.segment_id, '{fact}', {met}, '', '', sum(m.members) from {mine} as m\n"
        "inner join segment_list as l on l.segment_no = m.segment_no\n"
        f"left join (select distinct move_id from {other}) as o on o.move_id = m.move_id\nwhere {since} group by l.segment_id, {met}"
    )


def _indent(sql: str, by: int = 4) -> str:
    return "\n".join((" " * by + line) if line else line for line in sql.split("\n"))
