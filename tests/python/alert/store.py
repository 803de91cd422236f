"""A warehouse edge over one DuckDB connection with the tables that alerts use, and helpers that plant rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from pulse_runner.alert.channels.console import ConsoleSettings
from pulse_runner.alert.channels.email import EmailSettings
from pulse_runner.alert.channels.n8n import N8nSettings
from pulse_runner.alert.channels.slack import SlackSettings
from pulse_runner.alert.channels.teams import TeamsSettings
from pulse_runner.explain.store import StoredExplanation, stored_explanation
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import incident_of
from pulse_runner.segments.model import (
    Entity,
    Field,
    FieldLeaf,
    History,
    Project,
    Relation,
    Route,
    Segment,
)
from pulse_runner.segments.strict import ChannelSettings

D = date(2026, 5, 14)
NOW = datetime(2026, 5, 15, 6, 0)

TABLES = {
    "pulse_segments": "segment_id varchar, label varchar, owner varchar, rule_text varchar, valid_to date",
    "pulse_segment_snapshots": "segment_id varchar, snapshot_date date, size bigint, entered bigint, exited bigint,"
    " converted bigint, conversion_rate double precision, inactive_rate double precision, velocity double precision",
    "pulse_segment_reach": "segment_id varchar, snapshot_date date, channel varchar, reach_rate double precision",
    "pulse_segment_distributions": "segment_id varchar, snapshot_date date, attribute varchar, bucket varchar, share double precision",
    "pulse_entity_health": "entity varchar, snapshot_date date, column_name varchar, rows bigint, null_share double precision,"
    " duplicate_keys bigint",
    "pulse_incidents": "incident_id varchar, group_key varchar, segment_id varchar, entity varchar, detector varchar,"
    " metric varchar, attribute varchar, bucket varchar, status varchar, severity varchar, direction varchar,"
    " owner varchar, title varchar, reason varchar, started_on date, detected_on date, last_seen_on date,"
    " resolved_on date, resolution varchar, observed double precision, expected double precision, lower_bound double precision,"
    " upper_bound double precision,"
    " effect double precision, p_value double precision, threshold double precision, peak_effect double precision,"
    " related varchar, assignee varchar,"
    " note varchar, created_at timestamp, updated_at timestamp, number integer, until_on date, severity_parts varchar",
    "pulse_incident_events": "event_id varchar, incident_id varchar, occurred_at timestamp, snapshot_date date, event varchar,"
    " from_status varchar, to_status varchar, actor varchar, reason varchar",
    "pulse_incident_explanations": "explanation_id varchar, incident_id varchar, version integer, snapshot_date date,"
    " created_at timestamp, source varchar, model varchar, headline varchar, summary varchar, hypotheses varchar,"
    " recommendations varchar, rejected varchar, evidence varchar, evidence_hash varchar",
    "pulse_silences": "silence_id varchar, scope varchar, reason varchar, created_by varchar, created_at timestamp,"
    " ends_at timestamp, ended_at timestamp, ended_by varchar",
    "pulse_runs": "run_id varchar, stage varchar, outcome varchar, started_at timestamp",
    "pulse_alert_deliveries": "delivery_id varchar, incident_id varchar, notification varchar, route varchar, channel varchar,"
    " target varchar, status varchar, attempts integer, reason varchar, subject varchar, body varchar,"
    " idempotency_key varchar, snapshot_date date, planned_at timestamp, sent_at timestamp, receipt varchar",
}


class Store:
    """Pulse's tables in memory; `crash_after` writes of pulse_alert_deliveries the process "dies"."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        self.crash_after: int | None = None
        for name, columns in TABLES.items():
            self.connection.execute(f"create table {name} ({columns})")

    def table(self, name: str) -> str:
        return f'"{name}"'

    def query(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, list(params))
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def frame(self, sql: str, params: Sequence[object] = ()) -> Any:
        raise NotImplementedError("alerts read rows, not frames")

    def replace(self, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        if self.crash_after is not None:
            self.crash_after -= 1
            if self.crash_after < 0:
                raise KeyboardInterrupt
        for row in rows:
            where = " and ".join(f"{k} = ?" for k in keys)
            self.connection.execute(f"delete from {self.table(table)} where {where}", [row[k] for k in keys])
            self.insert(table, **row)

    def delete(self, table: str, key: str, value: object) -> None:
        self.connection.execute(f"delete from {self.table(table)} where {key} = ?", [value])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def turn(self, what: str) -> None:
        return

    def close(self) -> None:
        self.connection.close()

    def insert(self, table: str, **row: object) -> None:
        marks = ", ".join("?" for _ in row)
        self.connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))

    def deliveries(self) -> list[dict[str, Any]]:
        return self.query(
            "select * from pulse_alert_deliveries order by planned_at, incident_id, notification, route, channel"
        )

    def set(self, incident_id: str, **values: object) -> None:
        sets = ", ".join(f"{k} = ?" for k in values)
        self.connection.execute(
            f"update pulse_incidents set {sets} where incident_id = ?", [*values.values(), incident_id]
        )

    def worsen(self, incident_id: str, severity: str, day: date, at: datetime) -> None:
        self.set(incident_id, severity=severity)
        self.insert(
            "pulse_incident_events", event_id=f"{incident_id}-{day}", incident_id=incident_id, occurred_at=at, snapshot_date=day,
            event="worsened", from_status="open", to_status="open", actor="pulse", reason="",
        )  # fmt: skip

    def incident(self, incident_id: str = "aaaa1111bbbb2222", **row: object) -> dict[str, Any]:
        """Open an incident: by default the 42 % drop of vip on D."""
        full = incident_row(incident_id, **row)
        self.insert("pulse_incidents", **full)
        return full

    def explain(self, incident_id: str = "aaaa1111bbbb2222", **row: object) -> dict[str, Any]:
        full = {**explanation_row(incident_id), **row}
        self.insert("pulse_incident_explanations", **full)
        return full

    def sizes(self, segment: str, values: Sequence[int], last: date = D) -> None:
        for back, value in enumerate(reversed(values)):
            self.insert(
                "pulse_segment_snapshots", segment_id=segment, snapshot_date=last - timedelta(days=back), size=value
            )


