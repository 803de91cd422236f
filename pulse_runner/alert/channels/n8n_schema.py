"""The JSON Schema of the events that n8n gets, published as docs/n8n-event.json; its version is that of the events."""

from __future__ import annotations

from typing import Any, get_args

from pulse_runner.alert.channels.n8n import SPEC_VERSION
from pulse_runner.alert.message import Notification
from pulse_runner.vocabulary import SEVERITIES, STATUSES

_TEXT: dict[str, Any] = {"type": "string"}
_DAY: dict[str, Any] = {"type": ["string", "null"], "format": "date"}
_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
# fields of an incident: of all events, and those of which a digest says nothing
SHORT: dict[str, Any] = {
    "incident_id": _TEXT, "number": {"type": ["integer", "null"]}, "segment_id": _TEXT, "entity": _TEXT,
    "severity": {"enum": list(SEVERITIES)}, "status": {"enum": list(STATUSES)}, "owner": _TEXT, "label": _TEXT,
    "headline": _TEXT,
}  # fmt: skip
LONG: dict[str, Any] = {
    "group_key": _TEXT, "detector": _TEXT, "metric": _TEXT, "attribute": _TEXT, "bucket": _TEXT,
    "direction": {"enum": ["up", "down"]}, "started_on": _DAY, "detected_on": _DAY, "last_seen_on": _DAY, "resolved_on": _DAY,
    "resolution": _TEXT, "observed": _NUMBER, "expected": _NUMBER, "lower_bound": _NUMBER, "upper_bound": _NUMBER,
    "effect": _NUMBER, "p_value": _NUMBER, "threshold": _NUMBER, "title": _TEXT, "reason": _TEXT, "rule": _TEXT,
}  # fmt: skip
EXPLANATION: dict[str, Any] = {
    "type": "object",
    "required": ["headline", "summary", "source", "version", "hypotheses", "recommendations"],
    "properties": {
        "headline": _TEXT, "summary": _TEXT, "source": _TEXT, "version": {"type": "integer"},
        "hypotheses": {"type": "array", "items": {"type": "object"}}, "recommendations": {"type": "array", "items": _TEXT},
    },
}  # fmt: skip
REPAIR: dict[str, Any] = {
    "type": "object",
    "description": "For the owner of the data, where the first hypothesis is a fault of the data; '' for what is not known.",
    "required": ["place", "commit", "query", "steps", "rebuild", "owner"],
    "properties": {
        "place": _TEXT, "commit": _TEXT, "query": _TEXT, "steps": {"type": "array", "items": _TEXT}, "rebuild": _TEXT,
        "owner": _TEXT,
    },
}  # fmt: skip


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event. Receivers must let unknown fields pass: new ones do not change the version."""
    kinds = [f"pulse.incident.{kind}" for kind in get_args(Notification)] + ["pulse.digest", "pulse.test"]
    told = {"notification": {"enum": list(get_args(Notification))}, "explanation": EXPLANATION, "repair": REPAIR}
    incident = {"type": "object", "required": list(SHORT), "properties": {**SHORT, **LONG, **told}}
    whole = {"type": "object", "required": [*SHORT, *LONG]}
    properties: dict[str, Any] = {
        "specversion": {"const": SPEC_VERSION}, "type": {"enum": kinds},
        "id": {"type": "string", "description": "The same at every try."}, "source": {"const": "pulse"},
        "time": {"type": "string", "format": "date-time"}, "snapshot_date": {"type": "string", "format": "date"},
        "severity": {"enum": list(SEVERITIES)}, "headline": _TEXT,
        "incident": {"anyOf": [{"$ref": "#/$defs/incident"}, {"type": "object", "maxProperties": 0}]},
        "related": {"type": "array", "items": {"$ref": "#/$defs/incident"}},
        "related_left_out": {"type": "integer", "minimum": 0},
        "report_url": {"type": "string", "description": "'' where there is none."},
        "thread": {"type": "string", "description": "The id of the first event of the same conversation."},
    }  # fmt: skip
    about_one = {"properties": {"type": {"pattern": r"^pulse\.incident\."}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Event of Pulse, version {SPEC_VERSION}",
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "if": about_one,
        "then": {"properties": {"incident": whole, "related": {"items": whole}}},
        "$defs": {"incident": incident},
    }
