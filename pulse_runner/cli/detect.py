"""`pulse detect`."""

from __future__ import annotations

from datetime import date

import click

from pulse_runner.cli.context import DAY, PulseContext, format_option, pass_pulse
from pulse_runner.cli.snapshot import date_range

COLUMNS = (
    "snapshot_date", "segment_id", "detector", "metric", "attribute", "severity", "observed", "expected", "effect",
    "p_value", "reason",
)  # fmt: skip


@click.command("detect")
@click.option("--date", "day", type=DAY, help="One date; today when nothing is given.")
@click.option("--from", "first", type=DAY, help="First date of a range, judged day by day.")
@click.option("--to", "last", type=DAY, help="Last date of a range; today when only --from is given.")
@click.option("--dry-run", is_flag=True, help="Print the findings; write nothing.")
@format_option
@pass_pulse
def detect_command(
    pulse: PulseContext, day: date | None, first: date | None, last: date | None, dry_run: bool, fmt: str
) -> None:
    """Run the detectors over a date's snapshots and open, continue or close incidents.

    \b
    Example:
      pulse detect --date yesterday
      pulse detect --from 2026-03-01 --to 2026-05-31 --dry-run
    """
    from contextlib import nullcontext

    from pulse_runner.errors import UsageError
    from pulse_runner.incidents.stage import detect
    from pulse_runner.vocabulary import span_of
    from pulse_runner.warehouse.runs import recorded

    first, last = date_range(pulse, day, first, last)
    project = pulse.project()
    with (
        nullcontext() if dry_run else pulse.alone(last, "pulse detect"),
        pulse.warehouse() as warehouse,
        nullcontext() if dry_run else recorded(warehouse, "detect", first, last, pulse.now) as run,
    ):
        report = detect(warehouse, project, first, last, now=pulse.now, dry_run=dry_run)
        if run is not None:
            run.counts.update(report.counts)
    if len(report.missing) > (last - first).days:
        span = f"--date {first}" if first == last else f"--from {first} --to {last}"
        raise UsageError(
            f"There are no snapshots of {span_of(report.missing)}, so nothing was judged and no incident was touched. "
            f"Make them first: `pulse snapshot {span}`."
        )
    rows = [
        {**vars(v.finding), "attribute": v.finding.attribute or v.finding.bucket}
        for v in report.findings
        if v.finding is not None
    ]
    pulse.echo_rows(rows, COLUMNS, fmt)
    pulse.log(report.sentence())
