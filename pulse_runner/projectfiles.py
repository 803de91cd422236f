"""The dbt part of Pulse as files: what a new project is made of."""

from __future__ import annotations

from pathlib import Path

PARTS = ("macros", "models/snapshots", "models/incidents", "models/marts")
SINGLE = ("dbt_project.yml", "profiles.example.yml", ".dbtignore", ".env.example")
KNOWN_EVENTS = "starts_on,ends_on,scope,scope_value,reason\n"
SEEDS_YAML = """version: 2

seeds:
  - name: pulse_known_events
    description: >-
      One row per period that is known to be unusual. Its days are neither tested nor learned from. scope is all, entity, segment or owner.
    config:
      column_types: {starts_on: date, ends_on: date, scope: varchar, scope_value: varchar, reason: varchar}
"""
ROUTES = """# Where alerts go. Names of environment variables, never their values; see docs/alerts.md of Pulse.
routes:
  default:
    channels:
      - {channel: console}
"""
GITIGNORE = "target/\nlogs/\n*.duckdb\n*.duckdb.wal\n.env\nprofiles.yml\n.user.yml\n"
README = """# Audiences

A Pulse project: `segments/` holds the definitions, `models/` what they compile to.

    cp profiles.example.yml profiles.yml         # your warehouse; without it, an embedded DuckDB file is used
    pulse init . --relation "source('shop', 'customers')" --key customer_id
    pulse segments create ... && pulse compile
    pulse run --date yesterday
    pulse schedule cron

Commit `segments/` and `models/`. `dbt build` alone makes the snapshots.
"""


def source_root() -> Path:
    """Return the folder that holds the dbt files: inside the installed package, or the repository of an editable install."""
    packaged = Path(__file__).parent / "_project"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def project_files() -> dict[str, str]:
    """Return the text of every file of a new project by its path."""
    from pulse_runner.segments.publish import schema_texts

    root = source_root()
    files = {name: (root / name).read_text(encoding="utf-8") for name in SINGLE}
    for part in PARTS:
        for path in sorted((root / part).rglob("*")):
            if path.suffix in (".sql", ".yml"):
                files[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    files |= {"seeds/known_events.csv": KNOWN_EVENTS, "seeds/_seeds.yml": SEEDS_YAML, "segments/routes.yml": ROUTES}
    files |= {".gitignore": GITIGNORE, "README.md": README}
    return files | schema_texts()
