"""What differs between two versions of the definitions: which segments mean something else now, and what else was edited.

Pure: two projects in, changes out. A segment is edited when its members may be others: by its own rule, by a segment
that the rule refers to, or by what its entity says about a column that the rule reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pulse_runner.compile.sql import resolve_segments
from pulse_runner.segments.model import (
    All,
    AnyOf,
    DetectorSettings,
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
    SqlLeaf,
    leaves,
)
from pulse_runner.segments.text import rule_hash, rule_text, settings_text

Kind = Literal["added", "removed", "edited", "settings"]
SWITCHES = ("conversion_event_at", "amount", "last_seen_at", "inactive_after_days", "updated_at", "max_age_days")
WORDS = {
    "conversion_event_at": "conversion", "amount": "revenue", "last_seen_at": "activity",
    "inactive_after_days": "activity.inactive_after_days", "updated_at": "freshness", "max_age_days": "freshness.max_age_days",
}  # fmt: skip

REWRITTEN = "rule"  # written in another way, with the same meaning


@dataclass(frozen=True)
class Version:
    """A segment as one of the two projects defines it."""

    segment: Segment
    entity: Entity
    rules: Mapping[str, Rule]

    @property
    def rule(self) -> Rule:
        """Return the rule as it is written."""
        return self.segment.rule

    @property
    def events(self) -> tuple[EventSource, ...]:
        """Return the events that the rule reads, itself or through the segments that it refers to."""
        named = (leaf.event for leaf in leaves(resolve_segments(self.rule, self.rules)) if isinstance(leaf, EventLeaf))
        return tuple(self.entity.events[name] for name in dict.fromkeys(named))


@dataclass(frozen=True)
class Setting:
    """Something that was edited beside the rule."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """A segment that differs.

    `because` says what beside its own rule makes its members others, `inlined` are the edited segments that the rule refers to.
    """

    name: str
    kind: Kind
    before: Version | None
    after: Version | None
    because: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    inlined: frozenset[str] = frozenset()

    @property
    def now(self) -> Version:
        """Return the version that the change leads to; of a removed segment, the one that it had."""
        version = self.after or self.before
        assert version is not None
        return version

    @property
    def moves_members(self) -> bool:
        """Say whether the members may be others."""
        return self.kind != "settings"


@dataclass(frozen=True)
class EntityChange:
    """What was edited in the definition of an entity."""

    name: str
    settings: tuple[Setting, ...]


def changes_between(base: Project, head: Project) -> list[Change]:
    """Return every segment that differs, by name."""
    out = []
    for name in sorted({*base.segments, *head.segments}):
        before, after = _version(base, name), _version(head, name)
        if before is None or after is None:
            out.append(Change(name, "added" if before is None else "removed", before, after))
            continue
        because, settings = tuple(_because(before, after)), tuple(_settings(before, after))
        edited = because or rule_hash(before.rule, before.entity) != rule_hash(after.rule, after.entity)
        if edited or settings:
            inlined = frozenset(_edited_references(before, after))
            out.append(Change(name, "edited" if edited else "settings", before, after, because, settings, inlined))
    return out


def entity_changes(base: Project, head: Project) -> list[EntityChange]:
    """Return what was edited in the entities that both projects have."""
    out = []
    for name in sorted({*base.entities} & {*head.entities}):
        found = tuple(_entity_settings(base.entities[name], head.entities[name]))
        if found:
            out.append(EntityChange(name, found))
    return out


def same_rows(before: Entity, after: Entity) -> bool:
    """Say whether both read the same rows, so that they can be counted in one read."""
    shared = {*before.fields} & {*after.fields}
    return not list(_rows_settings(before, after)) and all(before.column(n) == after.column(n) for n in shared)


def conditions(rule: Rule, version: Version, inlined: frozenset[str]) -> tuple[Rule, ...]:
    """Return the conditions that must all hold: an `all` taken apart, at every depth; a segment in `inlined` as its own rule."""
    return tuple(dict.fromkeys(_parts(_inline(rule, version.rules, inlined))))


def signed(rule: Rule, positive: bool = True) -> Iterator[Rule]:
    """Yield the leaves of a rule, one under a `not` as its complement."""
    if isinstance(rule, All | AnyOf):
        for part in rule.parts:
            yield from signed(part, positive)
    elif isinstance(rule, Not):
        yield from signed(rule.part, not positive)
    else:
        yield rule if positive else Not(rule)


def _parts(rule: Rule) -> Iterator[Rule]:
    if isinstance(rule, All):
        for part in rule.parts:
            yield from _parts(part)
    else:
        yield rule


def _inline(rule: Rule, rules: Mapping[str, Rule], inlined: frozenset[str]) -> Rule:
    if isinstance(rule, All):
        return All(tuple(_inline(p, rules, inlined) for p in rule.parts))
    if isinstance(rule, AnyOf):
        return AnyOf(tuple(_inline(p, rules, inlined) for p in rule.parts))
    if isinstance(rule, Not):
        return Not(_inline(rule.part, rules, inlined))
    if isinstance(rule, SegmentLeaf) and rule.segment in inlined:
        inner = _inline(rules[rule.segment], rules, inlined)
        return inner if rule.operator == "in_segment" else Not(inner)
    return rule


def _version(project: Project, name: str) -> Version | None:
    segment = project.segments.get(name)
    if segment is None:
        return None
    rules = {s.name: s.rule for s in project.segments.values()}
    return Version(segment, project.entities[segment.entity], rules)


def _because(before: Version, after: Version) -> Iterator[str]:
    """Yield what makes the members others beside the segment's own rule."""
    if before.entity.name != after.entity.name:
        yield f"it selects from {after.entity.name}, before from {before.entity.name}"
        return
    for name in _edited_references(before, after):
        yield f"segment {name}, which the rule refers to, was edited"
    for setting in _rows_settings(before.entity, after.entity):
        yield f"entity {after.entity.name}: {setting.name} is {setting.after}, before {setting.before}"
    both = [leaf for leaf in _all_leaves(after) if leaf in set(_all_leaves(before))]
    for name in dict.fromkeys(f for leaf in both for f in _fields(leaf)):
        old, new = _field_text(before.entity, name), _field_text(after.entity, name)
        if old != new:
            yield f"entity {after.entity.name}: {name} is {new}, before {old}"
    for name in dict.fromkeys(leaf.event for leaf in both if isinstance(leaf, EventLeaf)):
        old, new = _events_text(before.entity, name), _events_text(after.entity, name)
        if old != new:
            yield f"entity {after.entity.name}: the events {name} are {new}, before {old}"


