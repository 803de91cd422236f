"""`pulse explain`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from pulse_runner.cli.completion import complete_incidents
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.cli.terminal import hanging, width
from pulse_runner.errors import UsageError
from pulse_runner.vocabulary import ACTIVE_SQL

if TYPE_CHECKING:
    from pulse_runner.explain.store import StoredExplanation
    from pulse_runner.warehouse.base import Warehouse

LIST_COLUMNS = ("incident_id", "version", "snapshot_date", "source", "headline", "hypotheses", "recommendations")


@click.command("explain")
@click.argument("incident", required=False, shell_complete=complete_incidents)
@click.option("--date", "day", type=DAY, help="Explain incidents up to this date; today by default.")
@click.option("--evidence", "with_evidence", is_flag=True, help="Print each fact with the SQL that gives it.")
@click.option("--force", is_flag=True, help="Make a new version although the evidence has not changed.")
@click.option("--dry-run", is_flag=True, help="Print the explanations without storing them.")
@click.option("--transcript", is_flag=True, help="Print what the model did for INCIDENT the last time, step by step.")
@click.option(
    "--ask", metavar="QUESTION", help="Ask the model a question about INCIDENT; it looks things up to answer."
)
@format_option
@pass_pulse
def explain_command(
    pulse: PulseContext,
    incident: str | None,
    day: date | None,
    with_evidence: bool,
    force: bool,
    dry_run: bool,
    transcript: bool,
    ask: str | None,
    fmt: str,
) -> None:
    """Gather evidence and explain incidents; INCIDENT (INC-42, or the start of its id) shows one of them.

    \b
    Example:
      pulse explain
      pulse explain INC-42 --evidence
      pulse explain INC-42 --ask "Which country lost most?"
    """
    from contextlib import nullcontext

    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.explain.store import latest_explanations
    from pulse_runner.incidents.store import find_incident, names_of
    from pulse_runner.warehouse.runs import recorded

    if incident and day:
        raise UsageError("Give an incident or --date, not both.")
    if (transcript or ask) and not incident:
        raise UsageError(
            "--transcript and --ask are about one incident.", "Name it: `pulse explain INC-42 --transcript`."
        )
    if transcript and ask:
        raise UsageError("Give --transcript or --ask, not both.")
    if transcript:
        click.echo(_transcript(pulse, str(incident), fmt))
        return
    if ask:
        click.echo(_answer(pulse, str(incident), ask, dry_run, fmt))
        return
    project, day = pulse.project(), pulse.past(day or pulse.today)
    with nullcontext() if dry_run else pulse.alone(day, "pulse explain"), pulse.warehouse() as warehouse:
        names = names_of(warehouse)
        ids = [find_incident(warehouse, incident).incident_id] if incident else None
        if dry_run:
            told = explain_incidents(
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
            ids = ids or active_incidents(warehouse, day)
            latest = latest_explanations(warehouse, ids)
            told = [latest[i] for i in ids if i in latest]
    if fmt == "table":
        click.echo("\n\n".join(as_text(stored, with_evidence, names) for stored in told) or "No incident to explain.")
    else:
        columns = (*LIST_COLUMNS, "evidence") if with_evidence else LIST_COLUMNS
        pulse.echo_rows([as_row(stored, nested=fmt == "json") for stored in told], columns, fmt)


def _transcript(pulse: PulseContext, incident: str, fmt: str) -> str:
    """Return the steps of the last investigation of an incident, with what it used."""
    from pulse_runner.explain.agent.store import latest
    from pulse_runner.explain.agent.transcript import as_text as steps_text
    from pulse_runner.explain.agent.transcript import steps_json
    from pulse_runner.incidents.store import find_incident

    with pulse.warehouse() as warehouse:
        found = find_incident(warehouse, incident)
        attempt = latest(warehouse, found.incident_id)
    if attempt is None:
        raise UsageError(
            f"No model was asked about {found.name} yet.",
            "`pulse explain` asks one that is set up; docs/explanations.md.",
        )
    if fmt == "json":
        return steps_json(attempt.steps)
    used = attempt.usage
    money = f", cost {used.cost:g}" if used.cost else ""
    end = attempt.reason or f"{attempt.outcome}, verdict {attempt.verdict}"
    head = (
        f"{found.name}: {attempt.model}, {used.steps} steps, {used.tokens:,} tokens, {used.seconds:.1f} s{money}: {end}"
    )
    return "\n".join(
        [head, *([f"asked: {attempt.question}"] if attempt.question else []), "", steps_text(attempt.steps)]
    )


def _answer(pulse: PulseContext, incident: str, question: str, dry_run: bool, fmt: str) -> str:
    """Return what a model answers to a question about an incident, with the evidence that it cites."""
    import json
    from contextlib import nullcontext

    from pulse_runner.explain.agent.reading import evidence_ids
    from pulse_runner.explain.stage import ask_about
    from pulse_runner.incidents.store import find_incident

    project = pulse.project()
    with nullcontext() if dry_run else pulse.alone(pulse.today, "pulse explain"), pulse.warehouse() as warehouse:
        found = find_incident(warehouse, incident).incident_id
        told = ask_about(
            warehouse, project, pulse.now, pulse.env, found, question, dry_run=dry_run, root=pulse.root
        )  # fmt: skip
    answer = told.answer or (told.attempt.reason if told.attempt else "")
    facts = [e for e in told.evidence if e.id in evidence_ids(answer)]
    if fmt == "json":
        return json.dumps(
            {"answer": answer, "evidence": {e.id: e.statement for e in facts}}, ensure_ascii=False, indent=2
        )
    return "\n".join([answer, *(f"  {e.id:<4} {e.statement}" for e in facts)])


def active_incidents(warehouse: Warehouse, day: date) -> list[str]:
    """Return the ids of the incidents that are active and began by `day`, the oldest first."""
    rows = warehouse.query(
        f"select incident_id from {warehouse.table('pulse_incidents')} where status in ({ACTIVE_SQL}) and started_on <= ?"
        " order by started_on, incident_id",
        [day],
    )
    return [row["incident_id"] for row in rows]


def as_text(stored: StoredExplanation, with_evidence: bool, names: Mapping[str, str]) -> str:
    """Return an explanation as people read it: the cited facts, or each fact with its SQL."""
    told = stored.explanation
    by = f"by {told.model}" if told.source == "openai" else "by rules"
    room = width()
    out = [
        hanging("", told.headline, room),
        f"  {names.get(stored.incident_id, stored.incident_id)}, version {stored.version}, {by}",
        "",
        hanging("", told.summary, room),
    ]
    for rank, h in enumerate(told.hypotheses, start=1):
        out += ["", f"{rank}. {h.title} ({h.confidence} confidence; {', '.join(h.evidence)})"]
        out.append(hanging("   ", h.reasoning, room))
        hints = {
            "Speaks against it": h.against,
            "Who can tell": h.owner_hint,
            "Confirmed if": h.confirm,
            "Refuted if": h.refute,
        }
        out += [hanging(f"   {label}: ", text, room) for label, text in hints.items() if text]
    if told.recommendations:
        steps = enumerate(told.recommendations, start=1)
        out += ["", "What to do:", *(hanging(f"  {n}. ", step, room) for n, step in steps)]
    cited = {i for h in told.hypotheses for i in h.evidence}
    out += ["", "Evidence:"]
    for e in stored.evidence:
        if with_evidence or e.id in cited:
            out.append(hanging(f"  {e.id:<4} ", e.statement, room))
        if with_evidence:
            out += [f"       | {line}" for line in (e.sql or f"from {e.source}").splitlines()]
    for r in told.rejected:
        out.append(f"  note: {r.part} left out ({r.reason}){': ' + r.text if r.text else ''}")
    return "\n".join(out)


def as_row(stored: StoredExplanation, *, nested: bool) -> dict[str, Any]:
    """Return an explanation as a row; `nested` values are JSON all the way down, else JSON text."""
    from pulse_runner.explain.store import explanation_row, explanation_values

    return {**explanation_row(stored), **(explanation_values(stored) if nested else {})}
