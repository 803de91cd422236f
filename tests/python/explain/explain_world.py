"""A small warehouse in DuckDB with Pulse's tables, five quiet weeks of four segments, and ways to plant a fault."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd

from pulse_runner.errors import WarehouseError
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import incident_of
from pulse_runner.segments.model import (
    All,
    Attribute,
    Destination,
    Entity,
    Field,
    FieldLeaf,
    History,
    Project,
    ReachSteps,
    Relation,
    Segment,
    SegmentLeaf,
)

D = date(2026, 5, 14)  # a Thursday: the day of every planted fault
FIRST = D - timedelta(days=35)
NOW = datetime(2026, 5, 15, 6, 0)

TABLES = {
    "pulse_segments": "segment_id varchar, version integer, label varchar, description varchar, entity varchar, owner varchar,"
    " enabled boolean, rule_text varchar, definition_hash varchar, alerts varchar, thresholds varchar, valid_from date,"
    " valid_to date",
    "pulse_segment_snapshots": "segment_id varchar, snapshot_date date, entity varchar, definition_hash varchar, previous_date date,"
    " size bigint, previous_size bigint, entered bigint, exited bigint, velocity double precision, eligible bigint,"
    " converted bigint, conversion_rate double precision, inactive bigint, inactive_rate double precision, status varchar,"
    " status_reason varchar",
    "pulse_segment_reach": "segment_id varchar, snapshot_date date, channel varchar, reachable bigint, reach_rate double precision",
    "pulse_reach_ladder": "segment_id varchar, snapshot_date date, channel varchar, step varchar, reason varchar, members bigint,"
    " share double precision",
    "pulse_segment_distributions": "segment_id varchar, snapshot_date date, attribute varchar, bucket varchar, members bigint,"
    " share double precision",
    "pulse_segment_changes": "segment_id varchar, snapshot_date date, previous_date date, direction varchar, cause varchar,"
    " detail varchar, columns varchar, members bigint, is_chosen boolean",
    "pulse_segment_flows": "snapshot_date date, previous_date date, from_segment varchar, to_segment varchar, members bigint",
    "pulse_entity_health": "entity varchar, snapshot_date date, column_name varchar, data_type varchar, rows bigint, nulls bigint,"
    " null_share double precision, distinct_count bigint, min_value varchar, max_value varchar, mean_value double precision,"
    " duplicate_keys bigint, null_keys bigint, freshest_at timestamp, status varchar, status_reason varchar",
    "pulse_column_profiles": "entity varchar, snapshot_date date, column_name varchar, item varchar, bucket varchar, members bigint,"
    " share double precision, value double precision",
    "pulse_findings": "segment_id varchar, snapshot_date date, detector varchar, metric varchar, attribute varchar, bucket varchar,"
    " verdict varchar, severity varchar, direction varchar, observed double precision, expected double precision,"
    " lower_bound double precision, upper_bound double precision, effect double precision, p_value double precision,"
    " q_value double precision, threshold double precision, started_on date, incident_id varchar, reason varchar",
    "pulse_incidents": "incident_id varchar, group_key varchar, segment_id varchar, entity varchar, detector varchar, metric varchar,"
    " attribute varchar, bucket varchar, status varchar, severity varchar, direction varchar, owner varchar, title varchar,"
    " reason varchar, started_on date, detected_on date, last_seen_on date, resolved_on date, resolution varchar,"
    " observed double precision, expected double precision, lower_bound double precision, upper_bound double precision,"
    " effect double precision, p_value double precision, threshold double precision, peak_effect double precision,"
    " related varchar, assignee varchar, note varchar, created_at timestamp, updated_at timestamp, number integer, until_on date, severity_parts varchar",
    "pulse_incident_explanations": "explanation_id varchar, incident_id varchar, version integer, snapshot_date date,"
    " created_at timestamp, source varchar, model varchar, headline varchar, summary varchar, hypotheses varchar,"
    " recommendations varchar, evidence varchar, evidence_hash varchar, rejected varchar",
    "pulse_investigations": "investigation_id varchar, incident_id varchar, explanation_id varchar, snapshot_date date,"
    " created_at timestamp, model varchar, prompt_version varchar, evidence_hash varchar, question varchar, outcome varchar,"
    " reason varchar, is_passing boolean, verdict varchar, steps integer, request_tokens integer, answer_tokens integer,"
    " cost double precision, seconds double precision, transcript varchar",
    "pulse_runs": "run_id varchar, stage varchar, from_date date, to_date date, started_at timestamp, finished_at timestamp,"
    " seconds double precision, outcome varchar, counts varchar, message varchar",
    "pulse_upstream_history": "entry_id varchar, kind varchar, node_id varchar, node varchar, resource_type varchar, path varchar,"
    " seen_on date, seen_at timestamp, code_hash varchar, code varchar, about varchar, commit_id varchar, authored_on date,"
    " subject varchar",
    "pulse_known_events": "starts_on date, ends_on date, scope varchar, scope_value varchar, reason varchar",
}


class World:
    """A warehouse edge over one DuckDB connection, with helpers that plant rows."""

    dialect = "duckdb"

    def __init__(self, path: str = ":memory:") -> None:
        self.connection = duckdb.connect(path, config={"threads": 1})
        for name, columns in TABLES.items():
            self.connection.execute(f"create table if not exists {name} ({columns})")

    def table(self, name: str) -> str:
        return f'"{name}"'

    def query(self, sql: str, params: Sequence[object] = ()) -> list[dict[str, Any]]:
        try:
            cursor = self.connection.execute(sql, list(params))
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error
        names = [d[0] for d in cursor.description]
        return [{n: _plain(v) for n, v in zip(names, row, strict=True)} for row in cursor.fetchall()]

    def frame(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        try:
            frame = self.connection.execute(sql, list(params)).df()
        except duckdb.Error as error:
            raise WarehouseError(str(error)) from error
        for name in frame.columns:
            if name.endswith("_date"):
                frame[name] = pd.to_datetime(frame[name])
        return frame

    def delete(self, table: str, key: str, value: object) -> None:
        self.connection.execute(f"delete from {self.table(table)} where {key} = ?", [value])

    def relation(self, function: str, *arguments: str) -> str:
        """Name the relation of customers, whose rows a test may plant."""
        return f'"{arguments[-1]}"'

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self.connection.interrupt)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def replace(self, table: str, keys: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        for row in rows:
            where = " and ".join(f"{k} = ?" for k in keys)
            self.connection.execute(f"delete from {self.table(table)} where {where}", [row[k] for k in keys])
            self.insert(table, **row)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def close(self) -> None:
        self.connection.close()

    def insert(self, table: str, **row: object) -> None:
        marks = ", ".join("?" for _ in row)
        self.connection.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))

    def run(self, sql: str, *params: object) -> None:
        self.connection.execute(sql, list(params))

    def incident(self, **row: object) -> Incident:
        """Open an incident (by default a size drop of vip on D) and return it."""
        full = {
            "incident_id": "inc1", "group_key": "g", "segment_id": "vip", "entity": "customers", "detector": "size_jump",
            "metric": "size", "attribute": "", "bucket": "", "status": "open", "severity": "high", "direction": "down",
            "owner": "growth-team", "title": "vip fell", "started_on": D, "detected_on": D, "last_seen_on": D, **row,
        }  # fmt: skip
        self.insert("pulse_incidents", **full)
        return self.stored_incident(str(full["incident_id"]))

    def stored_incident(self, incident_id: str = "inc1") -> Incident:
        """Return an incident as the table holds it."""
        return incident_of(self.query("select * from pulse_incidents where incident_id = ?", [incident_id])[0])

    def changes(self, *rows: tuple[str, str, str, str, int], segment: str = "vip", day: date = D) -> None:
        """Set the changes of a day: (direction, cause, detail, columns, members) each."""
        self.run("delete from pulse_segment_changes where segment_id = ? and snapshot_date = ?", segment, day)
        for direction, cause, detail, columns, members in rows:
            self.insert(
                "pulse_segment_changes", segment_id=segment, snapshot_date=day, previous_date=day - timedelta(days=1),
                direction=direction, cause=cause, detail=detail, columns=columns, members=members, is_chosen=False,
            )  # fmt: skip

    def resize(self, size: int, segment: str = "vip", day: date = D) -> None:
        self.run(
            "update pulse_segment_snapshots set size = ? where segment_id = ? and snapshot_date = ?", size, segment, day
        )

    def health(self, column: str, day: date = D, **values: object) -> None:
        sets = ", ".join(f"{name} = ?" for name in values)
        self.run(
            f"update pulse_entity_health set {sets} where entity = 'customers' and column_name = ? and snapshot_date = ?",
            *values.values(), column, day,
        )  # fmt: skip

    def edit(self, before: str, after: str, node: str = "stg_customers", day: date = D, **values: object) -> None:
        """Write two versions of a model's code: from the first day on, and from `day` on."""
        for n, (seen, code) in enumerate(((FIRST, before), (day, after))):
            self.insert(
                "pulse_upstream_history", entry_id=f"{node}{n}", kind="code", node_id=f"model.shop.{node}", node=node,
                resource_type="model", path=f"models/{node}.sql", seen_on=seen, seen_at=datetime(seen.year, seen.month, seen.day, 6),
                code_hash=code, code=code, about="{}", commit_id="", subject="", **(values if n else {}),
            )  # fmt: skip

    def ladder(self, counts: Mapping[tuple[str, str], int], day: date = D) -> None:
        """Plant the ladder of email: who got through a step (reason '') or was lost there."""
        self.run("delete from pulse_reach_ladder where snapshot_date = ?", day)
        came = {step: sum(n for (s, _), n in counts.items() if s == step) for step, _ in counts}
        for (step, reason), members in counts.items():
            self.insert(
                "pulse_reach_ladder", segment_id="vip", snapshot_date=day, channel="email", step=step, reason=reason,
                members=members, share=members / came[step] if came[step] else None,
            )  # fmt: skip

    def buckets(self, attribute: str, counts: Mapping[str, int], day: date, segment: str = "vip") -> None:
        """Set the distribution of an attribute on a day."""
        self.run(
            "delete from pulse_segment_distributions where segment_id = ? and attribute = ? and snapshot_date = ?",
            segment, attribute, day,
        )  # fmt: skip
        for bucket, members in counts.items():
            share = members / sum(counts.values())
            self.insert(
                "pulse_segment_distributions", segment_id=segment, snapshot_date=day, attribute=attribute, bucket=bucket,
                members=members, share=share,
            )  # fmt: skip

    def profile(self, column: str, item: str, values: Mapping[str, float], day: date = D) -> None:
        """Set the profile of a column on a day: the share of 5,000 rows by value or age, or the quantiles."""
        self.run(
            "delete from pulse_column_profiles where column_name = ? and item = ? and snapshot_date = ?",
            column,
            item,
            day,
        )
        for bucket, value in values.items():
            is_quantile = item == "quantile"
            self.insert(
                "pulse_column_profiles", entity="customers", snapshot_date=day, column_name=column, item=item, bucket=bucket,
                members=5000 if is_quantile else round(5000 * value), share=1.0 if is_quantile else value,
                value=value if is_quantile else None,
            )  # fmt: skip


