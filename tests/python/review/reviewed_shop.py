"""A stranger's project in a folder of a real git repository, and the review of what is edited there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from strangers_shop import Shop, make_shop

FIELDS = """\
history: {as_of: day}
fields:
  ltv: number
  country: text
  seen_at: date
  paid_at: date
  quiet_days: {days_since: seen_at}
"""
# 1,000 customers on each of 160 days to 10 June 2026, numbered 1 to 1,000. Number n is worth n; odd ones are German, and
# were seen n % 10 days ago and paid n % 20 days ago. From 8 June on, numbers 501 to 800 have lost their ltv.
CUSTOMERS = """\
create table shop.customers as
select i as customer_id, day, case when day >= date '2026-06-08' and i between 501 and 800 then null else i end as ltv,
    case when i % 2 = 1 then 'DE' else 'FR' end as country, day - i % 10 as seen_at, day - i % 20 as paid_at
from (select cast(generate_series as integer) as i from generate_series(1, 1000)) as people
cross join (select date '2026-06-10' - cast(generate_series as integer) as day from generate_series(0, 159)) as days
"""


class Repository:
    """The repository `repo`, with the project in its folder `shop`; what is there at first is the branch `main`."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.folder = shop, shop.root.parent
        shop.at("2026-06-10 18:00")
        (shop.root / ".gitignore").write_text(
            "target/\nlogs/\n*.duckdb*\nprofiles.yml\ndbt_packages/\n", encoding="utf-8"
        )

    def commit(self) -> None:
        """Commit all there is, the compiled models with it where the definitions are good."""
        self.shop.pulse("compile")
        self.commit_as_it_is()

    def commit_as_it_is(self) -> None:
        if not (self.folder / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-qm", "definitions")

    def git(self, *command: str) -> str:
        somebody = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
        done = subprocess.run([*somebody, *command], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def segment(self, name: str, rules: str, more: str = "") -> None:
        """Write a segment; `rules` is YAML on one line."""
        text = f"segment: {name}\nentity: customers\nowner: growth-team\nrules: {rules}\n{more}"
        self.shop.write(f"segments/{name}.yml", text)

    def entity(self, old: str, new: str) -> None:
        path = self.shop.root / "segments" / "entities" / "customers.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def diff(self, *more: str, base: str = "main", code: int = 0) -> str:
        done = self.shop.pulse("segments", "diff", "--base", base, *more, code=code)
        return done.output if code else done.stdout

    def data(self, *more: str) -> dict[str, dict[str, Any]]:
        """Return the reviewed segments by name."""
        return {s["segment"]: s for s in json.loads(self.diff("--format", "json", *more))["segments"]}


def make_repository(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fields: str = FIELDS, profile: str | None = None
) -> Repository:
    """Make the repository with the customers and the segment `rich`: worth more than 500."""
    made = Repository(make_shop(folder, monkeypatch, fields, profile))
    made.shop.sql(CUSTOMERS)
    made.segment("rich", '[{field: ltv, operator: ">", value: 500}]')
    return made
