"""The stages in their order, for one date; each can be run on its own and repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pulse_runner.errors import NotBuiltError, PulseError, UsageError
from pulse_runner.incidents.store import list_incidents
from pulse_runner.snapshot.days import covered_days
from pulse_runner.snapshot.history import NEEDED_DAYS, backfills, missing_days, needs_sentences
from pulse_runner.snapshot.read import snapshots_of
from pulse_runner.vocabulary import ACTIVE, plural
from pulse_runner.warehouse.runs import recorded, recorded_build

if TYPE_CHECKING:
    from pathlib import Path

    from pulse_runner.alert.undelivered import Gap
    from pulse_runner.incidents.incident import Incident
    from pulse_runner.segments.model import Project
    from pulse_runner.snapshot.build import Build
    from pulse_runner.warehouse.base import Warehouse
    from pulse_runner.warehouse.dbt import Progress


# shows the progress of a long step with a name while a block runs, on a terminal or not at all
Watch: TypeAlias = "Callable[[str], AbstractContextManager[Callable[[Progress], None]]]"


class Context(Protocol):
    """What a run needs: the dbt project and its target, the environment, the clock (UTC), the definitions, the warehouse."""

    target: str | None
    env: Mapping[str, str]
    now: datetime

    @property
    def root(self) -> Path:
        """Return the dbt project's folder."""
        ...

    @property
    def present(self) -> date:
        """Return the day that relations without history show now."""
        ...

    def project(self) -> Project:
        """Return the checked definitions."""
        ...

    def warehouse(self) -> AbstractContextManager[Warehouse]:
        """Open the warehouse for the time of a block."""
        ...


@dataclass
class RunReport:
    """What a run did, in the words of its summary.

    `active` holds the open and acknowledged incidents, `undelivered` the targets that alerts have not reached, `build` what dbt
    did, None without a build.
    """

    days: list[date]
    dry_run: bool
    lines: list[str] = field(default_factory=list)
    active: list[Incident] = field(default_factory=list)
    undelivered: list[Gap] = field(default_factory=list)
    build: Build | None = None

    def summary(self) -> str:
        """Return the lines that a person reads at the end of a run."""
        head = f"{'Dry run' if self.dry_run else 'Run'} of {' and '.join(map(str, self.days))}"
        incidents = [f"  {i.severity:<8} {i.name}  {i.segment_id or i.entity}: {i.title}" for i in self.active]
        tail = [f"{len(incidents)} active incidents{':' if incidents else ''}", *incidents]
        return "\n".join([head, *(f"  {line}" for line in self.lines), *tail])


def run_day(
    pulse: Context,
    day: date,
    *,
    first: date | None = None,
    build: bool = True,
    dry_run: bool = False,
    progress: Watch,
    say: Callable[[str], None],
    agree: Callable[[str], bool] = lambda question: False,
) -> RunReport:
    """Carry out compile check, dbt build, detect, explain and alert for `day`.

    With `first`, the days from it on are built and judged too, and told as of `day`: what opened and closed again in
    between is not news. Without `build`, the snapshots are those that dbt made elsewhere. Entities without history are
    snapshotted on the day that they show now, which is judged too. Where detectors lack days that an entity remembers,
    `agree` is asked whether to make them. A failing data test of another model is reported and does not stop the run, nor does
    one upstream that leaves segments blind: they are told of, the others are judged. A failing snapshot model stops it.
    """
    from pulse_runner.alert.stage import run_alerts
    from pulse_runner.explain.stage import explain_incidents
    from pulse_runner.explain.timeline.archive import archive, archive_or_say
    from pulse_runner.incidents.stage import detect
    from pulse_runner.warehouse.manifest import read_manifest

    begin = first or day
    project = checked_project(pulse, needs_package=build and not dry_run)
    days = covered_days(project, day, pulse.present)
    first, last = min(begin, days[0]), days[-1]
    report = RunReport(days, dry_run)
    report.lines.append(f"compile   {len(project.segments)} segments, models are current")
    if dry_run:
        report.lines.append("build     skipped (dry run)")
    elif not build:
        report.lines.append("build     skipped (--no-build)")
    else:
        report.build = _build(pulse, project, begin, day, progress, say)
        counts = ", ".join(f"{n} {status}" for status, n in sorted(report.build.counts.items()))
        report.lines.append(f"build     {counts}")
        report.lines += _fill_history(pulse, project, begin, progress, say, agree)
    with pulse.warehouse() as warehouse:
        if not build and not snapshots_of(warehouse, [day]):
            raise NotBuiltError(
                f"There are no snapshots of {day}, and --no-build makes none.",
                f"Run `dbt build --select tag:pulse --vars \"{{pulse_from: '{first}', pulse_to: '{day}'}}\"` first.",
            )
        if dry_run:
            found = detect(warehouse, project, first, last, now=pulse.now, dry_run=True)
        else:
            with recorded(warehouse, "detect", first, last, pulse.now) as run:
                found = detect(warehouse, project, first, last, now=pulse.now)
                run.counts.update(found.counts)
        report.lines.append(f"detect    {found.sentence()}")
        if not dry_run:
            archive_or_say(
                lambda: archive(warehouse, project, read_manifest(pulse.root), pulse.root, first, pulse.now), say
            )
            with recorded(warehouse, "explain", last, last, pulse.now) as run:
                written = explain_incidents(warehouse, project, last, pulse.now, pulse.env, root=pulse.root)
                run.counts["explanations"] = len(written)
            report.lines.append(f"explain   {len(written)} new explanations")
        with recorded(warehouse, "alert", last, last, pulse.now) if not dry_run else _nothing() as run:
            told = run_alerts(warehouse, project, last, pulse.now, pulse.env, dry_run=dry_run, out=say)
            if run is not None:
                run.counts.update(told.counts)
        report.lines.append(f"alert     {told.sentence()}")
        report.undelivered = told.undelivered
        good = sum(s["status"] == "ok" for s in snapshots_of(warehouse, days))
        report.lines.append(f"segments  {good} of {sum(s.enabled for s in project.segments.values())} have a snapshot")
        report.lines += [f"history   {text}" for text in needs_sentences(missing_days(warehouse, project, last))]
        report.active = list_incidents(warehouse, statuses=ACTIVE)
    return report


