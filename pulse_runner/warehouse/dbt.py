"""dbt in this process: one invocation, its progress, and its failures in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pulse_runner.errors import BusyError, WarehouseError
from pulse_runner.warehouse.connection import BUSY, is_lock_conflict, release_embedded_file
from pulse_runner.warehouse.manifest import Manifest, read_manifest
from pulse_runner.warehouse.project import package_folder, profiles_dir, target_name

_DAY = re.compile(r"pulse: (?P<entity>\S+) (?P<day>\d{4}-\d\d-\d\d) \((?P<done>\d+) of (?P<total>\d+)\)")


@dataclass(frozen=True)
class Progress:
    """One step of a dbt invocation: a day of an entity's snapshots done, or a node finished (`day` None)."""

    what: str
    done: int
    total: int
    day: date | None = None


@dataclass(frozen=True)
class NodeFailure:
    """A dbt node that did not succeed."""

    node: str
    status: str
    message: str


@dataclass(frozen=True)
class DbtResult:
    """What one dbt invocation did: nodes by status, and the failures with dbt's own words."""

    counts: Mapping[str, int]
    failures: tuple[NodeFailure, ...]


def run_dbt(
    root: Path,
    args: Sequence[str],
    *,
    variables: Mapping[str, Any] | None = None,
    target: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> DbtResult:
    """Run one dbt command over the project; raise WarehouseError when dbt itself cannot run it.

    Failing nodes are returned, not raised: a failing data test of a neighbour must not stop the snapshots that stand.
    """
    from dbt.cli.main import dbtRunner

    def on_event(event: Any) -> None:
        if on_progress is None:
            return
        step = _progress(event)
        if step is not None:
            on_progress(step)

    call = [
        *args,
        *("--project-dir", str(root), "--profiles-dir", str(profiles_dir(root))),
        *("--quiet", "--no-use-colors", "--no-send-anonymous-usage-stats"),
        *(("--target", target) if target else ()),
        *(("--vars", json.dumps(dict(variables), default=str)) if variables else ()),
    ]
    try:
        outcome = dbtRunner(callbacks=[on_event]).invoke(call)
    finally:
        release_embedded_file()
    results = list(getattr(outcome.result, "results", None) or [])
    if outcome.exception is not None or (not outcome.success and not results):
        text = str(outcome.exception or "no reason given").strip()
        if is_lock_conflict(text):
            raise BusyError(BUSY)
        raise WarehouseError(f"`dbt {' '.join(args)}` did not run: {text}")
    counts: dict[str, int] = {}
    failures = []
    for result in results:
        status = str(result.status)
        counts[status] = counts.get(status, 0) + 1
        if status in ("error", "fail", "runtime error", "skipped", "partial success"):
            failures.append(NodeFailure(result.node.name, status, str(result.message or "").strip()))
    return DbtResult(counts, tuple(failures))


def _progress(event: Any) -> Progress | None:
    name = event.info.name
    if name == "JinjaLogInfo":
        match = _DAY.search(event.info.msg)
        if match:
            return Progress(match["entity"], int(match["done"]), int(match["total"]), date.fromisoformat(match["day"]))
    if name in ("LogModelResult", "LogSeedResult", "LogTestResult", "LogSnapshotResult"):
        data = event.data
        total = getattr(data, "total", 0) or getattr(data, "num_models", 0)  # tests count themselves under another name
        return Progress(str(data.node_info.node_name), int(data.index), int(total))
    return None


def install_packages(root: Path) -> None:
    """Run `dbt deps` where a package that packages.yml names is not installed; raise WarehouseError when it fails."""
    if not (package_folder(root) / "dbt_project.yml").is_file():
        run_dbt(root, ["deps"])


def ensure_manifest(root: Path, target: str | None = None) -> Manifest | None:
    """Return dbt's manifest for a target, made with `dbt parse` where there is none yet; None in a project without the package.

    Raises WarehouseError when dbt cannot parse the project.
    """
    name = target_name(root, target)
    found = read_manifest(root, name)
    if found is None and (package_folder(root) / "dbt_project.yml").is_file():
        run_dbt(root, ["parse"], target=target)
        found = read_manifest(root, name)
    return found
