"""Look at every target of every route without sending: what `pulse doctor` says about channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.routing import DEFAULT_ROUTE, distinct
from pulse_runner.checks import Check
from pulse_runner.segments.model import Project, Segment
from pulse_runner.segments.routing import Traits


def check_channels(project: Project, env: Mapping[str, str]) -> list[Check]:
    """Return a check per target of every route, and one for segments that nobody hears about."""
    return [*_targets(project, env), *_silent(project)]


def _targets(project: Project, env: Mapping[str, str]) -> Iterator[Check]:
    for route in sorted(project.routes):
        for address in distinct(project, [route]):
            name = f"{address.channel} ({route})"
            setup = CHANNELS[address.channel].setup(address.settings, env)
            if setup.missing:
                names = " and ".join(setup.missing)
                fix = f"Set {names} (docs/alerts.md); until then messages go to the console."
                yield Check(name, "off", f"{names} {'are' if len(setup.missing) > 1 else 'is'} not set", fix)
            elif setup.problem:
                yield Check(name, "fail", setup.problem, f"Correct it, then try `pulse alert --test {route}`.")
            else:
                yield Check(name, "ok", f"{address.place} {setup.means} (not tried; `pulse alert --test {route}` does)")


def _silent(project: Project) -> Iterator[Check]:
    if DEFAULT_ROUTE in project.routes:
        return
    silent = sorted(
        s.name for s in project.segments.values() if s.enabled and not s.alerts and not _matched(project, s)
    )
    if silent:
        names = ", ".join(silent[:5]) + (f" … {len(silent) - 5} more" if len(silent) > 5 else "")
        yield Check(
            "segments without a route", "warn", names, "Add `alerts: [ROUTE]` to them, or a route named default."
        )


def _matched(project: Project, segment: Segment) -> bool:
    """Say whether some incident of a segment can come to a route by its `match`."""
    traits = Traits(segment.owner, segment.tags, segment.entity, segment.name)
    every = [replace(r.match, detector=(), severity=(), cause=()) for r in project.routes.values() if r.match]
    return any(not match.misfit(traits) for match in every)
