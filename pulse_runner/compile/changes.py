"""How segments came to be what they are: who moved since the day before, by cause, and from where to where."""

from __future__ import annotations

from pulse_runner.compile.bits import CONVERTED
from pulse_runner.compile.counts import Cte, segment_words
from pulse_runner.compile.plan import EntityPlan, leaf_columns
from pulse_runner.compile.sql import in_jinja, literal


def transition_cte(plan: EntityPlan) -> Cte:
    """Return the rows of both days together: how many went from which bits to which."""
    words = range(plan.words)
    keep = [f"t.w{w}" for w in words] + [f"b.{p}{w}" for w in words for p in "bg"]
    converted = (
        f"b.entity_key is not null and t.entity_key is not null and {{{{ pulse_any_bit('t.flags', {CONVERTED}) }}}}"
    )
    return "transitions", (
        "select\n    b.entity_key is not null as was_here,\n    t.entity_key is not null as is_here,\n    " + ",\n    ".join(keep)
        + f",\n    {converted} as converted,\n    count(*) as members\nfrom today_bits as t\nfull join before_bits as b on t.entity_key = b.entity_key\n"
        + f"group by b.entity_key is not null, t.entity_key is not null, {', '.join(keep)}, {converted}"
    )  # fmt: skip


def change_ctes(plan: EntityPlan) -> list[Cte]:
    """Return who was a member before (`segment_before`), who moved (`segment_moves`) and the causes (`changes`)."""
    return [*_edit_ctes(), ("segment_before", _before(plan)), *_move_ctes(plan), *_cause_ctes(plan), *_flip_names(plan)]


def leaf_list(plan: EntityPlan) -> str:
    """Return one row per leaf: its bit, its text and the columns that it reads."""
    if not plan.bits:
        return "select 0 as word, cast(0 as bigint) as mask, 0 as place, '' as leaf, '' as leaf_columns where false"
    rows = []
    for i, b in enumerate(plan.bits):
        columns = literal(",".join(leaf_columns(b.leaf, plan.entity)))
        rows.append(f"({b.word}, {b.mask}, {i}, {in_jinja(literal(b.text))}, {columns})")
    return (
        "select word, cast(mask as bigint) as mask, place, leaf, leaf_columns\nfrom (values\n    " + ",\n    ".join(rows)
        + "\n) as listed (word, mask, place, leaf, leaf_columns)"
    )  # fmt: skip


def _edit_ctes() -> list[Cte]:
    """Which segments were snapshotted with another rule on the day before, where that rule is known; and who counts as member then."""
    edited = (
        "select l.segment_no, p.segment_no as previous_no, p.rule_text as previous_rule\nfrom segment_list as l\n"
        "inner join (\n    {{ pulse_stored_rules() }}\n) as s on s.segment_id = l.segment_id and s.rule_hash <> l.rule_hash\n"
        "inner join segment_list as p on p.segment_id = l.segment_id and p.rule_hash = s.rule_hash and not p.watched and p.problem = ''\n"
        "where l.watched and l.problem = ''"
    )
    previous = (
        "select l.segment_no, coalesce(e.previous_no, l.segment_no) as previous_no\nfrom segment_list as l\n"
        "left join edited as e on e.segment_no = l.segment_no\nwhere l.watched"
    )
    return [("edited", edited), ("previous_rules", previous)]


def _before(plan: EntityPlan) -> str:
    keep = ", ".join(f"b{w}" for w in range(plan.words))
    same = " and ".join(f"p.w{w} = t.b{w}" for w in range(plan.words))
    return (
        "select r.segment_no, sum(t.members) as members, sum(t.converted) as converted\nfrom (\n"
        f"    select {keep}, sum(members) as members, sum(case when converted then members else 0 end) as converted\n"
        f"    from transitions where was_here group by {keep}\n) as t\ninner join patterns as p on {same}\n"
        "inner join segment_patterns as m on m.pattern_id = p.pattern_id\n"
        "inner join previous_rules as r on r.previous_no = m.segment_no\ngroup by r.segment_no"
    )


