"""The demo project in a folder of its own, with its own copy of the package, built by dbt alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from package_project import copy_demo, install

from pulse_runner.warehouse.adapter import release_embedded_file
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect

FIRST, LAST = "2026-05-27", "2026-05-31"  # the headline fault in the middle


def copy_project(root: Path) -> Path:
    """Copy the demo project and the package into a folder as they are committed; return the folder."""
    install(copy_demo(root, leave_out=("generator",)), root / "pulse_package")
    return root


def dbt(root: Path, *args: str) -> Any:
    """Call dbt in this process, as a scheduler does; return its result object."""
    from dbt.cli.main import dbtRunner

    folders = ("--project-dir", str(root), "--profiles-dir", str(root))
    try:
        return dbtRunner().invoke([*args, *folders, "--quiet", "--no-use-colors", "--no-send-anonymous-usage-stats"])
    finally:
        release_embedded_file()


@dataclass
class Built:
    """A built project; `statuses` has the status of every node of the first build by its name."""

    root: Path
    statuses: dict[str, str]

    def open(self) -> Warehouse:
        return connect(self.root)


def build_days(root: Path) -> Built:
    done = dbt(root, "build", "--vars", f"{{pulse_from: '{FIRST}', pulse_to: '{LAST}'}}")
    assert done.exception is None, done.exception
    return Built(root, {r.node.name: str(r.status) for r in done.result.results})
