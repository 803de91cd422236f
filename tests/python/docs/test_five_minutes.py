"""The README's five minutes, executed word for word: its commands in their order, its files at their paths."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import duckdb
from foreign_project import Foreign

ROOT = Path(__file__).parents[3]
CUSTOMERS = """
select i as customer_id, 'p' || i || '@example.com' as email, case when i % 2 = 0 then 'DE' else 'FR' end as country,
    cast(i * 20 as decimal(18, 2)) as ltv, current_date - cast(i % 14 as integer) as last_active_at
from range(1, 101) as r(i)
"""
FILES = {
    "dbt_project.yml": "name: shop\nversion: 1.0.0\nprofile: shop\nmodel-paths: [models]\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n",
    "models/dim_customers.sql": "{{ config(materialized='table') }}" + CUSTOMERS,
}


def blocks() -> Iterator[tuple[str, str]]:
    """Yield (language, text) of the fenced blocks of the README's section."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Your own table in five minutes\n")[1].split("\n## ")[0]
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL):
        yield found[2], textwrap.dedent(found[3])


def test_the_five_minutes_in_a_project_of_ones_own(tmp_path: Path) -> None:
    project = Foreign(tmp_path / "shop", FILES)
    project.run("dbt build --quiet")
    *steps, _ = list(blocks())
    said = ""
    for language, text in steps:
        if language == "yaml":
            path = re.search(r"^# (segments/\S+)$", text, re.MULTILINE)
            assert path
            (project.root / path[1]).write_text(text, encoding="utf-8")
        else:
            for command in text.splitlines():
                done = project.run(command)
                said += done.stdout + done.stderr
    with duckdb.connect(str(project.root / "shop.duckdb")) as c:
        rows = c.execute("select segment_id, size, status from pulse_segment_snapshots order by 1").fetchall()
    assert rows == [("customers_high_ltv", 50, "ok"), ("high_value_active_users", 27, "ok")]
    assert "2 of 2 have a snapshot" in said
    assert "pulse run --date today" in said


def test_the_five_minutes_without_a_dbt_project(tmp_path: Path) -> None:
    project = Foreign(tmp_path / "somewhere", {"notes.txt": "mine\n"})
    first, *others = [line for line in list(blocks())[-1][1].splitlines() if line]
    project.run(first)
    with duckdb.connect(str(project.root / "audiences/pulse.duckdb")) as c:
        c.execute(f"create schema shop; create table shop.customers as {CUSTOMERS}")
    said = "".join(project.run(command).stdout for command in others)
    assert "1 of 1 have a snapshot" in said
