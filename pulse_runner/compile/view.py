"""The view of a segment: its rule as anybody would write it by hand, over the current rows of its entity."""

from __future__ import annotations

from collections.abc import Mapping

from pulse_runner.compile.days import ColumnDay
from pulse_runner.compile.events import declared_columns, sign
from pulse_runner.compile.jinja import literal as jinja
from pulse_runner.compile.plan import signed_leaves
from pulse_runner.compile.spec import model_name, used_names
from pulse_runner.compile.sql import in_jinja, leaf_sql, literal, resolve_segments
from pulse_runner.segments.columns import event_columns, rule_columns
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Entity,
    EventLeaf,
    EventSource,
    FieldLeaf,
    Leaf,
    Not,
    Project,
    Rule,
    Segment,
    SegmentLeaf,
)
from pulse_runner.segments.text import rule_text

TODAY = ColumnDay("pulse_day")


def segment_view(segment: Segment, project: Project, prefix: str) -> str:
    """Return the SQL of a segment's view: a macro call that names what the rule reads, around the rule.

    While a column is broken that the rule reads, itself or through a segment that it refers to, the macro leaves the view empty.
    """
    entity = project.entities[segment.entity]
    rules = {s.name: s.rule for s in project.segments.values()}
    reads = {c: entity.fields[c].type for c in sorted(rule_columns(segment.rule, entity, rules)) if c in entity.fields}
    events = [leaf for leaf, _ in signed_leaves(resolve_segments(segment.rule, rules)) if isinstance(leaf, EventLeaf)]
    relation = entity.relation.jinja()
    arguments = [f"'{entity.key}'", f"ref('{model_name(entity, 'current')}')", relation, jinja(reads)]
    if events:
        declared = declared_columns(entity, events)
        listed = [_declared(entity.events[e], columns) for e, columns in declared.items()]
        arguments.append(f"[{', '.join(listed)}]")
    if names := used_names(entity.columns, reads):
        arguments.append(f"names={jinja(names)}")
    body = conditions(segment, project, prefix)
    return f"{{% call pulse.pulse_members({', '.join(arguments)}) -%}}\n{body}\n{{%- endcall %}}\n"


def conditions(segment: Segment, project: Project, prefix: str) -> str:
    """Return the conditions of a segment's view, one a line, as they stand in its compiled file."""
    parts = segment.rule.parts if isinstance(segment.rule, All) else (segment.rule,)
    return "\nand ".join(_line(part, project.entities[segment.entity], prefix) for part in parts)


def _declared(events: EventSource, columns: Mapping[str, str | None]) -> str:
    parts = [events.relation.jinja(), jinja(columns), jinja(events.name)]
    names = used_names(events.columns, columns)
    return f"[{', '.join([*parts, *([jinja(names)] if names else [])])}]"


def _line(part: Rule, entity: Entity, prefix: str) -> str:
    """Return one condition, with its text behind it where the SQL says it in another way."""
    sql, text = _rule_sql(part, entity, prefix), rule_text(part)
    return sql if sql.replace("'", "") == text else f"{sql} -- {in_jinja(text)}"


def _rule_sql(rule: Rule, entity: Entity, prefix: str, under_not: bool = False) -> str:
    """Return a rule for a WHERE: only beneath a `not` it matters that a leaf is null rather than false."""
    if isinstance(rule, All | AnyOf):
        word = " and " if isinstance(rule, All) else " or "
        parts = [_rule_sql(p, entity, prefix, under_not) for p in rule.parts]
        return parts[0] if len(parts) == 1 else "(" + word.join(parts) + ")"
    if isinstance(rule, Not):
        return f"not {_rule_sql(rule.part, entity, prefix, True)}"
    sql = _leaf(rule, entity, prefix)
    return f"coalesce({sql}, false)" if under_not and not isinstance(rule, SegmentLeaf | EventLeaf) else sql


def _leaf(leaf: Leaf, entity: Entity, prefix: str) -> str:
    if isinstance(leaf, FieldLeaf):
        return field_sql(leaf, entity)
    if isinstance(leaf, SegmentLeaf):
        word = "in" if leaf.operator == "in_segment" else "not in"
        return f"{entity.key} {word} (select other.{entity.key} from {{{{ ref('{prefix}{leaf.segment}') }}}} as other)"
    if isinstance(leaf, EventLeaf):
        return _event_exists(leaf, entity)
    return f"({in_jinja(leaf.sql)})"


def field_sql(leaf: FieldLeaf, entity: Entity) -> str:
    """Return a field condition over the columns of `pulse_<entity>__current`, where a clock is a number of days."""
    if leaf.operator == "matches":
        return f"{{{{ pulse.pulse_matches({jinja(leaf.field)}, {jinja(literal(leaf.values[0]))}) }}}}"
    if entity.fields[leaf.field].days_since is not None:
        return in_jinja(leaf_sql(leaf, entity.fields))
    if leaf.operator in ("in_last", "more_than_ago", "between_ago"):
        return leaf_sql(leaf, entity.fields, TODAY)
    return in_jinja(leaf_sql(leaf, entity.fields))


def _event_exists(leaf: EventLeaf, entity: Entity) -> str:
    source = entity.events[leaf.event]
    over = Entity(source.name, source.relation, source.key, entity.history, source.fields)
    at = f"cast(ev.{source.at} as date)"
    where = [f"ev.{source.key} = member.{entity.key}", f"{at} <= member.pulse_day"]
    if leaf.in_last is not None:
        where.append(f"{at} >= {ColumnDay('member.pulse_day').minus(leaf.in_last)}")
    where += [field_sql(w, over) for w in leaf.where]
    measure, compared, value = "count(*)", ">", "0"
    if leaf.aggregate:
        a = leaf.aggregate
        measure = f"{a.function}(ev.{a.field})"
        measure = f"coalesce({measure}, 0)" if a.function == "sum" else measure
        compared, value = a.comparison.operator, literal(a.comparison.value)
    elif leaf.count:
        compared, value = leaf.count.operator, literal(leaf.count.value)
    relation = _event_rows(source, leaf, entity)
    found = f"coalesce((select {measure} from {relation} as ev where {' and '.join(where)}) {sign(compared)} {value}, false)"
    return f"not {found}" if leaf.operator == "not_performed" else found


def _event_rows(source: EventSource, leaf: EventLeaf, entity: Entity) -> str:
    """Return the events of a condition as SQL reads them: where columns have odd names, under plain ones."""
    relation = f"{{{{ {source.relation.jinja()} }}}}"
    columns = sorted(event_columns(leaf, entity))
    if not used_names(source.columns, columns):
        return relation
    listed = ", ".join(
        f"{{{{ adapter.quote({jinja(source.columns[c])}) }}}} as {c}" if c in source.columns else c for c in columns
    )
    return f"(select {listed} from {relation})"
