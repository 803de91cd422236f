"""Every command fails well: one line what, one line what to do, no stack trace, the documented exit code.

A command that is not in the table fails the first test, so a new one has to say what it does in each situation.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner, Result
from package_project import copy_package, install, write_project

from pulse_runner.cli import cli
from pulse_runner.cli.reference import walk
from pulse_runner.compile.write import write_models
from pulse_runner.package import package_files
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import load_project
from pulse_runner.warehouse.project import read_project

ENTITY = "entity: people\nrelation: source('shop', 'people')\nkey: id\nhistory: {as_of: day}\nfields: {ltv: number}\n"
SEGMENT = 'segment: rich\nentity: people\nowner: me\nrules:\n  - {field: ltv, operator: ">", value: 9}\n'
SOURCES = "version: 2\nsources:\n  - {name: shop, schema: shop, tables: [{name: people}]}\n"
D = "2024-02-29"

# how each command is called here; {segment} is a segment that is defined, or one that is not
COMMANDS: dict[str, str] = {
    "init": "init . --relation source('shop','people') --key id",
    "demo": "demo .",
    "doctor": "doctor",
    "upgrade": "upgrade --dry-run",
    "uninstall": "uninstall --dry-run",
    "compile": "compile --check",
    "completion": "completion bash",
    "segments list": "segments list",
    "segments show": "segments show {segment}",
    "segments create": "segments create poor --entity people --owner me --rule '{{field: ltv, operator: \"<\", value: 5}}'",
    "segments update": "segments update {segment} --set owner=you --dry-run",
    "segments delete": "segments delete {segment} --dry-run",
    "segments enable": "segments enable {segment} --dry-run",
    "segments disable": "segments disable {segment} --dry-run",
    "segments preview": "segments preview {segment}",
    "segments diff": "segments diff {segment} --base main",
    "snapshot": f"snapshot --date {D}",
    "snapshots list": "snapshots list",
    "snapshots show": "snapshots show {segment}",
    "snapshots forecast": "snapshots forecast {segment}",
    "reach": "reach {segment}",
    "detect": f"detect --date {D}",
    "explain": "explain",
    "alert": "alert --dry-run",
    "run": f"run --date {D} --wait 0",
    "incidents list": "incidents list --segment {segment}",
    "incidents show": "incidents show 3f2a",
    "incidents acknowledge": "incidents acknowledge 3f2a",
    "incidents resolve": "incidents resolve 3f2a",
    "incidents ignore": "incidents ignore 3f2a",
    "incidents assign": "incidents assign 3f2a --to ana",
    "incidents comment": "incidents comment 3f2a --note seen",
    "incidents snooze": "incidents snooze 3f2a --until 2999-01-01",
    "incidents false-alarm": "incidents false-alarm 3f2a --why closed",
    "incidents reopen": "incidents reopen 3f2a",
    "silences list": "silences list",
    "silences add": "silences add --segment rich --hours 6 --why campaign",
    "silences expire": "silences expire 3f2a",
    "known-events list": "known-events list",
    "known-events add": "known-events add --country GB --from 2026-01-01 --to 2026-01-31 --dry-run",
    "backtest": f"backtest --from {D} --to {D}",
    "tune": "tune",
    "report": "report",
    "prune": "prune --dry-run",
    "listen": "listen",
    "mcp": "mcp",
    "schedule": "schedule cron",
}
NAMES = sorted(COMMANDS)
OTHERS = {
    "demo",
    "listen",
    "mcp",
}  # a project of its own; servers, which need an extra and open the warehouse when they are asked
NEED_PACKAGE = {"snapshot", "run"}
READ_TABLES = {
    "snapshots list", "snapshots show", "snapshots forecast", "reach", "detect", "explain", "alert", "incidents list",
    "incidents show", "incidents acknowledge", "incidents resolve", "incidents ignore", "incidents reopen", "incidents assign",
    "incidents comment", "incidents snooze", "incidents false-alarm", "backtest", "report",
    "silences list", "silences add", "silences expire", "tune",
}  # fmt: skip
NEED_WAREHOUSE = READ_TABLES | NEED_PACKAGE | {"init", "upgrade", "segments preview", "segments diff"}
NEED_PROFILE = NEED_WAREHOUSE | {"schedule"}
TAKE_DATES = {
    "segments preview": "--date", "segments diff": "--date", "snapshot": "--date", "snapshots list": "--date",
    "snapshots show": "--from", "snapshots forecast": "--date", "reach": "--date", "detect": "--to", "explain": "--date", "alert": "--date", "run": "--date",
    "incidents list": "--since", "known-events add": "--from", "backtest": "--from", "report": "--to",
}  # fmt: skip
TAKE_SEGMENTS = {name for name, call in COMMANDS.items() if "{segment}" in call}


@dataclass
class Shop:
    """A project with one segment, compiled; its source has a row, and Pulse has not run."""

    root: Path

    def call(self, name: str, *more: str, segment: str = "rich") -> Result:
        words = COMMANDS[name].format(segment=segment)
        if (
            name == "upgrade" and (self.root / "dbt_project.yml").is_file()
        ):  # it brings a copy up to date, which is not there yet
            for path, text in package_files().items():
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_text(text, encoding="utf-8")
        if name.startswith("known-events"):  # else the package's seed of that name is used
            (self.root / "seeds").mkdir(exist_ok=True)
            (self.root / "seeds" / "pulse_known_events.csv").write_text("starts_on,ends_on,scope,scope_value,reason\n")
        read_project.cache_clear()
        words = re.sub(r"source\(\S+\)", lambda m: shlex.quote(m[0]), words)
        return CliRunner().invoke(cli, ["--project-dir", str(self.root), *shlex.split(words), *more])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_package(tmp_path_factory.mktemp("package") / "pulse", leave_out=("*unit_tests.yml",))


def commit_segments(root: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "segments"], ["commit", "-qm", "segments"]):
        subprocess.run([*git, *command], cwd=root, check=True)


@pytest.fixture
def shop(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "audiences"
    (root / "segments" / "entities").mkdir(parents=True)
    (root / "models").mkdir()
    write_project(root, "audiences", ["people"])
    install(root, package)
    (root / "segments" / "entities" / "people.yml").write_text(ENTITY)
    (root / "segments" / "rich.yml").write_text(SEGMENT.replace("9", "8"))
    commit_segments(root)  # what `segments diff` compares with
    (root / "segments" / "rich.yml").write_text(SEGMENT)
    (root / "models" / "sources.yml").write_text(SOURCES)
    read_project.cache_clear()
    write_models(load_project(root, SCHEMA), root)
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        c.execute("create schema shop")
        c.execute(f"create table shop.people as select 1 as id, 10 as ltv, date '{D}' as day")
    monkeypatch.chdir(root)
    return Shop(root)


def fails(result: Result, code: int, what: str, do: str) -> None:
    """Assert that a command failed with this code, in two lines and nothing else."""
    assert result.exit_code == code, result.output + repr(result.exception)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2, result.stderr
    assert lines[0].startswith("Error: ")
    assert re.search(what, lines[0]), lines[0]
    assert lines[1].startswith("  ")
    assert re.search(do, lines[1]), lines[1]


def works(result: Result) -> None:
    """Assert that a command is not concerned."""
    assert result.exit_code == 0, result.output + repr(result.exception)


def test_every_command_is_in_the_table() -> None:
    leaves = {" ".join(path[1:]) for path, command in walk(cli, ("pulse",)) if not isinstance(command, click.Group)}
    assert leaves == set(COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_outside_of_a_project(tmp_path: Path, name: str, shop: Shop) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = Shop(empty).call(name)
    if name in ("init", "demo"):
        pytest.skip("it makes a project")
    if name == "doctor":
        assert result.exit_code == 1
        assert "Traceback" not in result.output
    elif name == "completion":
        works(result)
    else:
        fails(result, 2, r"No dbt_project.yml in ", "name it with --project-dir")


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_without_the_entry_of_the_project(shop: Shop, name: str) -> None:
    (shop.root / "profiles.yml").write_text("jaffle: {target: dev, outputs: {dev: {type: duckdb, path: x.duckdb}}}\n")
    result = shop.call(name)
    if name in NEED_PROFILE:
        fails(result, 2, "has no profile 'pulse', which dbt_project.yml asks for; it has jaffle", "Add 'pulse' there")
    elif name == "doctor":
        assert result.exit_code == 1
        assert "FAIL  profile: " in result.stdout
        assert "has no profile 'pulse'" in result.stdout
    elif name not in OTHERS:
        works(result)
    assert not (shop.root / "x.duckdb").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_profiles_that_has_none(shop: Shop, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_PROFILES_DIR", str(shop.root / "nowhere"))
    result = shop.call(name)
    if name in NEED_PROFILE:
        fails(result, 2, "DBT_PROFILES_DIR is .*nowhere, and there is no profiles.yml", "unset the variable")
    elif name not in {*OTHERS, "doctor"}:
        works(result)


@pytest.mark.parametrize("name", NAMES)
def test_the_package_is_not_installed(shop: Shop, name: str) -> None:
    (shop.root / "dbt_packages" / "pulse").unlink()
    result = shop.call(name)
    if name in NEED_PACKAGE:
        fails(result, 2, "The Pulse dbt package is not installed in audiences", "packages.yml .*`dbt deps`")
    elif name == "doctor":
        assert result.exit_code == 1
        assert "FAIL  package: the Pulse dbt package is not installed" in result.stdout
    elif name == "init":
        fails(result, 2, "packages.yml names packages that are not installed", "Run `dbt deps`")
    elif name == "segments preview":
        fails(result, 2, "The Pulse dbt package is not installed in audiences", "packages.yml .*`dbt deps`")
    elif name in READ_TABLES:
        fails(result, 1, "Pulse has no pulse_", "`pulse run`")
    elif name not in OTHERS:
        works(result)


@pytest.fixture
def held(shop: Shop) -> Iterator[None]:
    """Let another process hold the DuckDB file."""
    code = f"import duckdb; c = duckdb.connect({str(shop.root / 'pulse.duckdb')!r}); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate(b"\n")


@pytest.mark.parametrize("name", NAMES)
def test_the_duckdb_file_is_held_by_another_process(shop: Shop, held: None, name: str) -> None:
    result = shop.call(name)
    if name in NEED_WAREHOUSE:
        fails(result, 1, r"The DuckDB file is held by another process", "Wait for it to end")
    elif name == "doctor":
        assert result.exit_code == 1
        assert "FAIL  connection: The DuckDB file is held" in result.stdout
        assert "-> Wait for it to end" in result.stdout
    elif name not in OTHERS:
        works(result)


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_run(shop: Shop, name: str) -> None:
    if name in NEED_PACKAGE:
        pytest.skip("it makes the tables")
    result = shop.call(name)
    if name in READ_TABLES:
        fails(result, 1, r"Pulse has no pulse_\w+ in schema main of this duckdb warehouse", "`pulse run` makes")
        assert "select" not in result.stderr
    elif name == "doctor":
        assert result.exit_code == 1
        assert "FAIL  tables: missing: pulse_segments" in result.stdout
    elif name not in OTHERS:
        works(result)


@pytest.mark.parametrize("name", NAMES)
def test_a_time_zone_that_there_is_not(shop: Shop, name: str) -> None:
    path = shop.root / "dbt_project.yml"
    path.write_text(path.read_text().replace("vars: {", "vars: {pulse_timezone: Europe/Berln, "))
    result = shop.call(name)
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    if name in {*NEED_PACKAGE, "schedule", "explain", "alert"}:
        fails(result, 2, "the var pulse_timezone is 'Europe/Berln', which is not a time zone", "such as Europe/Berlin")


@pytest.mark.parametrize("name", sorted(TAKE_DATES))
def test_a_date_that_is_none(shop: Shop, name: str) -> None:
    given = shop.call(name, TAKE_DATES[name], "31.5.2026")
    fails(given, 2, f"'{TAKE_DATES[name]}'.* '31.5.2026' is not a day; write YYYY-MM-DD", f"`cli {name} --help`")


@pytest.mark.parametrize("name", sorted(TAKE_SEGMENTS))
def test_a_segment_that_there_is_not(built: Shop, name: str) -> None:
    result = built.call(name, segment="ritch")
    if name == "snapshots show":
        fails(result, 2, "There are no snapshots of segment 'ritch'", "Segments with snapshots: rich")
    else:
        fails(result, 2, "There is no segment 'ritch'", "Did you mean 'rich'")
    works(built.call(name))


@pytest.mark.parametrize("name", sorted(n for n in NAMES if n.startswith("incidents ") and n != "incidents list"))
def test_an_incident_that_there_is_not(built: Shop, name: str) -> None:
    fails(built.call(name), 2, "There is no incident '3f2a'", "`pulse incidents list")


@pytest.fixture
def built(shop: Shop) -> Shop:
    works(shop.call("run"))
    return shop


def test_a_snapshot_before_the_models_are_compiled(shop: Shop) -> None:
    (shop.root / "segments" / "rich.yml").write_text(SEGMENT.replace("9", "99"))
    for name in ("snapshot", "run"):
        fails(shop.call(name), 1, r"compiled files are stale: models/pulse/", "Run `pulse compile`")


def test_an_entity_that_is_not_listed(shop: Shop) -> None:
    write_project(shop.root, "audiences")
    for name in ("snapshot", "run"):
        fails(shop.call(name), 2, "pulse_entities does not list people", r"pulse_entities: \[people\]")


def test_an_adapter_that_is_not_installed(shop: Shop) -> None:
    (shop.root / "profiles.yml").write_text("pulse: {target: a, outputs: {a: {type: oracle, user: u, schema: s}}}\n")
    fails(shop.call("incidents list"), 1, "did not run: .*oracle", "`dbt debug`")


def test_a_variable_that_the_profile_reads_and_nobody_set(shop: Shop) -> None:
    (shop.root / "profiles.yml").write_text(
        "pulse: {target: a, outputs: {a: {type: postgres, host: h, password: p, port: 5432, dbname: d, schema: s,"
        " user: \"{{ env_var('NOBODY_SET_THIS') }}\"}}}\n"
    )
    fails(shop.call("incidents list"), 1, "NOBODY_SET_THIS", "variables that it reads")


def test_a_file_that_cannot_grow(shop: Shop) -> None:
    call = f"{shlex.quote(sys.executable)} -m pulse_runner run --date {D}"
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 0; exec {call}"], cwd=shop.root, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    what, do = done.stderr.strip().splitlines()
    assert what.startswith("Error: This machine refused")
    assert "File too large" in what
    assert "run the same command again" in do
