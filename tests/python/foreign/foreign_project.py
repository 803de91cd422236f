"""A dbt project that somebody else wrote, in a git repository of its own, driven by commands as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[3]


class Foreign:
    """The project's folder, and the environment of the person's shell: no variable of Pulse, a home of its own."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = root
        home = root.parent / "home"
        home.mkdir(parents=True, exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "DBT_", "GIT_"))}
        self.env = kept | {
            "HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1",
            "GIT_AUTHOR_NAME": "o", "GIT_AUTHOR_EMAIL": "o@example.com", "GIT_COMMITTER_NAME": "o", "GIT_COMMITTER_EMAIL": "o@example.com",
        }  # fmt: skip
        for path, text in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        self.run("git init -q && git add -A && git commit -qm before")

    def run(self, command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a line in a shell, in the project's folder; fail with all that it said where it fails."""
        done = subprocess.run(
            command, shell=True, cwd=self.root, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert not ok or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def manifest(self) -> dict[str, dict[str, object]]:
        """Return dbt's nodes by their unique ids."""
        nodes: dict[str, dict[str, object]] = json.loads((self.root / "target/manifest.json").read_text())["nodes"]
        return nodes

    def own_results(self) -> dict[str, str]:
        """Build the whole project with dbt alone; return the status of each node that is not Pulse's."""
        self.run("dbt build --quiet --no-use-colors")
        found = json.loads((self.root / "target/run_results.json").read_text(encoding="utf-8"))["results"]
        return {
            r["unique_id"]: r["status"] for r in found if "pulse" not in r["unique_id"] and "seg_" not in r["unique_id"]
        }

    def difference(self) -> str:
        """Return what git says has changed since the first commit, files that it does not know among it."""
        return self.run("git status --porcelain && git diff").stdout
