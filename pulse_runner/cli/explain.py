"""`pulse explain`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import click

from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.errors import UsageError

LIST_COLUMNS = ("incident_id", "version", "snapshot_date", "source", "headline", "hypotheses", "recommendations")


@click.command("explain")
@click.argument("incident", required=False)
@click.option("--date", "day", type=DAY, help="Explain incidents up to this date; today by default.")
@click.option("--evidence", "with_evidence", is_flag=True, help="Print each fact with the SQL that gives it.")
@click.option("--force", is_flag=True, help="Make a new version although the evidence has not changed.")
@click.option("--dry-run", is_flag=True, help="Print the explanations without storing them.")
@format_option
@pass_pulse
def explain_command(
    pulse: PulseContext,
    incident: str | None,
    day: date | None,
    with_evidence: bool,
    force: bool,
    dry_run: bool,
    fmt: str,
) -> None:
    """Gather evidence and explain incidents; INCIDENT (or the start of its id) shows one of them.

    \b
    Example:
      pulse explain
      pulse explain 3f2a --evidence
    """
    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.incidents.store import find_incident
    from pulse_runner.segments.load import load_project
    from pulse_runner.warehouse.runs import recorded

    if incident and day:
        raise UsageError("Give an incident or --date, not both.")
    project, day = load_project(pulse.root), day or pulse.today
    with pulse.warehouse() as warehouse:
        ids = [find_incident(warehouse, incident)["incident_id"]] if incident else None
        if dry_run:
            rows = explain_incidents(
                warehouse, project, day, pulse.now, pulse.env,
                incident_ids=ids, force=True, dry_run=True, root=pulse.root,
            )  # fmt: skip
        else:
            with recorded(warehouse, "explain", day, day, pulse.now) as run:
                written = explain_incidents(
                    warehouse, project, day, pulse.now, pulse.env, incident_ids=ids, force=force, root=pulse.root
                )
                run.counts["explanations"] = len(written)
            pulse.log(f"{len(written)} new explanation{'' if len(written) == 1 else 's'}")
            rows = latest_explanations(warehouse, ids, day)
    if fmt == "table":
        click.echo("\n\n".join(as_text(row, with_evidence) for row in rows) or "No incident to explain.")
    else:
        columns = (*LIST_COLUMNS, "evidence") if with_evidence else LIST_COLUMNS
        pulse.echo_rows([_decoded(row) if fmt == "json" else row for row in rows], columns, fmt)


def latest_explanations(warehouse: Any, incident_ids: list[str] | None, day: date) -> list[dict[str, Any]]:
    """Return the newest explanation of the named incidents, else of those that are active and began by `day`."""
    newest = (
        f"select e.* from {warehouse.table('pulse_incident_explanations')} as e"
        f" join {warehouse.table('pulse_incidents')} as i on i.incident_id = e.incident_id"
        f" where e.version = (select max(n.version) from {warehouse.table('pulse_incident_explanations')} as n"
        " where n.incident_id = e.incident_id)"
    )
    if incident_ids:
        marks = ", ".join("?" for _ in incident_ids)
        rows: list[dict[str, Any]] = warehouse.query(f"{newest} and e.incident_id in ({marks})", incident_ids)
        return rows
    active: list[dict[str, Any]] = warehouse.query(
        f"{newest} and i.status in ('open', 'acknowledged') and i.started_on <= ? order by i.started_on, i.incident_id",
        [day],
    )
    return active


def as_text(row: Mapping[str, Any], with_evidence: bool) -> str:
    """Return an explanation as people read it; with `with_evidence` each fact and its SQL, else the cited facts."""
    hypotheses = json.loads(row["hypotheses"])
    by = f"by {row['model']}" if row["source"] == "openai" else "by rules"
    out = [row["headline"], f"  incident {row['incident_id']}, version {row['version']}, {by}", "", row["summary"]]
    for h in hypotheses:
        out += ["", f"{h['rank']}. {h['title']} ({h['confidence']} confidence; {', '.join(h['evidence'])})"]
        out.append(f"   {h['reasoning']}")
        out += [f"   {label}: {h[key]}" for key, label in _LABELS.items() if h[key]]
    steps = json.loads(row["recommendations"])
    out += ["", "What to do:", *(f"  {n}. {step}" for n, step in enumerate(steps, start=1))] if steps else []
    cited = {i for h in hypotheses for i in h["evidence"]}
    out += ["", "Evidence:"]
    for e in json.loads(row["evidence"]):
        if with_evidence or e["id"] in cited:
            out.append(f"  {e['id']:<4} {e['statement']}")
        if with_evidence:
            out += [f"       | {line}" for line in (e["sql"] or f"from {e['source']}").splitlines()]
    for r in json.loads(row["rejected"]):
        out.append(f"  note: {r['part']} left out ({r['reason']}){': ' + r['text'] if r['text'] else ''}")
    return "\n".join(out)


_LABELS = {"owner_hint": "Who can tell", "confirm": "Confirmed if", "refute": "Refuted if"}


def _decoded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its JSON columns as values, so that --format json is JSON all the way down."""
    nested = ("hypotheses", "recommendations", "evidence", "rejected")
    return {**row, **{name: json.loads(row[name]) for name in nested}}
