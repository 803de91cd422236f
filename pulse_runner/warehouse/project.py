"""Where the project's dbt settings are: dbt_project.yml, its vars, and the profile that dbt and the runner share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pulse_runner.errors import UsageError

EMBEDDED_FILE = "pulse.duckdb"


@cache
def read_project(root: Path) -> dict[str, Any]:
    """Return dbt_project.yml as a mapping; raise UsageError when it cannot be read."""
    path = root / "dbt_project.yml"
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path.name} is not a mapping; see https://docs.getdbt.com/reference/dbt_project.yml.")
    return data


def project_vars(root: Path) -> Mapping[str, Any]:
    """Return the vars that dbt_project.yml sets, the project's own scope flattened into the global one."""
    project = read_project(root)
    declared: dict[str, Any] = dict(project.get("vars") or {})
    scoped = declared.pop(project.get("name", "pulse"), None)
    return {**declared, **scoped} if isinstance(scoped, dict) else declared


def package_folder(root: Path) -> Path:
    """Return where dbt installs the Pulse package in a project."""
    return root / str(read_project(root).get("packages-install-path") or "dbt_packages") / "pulse"


def require_package(root: Path) -> None:
    """Raise UsageError when the Pulse package is not installed in the project."""
    if not (package_folder(root) / "dbt_project.yml").is_file():
        raise UsageError(
            f"The Pulse dbt package is not installed in {root.name}: packages.yml must name it, and `dbt deps` installs it."
        )


def profile_name(root: Path) -> str:
    """Return the name of the profile that dbt_project.yml asks for."""
    return str(read_project(root).get("profile") or "pulse")


def profiles_dir(root: Path) -> Path:
    """Return the folder of profiles.yml that dbt would use; where there is none, write one for an embedded DuckDB file.

    The order is dbt's: DBT_PROFILES_DIR, the project folder, ~/.dbt. The embedded profile is kept in target/, so that
    nobody takes it for a file to edit.
    """
    name = profile_name(root)
    named = os.environ.get("DBT_PROFILES_DIR")
    for folder in [Path(named)] if named else [root, Path.home() / ".dbt"]:
        path = folder / "profiles.yml"
        if path.is_file() and (named or _has_profile(path, name)):
            return folder
    folder = root / "target" / "embedded_profile"
    folder.mkdir(parents=True, exist_ok=True)
    text = (
        "# Written by pulse: no profile was found, so an embedded DuckDB file is used. See profiles.example.yml.\n"
        f"{name}:\n  target: embedded\n  outputs:\n    embedded:\n      type: duckdb\n"
        f"      path: {str(root / EMBEDDED_FILE)!r}\n      threads: 2\n"
    )
    path = folder / "profiles.yml"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return folder


def target_name(root: Path, target: str | None = None) -> str | None:
    """Return the target that dbt uses: the one asked for, else that of the profile; None where the profile computes it."""
    if target:
        return target
    try:
        data = YAML(typ="safe", pure=True).load((profiles_dir(root) / "profiles.yml").read_text(encoding="utf-8"))
        name = str(data[profile_name(root)].get("target") or "default")
    except (OSError, YAMLError, KeyError, TypeError, AttributeError):
        return None  # what is wrong with the profile is dbt's to say
    return None if "{{" in name else name


def is_embedded(root: Path) -> bool:
    """Say whether the project runs on the embedded DuckDB file because no profile was found."""
    return profiles_dir(root) == root / "target" / "embedded_profile"


def _has_profile(path: Path, name: str) -> bool:
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError:
        return True  # a broken file is dbt's to report, not ours to pass over
    return isinstance(data, dict) and name in data
