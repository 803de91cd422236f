"""Make snapshots: one dbt invocation for a range of dates."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from datetime import date
from pathlib import Path

from pulse_runner.errors import DeniedError, UsageError, WarehouseError
from pulse_runner.warehouse.dbt import DbtResult, Progress, run_dbt
from pulse_runner.warehouse.privileges import PAGE, denied

# the runner's own tables too: on a new project the first command to be run may be `pulse snapshot`
SNAPSHOT_SELECTION = ("+tag:pulse_snapshot", "tag:pulse_runner")
REFUSED = "Nothing was written"  # what macros/pulse_ownership.sql says of a relation that Pulse did not make
OLDER = "Tables of Pulse 0.1.0"
# unit tests judge the models with given rows, not the day's data: they are for `dbt build` and CI
WITHOUT = ("--exclude-resource-type", "unit_test")


def build_snapshots(
    root: Path,
    first: date,
    last: date,
    *,
    present: date,
    target: str | None = None,
    everything: bool = False,
    resume: bool = False,
    compare: Sequence[int] = (),
    on_progress: Callable[[Progress], None] | None = None,
    counts: MutableMapping[str, int] | None = None,
) -> DbtResult:
    """Build the snapshot tables for every date from `first` to `last`; `everything` builds the whole project (but no unit tests).

    `present` is the day that relations without history show now; it is built too where the range reaches up to the day before it.
    `compare` are days back that the causes in pulse_segment_changes are made for too, instead of the var pulse_compare_days.
    With `resume`, days that are complete with today's definitions are passed over. Raises WarehouseError, naming the
    models, when one of Pulse's own models failed; failures of other nodes are in the result. `counts` takes up the number
    of nodes by status, then too.
    """
    if last < first:
        raise UsageError(f"--from {first} is after --to {last}.")
    selection = [] if everything else ["--select", *SNAPSHOT_SELECTION]
    variables: dict[str, object] = {
        "pulse_from": first.isoformat(), "pulse_to": last.isoformat(), "pulse_present_day": present.isoformat()
    }  # fmt: skip
    if resume:
        variables["pulse_skip_done"] = True
    if compare:
        variables["pulse_compare_days"] = list(compare)
    result = run_dbt(root, ["build", *selection, *WITHOUT], variables=variables, target=target, on_progress=on_progress)
    if counts is not None:
        counts.update(result.counts)
    refused = [line.strip() for f in result.failures for line in f.message.splitlines() if REFUSED in line]
    if refused:  # where tables are of an earlier version, all else follows from it
        older = [line for line in refused if line.startswith(OLDER)]
        raise WarehouseError("\n".join(dict.fromkeys(older or refused)))
    for failure in result.failures:
        if refusal := denied(failure.message):
            raise DeniedError(
                f"dbt was refused at {failure.node}. {refusal.what}",
                f"Build as its owner; `dbt build --select tag:pulse` builds Pulse's tables only. {PAGE}",
            )
    own = [f for f in result.failures if f.node in SNAPSHOT_TABLES or f.node.endswith(("__facts", "__history"))]
    if own:
        # what was skipped has its reason upstream, maybe in a model of the project
        causes = [f for f in result.failures if f.status != "skipped" and f.status != "fail"] or own
        lines = "\n".join(f"  {f.node} ({f.status}): {f.message}" for f in causes)
        raise WarehouseError(f"The snapshot of {first} to {last} is not complete:\n{lines}")
    return result


SNAPSHOT_TABLES = (
    "pulse_segments",
    "pulse_segment_snapshots",
    "pulse_segment_reach",
    "pulse_segment_distributions",
    "pulse_segment_changes",
    "pulse_segment_flows",
    "pulse_entity_health",
    "pulse_column_profiles",
)
