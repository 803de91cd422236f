"""Where the project's dbt settings are: dbt_project.yml, its vars, and the profile that dbt and the runner share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pulse_runner.errors import UsageError
from pulse_runner.warehouse.profile import plain_kind, plain_target

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


def first_folder(root: Path, setting: str, usual: str) -> str:
    """Return the first folder of a list in dbt_project.yml (`model-paths`, `seed-paths`), dbt's usual one where it has none."""
    return str((read_project(root).get(setting) or [usual])[0])


def package_folder(root: Path) -> Path:
    """Return where dbt installs the Pulse package in a project."""
    return root / str(read_project(root).get("packages-install-path") or "dbt_packages") / "pulse"


def require_package(root: Path) -> None:
    """Raise UsageError when the Pulse package is not installed in the project."""
    if not (package_folder(root) / "dbt_project.yml").is_file():
        raise UsageError(
            f"The Pulse dbt package is not installed in {root.name}.",
            "Name it in packages.yml (`pulse init` writes it for a new project) and run `dbt deps`.",
        )


def time_zone(root: Path) -> ZoneInfo:
    """Return the time zone of the var pulse_timezone; raise UsageError when there is none of that name."""
    name = project_vars(root).get("pulse_timezone", "UTC")
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = get_close_matches(str(name), available_timezones(), 1)
        raise UsageError(
            f"dbt_project.yml: the var pulse_timezone is {name!r}, which is not a time zone.",
            f"Write a name of the tz database, such as {close[0] if close else 'Europe/Berlin'} or UTC.",
        ) from None


def profile_name(root: Path) -> str:
    """Return the name of the profile that dbt_project.yml asks for."""
    return str(read_project(root).get("profile") or "pulse")


def profiles_dir(root: Path) -> Path:
    """Return the folder of the profiles.yml that dbt would use; where there is none, write one for an embedded DuckDB file.

    The order is dbt's: DBT_PROFILES_DIR, the project folder, ~/.dbt. A file that does not name the project's profile is
    an error and never means the embedded file: a slip in a name must not send snapshots to another warehouse. The
    embedded profile is kept in target/, so that nobody takes it for a file to edit.
    """
    name = profile_name(root)
    named = os.environ.get("DBT_PROFILES_DIR")
    if named and not (Path(named) / "profiles.yml").is_file():
        raise UsageError(
            f"DBT_PROFILES_DIR is {named}, and there is no profiles.yml in it.",
            "Name the folder that holds profiles.yml, or unset the variable.",
        )
    for folder in [Path(named)] if named else [root, Path.home() / ".dbt"]:
        path = folder / "profiles.yml"
        profiles = _profiles(path) if path.is_file() else {}
        if profiles is None or name in profiles:
            return folder.resolve()
        if profiles:
            raise UsageError(
                f"{path} has no profile {name!r}, which dbt_project.yml asks for; it has {', '.join(sorted(profiles))}.",
                f"Add {name!r} there, correct `profile:` in dbt_project.yml, or write a profiles.yml into the project.",
            )
    return write_embedded(root, name)


def write_embedded(root: Path, name: str) -> Path:
    """Write the profile of the embedded DuckDB file; return its folder."""
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


def embed_unless_named(root: Path) -> None:
    """Give a project that is made to run on the embedded file a profiles.yml, where ~/.dbt has profiles of other projects only."""
    path, name = root / "profiles.yml", profile_name(root)
    if not os.environ.get("DBT_PROFILES_DIR") and not path.is_file():
        home = Path.home() / ".dbt" / "profiles.yml"
        profiles = _profiles(home) if home.is_file() else {}
        if profiles and name not in profiles:
            path.write_text((write_embedded(root, name) / "profiles.yml").read_text(encoding="utf-8"), encoding="utf-8")


def target_name(root: Path, target: str | None = None) -> str | None:
    """Return the target that dbt would use for a project; None where only dbt can say."""
    return plain_target(profiles_dir(root) / "profiles.yml", profile_name(root), target)


def warehouse_kind(root: Path, target: str | None = None) -> str | None:
    """Return the type of the warehouse that the target is on, such as duckdb; None where only dbt can say. Nothing is written."""
    named = os.environ.get("DBT_PROFILES_DIR")
    for folder in [Path(named)] if named else [root, Path.home() / ".dbt"]:
        if (folder / "profiles.yml").is_file():
            return plain_kind(folder / "profiles.yml", profile_name(root), target)
    return None if named else "duckdb"


def is_embedded(root: Path) -> bool:
    """Say whether the project runs on the embedded DuckDB file because no profile was found."""
    return profiles_dir(root) == root / "target" / "embedded_profile"


def _profiles(path: Path) -> dict[str, Any] | None:
    """Return the profiles of a file by name, None for a broken file: that is dbt's to report, not ours to pass over."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError:
        return None
    return {str(key): value for key, value in data.items() if key != "config"} if isinstance(data, dict) else {}
