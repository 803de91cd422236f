"""The stages in their order, for one date; each can be run on its own and repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from pulse_runner.errors import NotBuiltError, PulseError, UsageError
from pulse_runner.incidents.store import list_incidents
from pulse_runner.snapshot.read import latest_snapshots
from pulse_runner.vocabulary import ACTIVE
from pulse_runner.warehouse.runs import recorded, recorded_build

if TYPE_CHECKING:
    from pathlib import Path

    from pulse_runner.incidents.model import Incident
    from pulse_runner.segments.model import Project
    from pulse_runner.warehouse.base import Warehouse
    from pulse_runner.warehouse.dbt import Progress


class Context(Protocol):
    """What a run needs: the dbt project and its target, the environment, the clock (UTC), the definitions, the warehouse."""

    target: str | None
    env: Mapping[str, str]
    now: datetime

    @property
    def root(self) -> Path:
        """Return the dbt project's folder."""
        ...

    def project(self) -> Project:
        """Return the checked definitions."""
        ...

    def warehouse(self) -> AbstractContextManager[Warehouse]:
        """Open the warehouse for the time of a block."""
        ...


@dataclass
class RunReport:
    """What a run did, in the words of its summary; `active` holds the open and acknowledged incidents."""

    day: date
    dry_run: bool
    lines: list[str] = field(default_factory=list)
    active: list[Incident] = field(default_factory=list)

    def summary(self) -> str:
        """Return the lines that a person reads at the end of a run."""
        head = f"{'Dry run' if self.dry_run else 'Run'} of {self.day}"
        incidents = [f"  {i.severity:<8} {i.segment_id or i.entity}: {i.title}" for i in self.active]
        tail = [f"{len(incidents)} active incidents{':' if incidents else ''}", *incidents]
        return "\n".join([head, *(f"  {line}" for line in self.lines), *tail])


def run_day(
    pulse: Context,
    day: date,
    *,
    first: date | None = None,
    build: bool = True,
    dry_run: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None],
) -> RunReport:
    """Carry out compile check, dbt build, detect, explain and alert for `day`.

    With `first`, the days from it on are built and judged too, and told as of `day`: what opened and closed again in
    between is not news. Without `build`, the snapshots are those that dbt made elsewhere.
    A failing data test of another model is reported and does not stop the run; a failing snapshot model does.
    """
    from pulse_runner.alert.stage import run_alerts
    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.incidents.stage import detect

    report = RunReport(day, dry_run)
    first = first or day
    project = checked_project(pulse, needs_package=build and not dry_run)
    report.lines.append(f"compile   {len(project.segments)} segments, models are current")
    if dry_run:
        report.lines.append("build     skipped (dry run)")
    elif not build:
        report.lines.append("build     skipped (--no-build)")
    else:
        report.lines.append(f"build     {_build(pulse, first, day, on_progress, say)}")
    with pulse.warehouse() as warehouse:
        if not build and not latest_snapshots(warehouse, day):
            raise NotBuiltError(
                f"There are no snapshots of {day}, and --no-build makes none.",
                f"Run `dbt build --select tag:pulse --vars \"{{pulse_from: '{first}', pulse_to: '{day}'}}\"` first.",
            )
        if dry_run:
            found = detect(warehouse, project, first, day, now=pulse.now, dry_run=True)
        else:
            with recorded(warehouse, "detect", first, day, pulse.now) as run:
                found = detect(warehouse, project, first, day, now=pulse.now)
                run.counts.update(found.counts)
        report.lines.append(f"detect    {found.sentence()}")
        if not dry_run:
            with recorded(warehouse, "explain", day, day, pulse.now) as run:
                written = explain_incidents(warehouse, project, day, pulse.now, pulse.env, root=pulse.root)
                run.counts["explanations"] = len(written)
            report.lines.append(f"explain   {len(written)} new explanations")
        with recorded(warehouse, "alert", day, day, pulse.now) if not dry_run else _nothing() as run:
            told = run_alerts(warehouse, project, day, pulse.now, pulse.env, dry_run=dry_run, out=say)
            if run is not None:
                run.counts.update(told.counts)
        report.lines.append(f"alert     {told.sentence()}")
        report.lines.append(f"segments  {len(latest_snapshots(warehouse, day))} snapshots of {day}")
        report.active = list_incidents(warehouse, statuses=ACTIVE)
    return report


def checked_project(pulse: Context, *, needs_package: bool = True) -> Project:
    """Return the definitions; raise PulseError when they are not valid or the committed models are not theirs."""
    from pulse_runner.compile.write import pending
    from pulse_runner.warehouse.project import require_package

    project = pulse.project()
    if needs_package:
        require_package(pulse.root)
    stale = pending(project, pulse.root)[0].paths
    if stale:
        names = ", ".join(map(str, stale[:3])) + (f" and {len(stale) - 3} more" if len(stale) > 3 else "")
        raise PulseError(f"{len(stale)} compiled files are stale: {names}.", "Run `pulse compile` and commit them.")
    require_entities(project, pulse.root)
    return project


def require_entities(project: Project, root: Path) -> None:
    """Raise UsageError when the var pulse_entities leaves an entity out: nothing would be snapshotted of it, without a word."""
    from pulse_runner.compile.write import unlisted_entities

    missing = unlisted_entities(project, root)
    if missing:
        raise UsageError(*entities_hint(project, missing))


def entities_hint(project: Project, missing: list[str]) -> tuple[str, str]:
    """Say that entities are not listed in dbt_project.yml, and what to write there."""
    return (
        f"dbt_project.yml: the var pulse_entities does not list {', '.join(missing)}.",
        f"Write under vars: `pulse_entities: [{', '.join(sorted(project.entities))}]`.",
    )


def _build(
    pulse: Context, first: date, day: date, on_progress: Callable[[Progress], None] | None, say: Callable[[str], None]
) -> str:
    from pulse_runner.snapshot.build import build_snapshots

    with recorded_build(pulse.warehouse, first, day, pulse.now) as run:
        result = build_snapshots(
            pulse.root, first, day, target=pulse.target, everything=True, on_progress=on_progress, counts=run.counts
        )
    for failure in result.failures:
        say(f"dbt {failure.status}: {failure.node}: {failure.message}")
    return ", ".join(f"{n} {status}" for status, n in sorted(result.counts.items()))


class _nothing:  # noqa: N801  reads as a word in the with statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