def tell_again(pulse: Context, day: date, say: Callable[[str], None]) -> list[Gap]:
    """Try once more what earlier runs of `day` could not deliver, and return what still has not arrived."""
    from pulse_runner.alert.stage import run_alerts
    from pulse_runner.alert.undelivered import undelivered

    project = pulse.project()
    with pulse.warehouse() as warehouse:
        if not undelivered(warehouse, project, day):
            return []
        with recorded(warehouse, "alert", day, day, pulse.now) as run:
            told = run_alerts(warehouse, project, day, pulse.now, pulse.env, out=say, retry=True)
            run.counts.update(told.counts)
    say(f"alert     {told.sentence()}")
    return told.undelivered


def _fill_history(
    pulse: Context,
    project: Project,
    day: date,
    progress: Watch,
    say: Callable[[str], None],
    agree: Callable[[str], bool],
) -> list[str]:
    """Make the earlier days that detectors need, where `agree` says so; return the lines that tell it."""
    from pulse_runner.snapshot.build import build_snapshots

    with pulse.warehouse() as warehouse:
        offers = backfills(warehouse, project, day, relations(project, pulse.root))
    lines = []
    for offer in offers:
        what = f"{plural(offer.days, 'day')} of {offer.entity} since {offer.first}"
        if not agree(f"Detectors need at least {NEEDED_DAYS} days. Make snapshots of the {what} now?"):
            lines.append(f"backfill  {what} can be made: `pulse run --yes`, or `{offer.command}`")
            continue
        with progress("backfill") as show, recorded_build(pulse.warehouse, offer.first, offer.last, pulse.now) as run:
            result = build_snapshots(
                pulse.root, offer.first, offer.last, project.entities, present=pulse.present, target=pulse.target, resume=True,
                on_progress=show, counts=run.counts,
            )  # fmt: skip
            run.failure = result.failure()
        _say_failures(result, say)
        lines.append(f"backfill  {what} made")
    return lines


def relations(project: Project, root: Path) -> dict[str, str]:
    """Return how SQL names the relation of each entity, by dbt's manifest; an entity that is not in it is left out."""
    from pulse_runner.warehouse.manifest import node_of, read_manifest, relation_name

    manifest = read_manifest(root)
    found = {
        e.name: relation_name(node_of(manifest, e.relation.function, *e.relation.arguments))
        for e in project.entities.values()
    }
    return {name: relation for name, relation in found.items() if relation}


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
    pulse: Context, project: Project, first: date, day: date, progress: Watch, say: Callable[[str], None]
) -> Build:
    from pulse_runner.snapshot.build import build_snapshots

    with progress("dbt build") as show, recorded_build(pulse.warehouse, first, day, pulse.now) as run:
        result = build_snapshots(
            pulse.root, first, day, project.entities, present=pulse.present, target=pulse.target, everything=True,
            on_progress=show, counts=run.counts,
        )  # fmt: skip
        run.failure = result.failure()
    _say_failures(result, say)
    return result


def _say_failures(result: Build, say: Callable[[str], None]) -> None:
    for failure in result.failures:
        say(f"dbt {failure.status}: {failure.node}: {failure.message}")


class _nothing:  # noqa: N801  reads as a word in the with statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
