"""A dbt project around the Pulse package, as anybody's is: its own name and models, the package in dbt_packages/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pulse_runner.package import PACKAGE_PARTS

ROOT = Path(__file__).parents[2]
PROJECT = """\
name: {name}
version: "1.0.0"
config-version: 2
profile: pulse
model-paths: [models]
flags: {{send_anonymous_usage_stats: false}}
vars: {{pulse_entities: [{entities}]}}
"""


def copy_package(folder: Path, *, leave_out: Iterable[str] = ()) -> Path:
    """Copy what dbt reads of the package into a folder, without the paths that match; return the folder."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "dbt_project.yml", folder)
    ignore = shutil.ignore_patterns("python", "__pycache__", *leave_out)
    for part in PACKAGE_PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    return folder


def copy_demo(root: Path, *, leave_out: Iterable[str] = ()) -> Path:
    """Copy the demo project as it is committed, and the package beside it, into a folder; return the folder."""
    made = shutil.ignore_patterns("target", "dbt_packages", "logs", "pulse.duckdb*", "__pycache__", *leave_out)
    shutil.copytree(ROOT / "demo", root, ignore=made, dirs_exist_ok=True)
    copy_package(root / "pulse_package")
    (root / "packages.yml").write_text("packages:\n  - local: pulse_package\n", encoding="utf-8")
    return root


def install(root: Path, package: Path) -> None:
    """Do what `dbt deps` does for a local package: name it in packages.yml and link it into dbt_packages/."""
    (root / "packages.yml").write_text(f"packages:\n  - local: {os.path.relpath(package, root)}\n", encoding="utf-8")
    (root / "dbt_packages").mkdir(exist_ok=True)
    link = root / "dbt_packages" / "pulse"
    link.unlink(missing_ok=True)
    link.symlink_to(package, target_is_directory=True)


def write_project(root: Path, name: str, entities: Iterable[str] = ()) -> None:
    """Write dbt_project.yml with the entities that the package is to know."""
    text = PROJECT.format(name=name, entities=", ".join(entities))
    (root / "dbt_project.yml").write_text(text, encoding="utf-8")
