"""One dbt invocation, its progress, and its failures in plain words: in this process, or as the command that PULSE_DBT names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pulse_runner.errors import BusyError, UsageError, WarehouseError
from pulse_runner.warehouse.adapter import NO_PYTHON, release_embedded_file
from pulse_runner.warehouse.connection import BUSY, is_lock_conflict
from pulse_runner.warehouse.dbt_command import Node, named_command, run_command
from pulse_runner.warehouse.manifest import Manifest, read_manifest
from pulse_runner.warehouse.privileges import denied
from pulse_runner.warehouse.project import package_folder, profiles_dir, target_name, time_zone
from pulse_runner.warehouse.secrets import known_secrets

TOLD = "PULSE_BUILD"
FAILED = ("error", "fail", "runtime error", "skipped", "partial success")
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
    told: Mapping[str, Any] | None = None,
    target: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> DbtResult:
    """Run one dbt command over the project; raise WarehouseError when dbt itself cannot run it.

    `told` is what macros/days/pulse_told.sql reads: vars of this build, without the parsing of all files that `--vars` costs.
    Failing nodes are returned, not raised: a failing data test of a neighbour must not stop the snapshots that stand.
    """

    time_zone(root)  # dbt would name a macro; this names the var

    def on_event(name: str, text: str, data: Any) -> None:
        step = _progress(name, text, data) if on_progress is not None else None
        if on_progress is not None and step is not None:
            on_progress(step)

    call = [
        *args,
        *("--project-dir", str(root), "--profiles-dir", str(profiles_dir(root))),
        "--no-send-anonymous-usage-stats",
        *(("--target", target) if target else ()),
    ]
    command = named_command()
    try:
        with _in_environment(TOLD, json.dumps(dict(told or {}), default=str)):
            if command is None:
                succeeded, nodes, text = _run_here(call, on_event)
            else:
                succeeded, nodes, text = run_command(command, call, root, on_event)
    finally:
        release_embedded_file()
    if not succeeded or any(status in FAILED for _, status, _ in nodes):
        secrets = known_secrets(root)
        text, nodes = secrets.clean(text), [(name, status, secrets.clean(said)) for name, status, said in nodes]
    if not succeeded and is_lock_conflict(text):
        raise BusyError(*BUSY)
    if not succeeded and not any(status in FAILED for _, status, _ in nodes):
        if refusal := denied(text):
            raise refusal
        raise WarehouseError(
            f"`dbt {' '.join(args)}` did not run: {_one_line(text) or 'no reason given'}",
            "Check the project, the target in profiles.yml and the variables that it reads; `dbt debug` tries them too.",
        )
    counts: dict[str, int] = {}
    for _, status, _ in nodes:
        counts[status] = counts.get(status, 0) + 1
    return DbtResult(counts, tuple(NodeFailure(*node) for node in nodes if node[1] in FAILED))


@contextmanager
def _in_environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while: dbt reads them as it starts."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _one_line(text: str) -> str:
    """Return what dbt said as one line: it breaks its sentences where it likes."""
    return " ".join(text.split())[:900]


def _run_here(call: Sequence[str], on_event: Callable[[str, str, Any], None]) -> tuple[bool, list[Node], str]:
    """Run dbt in this process; return whether it succeeded, its nodes, and why it did not run."""
    try:
        from dbt.cli.main import dbtRunner
    except ImportError as error:
        raise UsageError(*NO_PYTHON) from error

    callbacks = [lambda event: on_event(event.info.name, event.info.msg, event.data)]
    outcome = dbtRunner(callbacks=callbacks).invoke(
        # nothing on the screen: what fails is in the result, in one line; all that dbt says is in its log file
        [*call, "--quiet", "--log-level", "none", "--no-use-colors"]
    )
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if outcome.exception is not None:
        return False, [], str(outcome.exception).strip()
    results = getattr(outcome.result, "results", None) or []
    return outcome.success, [(r.node.name, str(r.status), str(r.message or "").strip()) for r in results], ""


def _progress(name: str, text: str, data: Any) -> Progress | None:
    """Return the step that an event tells of; `data` is a message of dbt 1, or the same as JSON."""
    if name == "JinjaLogInfo":
        match = _DAY.search(text)
        if match:
            return Progress(match["entity"], int(match["done"]), int(match["total"]), date.fromisoformat(match["day"]))
    if name in ("LogModelResult", "LogSeedResult", "LogTestResult", "LogSnapshotResult"):
        known = data if isinstance(data, Mapping) else _fields(data)
        done, total = (
            known.get("index"),
            known.get("total") or known.get("num_models"),
        )  # tests name their total differently
        if done and total:  # dbt v2 does not count its nodes
            return Progress(str(known["node_info"]["node_name"]), int(done), int(total))
    return None


def _fields(message: Any) -> Mapping[str, Any]:
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


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
