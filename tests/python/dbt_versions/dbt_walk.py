"""The walk of one version of dbt over the demo shop: parse, builds, a crash, a backfill, tests, a whole run."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dbt_environments import Environment
from dbt_tables import Table, differences, read_tables, relations
from plain_dbt import copy_project
from semantic_layer import KNOWING, add_paths, problems

FIRST_DAYS = ("2026-05-07", "2026-05-11")
BACKFILL = ("2026-05-12", "2026-05-31")  # 20 days
UNIT_TESTS = 20
DAY_DONE = re.compile(r"pulse: customers \S+ \((\d+) of")
CRASH_AFTER = 3  # days
DAILY = ("pulse_customers__health", "pulse_customers__facts")  # what is built day by day
# dbt checks the keys of project files on some adapters only; here on ours too
STRICT = (
    "import sys; from dbt.jsonschemas import jsonschemas; jsonschemas._JSONSCHEMA_SUPPORTED_ADAPTERS = {'duckdb'}; "
    "from dbt.cli.main import cli; sys.argv[0] = 'dbt'; cli()"
)
WITHOUT_AN_ACCOUNT = {
    "snowflake": "account: placeholder, user: placeholder, password: placeholder, database: analytics, warehouse: placeholder, schema: pulse",
    "bigquery": "method: oauth, project: placeholder, dataset: pulse",
    "databricks": "host: placeholder.invalid, http_path: /sql/placeholder, token: placeholder, catalog: main, schema: pulse",
    "redshift": "host: placeholder.invalid, user: placeholder, password: placeholder, port: 5439, dbname: analytics, schema: pulse",
    "spark": "method: thrift, host: placeholder.invalid, port: 10000, schema: pulse",
}
OTHERS_WARNINGS = (
    "This version of dbt is deprecated",  # dbt 1.10 of itself
    "order_by_clause is not supported for listagg",  # dbt's own macro for Spark
)


class WalkError(Exception):
    """A step did not do what it should; the text says what was seen."""


@dataclass
class Walked:
    """What a version did: seconds per step, what went wrong in which step, and the tables before and after `pulse run`."""

    version: str
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    built: dict[str, Table] = field(default_factory=dict)
    ran: dict[str, Table] = field(default_factory=dict)


def walk(environment: Environment, runner: Environment, root: Path, tell: Callable[[str], None]) -> Walked:
    """Walk a version through all steps in a copy of the demo; `runner` is the environment whose `pulse` runs."""
    walked = Walked(environment.version)
    project = Project(environment, copy_project(root))
    project.write_profile("duckdb", f"path: {str(project.database)!r}")
    steps: dict[str, Callable[[], None]] = {
        "parse": project.parse,
        "first build": lambda: project.build(*FIRST_DAYS),
        "second build": project.build_again,
        "crash": project.crash,
        "backfill": project.backfill,
        "tests": project.test,
        "read": lambda: walked.built.update(read_tables(project.database)),
        "pulse run": lambda: project.run_pulse(runner),
        "read again": lambda: walked.ran.update(read_tables(project.database, times=False)),
    }
    if environment.version in KNOWING:
        steps["semantics"] = project.semantics
    if environment.is_v2:
        for adapter, settings in WITHOUT_AN_ACCOUNT.items():
            steps[f"parse for {adapter}"] = lambda a=adapter, s=settings: project.parse_for(a, s)
    for name, step in steps.items():
        started = time.monotonic()
        try:
            step()
        except WalkError as error:
            walked.problem = f"{name}: {error}"
            return walked
        walked.seconds[name] = time.monotonic() - started
        tell(f"{environment.version:6} {name:22} {walked.seconds[name]:6.1f} s")
    return walked


@dataclass
class Project:
    """A copy of the demo that one version of dbt works on."""

    environment: Environment
    root: Path
    after_crash: dict[str, Table] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.root / "pulse.duckdb"

    def write_profile(self, adapter: str, settings: str) -> None:
        text = f"pulse:\n  target: tried\n  outputs:\n    tried: {{type: {adapter}, threads: 2, {settings}}}\n"
        (self.root / "profiles.yml").write_text(text, encoding="utf-8")

    def parse(self) -> None:
        """Parse with every deprecation an error, the keys of all files checked, and no warning."""
        if self.environment.python is None:
            self._dbt("parse")
            return
        strict = [str(self.environment.python), "-c", STRICT, "parse", "--profiles-dir", ".", "--no-use-colors"]
        self._call([*strict, "--no-partial-parse", "--warn-error-options", '{"error": ["Deprecations"]}'])

    def parse_for(self, adapter: str, settings: str) -> None:
        """Parse with a profile of the adapter that leads nowhere."""
        self.write_profile(adapter, settings)
        self._dbt("parse", allowed={"DBT_ALLOW_EXPERIMENTAL_ADAPTERS": "true"})  # Spark is one of them

    def build(self, first: str, last: str) -> None:
        self._dbt("build", "--vars", _window(first, last))
        self._passed()

    def build_again(self) -> None:
        """Build the same days a second time: nothing may change."""
        before = read_tables(self.database)
        self.build(*FIRST_DAYS)
        if said := differences(before, read_tables(self.database)):
            raise WalkError("the same days built twice are not the same: " + "; ".join(said))

    def crash(self) -> None:
        """Kill dbt in the middle of the backfill: no table may be left over."""
        before = relations(self.database)
        command = [*self._command("build"), "--vars", _window(*BACKFILL)]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        both = 0
        for line in process.stdout or ():
            done = DAY_DONE.search(line)
            both += bool(done and int(done[1]) == CRASH_AFTER)
            if both == len(DAILY):
                process.kill()
                break
        process.wait()
        if process.returncode == 0:
            raise WalkError("dbt ended before it could be killed")
        if left := relations(self.database) - before:
            raise WalkError(f"left over after a crash: {', '.join(sorted(left))}")
        self.after_crash = read_tables(self.database)

    def backfill(self) -> None:
        """Build the days that the crash cut off: those that it had left behind were whole."""
        self.build(*BACKFILL)
        whole = read_tables(self.database)
        for name in DAILY:
            columns, rows = self.after_crash[name]
            at = [c for c, _ in columns].index("snapshot_date")
            days = {row[at] for row in rows}
            if max(days).isoformat() <= BACKFILL[0]:
                raise WalkError(f"dbt was killed before {name} had a day of the backfill")
            now = (whole[name][0], [row for row in whole[name][1] if row[at] in days])
            if said := differences({name: now}, {name: (columns, rows)}):
                raise WalkError(f"a day was half done after a crash: {said[0]}")

    def test(self) -> None:
        """Run every data test and every unit test, which dbt v2 can do once the tables are there."""
        self._dbt("test", "--vars", '{"pulse_unit_tests": true}', warnings=True)
        units = [name for name in self._passed() if name.startswith("unit_test.")]
        if len(units) != UNIT_TESTS:
            raise WalkError(f"{len(units)} unit tests ran, not {UNIT_TESTS}")

    def semantics(self) -> None:
        """Add the semantic model as the page says, and ask the warehouse for its metrics."""
        add_paths(self.root)
        self.parse()
        self._dbt(
            "build", "--select", "pulse_segment_metrics", "pulse_days", warnings=True
        )  # v2: types as the catalogue spells them
        self._passed()
        if said := problems(self.root, self.database):
            raise WalkError("; ".join(said))

    def run_pulse(self, runner: Environment) -> None:
        """Let the runner do the last day: build, detect, explain, alert."""
        dbt = {"PULSE_DBT": str(self.environment.dbt)} if self.environment.is_v2 else {}
        command = [str(runner.python), "-m", "pulse_runner", "run", "--date", BACKFILL[1]]
        self._call(command, self.environment.environ() | dbt, warnings=True)

    def _command(self, *args: str) -> list[str]:
        colours = () if self.environment.is_v2 else ("--no-use-colors",)
        return [str(self.environment.dbt), *args, "--profiles-dir", ".", *colours]

    def _dbt(self, *args: str, warnings: bool = False, allowed: dict[str, str] | None = None) -> None:
        self._call(self._command(*args), self.environment.environ() | (allowed or {}), warnings=warnings)

    def _call(self, command: Sequence[str], environ: dict[str, str] | None = None, *, warnings: bool = False) -> None:
        """Run a command; raise WalkError when it fails, or warns where that is not allowed."""
        done = subprocess.run(
            list(command),
            cwd=self.root,
            env=environ or self.environment.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        text = done.stdout + done.stderr
        if done.returncode:
            raise WalkError(f"exit code {done.returncode}:\n{text[-2000:]}")
        lines = [x.strip() for x in text.splitlines() if re.search(r"\[WARNING\]|\[warning\]|eprecat", x)]
        warned = [x for x in lines if not any(other in x for other in OTHERS_WARNINGS)]
        if warned and not warnings:
            raise WalkError(f"{len(warned)} warnings, such as {warned[0]}")

    def _passed(self) -> list[str]:
        """Return the nodes of the last invocation; raise WalkError when one did not pass."""
        results = json.loads((self.root / "target/run_results.json").read_text(encoding="utf-8"))["results"]
        failed = [
            f"{r['unique_id']} {r['status']}: {r['message']}"
            for r in results
            if r["status"] not in ("success", "pass", "no-op")
        ]
        if failed:
            raise WalkError(f"{len(failed)} of {len(results)} nodes failed, such as {failed[0]}")
        return [r["unique_id"] for r in results]


def _window(first: str, last: str) -> str:
    return json.dumps({"pulse_from": first, "pulse_to": last})
