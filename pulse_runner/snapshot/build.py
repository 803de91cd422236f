"""Make snapshots: one dbt invocation for a range of dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pulse_runner.errors import DeniedError, UsageError, WarehouseError
from pulse_runner.segments.model import Entity
from pulse_runner.snapshot.blind import Blind, blind_entities, late_entities, made_anyway
from pulse_runner.upstream import Trouble
from pulse_runner.warehouse.dbt import DbtResult, NodeFailure, Progress, run_dbt
from pulse_runner.warehouse.manifest import read_freshness, read_manifest
from pulse_runner.warehouse.privileges import PAGE, denied

# the runner's own tables too: on a new project the first command to be run may be `pulse snapshot`
SNAPSHOT_SELECTION = ("+tag:pulse_snapshot", "tag:pulse_runner")
REFUSED = "Nothing was written"  # what macros/pulse_ownership.sql says of a relation that Pulse did not make
OLDER = "Tables of Pulse 0.1.0"
# unit tests judge the models with given rows, not the day's data: they are for `dbt build` and CI
WITHOUT = ("--exclude-resource-type", "unit_test")


@dataclass(frozen=True)
class Build:
    """What a build did: nodes by status, the failures in dbt's words, and the entities that are blind because of some."""

    counts: Mapping[str, int]
    failures: tuple[NodeFailure, ...]
    blind: Mapping[str, Blind] = field(default_factory=dict)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Return what upstream is to blame, each once."""
        return tuple(dict.fromkeys(t for blind in self.blind.values() for t in blind.every))

    def failure(self) -> str:
        """Return one sentence that names the nodes that failed and what is blind, '' where nothing is."""
        if not self.blind:
            return ""
        names = "; ".join(t.headline() for t in self.troubles)
        return f"{names}. Not seen because of it: {', '.join(sorted(self.blind))}."

    def raise_if_blind(self) -> None:
        """Raise WarehouseError where something failed upstream of an entity."""
        if self.blind:
            raise WarehouseError(
                f"dbt could not build everything: {self.failure()}",
                "What does not depend on it was snapshotted. Repair it, and run the date again.",
            )


def build_snapshots(
    root: Path,
    first: date,
    last: date,
    entities: Mapping[str, Entity],
    *,
    present: date,
    target: str | None = None,
    everything: bool = False,
    resume: bool = False,
    compare: Sequence[int] = (),
    on_progress: Callable[[Progress], None] | None = None,
    counts: MutableMapping[str, int] | None = None,
) -> Build:
    """Build the snapshot tables for every date from `first` to `last`; `everything` builds the whole project (but no unit tests).

    Where a node upstream of an entity failed or was skipped, the entity is blind: a second, small invocation makes what does not
    depend on it, and says of the rest why it is stale.

    `present` is the day that relations without history show now; it is built too where the range reaches up to the day before it.
    `compare` are days back that the causes in pulse_segment_changes are made for too, instead of the var pulse_compare_days.
    With `resume`, days that are complete with today's definitions are passed over. Raises WarehouseError, naming the
    models, when one of Pulse's own models failed for a reason of its own; failures of other nodes are in the result. `counts`
    takes up the number of nodes by status, then too.
    """
    if last < first:
        raise UsageError(f"--from {first} is after --to {last}.")
    selection = [] if everything else ["--select", *SNAPSHOT_SELECTION]
    told: dict[str, object] = {
        "pulse_from": first.isoformat(), "pulse_to": last.isoformat(), "pulse_present_day": present.isoformat()
    }  # fmt: skip
    if resume:
        told["pulse_skip_done"] = True
    if compare:
        told["pulse_compare_days"] = list(compare)
    freshness = read_freshness(root)  # most projects have none, and the manifest of a large one takes a second to read
    late = late_entities(read_manifest(root), freshness, entities.values(), last) if freshness else {}
    if late:
        told["pulse_blind"] = {name: blind.variable() for name, blind in late.items()}

    def invoke(*select: str) -> DbtResult:
        return run_dbt(root, ["build", *select, *WITHOUT], told=told, target=target, on_progress=on_progress)

    result, blind = invoke(*selection), dict[str, Blind]()
    manifest = read_manifest(root) if result.failures else None
    # a user who may not build the project is a matter of setup, and says nothing of the data
    if manifest is not None and not any(REFUSED in f.message or denied(f.message) for f in result.failures):
        blind = blind_entities(manifest, result.failures, entities.values())
    if manifest is not None and blind:
        again = made_anyway(manifest, result.failures, blind)
        told["pulse_blind"] = {name: found.variable() for name, found in (late | blind).items()}
        result = _together(result, invoke("--select", *again), set(again))
    if counts is not None:
        counts.update(result.counts)
    _require_own(result, first, last)
    return Build(result.counts, result.failures, blind)


def _together(before: DbtResult, after: DbtResult, again: set[str]) -> DbtResult:
    """Return two invocations as one, of which the second made nodes that the first had skipped."""
    left = [f for f in before.failures if f.node not in again]
    counts = Counter(before.counts) - Counter(f.status for f in before.failures if f.node in again)
    return DbtResult(dict(counts + Counter(after.counts)), (*left, *after.failures))


def _require_own(result: DbtResult, first: date, last: date) -> None:
    """Raise WarehouseError where one of Pulse's own models failed, DeniedError where the user may not build."""
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
    own = [f for f in result.failures if f.node in SNAPSHOT_TABLES or f.node.endswith("__facts")]
    if own:
        # what was skipped has its reason upstream, maybe in a model of the project
        causes = [f for f in result.failures if f.status != "skipped" and f.status != "fail"] or own
        lines = "\n".join(f"  {f.node} ({f.status}): {f.message}" for f in causes)
        raise WarehouseError(f"The snapshot of {first} to {last} is not complete:\n{lines}")


SNAPSHOT_TABLES = (
    "pulse_segments",
    "pulse_segment_snapshots",
    "pulse_segment_reach",
    "pulse_segment_distributions",
    "pulse_segment_changes",
    "pulse_segment_flows",
    "pulse_entity_health",
    "pulse_column_profiles",
    "pulse_reach_ladder",
)
