"""What is particular to an entity, as data: what the package's macros make the models of an entity from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from pulse_runner.compile.conditions import conditions
from pulse_runner.compile.events import declared_columns, group_data
from pulse_runner.compile.plan import EntityPlan, rule_bits, word_masks
from pulse_runner.segments.columns import rule_columns
from pulse_runner.segments.model import Attribute, Entity, ReachSteps, Relation
from pulse_runner.segments.people import looks_like_people
from pulse_runner.segments.text import rule_hash, rule_text

Spec = dict[str, Any]


def relation_spec(plan: EntityPlan) -> Spec:
    """Return where the rows of an entity are and which columns are used: {entity, relation, original, key, history, ...}.

    `original` is the relation itself where `relation` is the table that keeps the history of an entity that knows today only.
    `names` says how the relation itself calls a column, where Pulse reads it under another name.
    """
    entity, h = plan.entity, plan.entity.history
    spec: Spec = {"entity": entity.name, "relation": call(entity.relation), "key": entity.key}
    history = {k: v for k, v in (("as_of", h.as_of), ("valid_from", h.valid_from), ("valid_to", h.valid_to)) if v}
    if h.kind == "none":
        spec |= {"relation": ["ref", model_name(entity, "history")], "original": call(entity.relation)}
        history = {"as_of": "snapshot_date"}
    else:
        spec["original"] = None
    spec |= {
        "history": history,
        "required": [c for c in (entity.key, h.as_of, h.valid_from, h.valid_to) if c],
        "columns": {c: entity.fields[c].type for c in plan.columns},
    }
    return spec | _names(entity.columns, [*spec["columns"], *spec["required"]])


def used_names(names: Mapping[str, str], columns: Iterable[str]) -> dict[str, str]:
    """Return how the relation calls those of the columns that Pulse calls differently."""
    return {c: names[c] for c in dict.fromkeys(columns) if c in names}


def health_spec(plan: EntityPlan) -> Spec:
    """Return the spec of `pulse_<entity>__health`."""
    return relation_spec(plan) | _freshness(plan.entity) | {"profiles": profiles(plan)}


def profiles(plan: EntityPlan) -> dict[str, str]:
    """Return the columns whose values are profiled, and what becomes of them: shown, hidden behind a label, or judged on each date.

    What an attribute says of its values holds for its column; one that nobody declared and whose name looks like people is left out.
    """
    entity, out = plan.entity, dict[str, str]()
    declared = {a.field: a.values for a in entity.attributes if a.values}
    for name in plan.columns:
        if name == entity.key:
            continue
        if name in declared:
            out[name] = declared[name]
        elif entity.fields[name].type == "boolean":  # two values are nobody's own
            out[name] = "shown"
        elif not looks_like_people(name) and not looks_like_people(entity.column(name)):
            out[name] = "judged" if entity.fields[name].type == "text" else "shown"
    return out


def current_spec(plan: EntityPlan) -> Spec:
    """Return the spec of `pulse_<entity>__current`: the relation itself, with every clock."""
    entity = plan.entity
    clocks = {f.name: f.days_since for f in entity.fields.values() if f.days_since in plan.columns}
    spec = relation_spec(plan)
    if entity.history.kind == "none":
        spec |= {"relation": spec["original"], "original": None, "history": {}}
    kept = ("entity", "relation", "original", "key", "history", "columns", "names")
    return {k: spec[k] for k in kept if k in spec} | {"clocks": clocks}


def history_spec(plan: EntityPlan) -> Spec:
    """Return the spec of `pulse_<entity>__history`."""
    spec = relation_spec(plan)
    return {k: spec[k] for k in ("entity", "original", "key", "columns", "names") if k in spec}


def facts_spec(plan: EntityPlan) -> Spec:
    """Return the spec of `pulse_<entity>__facts`: all that the counts of a date depend on."""
    entity = plan.entity
    leaves = list(plan.events)
    declared = declared_columns(entity, leaves)
    events = {
        name: {"relation": call(entity.events[name].relation), "key": entity.events[name].key, "at": entity.events[name].at, "columns": columns}
        | _names(entity.events[name].columns, columns)
        for name, columns in declared.items()
    }  # fmt: skip
    return relation_spec(plan) | {
        "clocks": plan.clocks,
        **_freshness(entity),
        "conversion": entity.conversion_event_at,
        **({"amount": entity.amount} if entity.amount else {}),
        "activity": [entity.last_seen_at, entity.inactive_after_days] if entity.last_seen_at else None,
        "reach": dict(entity.reach),
        **reach_steps(entity),
        "attributes": [_attribute(a, entity) for a in entity.attributes],
        "events": events,
        "event_groups": group_data(plan),
        "words": plan.words,
        "conditions": conditions(plan),
        "rules": [_rule(plan, n) for n in range(len(plan.rules))],
    }


def reach_steps(entity: Entity) -> Spec:
    """Return the channels that declare the way to the person, as the macros of `pulse_ladder_steps` take them; nothing where none does."""
    steps = {channel: _channel(s) for channel, s in entity.reach_steps.items()}
    return {"reach_steps": steps} if steps else {}


def _channel(steps: ReachSteps) -> Spec:
    out: Spec = {"conditions": [list(c) for c in steps.conditions], "last_step": steps.last_step}
    if steps.destination:
        d = steps.destination
        columns = [c for c in (d.key, d.at, d.status, d.reason, d.segment) if c]
        out["segments"] = sorted(steps.segments)
        out["destination"] = {
            "relation": call(d.relation), "key": d.key, "at": d.at, "status": d.status, "reason": d.reason, "segment": d.segment,
            "max_age_days": d.max_age_days, "statuses": [[o, list(words)] for o, words in d.statuses.items()],
            "columns": dict.fromkeys(columns), **_names(d.columns, columns),
        }  # fmt: skip
    return out


def _names(names: Mapping[str, str], columns: Iterable[str]) -> Spec:
    used = used_names(names, columns)
    return {"names": used} if used else {}


def _rule(plan: EntityPlan, n: int) -> Spec:
    r = plan.rules[n]
    masks = word_masks(r.rule, plan.bits, plan.words)
    return {
        "segment": r.segment.name, "rule": rule_text(r.rule), "sql": rule_bits(r.rule, plan.bits), "for": masks[0], "against": masks[1],
        "columns": sorted(rule_columns(r.rule, plan.entity)), "hash": rule_hash(r.rule, plan.entity),
    }  # fmt: skip


def _freshness(entity: Entity) -> Spec:
    return {"updated_at": entity.updated_at, "max_age_days": entity.max_age_days}


def call(relation: Relation) -> list[str]:
    """Return a relation as the macro `pulse_relation` takes it: the function and its arguments."""
    return [relation.function, *relation.arguments]


def model_name(entity: Entity, kind: str) -> str:
    """Name a compiled model of an entity.

    >>> from pulse_runner.segments.model import History
    >>> model_name(Entity("customers", Relation("ref", ("c",)), "id", History("none"), {}), "facts")
    'pulse_customers__facts'
    """
    return f"pulse_{entity.name}__{kind}"


def _attribute(attribute: Attribute, entity: Entity) -> dict[str, object]:
    """Return an attribute for the macros; `values` says what becomes of its values where they are not just shown."""
    out: dict[str, object] = {"name": attribute.name, "slots": slots(attribute), "sql": bucket_sql(attribute)}
    field = entity.fields.get(attribute.field)
    if attribute.values == "hidden":
        out["values"] = "hidden"
    elif not attribute.values and not attribute.bins and field is not None and field.type in ("text", "number"):
        out["values"] = "judged"
    return out


def slots(attribute: Attribute) -> int:
    """Return how many buckets of an attribute can be kept apart, `(other)` included."""
    return len(attribute.bins) + 3 if attribute.bins else attribute.top + 1


def bucket_sql(attribute: Attribute) -> str:
    """Return the name of the bucket that a row falls into, as SQL; never null."""
    x = attribute.field
    if not attribute.bins:
        return f"coalesce(cast({x} as varchar), '(null)')"
    edges = [f"{b:g}" for b in attribute.bins]
    lines = [f"when {x} is null then '(null)'", f"when {x} < {edges[0]} then '<{edges[0]}'"]
    lines += [f"when {x} < {high} then '[{low},{high})'" for low, high in pairwise(edges)]
    return "case " + " ".join(lines) + f" else '>={edges[-1]}' end"
