"""What version 0.1.0 made in the warehouse, so that its tables are known by their contract and never by their name alone.

That version marked nothing. A relation is its own when it has the name and exactly the columns and types written here. Of a
view, the text must read what that version's view read, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from pulse_runner.warehouse.relations import Relation

VERSION = "0.1.0"
PREFIX = "pulse_"
# name -> columns with their types; what has no type is text
TABLES = {
    "segments": (
        "segment_id, version integer, label, description, entity, owner, enabled boolean, rule_text, definition_hash, alerts, thresholds,"
        " valid_from date, valid_to date"
    ),
    "segment_snapshots": (
        "segment_id, snapshot_date date, entity, definition_hash, previous_date date, size bigint, previous_size bigint, entered bigint,"
        " exited bigint, velocity double, eligible bigint, converted bigint, conversion_rate double, inactive bigint, inactive_rate double,"
        " status, status_reason"
    ),
    "segment_reach": "segment_id, snapshot_date date, channel, reachable bigint, reach_rate double",
    "segment_distributions": "segment_id, snapshot_date date, attribute, bucket, members bigint, share double",
    "segment_changes": (
        "segment_id, snapshot_date date, previous_date date, direction, cause, detail, columns, members bigint, is_chosen boolean"
    ),
    "segment_flows": "snapshot_date date, previous_date date, from_segment, to_segment, members bigint",
    "entity_health": (
        "entity, snapshot_date date, column_name, data_type, rows bigint, nulls bigint, null_share double, distinct_count bigint,"
        " min_value, max_value, mean_value double, duplicate_keys bigint, null_keys bigint, freshest_at, status, status_reason"
    ),
    "findings": (
        "entity, segment_id, snapshot_date date, detector, metric, attribute, bucket, verdict, severity, direction, observed double,"
        " expected double, lower_bound double, upper_bound double, effect double, p_value double, q_value double, threshold double,"
        " started_on date, incident_id, reason"
    ),
    "incidents": (
        "incident_id, group_key, segment_id, entity, detector, metric, attribute, bucket, status, severity, direction, owner, title,"
        " reason, started_on date, detected_on date, last_seen_on date, resolved_on date, resolution, observed double, expected double,"
        " lower_bound double, upper_bound double, effect double, p_value double, threshold double, peak_effect double, related, assignee,"
        " note, created_at timestamp, updated_at timestamp"
    ),
    "incident_events": (
        "event_id, incident_id, occurred_at timestamp, snapshot_date date, event, from_status, to_status, actor, reason"
    ),
    "incident_explanations": (
        "explanation_id, incident_id, version integer, snapshot_date date, created_at timestamp, source, model, headline, summary,"
        " hypotheses, recommendations, evidence, evidence_hash, rejected"
    ),
    "alert_deliveries": (
        "delivery_id, incident_id, notification, route, channel, target, status, attempts integer, reason, subject, body, idempotency_key,"
        " snapshot_date date, planned_at timestamp, sent_at timestamp"
    ),
    "pulse_runs": (
        "run_id, stage, from_date date, to_date date, started_at timestamp, finished_at timestamp, seconds double, outcome, counts, message"
    ),
    "known_events": "starts_on date, ends_on date, scope, scope_value, reason",
}
ENTITY_TABLES = {
    "facts": (
        "snapshot_date date, previous_date date, entity, segment_id, fact, item, bucket, leaf_columns, members bigint"
    ),
    "health": (
        "snapshot_date date, entity, column_name, data_type, rows bigint, nulls bigint, distinct_count bigint, min_value, max_value,"
        " mean_value double, duplicate_keys bigint, null_keys bigint, freshest_at, status, status_reason"
    ),
}
# views, those that read others first, each with a pattern of what its text must read
VIEWS = {
    "segment_health": (
        "segment_snapshots.*open_incidents",
        "segment_id, label, owner, rule_text, snapshot_date date, size bigint, entered bigint, exited bigint, conversion_rate double,"
        " inactive_rate double, status, status_reason, open_incidents bigint",
    ),
    "open_incidents": (
        "incidents.*incident_explanations",
        "incident_id, severity, status, segment_id, entity, owner, title, detector, started_on date, last_seen_on date, effect double,"
        " headline, summary",
    ),
    "segment_facts": (r"_facts\b", ENTITY_TABLES["facts"]),
    "column_facts": (r"_health\b", ENTITY_TABLES["health"]),
    "segment_definitions": (
        "as segment_id.*as definition_hash",
        "segment_id, label, description, entity, owner, enabled boolean, rule_text, definition_hash, alerts, thresholds",
    ),
}


def columns_of(contract: str) -> dict[str, str]:
    """Return the columns of a contract with their types.

    >>> columns_of("segment_id, version integer")
    {'segment_id': 'text', 'version': 'integer'}
    """
    parts = (column.split() for column in contract.split(","))
    return {words[0]: words[1] if len(words) > 1 else "text" for words in parts}


def old_name(model: str) -> str | None:
    """Return how 0.1.0 called the relation of a model of today; None where it had none.

    >>> old_name("pulse_incidents"), old_name("pulse_customers__facts"), old_name("pulse_customers__current")
    ('incidents', 'customers_facts', None)
    """
    entity = re.fullmatch(r"pulse_(\w+)__(facts|health|history)", model)
    if entity:
        return "_".join(entity.groups())
    if model == "pulse_runs":
        return model
    name = model.removeprefix(PREFIX)
    return name if name != model and (name in TABLES or name in VIEWS) else None


def is_landed(relation: Relation, model: str, known: Collection[str] = ()) -> bool:
    """Say whether version 0.1.0 made the relation that now is a model's; `known` are the columns that a history may have."""
    there, kind = dict(relation.columns), model.rpartition("__")[2]
    if relation.is_view:
        pattern, contract = VIEWS.get(relation.name.lower(), ("", ""))
        return bool(contract) and there == columns_of(contract) and bool(re.search(pattern, plain(relation.text)))
    if kind == "history":
        return there.pop("snapshot_date", "") == "date" and bool(there) and set(there) <= set(known)
    contract = TABLES.get(relation.name.lower()) or ENTITY_TABLES.get(kind, "")
    return bool(contract) and there == columns_of(contract)


def is_segment_view(relation: Relation, key: str, reads: str) -> bool:
    """Say whether a view is what 0.1.0 made of a segment: the key alone, once each, from the relation of its entity."""
    text = plain(relation.text)
    is_made = "select distinct" in text or "where (1 = 0)" in text
    return relation.is_view and list(relation.columns) == [key] and is_made and reads.lower() in text.replace('"', "")


def plain(text: str) -> str:
    """Return SQL in lower case with single spaces.

    >>> plain("SELECT  1")
    'select 1'
    """
    return " ".join(text.lower().split())