def incident_row(incident_id: str = "aaaa1111bbbb2222", **row: object) -> dict[str, Any]:
    return {
        "incident_id": incident_id, "group_key": incident_id, "segment_id": "vip", "entity": "customers",
        "detector": "size_jump", "metric": "size", "attribute": "", "bucket": "", "status": "open", "severity": "high",
        "direction": "down", "owner": "growth-team", "title": "High-Value Active Users: size fell 42 %",
        "reason": "Size fell 42.0 % to 580; 1,000 expected (940 to 1,060) from 60 earlier days.", "started_on": D,
        "detected_on": D, "last_seen_on": D, "resolved_on": None, "resolution": "", "observed": 580.0, "expected": 1000.0,
        "lower_bound": 940.0, "upper_bound": 1060.0, "effect": -0.42, "p_value": 1e-9, "threshold": 0.15,
        "peak_effect": -0.42, "related": "[]", "assignee": "", "note": "", "created_at": NOW, "updated_at": NOW, "number": None, **row,
    }  # fmt: skip


def explanation_row(incident_id: str = "aaaa1111bbbb2222") -> dict[str, Any]:
    evidence = [
        {"id": "E1", "statement": "400 of 420 leavers left by `ltv > 1000`.", "sql": "select 1"},
        {"id": "E2", "statement": "Column ltv has 42 % nulls (0.2 % before).", "sql": "select 2"},
        {"id": "E3", "statement": "The rows of customers are as usual.", "sql": "select 3"},
    ]
    evidence = [{"kind": "test", "values": {}, "weight": 0.5, "source": "t", **e} for e in evidence]
    return {
        "explanation_id": f"x-{incident_id}", "incident_id": incident_id, "version": 1, "source": "rules", "model": "",
        "snapshot_date": D, "created_at": NOW, "evidence_hash": "", "rejected": "[]",
        "headline": "42 % fewer members since 14 May: 400 of 420 leavers left by `ltv > 1000`; column ltv has 42 % nulls.",
        "summary": "Size fell.",
        "hypotheses": json.dumps(
            [{"rank": 1, "cause": "null_burst", "title": "A load filled ltv with nulls", "confidence": "high",
              "reasoning": "", "evidence": ["E2", "E1"], "owner_hint": "the owner of stg_orders"}]
        ),
        "recommendations": json.dumps(["Open models/stg_orders.sql.", "Rerun the load of 14 May.", "Pause campaigns to vip."]),
        "evidence": json.dumps(evidence),
    }  # fmt: skip


def incident(incident_id: str = "aaaa1111bbbb2222", **row: object) -> Incident:
    return incident_of(incident_row(incident_id, **row))


def explanation(incident_id: str = "aaaa1111bbbb2222", **row: object) -> StoredExplanation:
    return stored_explanation({**explanation_row(incident_id), **row})


SLACK = SlackSettings(channel="slack", url_env="PULSE_SLACK_WEBHOOK")
N8N = N8nSettings(channel="n8n", url_env="PULSE_N8N_URL", secret_env="PULSE_N8N_SECRET", token_env="PULSE_N8N_TOKEN")
TEAMS = TeamsSettings(channel="teams", url_env="PULSE_TEAMS_WEBHOOK")
EMAIL = EmailSettings(channel="email", to=("growth@example.com", "ana@example.com"))
CONSOLE = ConsoleSettings(channel="console")


def project(
    *targets: ChannelSettings, min_severity: str = "low", segments: Sequence[str] = ("vip", "whales", "newcomers")
) -> Project:
    """Return a project whose segments all alert the route growth, which has `targets`."""
    entity = Entity(
        "customers", Relation("ref", ("dim_customers",)), "customer_id", History("none"), {"ltv": Field("ltv", "number")},
        label="Customers",
    )  # fmt: skip
    labels = {"vip": "High-Value Active Users", "whales": "Whales", "newcomers": "Newcomers"}
    made = {
        s: Segment(
            s, "customers", FieldLeaf("ltv", ">", (1000,)), "growth-team", label=labels.get(s, s), alerts=("growth",)
        )
        for s in segments
    }
    route = Route("growth", tuple(targets), min_severity)  # type: ignore[arg-type]
    return Project({"customers": entity}, made, {"growth": route})
