"""What stands in the docs page about the compiled models and their columns: the text of their properties file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from pulse_runner.compile.plan import EntityPlan
from pulse_runner.compile.spec import model_name
from pulse_runner.compile.sql import in_jinja
from pulse_runner.segments.model import Entity, Segment
from pulse_runner.segments.text import rule_text

SEGMENT_EXPOSURE = "pulse_"  # so that an exposure of the owner's keeps its name
DEFINITION_COLUMNS = {
    "segment_id": "The segment.",
    "label": "Name for people.",
    "description": "What it is for.",
    "entity": "The entity.",
    "owner": "Who is told.",
    "enabled": "Whether it is snapshotted.",
    "rule_text": "The rule in words.",
    "definition_hash": "Hash of the rule; labels and owners do not change it.",
    "alerts": "Alert routes, as JSON.",
    "thresholds": "Exceptions to the default thresholds, as JSON.",
}
FACT_COLUMNS = {
    "snapshot_date": "The date; its state at the end of the day.",
    "previous_date": "The date compared with; null when there is none.",
    "entity": "The entity.",
    "segment_id": "The segment; '' for the fact `definitions`.",
    "fact": (
        "What is counted: members, previous_members, entered, exited, eligible, converted, inactive, revenue, reach, distribution, "
        "gained, lost, flow_to or flow_from; status, rule and definitions count nothing."
    ),
    "item": "Which one: the channel, attribute, cause, other segment or status; '' where there is only one.",
    "bucket": "Bucket of an attribute, conditions that flipped, or reason of a status; '' otherwise.",
    "leaf_columns": "Columns that the flipped conditions read; '' otherwise.",
    "members": "Keys counted; null for revenue, status, rule and definitions.",
    "amount": "Sum of an amount; only for revenue.",
}
HEALTH_COLUMNS = {
    "snapshot_date": "The date; its state at the end of the day.",
    "entity": "The entity.",
    "column_name": "The column; (rows) is the relation as a whole.",
    "data_type": "Its type now: number, text, boolean, date, timestamp or other; '' when it is missing.",
    "rows": "Rows as of the date.",
    "nulls": "Rows without a value.",
    "distinct_count": "Distinct values; of (rows), distinct keys.",
    "min_value": "Least value of a number or date.",
    "max_value": "Largest value of a number or date.",
    "mean_value": "Mean of a number.",
    "duplicate_keys": "Rows beyond the first of their key; only for (rows).",
    "null_keys": "Rows without a key; only for (rows).",
    "freshest_at": "Latest updated_at, where the entity has one; only for (rows).",
    "item": "What a row of a profile tells: value, age or quantile; null in the row of a column.",
    "bucket": "The value, the days that a date lies back, or the share of values up to the quantile.",
    "members": "Rows with it.",
    "value": "The quantile, as a number.",
    "status": "ok, stale, broken or not_reconstructable.",
    "status_reason": "What is wrong; '' when ok.",
}


def properties(plans: list[EntityPlan], prefix: str) -> str:
    """Return the YAML of the compiled models: what one row is, what each column holds, and the data tests of keys.

    Each segment that is enabled is an exposure too: what is watched, for whom, and what it depends on.
    """
    models = [model for plan in plans for model in _entity_models(plan)]
    segments = sorted(((s, p.entity) for p in plans for s in p.segments), key=lambda pair: pair[0].name)
    models += [_segment_model(s, entity, prefix) for s, entity in segments]
    content: dict[str, Any] = {"models": models}
    if watched := [s for s, _ in segments if s.enabled]:
        content["exposures"] = [_exposure(s, prefix) for s in watched]
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda data: True
    out = StringIO()
    yaml.dump(content, out)
    return out.getvalue()


def _entity_models(plan: EntityPlan) -> list[dict[str, Any]]:
    entity = plan.entity
    used = {c: f"{c} of {entity.name}." for c in plan.columns if c != entity.key}
    clocks = {f.name: f"Days since {f.days_since}." for f in entity.fields.values() if f.days_since in plan.columns}
    key = {entity.key: f"Key of {entity.name}."}
    models = [
        _model(
            model_name(entity, "facts"),
            f"One row per snapshot date, {entity.name} segment, fact, item and bucket: what the public tables are made from.",
            FACT_COLUMNS,
        ),
        _model(
            model_name(entity, "health"),
            f"One row per snapshot date and column of {entity.name}.",
            HEALTH_COLUMNS,
        ),
        _model(
            model_name(entity, "segments"),
            f"One row per segment of {entity.name} as it is defined now.",
            DEFINITION_COLUMNS,
        ),
        _model(
            model_name(entity, "current"),
            f"One row per {entity.name} key as it is now, with the columns that rules read.",
            {**key, **used, **clocks, "pulse_day": "The day that relative dates count from."},
        ),
    ]
    if entity.history.kind == "none":
        models.append(
            _model(
                model_name(entity, "history"),
                f"One row per {entity.name} key and date, for the last days: the columns that Pulse compares.",
                {**key, **used, "snapshot_date": "The date on which the row was kept."},
            )
        )
    return models


def _segment_model(segment: Segment, entity: Entity, prefix: str) -> dict[str, Any]:
    label = segment.label or segment.name
    text = (
        f"{label}: {segment.description or 'no description'}\n\nOne row per {entity.key} of {entity.name} that is a member now.\n\n"
        f"Rule: {code(rule_text(segment.rule))}. Owner: {segment.owner}."
    )
    column = {
        "name": entity.key,
        "description": f"Key of the member in {entity.name}.",
        "data_tests": ["unique", "not_null"],
    }
    # dbt renders what stands below config
    meta = {"owner": in_jinja(segment.owner), "alerts": list(segment.alerts)}
    return {
        "name": f"{prefix}{segment.name}",
        "description": in_jinja(text),
        "config": {"materialized": "view", "tags": ["pulse"], "meta": meta},
        "columns": [column],
    }


def _exposure(segment: Segment, prefix: str) -> dict[str, Any]:
    owner = "email" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", segment.owner) else "name"
    return {
        "name": f"{SEGMENT_EXPOSURE}{segment.name}",
        "label": in_jinja(segment.label or segment.name),
        "type": "application",
        "description": in_jinja(f"Pulse watches this audience every day. {segment.description or ''}".strip()),
        "owner": {owner: in_jinja(segment.owner)},
        "depends_on": [f"ref('{prefix}{segment.name}')", "ref('pulse', 'pulse_segment_snapshots')"],
    }


def _model(name: str, description: str, columns: Mapping[str, str]) -> dict[str, Any]:
    described = [{"name": column, "description": text} for column, text in columns.items()]
    return {"name": name, "description": description, "columns": described}


def code(text: str) -> str:
    """Return text as Markdown code, so that no character of a rule formats the page.

    >>> code("a * b")
    '`a * b`'
    >>> code("a ` b")
    '`` a ` b ``'
    """
    return f"`` {text} ``" if "`" in text else f"`{text}`"
