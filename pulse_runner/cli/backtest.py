"""`pulse backtest`: what would the detectors have said?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click
import numpy as np

from pulse_runner.backtest.read import Recording, read_history
from pulse_runner.backtest.replay import Replay, replay
from pulse_runner.backtest.report import (
    INCIDENT_COLUMNS,
    alerts_per_week,
    incident_rows,
    json_lines,
    sensitivity_table,
    threshold_table,
)
from pulse_runner.backtest.sight import MOST_SEGMENTS, SIGHT_COLUMNS, sight_rows, sights
from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.detectors import DETECTORS, Limits, Settings, unknown_detector
from pulse_runner.errors import UsageError
from pulse_runner.known_events.seed import read_known_events
from pulse_runner.vocabulary import SENSITIVITIES

SENSITIVITY_COLUMNS = ("detector", "false_alarms_a_year", "incidents_a_year", "found", "in_use")
SHORT_COLUMNS = ("segment_id", "detector", "detected_on", "ended_on", "severity", "effect", "reason")


def history_from_warehouse(pulse: PulseContext, first: date, last: date) -> tuple[Recording, Settings]:
    """Return the warehouse's own history up to `last`, from early enough before `first` for baselines, and its settings."""
    from pulse_runner.backtest.warehouse import warehouse_history
    from pulse_runner.detect.stage import detector_settings

    project = pulse.project()
    with pulse.warehouse() as warehouse:
        history = warehouse_history(warehouse, project, first, last)
    if not any(np.isfinite(p.numerator).any() for p in history.metrics.values()):
        raise UsageError(
            f"There are no snapshots up to {last}; make them with `pulse snapshot --from {first} --to {last}`."
        )
    return history, detector_settings(project)


def parse_limits(thresholds: tuple[str, ...], sensitivities: tuple[str, ...] = ()) -> dict[str, Limits]:
    """Return a rule per detector from DETECTOR=VALUE of thresholds and sensitivities.

    >>> parse_limits(("size_jump=0.2",), ("size_jump=low",))["size_jump"]
    Limits(threshold=0.2, direction=None, enabled=True, false_alarms=0.25)
    """
    material, rates = _per_detector(thresholds, {}, "0.2"), _per_detector(sensitivities, SENSITIVITIES, "low")
    return {
        name: Limits(material.get(name), false_alarms=rates.get(name)) for name in dict.fromkeys((*material, *rates))
    }


def _per_detector(pairs: tuple[str, ...], words: Mapping[str, float], example: str) -> dict[str, float]:
    """Return a number above zero per DETECTOR=VALUE."""
    values = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        complaint = unknown_detector(name)
        if complaint:
            raise click.BadParameter(complaint)
        try:
            values[name] = words[value] if value in words else float(value)
        except ValueError:
            raise click.BadParameter(f"{pair!r}: {value!r} is not a number; write {name}={example}.") from None
        if not 0 < values[name] < np.inf:
            raise click.BadParameter(f"{pair!r}: {value} is not above zero; write {name}={example}.")
    return values


def parse_fdr(text: str) -> float | None:
    """Return a false discovery rate, None for `off`."""
    if text == "off":
        return None
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0 < level < 1:
        raise click.BadParameter(f"{text!r} is neither `off` nor a rate between 0 and 1, such as 0.05.")
    return level


@click.command("backtest")
@click.option(
    "--input",
    "source",
    type=click.Path(path_type=Path),
    help="A CSV or parquet file of metrics or distributions; needs no warehouse.",
)
@click.option("--from", "first", type=DAY, help="First day to judge; earlier days are history.")
@click.option("--to", "last", type=DAY, help="Last day to judge.")
@click.option(
    "--known-events",
    "events",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A CSV of known events, with the columns of seeds/pulse_known_events.csv; their days are left out.",
)
@click.option("--fdr", default="0.03", show_default=True, help="False discovery rate per date, or `off`.")
@click.option(
    "--threshold", "thresholds", multiple=True, metavar="DETECTOR=VALUE", help="A material threshold; repeatable."
)
@click.option(
    "--sensitivity",
    "sensitivities",
    multiple=True,
    metavar="DETECTOR=RATE",
    help="False alarms that a series may raise in a year: low, normal, high or a number; repeatable.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write one JSON line per incident here."
)
@format_option
@pass_pulse
def backtest_command(
    pulse: PulseContext,
    source: Path | None,
    first: date | None,
    last: date | None,
    events: Path | None,
    fdr: str,
    thresholds: tuple[str, ...],
    sensitivities: tuple[str, ...],
    output: Path | None,
    fmt: str,
) -> None:
    """Replay the detectors over history and say which incidents there would have been.

    Only days before the judged one are used, as on the day itself.

    \b
    Example:
      pulse backtest --from 2026-01-01 --to 2026-03-31 --threshold size_jump=0.2
      pulse backtest --input metrics.csv --known-events holidays.csv --output incidents.jsonl
    """
    rules, level = parse_limits(thresholds, sensitivities), parse_fdr(fdr)
    if source is not None:
        history, settings = read_history(source), Settings()
    else:
        until = last or pulse.today
        history, settings = history_from_warehouse(pulse, first or until.replace(year=until.year - 1), until)
    if events is not None:
        history = history.without(read_known_events(events))
    settings = Settings({**settings.detectors, **rules}, settings.segments, settings.attributes, level)
    result = replay(history, settings, DETECTORS, first, last)
    rows = incident_rows(result.incidents)
    if output is not None:
        output.write_text(json_lines(rows), encoding="utf-8")
    _show(pulse, result, settings, rows, fmt)


def _show(pulse: PulseContext, result: Replay, settings: Settings, rows: list[dict[str, object]], fmt: str) -> None:
    columns = SHORT_COLUMNS if fmt == "table" else INCIDENT_COLUMNS
    pulse.echo_rows(rows, columns, fmt)
    pulse.log(f"{len(rows)} incidents from {result.first} to {result.last}.")
    if fmt == "table":
        click.echo("\nAlerts per week")
        pulse.echo_rows(alerts_per_week(result), ("owner", "alerts", "alerts_per_week"))
        click.echo("\nWhat each threshold would have done")
        table = threshold_table(result, settings)
        pulse.echo_rows(table, ("detector", "threshold", "incidents", "segments", "in_use"))
        click.echo("\nWhat each sensitivity would have cost and found (planted: 30 % for three days)")
        pulse.echo_rows(sensitivity_table(result, settings), SENSITIVITY_COLUMNS)
        names = sorted({s for p in result.panels.metrics.values() for s in p.segment_ids})[:MOST_SEGMENTS]
        click.echo("\nWhat each segment can see: the smallest change found with 80 % chance")
        pulse.echo_rows(sight_rows(sights(result.panels, settings, names)), SIGHT_COLUMNS)
