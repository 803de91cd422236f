"""`pulse tune`: settings from what people said of incidents."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.vocabulary import plural

if TYPE_CHECKING:
    from pulse_runner.incidents.incident import Incident
    from pulse_runner.tune.trial import Trial

AROUND = timedelta(days=7)  # that are replayed before and after what people judged


@click.command("tune")
@click.option("--apply", is_flag=True, help="Write the patch into the files; print it only when left out.")
@pass_pulse
def tune_command(pulse: PulseContext, apply: bool) -> None:
    """Propose thresholds, directions and known events that would have spared false alarms.

    It reads what people said: `pulse incidents false-alarm` against what they took in hand or resolved. Each proposal is
    replayed over the history, with the incidents that it removes and the confirmed ones that it keeps. One that would lose a
    confirmed incident is refused. The patch goes to stdout, what it does to stderr.

    \b
    Example:
      pulse tune
      pulse tune > tune.patch && git apply tune.patch
    """
    from pulse_runner.backtest.warehouse import warehouse_history
    from pulse_runner.detect.stage import detector_settings
    from pulse_runner.incidents.store import read_events, read_incidents
    from pulse_runner.tune.patch import patch_of
    from pulse_runner.tune.propose import labels_of, proposals
    from pulse_runner.tune.trial import try_out

    project = pulse.project()
    with pulse.warehouse() as warehouse:
        labels = labels_of(read_incidents(warehouse), read_events(warehouse))
        judged = [*labels.false, *labels.confirmed]
        pulse.log(f"{plural(len(labels.false), 'false alarm')}, {len(labels.confirmed)} confirmed.")
        if not labels.false:
            pulse.log('Nothing to learn from: `pulse incidents false-alarm INC-42 --why "..."` says what was none.')
            return
        first = min(i.started_on for i in judged) - AROUND
        last = min(max(i.last_seen_on for i in judged) + AROUND, pulse.today)
        history = warehouse_history(warehouse, project, first, last)
    settings = detector_settings(project)
    found = [p for p in proposals(labels, settings) if not p.segment or p.segment in project.segments]
    trials = try_out(history, settings, labels, found, first, last)
    for trial in trials:
        pulse.log(_told(trial, labels.false))
    chosen = [t.proposal for t in trials if not t.refused]
    patch = patch_of(pulse.root, pulse.schema, project, chosen)
    if apply:
        patch.write()
        pulse.log(
            f"{plural(len(chosen), 'proposal')} written. Run `pulse compile`, and look at the diff before you commit."
        )
    click.echo(patch.diff, nl=False)


def _told(trial: Trial, false: tuple[Incident, ...]) -> str:
    p = trial.proposal
    meant = ", ".join(i.name for i in p.meant_for)
    if trial.refused:
        return f"\nno   {p.words()}\n     for {meant}: {p.why}\n     refused: {trial.refused}"
    removed = "; ".join(
        f"{i.segment_id or i.entity} {i.title.partition(': ')[2]} on {i.started_on}" for i in trial.removed
    )
    kept = ", ".join(i.name for i in trial.kept) or "none was confirmed"
    return f"\nyes  {p.words()}\n     for {meant}: {p.why}\n     removes {len(trial.removed)}: {removed}\n     keeps {kept}"