def _edited_references(before: Version, after: Version) -> list[str]:
    """Return the segments that both rules lead to, directly or through others, and whose own rule differs."""
    both = _references(before.rule, before.rules) & _references(after.rule, after.rules)
    return sorted(
        n for n in both
        if rule_hash(before.rules[n], before.entity) != rule_hash(after.rules[n], before.entity)
    )  # fmt: skip


def _references(rule: Rule, rules: Mapping[str, Rule]) -> set[str]:
    named = {leaf.segment for leaf in leaves(rule) if isinstance(leaf, SegmentLeaf)}
    return named.union(*(_references(rules[n], rules) for n in named))


def _all_leaves(version: Version) -> list[Leaf]:
    names = [version.segment.name, *sorted(_references(version.rule, version.rules))]
    return [leaf for n in names for leaf in leaves(version.rules[n])]


def _fields(leaf: Leaf) -> tuple[str, ...]:
    return (leaf.field,) if isinstance(leaf, FieldLeaf) else leaf.fields if isinstance(leaf, SqlLeaf) else ()


def _field_text(entity: Entity, name: str) -> str:
    field = entity.fields.get(name)
    if field is None:
        return "not declared"
    if field.days_since is not None:
        return f"days since {entity.column(field.days_since)}"
    return f"{field.type} {entity.column(name)}"


def _events_text(entity: Entity, name: str) -> str:
    source = entity.events.get(name)
    if source is None:
        return "not declared"
    return f"{source.relation.jinja()} by {source.columns.get(source.key, source.key)} at {source.columns.get(source.at, source.at)}"


def _rows_settings(before: Entity, after: Entity) -> Iterator[Setting]:
    """Yield what decides which rows and keys there are."""
    pairs = {
        "relation": (before.relation.jinja(), after.relation.jinja()),
        "key": (before.column(before.key), after.column(after.key)),
        "history": (_history_text(before), _history_text(after)),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield Setting(name, old, new)


def _history_text(entity: Entity) -> str:
    h = entity.history
    if h.kind == "as_of":
        return f"as_of {entity.column(h.as_of or '')}"
    if h.kind == "validity":
        return f"valid from {entity.column(h.valid_from or '')} to {entity.column(h.valid_to or '')}"
    return "none"


def _settings(was: Version, now: Version) -> Iterator[Setting]:
    """Yield what was edited beside the rule."""
    before, after = was.segment, now.segment
    pairs = {
        "label": (before.label, after.label),
        "description": (before.description, after.description),
        "owner": (before.owner, after.owner),
        "enabled": (_yes(before.enabled), _yes(after.enabled)),
        "alerts": (", ".join(before.alerts), ", ".join(after.alerts)),
    }
    for name in sorted({*before.thresholds, *after.thresholds}):
        pairs[f"thresholds.{name}"] = (_limit(before.thresholds.get(name)), _limit(after.thresholds.get(name)))
    if before.rule != after.rule and rule_hash(before.rule, was.entity) == rule_hash(after.rule, was.entity):
        pairs[REWRITTEN] = (rule_text(before.rule), rule_text(after.rule))
    for name, (old, new) in pairs.items():
        if old != new:
            yield Setting(name, old or "none", new or "none")


def _entity_settings(before: Entity, after: Entity) -> Iterator[Setting]:
    yield from _rows_settings(before, after)
    pairs = {WORDS[n]: (getattr(before, n), getattr(after, n)) for n in SWITCHES}
    pairs |= {f"reach.{n}": (before.reach.get(n), after.reach.get(n)) for n in sorted({*before.reach, *after.reach})}
    pairs |= {
        f"fields.{n}": (_field_text(before, n), _field_text(after, n)) for n in sorted({*before.fields, *after.fields})
    }
    pairs |= {
        f"events.{n}": (_events_text(before, n), _events_text(after, n))
        for n in sorted({*before.events, *after.events})
    }
    pairs["attributes"] = (_attributes(before), _attributes(after))
    for name, (old, new) in pairs.items():
        if old != new:
            yield Setting(name, str(old or "none"), str(new or "none"))


def _attributes(entity: Entity) -> str:
    return ", ".join(a.name + (f" in {list(a.bins)}" if a.bins else "") for a in entity.attributes)


def _limit(settings: DetectorSettings | None) -> str:
    return "default" if settings is None else settings_text(settings)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
