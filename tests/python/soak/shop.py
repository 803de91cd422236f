"""The demo shop with more days, in a folder of its own, and `pulse run` in it as a scheduler starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from package_project import copy_demo

from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.project import read_project

HERE = Path(__file__).parent
FIRST = date(2026, 3, 1)
GENERATE = """\
import sys, datetime, pathlib
folder, last, customers = sys.argv[1:]
sys.path.insert(0, folder)
import plan
plan.LAST_DAY, plan.CUSTOMERS = datetime.date.fromisoformat(last), int(customers)
import generate
generate.main(pathlib.Path(folder).parent / "seeds")
"""


@dataclass
class Shop:
    """The project, its profile's output, and the environment that its runs get."""

    root: Path
    output: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Return the DuckDB file; there is none on Postgres."""
        return self.root / "pulse.duckdb"

    def make(self, days: int, customers: int) -> None:
        """Write the project with seeds of that many days, and build everything of the shop itself."""
        last = FIRST + timedelta(days=days - 1)
        copy_demo(self.root)
        settings = self.root / "dbt_project.yml"
        text, known = re.subn(r'(demo_last_day: )"[\d-]+"', rf'\1"{last}"', settings.read_text(encoding="utf-8"))
        assert known == 1
        settings.write_text(text, encoding="utf-8")
        (self.root / "profiles.yml").write_text(f"pulse:\n  target: own\n  outputs:\n    own: {{{self.output}}}\n")
        generator = str(self.root / "generator")
        self._call([sys.executable, "-c", GENERATE, generator, str(last), str(customers)])
        dbt = str(Path(sys.executable).parent / "dbt")
        self._call([dbt, "deps", "--quiet"])
        self._call([dbt, "build", "--quiet", "--exclude", "tag:pulse", "package:pulse"])

    def start(self, day: date, clock: datetime, env: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        """Start `pulse run` for a date while the clock shows `clock`."""
        pulse = [sys.executable, str(HERE / "at.py"), clock.isoformat(), "--project-dir", str(self.root)]
        command = [*pulse, "run", "--date", str(day), "--since-last-run", "--wait", "0"]
        return subprocess.Popen(
            command, env=self._environment() | env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip

    def open(self) -> Warehouse:
        """Open the warehouse, as one who looks into it between two runs."""
        read_project.cache_clear()
        return connect(self.root)

    def _call(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.root, env=self._environment(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[:4])}: {(done.stdout + done.stderr)[-2000:]}")

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "DBT_", "OPENAI_", "RESEND_"))}
        seen = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "DBT_PROFILES_DIR": str(self.root)}
        return kept | seen | dict(self.env)
