"""incidents: what else happened to an entity, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact
from pulse_runner.explain.sql import literal, sql_text
from pulse_runner.incidents.incident import name_of

MOST = 15
MOST_DAYS = 400


class Given(Arguments):
    """An entity, and how many days back."""

    entity: str
    days: int


@dataclass(frozen=True)
class Incidents:
    """Tell the incidents of an entity and of its segments, the latest first, each with how it ended and what was believed."""

    name: str = "incidents"
    description: str = (
        "Incidents of an entity and its segments in the last days (1 to 400): what, since when, how it ended, why."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per incident."""
        entity = desk.entity(given.entity)
        if not 1 <= given.days <= MOST_DAYS:
            raise ToolRefused(f"days must be 1 to {MOST_DAYS}")
        sql = sql_text(f"""
            select i.incident_id, i.number, i.segment_id, i.detector, i.metric, i.attribute, i.direction, i.severity, i.status,
              i.started_on, i.resolved_on, i.resolution, e.headline
            from {desk.table("pulse_incidents")} as i
            left join (
              select incident_id, max(version) as version from {desk.table("pulse_incident_explanations")} group by incident_id
            ) as n on n.incident_id = i.incident_id
            left join {desk.table("pulse_incident_explanations")} as e on e.incident_id = n.incident_id and e.version = n.version
            where i.entity = {literal(entity.name)} and i.started_on <= {literal(desk.today)}
              and i.started_on >= {literal(desk.today - timedelta(days=given.days))}
            order by i.started_on desc, i.incident_id
        """)
        out = []
        for row in desk.warehouse.query(sql)[:MOST]:
            name = name_of(row.pop("incident_id"), row.pop("number"))
            ended = (
                f"; {row['resolution'] or row['status']} on {row['resolved_on']}"
                if row["resolved_on"]
                else f"; {row['status']}"
            )
            why = f" {row['headline']}" if row["headline"] else ""
            whose = row["segment_id"] or entity.name
            text = f"{name}: {row['metric']} of {whose} {row['direction']} since {row['started_on']}{ended}.{why}"
            out.append(fact(self.name, text, {"incident": name, **row}, sql, "pulse_incidents"))
        return Result(tuple(out), "" if out else "No incident in those days.")
