"""The Pulse dbt package and the demo project as files, and what a project needs in order to use the package."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

from pulse_runner import __version__
from pulse_runner.warehouse.project import package_folder

PACKAGE_PARTS = ("macros", "models", "seeds", "semantics", "tests")
COPY = "pulse_package"  # where a project keeps its copy of the package, named by packages.yml
STATE = "pulse_package.json"
SUFFIXES = (".sql", ".yml", ".csv", ".json", ".md")
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
    pulse_known_events: {events}
  pulse:
    pulse_known_events: {{+enabled: false}} # this project has a file of its own: seeds/pulse_known_events.csv
"""
KNOWN_EVENTS = "starts_on,ends_on,scope,scope_value,reason\n"
# all columns are named: a file with only its header would otherwise become a table of integers that takes no event later
KNOWN_EVENTS_CONFIG = (
    "{+tags: [pulse], +pre-hook: '{{ pulse.pulse_require_own() }}', +post-hook: '{{ pulse.pulse_mark() }}', +column_types: "
    "{starts_on: date, ends_on: date, scope: varchar, scope_value: varchar, reason: varchar}}"
)
ROUTES = """\
# Where alerts go. Names of environment variables, never their values; see docs/alerts.md of Pulse.
routes:
  default:
    channels:
      - {channel: console}
"""
DEFAULTS = """\
# What holds for every segment that does not say otherwise; see docs/segments.md of Pulse. For example:
#   size_jump: {threshold: 0.2, sensitivity: low}
# sensitivity is how many false alarms a series may raise in a year: low is 0.25, normal 1, high 4, or a number.
thresholds: {}
"""
GITIGNORE = "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.duckdb.wal\n.env\nprofiles.yml\n.user.yml\n"
README = f"""\
# Audiences

A dbt project that uses Pulse: `segments/` holds the definitions, `models/pulse/` what they compile to, `{COPY}/` the package.

    cp profiles.example.yml profiles.yml         # your warehouse; without it, an embedded DuckDB file is used
    pulse init --relation "source('shop', 'customers')" --key customer_id
    pulse run
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
    """Return the text of every file of the dbt package by its path in a project's copy of it.

    `pulse_package.json` is among them: the runner's version, and the hash of each file as the runner wrote it.
    """
    root = package_root()
    paths = [root / "dbt_project.yml", *(p for part in PACKAGE_PARTS for p in sorted((root / part).rglob("*")))]
    files = {name: text for name, text in _texts(root, paths).items() if "python" not in Path(name).parts}
    files["CHANGELOG.md"] = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    state = {"version": __version__, "files": {name: text_hash(text) for name, text in sorted(files.items())}}
    files[STATE] = json.dumps(state, indent=1) + "\n"
    return {f"{COPY}/{name}": text for name, text in files.items()}


def text_hash(text: str) -> str:
    """Return what tells two texts of a file apart; line ends do not count, because git may change them."""
    return sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:16]


def install_copy(root: Path) -> None:
    """Do what `dbt deps` does for the copy, and only for it: put it into dbt_packages/, where dbt looks for packages.

    It needs no network, and leaves the lock file and the other packages as they are.
    """
    link = package_folder(root)
    if (link / "dbt_project.yml").is_file():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(os.path.relpath(root / COPY, link.parent), target_is_directory=True)
    except OSError:  # a system without links
        shutil.copytree(root / COPY, link)


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
    files |= {"dbt_project.yml": PROJECT.format(name=name, events=KNOWN_EVENTS_CONFIG), "packages.yml": PACKAGES}
    files |= {
        "seeds/pulse_known_events.csv": KNOWN_EVENTS,
        "segments/routes.yml": ROUTES,
        "segments/defaults.yml": DEFAULTS,
    }
    return files | {".gitignore": GITIGNORE, "README.md": README}


def _texts(root: Path, paths: list[Path], suffixes: tuple[str, ...] = SUFFIXES) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
        for p in paths
        if p.is_file() and p.suffix in suffixes and p.name != "package-lock.yml"
    }