def _move_ctes(plan: EntityPlan) -> list[Cte]:
    """Only rows whose bits changed, that came or that went can have entered or left a segment whose rule is the same.

    Of an edited one, the rule before counts for the day before, and `same_member` says what today's rule makes of that day.
    """
    words, places = range(plan.words), segment_words(plan)
    changed = " or ".join(f"t.w{w} <> t.b{w} or t.g{w} <> t.b{w}" for w in words)
    keep = [f"t.{p}{w}" for w in words for p in "bgw"]
    sides = (("was", "t.was_here", "b"), ("aged", "t.was_here", "g"), ("now", "t.is_here", "w"))
    ids = [f"{name}.pattern_id as {name}_id" for name, _, _ in sides]
    joins = [
        f"left join patterns as {name} on {here} and " + " and ".join(f"{name}.w{w} = t.{p}{w}" for w in words)
        for name, here, p in sides
    ]
    moves = (
        "select\n    row_number() over (order by t.members) as move_id,\n    t.was_here,\n    t.is_here,\n    " + ",\n    ".join([*keep, *ids])
        + ",\n    t.members\nfrom transitions as t\n" + "\n".join(joins)
        + f"\nwhere not t.was_here or not t.is_here or exists (select 1 from edited) or {changed}"
    )  # fmt: skip
    parts = []
    for q in places:
        words_of = ", ".join(f"coalesce({name}.satisfied, 0) as {name}" for name, _, _ in sides)
        found = " ".join(f"left join judged_{q} as {name} on {name}.pattern_id = v.{name}_id" for name, _, _ in sides)
        bit = {name: f"({{{{ pulse_any_bit('v.{name}', 'l.segment_mask') }}}})" for name, _, _ in sides}
        listed = ", ".join(f"{sql} as {name}_member" for name, sql in {**bit, "same": bit["was"]}.items())
        parts.append(
            f"select l.segment_no, v.move_id, {listed}\nfrom (\n    select v.move_id, {words_of}\n    from moves as v {found}\n) as v\n"
            f"inner join segment_list as l on l.segment_word = {q} and l.watched and l.problem = ''\n"
            f"    and {bit['was']} <> {bit['now']} and l.segment_no not in (select e.segment_no from edited as e)\nwhere v.was <> v.now"
        )
    judged = {
        "was": ("e.previous_no", "was"),
        "aged": ("e.segment_no", "aged"),
        "now": ("e.segment_no", "now"),
        "same": ("e.segment_no", "was"),
    }
    members = ", ".join(f"{name}.pattern_id is not null as {name}_member" for name in judged)
    lookups = "".join(
        f"\nleft join segment_patterns as {name} on {name}.segment_no = {rule} and {name}.pattern_id = v.{side}_id"
        for name, (rule, side) in judged.items()
    )
    parts.append(
        f"select e.segment_no, v.move_id, {members}\nfrom moves as v\ncross join edited as e{lookups}\n"
        "where (was.pattern_id is null) <> (now.pattern_id is null)"
    )
    return [("moves", moves), ("segment_moves", "\nunion all\n".join(parts))]


def _cause_ctes(plan: EntityPlan) -> list[Cte]:
    """The cause of a move is the last step that changed the membership: the edit, time, the data of a leaf, a new or a vanished row.

    `on` holds the leaves that turned true in that step, `off` those that turned false; a leaf is named when it turned in the
    direction that the rule needs.
    """
    words = range(plan.words)
    caused = (
        "select\n    s.segment_no,\n    s.move_id,\n    case\n        when not v.was_here then 'row_new'\n        when not v.is_here then 'row_gone'\n"
        "        when s.aged_member <> s.now_member then 'leaf'\n        when s.same_member <> s.aged_member then 'aged'\n        else 'edited'\n    end as cause,\n"
        "    case when s.now_member then 'gained' else 'lost' end as direction\nfrom segment_moves as s\n"
        "inner join moves as v on v.move_id = s.move_id"
    )
    turned = ",\n    ".join(
        f"{a} - {{{{ pulse_and('{a}', '{b}') }}}} as {name}{w}"
        for w in words
        for name, a, b in (
            ("leaf_on", f"w{w}", f"g{w}"), ("leaf_off", f"g{w}", f"w{w}"),
            ("aged_on", f"g{w}", f"b{w}"), ("aged_off", f"b{w}", f"g{w}"),
        )
    )  # fmt: skip
    flips = []
    for w in words:
        sides = {
            (
                cause,
                direction,
            ): f"{{{{ pulse_and('t.{cause}_{first}{w}', 'l.for{w}') }}}} + {{{{ pulse_and('t.{cause}_{second}{w}', 'l.against{w}') }}}}"
            for cause in ("leaf", "aged")
            for direction, first, second in (("gained", "on", "off"), ("lost", "off", "on"))
        }
        cases = "".join(
            f"\n        when c.cause = '{cause}' and c.direction = '{direction}' then {sql}"
            for (cause, direction), sql in sides.items()
        )
        flips.append(f"case{cases}\n        else 0\n    end as flipped{w}")
    keys = "segment_no, direction, cause, " + ", ".join(f"flipped{w}" for w in words)
    return [
        ("changes_caused", caused),
        ("turned", f"select\n    move_id,\n    members,\n    {turned}\nfrom moves"),
        (
            "changes_flips",
            "select\n    c.segment_no, c.direction, c.cause, t.members,\n    " + ",\n    ".join(flips)
            + "\nfrom changes_caused as c\ninner join turned as t on t.move_id = c.move_id\n"
            "inner join segment_list as l on l.segment_no = c.segment_no",
        ),
        ("changes", f"select {keys}, sum(members) as members from changes_flips group by {keys}"),
    ]  # fmt: skip


def _flip_names(plan: EntityPlan) -> list[Cte]:
    """The flipped leaves by name, in the order of their bits, once per combination; '' when there is none."""
    words = range(plan.words)
    keys = ", ".join(f"flipped{w}" for w in words)
    hit = " or ".join(f"(l.word = {w} and {{{{ pulse_any_bit('c.flipped{w}', 'l.mask') }}}})" for w in words)
    names = {
        name: f"{{{{ dbt.listagg('l.{name}', \"'{separator}'\", 'order by l.place') }}}}"
        for name, separator in (("leaf", " + "), ("leaf_columns", ","))
    }
    listed = ", ".join(f"{sql} as {name}" for name, sql in names.items())
    grouped = ", ".join(f"c.flipped{w}" for w in words)
    return [
        ("flips", f"select distinct {keys} from changes"),
        (
            "flip_names",
            f"select {grouped}, {listed}\nfrom flips as c\ninner join leaves as l on {hit}\ngroup by {grouped}",
        ),
    ]
