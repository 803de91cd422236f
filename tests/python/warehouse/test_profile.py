"""A profile read without dbt says what dbt reads in it, and what only dbt can say is left to dbt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.errors import UsageError
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.driver import open_plain
from pulse_runner.warehouse.manifest import read_manifest
from pulse_runner.warehouse.profile import plain_output, plain_target
from pulse_runner.warehouse.project import embed_unless_named, is_embedded, profiles_dir, target_name

PLAIN = {
    "words": "{type: postgres, host: h, user: u, password: '0123', port: 5432, dbname: d, schema: s, threads: 4}",
    "old names": "{type: postgres, host: h, user: u, pass: p, port: 5432, database: d, schema: s}",
    "variables": (
        '{type: postgres, host: "{{ env_var(\'A_HOST\') }}", user: "{{env_var(\\"A_USER\\", \'me\')}}",'
        " password: \"{{ env_var('A_SECRET') }}\", port: \"{{ env_var('A_PORT') | int }}\", dbname: d,"
        " schema: \"dev_{{ env_var('A_USER', 'me') }}\"}"
    ),
    "yes and no": "{type: postgres, host: h, user: u, password: p, port: 5432, dbname: d, schema: s, keepalives_idle: 0, sslmode: prefer}",
    "a file": "{type: duckdb, path: shop.duckdb, threads: 2}",
    "a file and a schema": "{type: duckdb, path: 'data/shop.v2.duckdb', schema: pulse}",
}
ENV = {"A_HOST": "db.example.com", "A_SECRET": "s3:cr'et", "A_PORT": "5433"}


def write(root: Path, output: str) -> Path:
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (root / "profiles.yml").write_text(
        f"shop:\n  target: \"{{{{ env_var('A_TARGET', 'dev') }}}}\"\n  outputs:\n    dev: {output}\n"
    )
    return root / "profiles.yml"


def as_dbt_reads_it(root: Path) -> dict[str, Any]:
    """Return the credentials that dbt makes of the profile, in a process of its own: dbt keeps settings for a whole process."""
    code = (
        "import json, sys; from argparse import Namespace; from dbt.flags import set_from_args\n"
        "from dbt_common.clients.system import get_env; from dbt_common.context import set_invocation_context\n"
        "set_invocation_context(get_env()); set_from_args(Namespace(PROFILES_DIR=sys.argv[1], PROJECT_DIR=sys.argv[1]), None)\n"
        "from dbt.config.profile import Profile; from dbt.config.renderer import ProfileRenderer\n"
        "c = Profile.render(ProfileRenderer({}), 'shop', None, None).credentials\n"
        "print(json.dumps({k: str(getattr(c, k)) for k in sys.argv[2].split(',') if hasattr(c, k)}))"
    )

    names = "type,host,user,password,port,database,schema,path,sslmode"
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), names], env=os.environ | ENV, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


@pytest.mark.parametrize("output", PLAIN.values(), ids=PLAIN)
def test_what_is_read_without_dbt_is_what_dbt_reads(tmp_path: Path, output: str) -> None:
    read = plain_output(write(tmp_path, output), "shop", None, ENV)
    assert read is not None
    renamed = {{"pass": "password", "dbname": "database"}.get(k, k): str(v) for k, v in read.items()}
    theirs = as_dbt_reads_it(tmp_path)
    assert {k: theirs[k] for k in renamed if k in theirs} == {k: v for k, v in renamed.items() if k in theirs}
    assert {"type", "schema"} <= set(theirs)


@pytest.mark.parametrize(
    "output",
    [
        "{type: duckdb, path: \"{{ env_var('A_HOST') | lower }}\"}",
        "{type: duckdb, path: \"{{ 'a' ~ 'b' }}\"}",
        '{type: duckdb, path: "{% if true %}x{% endif %}"}',
        "{type: duckdb, path: \"{{ env_var('NOBODY_SET_THIS') }}\"}",
        "{type: postgres, port: \"{{ env_var('A_HOST') | int }}\"}",
    ],
)
def test_what_needs_dbt_is_left_to_dbt(tmp_path: Path, output: str) -> None:
    assert plain_output(write(tmp_path, output), "shop", None, ENV) is None


@pytest.mark.parametrize(
    "output",
    [
        {"type": "duckdb", "path": "x.duckdb", "extensions": ["parquet"]},
        {"type": "duckdb", "path": "md:my_db"},
        {"type": "duckdb", "path": ":memory:"},
        {"type": "duckdb", "path": "x.duckdb", "database": "other"},
        {"type": "postgres", "host": "h", "user": "u", "port": "5432", "schema": "s", "password": "p", "dbname": "d"},
        {
            "type": "postgres",
            "host": "h",
            "user": "u",
            "port": 5432,
            "schema": "s",
            "password": "p",
            "dbname": "d",
            "new": 1,
        },
        {"type": "snowflake", "account": "a", "schema": "s"},
    ],
    ids=str,
)
def test_settings_that_the_drivers_do_not_know_are_left_to_the_adapter(tmp_path: Path, output: dict[str, Any]) -> None:
    assert open_plain(output, tmp_path) is None


@pytest.mark.parametrize("more", ["", ", settings: {threads: 2}"], ids=["by the driver", "by dbt's adapter"])
def test_a_path_is_one_from_the_projects_folder_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    root = tmp_path / "shop"
    root.mkdir()
    write(root, f"{{type: duckdb, path: here.duckdb{more}}}")
    monkeypatch.chdir(tmp_path)
    warehouse = connect(root)
    assert warehouse.query("select 1 as n") == [{"n": 1}]
    assert warehouse.table("pulse_runs") == '"here"."main"."pulse_runs"'
    warehouse.close()
    assert (root / "here.duckdb").is_file()
    assert not (tmp_path / "here.duckdb").exists()


@pytest.mark.parametrize(
    "command", ["incidents list", "snapshots list", "report", "segments list", "doctor", "explain"]
)
def test_reading_commands_do_not_import_dbt(tmp_path: Path, command: str) -> None:
    write(tmp_path, "{type: duckdb, path: here.duckdb}")
    (tmp_path / "segments").mkdir()
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom pulse_runner.cli import cli\n"
        f"print(CliRunner().invoke(cli, {command.split()!r}).output)\n"
        "sys.exit(', '.join(sorted(m for m in sys.modules if m == 'dbt' or m.startswith('dbt.')))[:200] or 0)"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PULSE_"))} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stderr.strip() == ""
    assert done.returncode == 0
    assert "Pulse has no pulse_" in done.stdout or command in ("segments list", "doctor")


def test_profiles_of_other_projects_never_mean_the_embedded_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / "shop"
    root.mkdir()
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    assert is_embedded(root)
    home = tmp_path / ".dbt" / "profiles.yml"
    home.parent.mkdir()
    home.write_text("config: {send_anonymous_usage_stats: false}\n")
    assert is_embedded(root)  # no profile of anybody
    home.write_text("jaffle: {target: a, outputs: {a: {type: duckdb, path: x}}}\n")
    with pytest.raises(UsageError, match="has no profile 'shop'"):
        profiles_dir(root)
    embed_unless_named(root)  # as `pulse demo` does, which is meant to run on a file of its own
    assert profiles_dir(root) == root
    connect(root).close()
    assert (root / "pulse.duckdb").is_file()


def test_the_target_is_the_one_that_dbt_would_use(tmp_path: Path) -> None:
    path = write(tmp_path, PLAIN["a file"])
    assert plain_target(path, "shop", None, {}) == "dev"
    assert plain_target(path, "shop", None, {"A_TARGET": "prod"}) == "prod"
    assert plain_target(path, "shop", None, {"DBT_TARGET": "ops"}) == "ops"
    assert plain_target(path, "shop", "asked", {"DBT_TARGET": "ops"}) == "asked"
    path.write_text("shop: {target: \"{{ var('t') }}\", outputs: {}}\n")
    assert plain_target(path, "shop", None, {}) is None


def test_the_manifest_of_the_target_in_the_environment_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, PLAIN["a file"])
    (tmp_path / "target").mkdir()
    (tmp_path / "target/manifest.json").write_text('{"metadata": {"invocation_id": "1"}}')
    (tmp_path / "target/run_results.json").write_text('{"metadata": {"invocation_id": "1"}, "args": {"target": "ops"}}')
    assert read_manifest(tmp_path, target_name(tmp_path)) is None
    monkeypatch.setenv("DBT_TARGET", "ops")
    assert read_manifest(tmp_path, target_name(tmp_path)) is not None
