"""docs/upgrade.md is done word for word, by somebody who has a dbt project and the repository of 0.1.0 beside it."""

from __future__ import annotations

import re
from pathlib import Path

import landed_shop
from foreign_project import Foreign
from landed_world import NEW_NAME, TABLES, load_landed, rows_of_fixture

from pulse_runner.warehouse.connection import connect

PAGE = Path(__file__).parents[3] / "docs" / "upgrade.md"
FILES = {
    "dbt_project.yml": "name: crm\nversion: 1.0.0\nprofile: crm\nmodel-paths: [models]\n",
    "profiles.yml": "crm:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: crm.duckdb, schema: marts, threads: 2}\n",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n.user.yml\n",
    "models/base.sql": "select 1 as id\n",
}


def blocks() -> list[tuple[str, str]]:
    """Return the blocks of code of the section about 0.1.0, in order: (language, text)."""
    section = PAGE.read_text(encoding="utf-8").split("## From 0.1.0")[1]
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", section, flags=re.MULTILINE | re.DOTALL)
    return [(language, re.sub(r"^   ", "", text, flags=re.MULTILINE)) for language, text in found]


def test_the_page_takes_definitions_and_history_into_another_project_and_another_schema(tmp_path: Path) -> None:
    crm = Foreign(tmp_path / "crm", FILES)
    old = {**landed_shop.DEFINITIONS, **landed_shop.FILES, "seeds/known_events.csv": landed_shop.KNOWN_EVENTS}
    for path, text in old.items():
        (tmp_path / "old" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "old" / path).write_text(text, encoding="utf-8")
    load_landed(crm.root, "pulse")
    languages = [language for language, _ in blocks()]
    assert languages == ["", "", "yaml", "", "", ""]
    init, take, variables, compile_, upgrade, run = (text for _, text in blocks())
    crm.run(init)
    crm.run(f"set -e\n{take}\ncp ../old/models/sources.yml models/")
    config = (crm.root / "dbt_project.yml").read_text(encoding="utf-8")
    assert config.count("  pulse_entities: []") == 1
    config = config.replace("  pulse_entities: []", variables.strip().splitlines()[1])
    (crm.root / "dbt_project.yml").write_text(config, encoding="utf-8")
    crm.run(compile_)
    said = crm.run(f"set -e\n{upgrade}").stdout
    assert "upgraded marts.pulse_incidents: from pulse.incidents with 3 rows" in said
    assert table_counts(crm.root) == {NEW_NAME[name]: len(rows_of_fixture(name)) for name in TABLES}
    assert run.strip() == "pulse run"
    crm.run(f"pulse run --date {landed_shop.LAST}")  # the shop has no rows of today
    assert {row[0] for row in rows_of_fixture("incidents")} <= set(
        re.findall(r"[0-9a-f]{16}", crm.run("pulse incidents list --status all --format json").stdout)
    )


def table_counts(root: Path) -> dict[str, int]:
    warehouse = connect(root)
    try:
        return {name: warehouse.query(f"select count(*) as n from marts.{name}")[0]["n"] for name in NEW_NAME.values()}
    finally:
        warehouse.close()
