"""An environment of its own with Pulse installed from a wheel, and a project in it: nothing of the checkout is on its paths."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

import duckdb

BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "somebody"}  # what cron gives, beside HOME


@dataclass
class Place:
    """A folder with a wheel of Pulse, the libraries that it needs, and a project `audiences` with a segment."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "my audiences"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, name: str) -> Path:
        """Make a Python environment that has all that Pulse needs, but not Pulse."""
        at = self.folder / name
        venv.create(at, with_pip=True, symlinks=True)
        site = next(at.glob("lib/python*/site-packages"))
        (site / "libraries.pth").write_text(f"{self.folder / 'libraries'}\n")
        dbt = at / "bin" / "dbt"
        dbt.write_text(f"#!{at / 'bin' / 'python'}\nfrom dbt.cli.main import cli\ncli()\n")
        dbt.chmod(0o755)
        return at

    def pip(self) -> dict[str, str]:
        """Return settings of pip with which it takes Pulse from the wheel."""
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "dist"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    def run(self, *command: str, **env: str) -> str:
        done = subprocess.run(
            command, cwd=self.project if self.project.exists() else self.folder, capture_output=True, text=True,
            env=BARE | {"HOME": str(self.home)} | env,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pulse(self, *args: str, **env: str) -> str:
        return self.run(str(self.folder / "env" / "bin" / "pulse"), *args, **env)

    def sizes(self) -> list[tuple[str, int]]:
        """Return days before today, and sizes, of the snapshots that there are."""
        with duckdb.connect(str(self.project / "pulse.duckdb")) as c:
            return c.execute(
                "select current_date - snapshot_date, size from main.pulse_segment_snapshots order by 1"
            ).fetchall()

    def stages(self) -> list[str]:
        with duckdb.connect(str(self.project / "pulse.duckdb")) as c:
            rows = c.execute(
                "select stage from main.pulse_runs where outcome = 'ok' order by started_at, stage"
            ).fetchall()
        return [stage for (stage,) in rows]

    def forget(self) -> None:
        """Begin anew: no table of Pulse, no log."""
        (self.project / "pulse.duckdb").unlink(missing_ok=True)
        with duckdb.connect(str(self.project / "pulse.duckdb")) as c:
            c.execute("create schema shop")
            c.execute(
                "create table shop.customers as select i as customer_id, i * 10.0 as ltv,"
                " (current_date - cast(d as integer)) as day from range(1, 101) r(i), range(0, 4) t(d)"
            )
