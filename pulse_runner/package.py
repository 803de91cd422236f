"""The Pulse dbt package and the demo project as files, and what a project needs in order to use the package."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE_PARTS = ("macros", "models", "seeds", "tests")
COPY = "pulse_package"  # where a project keeps its copy of the package, named by packages.yml
SUFFIXES = (".sql", ".yml", ".csv", ".json")
PACKAGES = f"packages:\n  - local: {COPY} # the Pulse dbt package, as the runner brought it\n"
PROJECT = """\
name: {name}
version: "1.0.0"
config-version: 2
profile: pulse

model-paths: [models]
macro-paths: [macros]
seed-paths: [seeds]
clean-targets: [target, dbt_packages]

flags:
  send_anonymous_usage_stats: false
  require_ref_searches_node_package_before_root: true # Pulse's tables read the compiled models of this project

vars:
  pulse_entities: [] # the entities of segments/entities
  pulse_timezone: UTC # where a day ends

seeds:
  {name}:
    pulse_known_events:
      # all named: a file with only its header would otherwise become a table of integers that takes no event later
      +column_types: {{starts_on: date, ends_on: date, scope: varchar, scope_value: varchar, reason: varchar}}
  pulse:
    pulse_known_events: {{+enabled: false}} # this project has a file of its own: seeds/pulse_known_events.csv
"""
KNOWN_EVENTS = "starts_on,ends_on,scope,scope_value,reason\n"
ROUTES = """\
# Where alerts go. Names of environment variables, never their values; see docs/alerts.md of Pulse.
routes:
  default:
    channels:
      - {channel: console}
"""
GITIGNORE = "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.duckdb.wal\n.env\nprofiles.yml\n.user.yml\n"
README = f"""\
# Audiences

A dbt project that uses Pulse: `segments/` holds the definitions, `models/pulse/` what they compile to, `{COPY}/` the package.

    cp profiles.example.yml profiles.yml         # your warehouse; without it, an embedded DuckDB file is used
    pulse init . --relation "source('shop', 'customers')" --key customer_id
    pulse segments create ... && pulse compile
    pulse run --date yesterday
    pulse schedule cron

Commit `segments/`, `models/` and `{COPY}/`. `dbt build` alone makes the snapshots.
"""


def package_root() -> Path:
    """Return the folder of the dbt package: inside the installed wheel, or the repository of an editable install."""
    packaged = Path(__file__).parent / "_package"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def demo_root() -> Path:
    """Return the folder of the demo project: inside the installed wheel, or the repository of an editable install."""
    packaged = Path(__file__).parent / "_demo"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "demo"


def package_files() -> dict[str, str]:
    """Return the text of every file of the dbt package by its path in a project's copy of it."""
    root = package_root()
    paths = [root / "dbt_project.yml", *(p for part in PACKAGE_PARTS for p in sorted((root / part).rglob("*")))]
    return {f"{COPY}/{name}": text for name, text in _texts(root, paths).items() if "/python/" not in name}


def demo_files() -> dict[str, str]:
    """Return the text of every file of the demo as a project of its own, with its copy of the package."""
    root = demo_root()
    made = ("target", "dbt_packages", "logs")
    paths = [p for p in sorted(root.rglob("*")) if not set(p.relative_to(root).parts) & set(made)]
    files = _texts(root, paths) | _texts(root, [p for p in paths if p.suffix == ".py"], (".py",))
    return files | package_files() | {"packages.yml": PACKAGES, ".gitignore": GITIGNORE}


def project_files(name: str) -> dict[str, str]:
    """Return the text of every file of a new project called `name` by its path."""
    files = package_files()
    files |= _texts(package_root(), [package_root() / "profiles.example.yml"])
    files[".env.example"] = (package_root() / ".env.example").read_text(encoding="utf-8")
    files |= {"dbt_project.yml": PROJECT.format(name=name), "packages.yml": PACKAGES}
    files |= {"seeds/pulse_known_events.csv": KNOWN_EVENTS, "segments/routes.yml": ROUTES}
    return files | {".gitignore": GITIGNORE, "README.md": README}


def with_entity(text: str, entity: str) -> str | None:
    """Return dbt_project.yml with an entity in its var pulse_entities, None where there is no such list in one line.

    >>> with_entity("vars:\\n  pulse_entities: [customers] # all\\n", "accounts")
    'vars:\\n  pulse_entities: [customers, accounts] # all\\n'
    """
    found = re.search(r"^(\s*pulse_entities:\s*)\[([^\]\n]*)\]", text, re.MULTILINE)
    if found is None:
        return None
    names = [n.strip() for n in found[2].split(",") if n.strip()]
    if entity in names:
        return text
    return f"{text[: found.start()]}{found[1]}[{', '.join([*names, entity])}]{text[found.end() :]}"


def _texts(root: Path, paths: list[Path], suffixes: tuple[str, ...] = SUFFIXES) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
        for p in paths
        if p.is_file() and p.suffix in suffixes and p.name != "package-lock.yml"
    }