PROFILES: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("country", "value"): {"DE": 0.6, "FR": 0.3, "GB": 0.098},
    ("plan", "value"): {"free": 0.6, "plus": 0.3, "pro": 0.1},
    ("email_opt_in", "value"): {"true": 0.7, "false": 0.3},
    ("ltv", "quantile"): {"0.05": 50, "0.1": 100, "0.25": 250, "0.5": 600, "0.75": 1200, "0.9": 2400, "0.95": 4000},
    ("last_active_at", "age"): {"0": 0.2, "1": 0.1, "2": 0.08, "3": 0.06, "4": 0.05, "5": 0.04, ">14": 0.4},
    ("last_order_at", "age"): {"0": 0.03, "1": 0.03, "2": 0.03, "3": 0.02, ">14": 0.8},
}


def quiet_world(path: str = ":memory:") -> World:
    """Return five weeks in which nothing happens: vip has 1,000 members, ten leave and ten come each day."""
    world = World(path)
    sizes = {"vip": 1000, "whales": 300, "germans": 2000, "newcomers": 500}
    rules = {
        "vip": "ltv > 1000 and last_active_days <= 7", "whales": "ltv > 5000", "germans": "country in (DE)",
        "newcomers": "tenure <= 30",
    }  # fmt: skip
    for name, rule in rules.items():
        world.insert(
            "pulse_segments", segment_id=name, version=1, label=name, entity="customers", owner="growth-team", enabled=True,
            rule_text=rule, definition_hash=f"h-{name}-1", valid_from=FIRST, valid_to=None,
        )  # fmt: skip
    for n in range(36):
        day = FIRST + timedelta(days=n)
        for name, size in sizes.items():
            world.insert(
                "pulse_segment_snapshots", segment_id=name, snapshot_date=day, entity="customers", definition_hash=f"h-{name}-1",
                previous_date=day - timedelta(days=1) if n else None, size=size, previous_size=size if n else None,
                entered=10, exited=10, velocity=0.0, eligible=size, converted=size // 20, conversion_rate=0.05,
                inactive=size // 10, inactive_rate=0.1, status="ok", status_reason="",
            )  # fmt: skip
        usual = [
            ("lost", "leaf", "ltv > 1000", "ltv", 2),
            ("lost", "aged", "last_active_days <= 7", "last_active_at", 8),
        ]
        usual += [("gained", "leaf", "last_active_days <= 7", "last_active_at", 10)]
        if n:
            world.changes(*usual, day=day)
        for channel, reachable in (("email", 800), ("push", 300)):
            world.insert(
                "pulse_segment_reach", segment_id="vip", snapshot_date=day, channel=channel, reachable=reachable,
                reach_rate=reachable / 1000,
            )  # fmt: skip
        world.buckets("country", {"DE": 600, "FR": 300, "GB": 97, "XX": 3}, day)
        world.buckets("device", {"ios": 500, "android": 500}, day)
        for (name, item), values in PROFILES.items():
            if n >= 18:  # what an explanation looks back for
                world.profile(name, item, values, day)
        for column, kind, distinct, mean in (
            ("(rows)", "", None, None), ("ltv", "number", 4000, 800.0), ("country", "text", 5, None),
            ("last_active_at", "timestamp", 90, None), ("plan", "text", 3, None), ("email_opt_in", "boolean", 2, None),
            ("last_order_at", "timestamp", 90, None),
        ):  # fmt: skip
            whole = column == "(rows)"
            world.insert(
                "pulse_entity_health", entity="customers", snapshot_date=day, column_name=column, data_type=kind or None, rows=5000,
                nulls=None if whole else 10, null_share=None if whole else 0.002, distinct_count=distinct, mean_value=mean,
                duplicate_keys=0 if whole else None, null_keys=0 if whole else None,
                freshest_at=datetime(day.year, day.month, day.day) if whole else None, status="ok", status_reason="",
            )  # fmt: skip
    return world


