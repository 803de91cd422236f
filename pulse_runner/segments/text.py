"""Rules in words: one line that a person reads in docs, alerts and evidence, and the hash of what a rule means."""

from __future__ import annotations

from hashlib import sha256

from pulse_runner.segments.model import (
    All,
    AnyOf,
    Comparison,
    DetectorSettings,
    Entity,
    EventLeaf,
    FieldLeaf,
    Leaf,
    Not,
    Rule,
    Segment,
    SegmentLeaf,
    Value,
)
from pulse_runner.segments.operators import OPERATORS


def rule_text(rule: Rule) -> str:
    """Return a rule as one line.

    >>> rule_text(All((FieldLeaf("ltv", ">", (1000,)), Not(FieldLeaf("plan", "is_null")))))
    'ltv > 1000 and not (plan is null)'
    """
    return _text(rule, top=True)


def _text(rule: Rule, top: bool = False) -> str:
    if isinstance(rule, All | AnyOf):
        if len(rule.parts) == 1:
            return _text(rule.parts[0], top)
        joined = (" and " if isinstance(rule, All) else " or ").join(_text(p) for p in rule.parts)
        return joined if top else f"({joined})"
    if isinstance(rule, Not):
        inner = _text(rule.part, top=True)
        return f"not ({inner})"
    return leaf_text(rule)


def leaf_text(leaf: Leaf) -> str:
    """Return one condition as text.

    >>> leaf_text(FieldLeaf("country", "in", ("DE", "FR")))
    'country in (DE, FR)'
    >>> leaf_text(EventLeaf("orders", "performed", count=Comparison(">=", 3), in_last=30))
    'performed orders at least 3 times in the last 30 days'
    """
    if isinstance(leaf, FieldLeaf):
        operator = OPERATORS[leaf.operator]
        values = [_value(v) for v in leaf.values]
        return operator.text.format(
            *values, field=leaf.field, list=", ".join(values), days=_days(leaf.values[0]) if leaf.values else ""
        )
    if isinstance(leaf, EventLeaf):
        return _event_text(leaf)
    if isinstance(leaf, SegmentLeaf):
        return f"{'in' if leaf.operator == 'in_segment' else 'not in'} segment {leaf.segment}"
    return " ".join(leaf.sql.split())


def _event_text(leaf: EventLeaf) -> str:
    words = [leaf.operator.replace("_", " "), leaf.event]
    if leaf.count is not None:
        words.append(f"{_compared(leaf.count)} times")
    if leaf.aggregate is not None:
        words.append(f"with {leaf.aggregate.function} of {leaf.aggregate.field} {_compared(leaf.aggregate.comparison)}")
    if leaf.where:
        words.append("where " + " and ".join(leaf_text(w) for w in leaf.where))
    if leaf.in_last is not None:
        words.append(f"in the last {_days(leaf.in_last)}")
    return " ".join(words)


def _compared(comparison: Comparison) -> str:
    word = {"=": "exactly", "!=": "not exactly", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
    return f"{word[comparison.operator]} {_value(comparison.value)}"


def _days(days: Value) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(str(value).split())


def settings_text(settings: DetectorSettings) -> str:
    """Return a segment's exceptions to the defaults of a detector.

    >>> settings_text(DetectorSettings(0.2, "down", attributes={"country": 0.3, "plan": None}))
    '0.2 down country=0.3 plan=off'
    """
    parts = [f"{settings.threshold:g}" if settings.threshold is not None else "", settings.direction or ""]
    parts.append("off" if settings.enabled is False else "")
    parts.append(f"sensitivity {settings.sensitivity:g}" if settings.sensitivity is not None else "")
    parts += [f"{a}={'off' if t is None else f'{t:g}'}" for a, t in settings.attributes.items()]
    return " ".join(p for p in parts if p)


def definition_hash(segment: Segment, entity: Entity) -> str:
    """Return 16 hex digits of what the rule means; labels, owners, thresholds and the order inside `all` and `any` do not count."""
    return rule_hash(segment.rule, entity)


def rule_hash(rule: Rule, entity: Entity) -> str:
    """Return 16 hex digits of what a rule means over an entity."""
    text = f"{entity.name}|{entity.key}|{entity.relation.jinja()}|{_canonical(rule)}"
    return sha256(text.encode()).hexdigest()[:16]


def _canonical(rule: Rule) -> str:
    if isinstance(rule, All | AnyOf):
        parts = sorted({_canonical(p) for p in rule.parts})
        return parts[0] if len(parts) == 1 else f"{type(rule).__name__}({'; '.join(parts)})"
    if isinstance(rule, Not):
        return f"Not({_canonical(rule.part)})"
    return repr(rule)