def make_project() -> Project:
    """Return the definitions that the world's tables are made from."""
    fields = {
        "ltv": "number", "country": "text", "last_active_at": "timestamp", "plan": "text", "email_opt_in": "boolean",
        "last_order_at": "timestamp", "device": "text",
    }  # fmt: skip
    declared = {name: Field(name, kind) for name, kind in fields.items()}  # type: ignore[arg-type]
    declared["last_active_days"] = Field("last_active_days", "number", days_since="last_active_at")
    customers = Entity(
        name="customers", relation=Relation("ref", ("dim_customers_daily",)), key="customer_id",
        history=History("as_of", as_of="snapshot_date"), fields=declared,
        attributes=(Attribute("country", "country"), Attribute("device", "device"), Attribute("ltv_band", "ltv", (100.0, 500.0))), conversion_event_at="last_order_at",
        last_seen_at="last_active_at", inactive_after_days=30, reach={"email": "email_opt_in", "push": "push_token is not null"},
        reach_steps={"email": ReachSteps(consented="email_opt_in", destination=Destination(Relation("ref", ("sent",)), "id", "at", "status"))},
    )  # fmt: skip
    rules = {
        "vip": All((FieldLeaf("ltv", ">", (1000,)), FieldLeaf("last_active_days", "<=", (7,)))),
        "whales": FieldLeaf("ltv", ">", (5000,)),
        "germans": FieldLeaf("country", "in", ("DE",)),
        "newcomers": FieldLeaf("tenure", "<=", (30,)),
        "abroad": SegmentLeaf("germans", "not_in_segment"),
    }
    segments = {name: Segment(name, "customers", rule, "growth-team") for name, rule in rules.items()}
    return Project({"customers": customers}, segments, {})


def headline_fault(world: World) -> Incident:
    """Plant the product's own story: ltv loses 41 % of its values and with them vip loses 42 % of its members."""
    world.resize(579)
    world.resize(170, "whales")
    world.health("ltv", nulls=2050, null_share=0.41, mean_value=810.0)
    world.changes(
        ("lost", "leaf", "ltv > 1000", "ltv", 422), ("lost", "aged", "last_active_days <= 7", "last_active_at", 7),
        ("gained", "leaf", "last_active_days <= 7", "last_active_at", 8),
    )  # fmt: skip
    world.insert(
        "pulse_findings", segment_id="vip", snapshot_date=D, detector="size_jump", metric="size", attribute="", bucket="",
        verdict="finding", observed=579.0, expected=1000.0, lower_bound=941.0, upper_bound=1061.0, effect=-0.421,
    )  # fmt: skip
    return world.incident()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
