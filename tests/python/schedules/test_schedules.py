"""The files that `pulse schedule` prints are put in place as they are and carried out in an empty environment."""

from __future__ import annotations

import ast
import hashlib
import hmac
import http.client
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from installed_place import BARE, Place
from ruamel.yaml import YAML

from pulse_runner.schedules import SCHEDULERS

STAGES = ["alert", "detect", "explain", "snapshot"]
YESTERDAY = [(1, 50)]


def shell(command: str, place: Place, **env: str) -> None:
    """Run a line as a scheduler does: with /bin/sh, in the home folder, with hardly a variable set."""
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=place.home, env=BARE | {"HOME": str(place.home)} | env, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def crontab(text: str) -> tuple[dict[str, str], str]:
    """Return the variables and the command of a crontab, as cron reads them: % ends a line, \\% is a percent sign."""
    variables, commands = {}, []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if found := re.fullmatch(r"(\w+)=(.*)", line):
            variables[found[1]] = found[2]
            continue
        fields = line.split(None, 5)
        assert fields[:5] == ["15", "7", "*", "*", "*"]
        commands.append(re.sub(r"\\%", "%", re.split(r"(?<!\\)%", fields[5])[0]))
    (command,) = commands
    return variables, command


def test_cron_runs_the_line_that_is_printed(place: Place) -> None:
    (place.project / ".env").write_text("PULSE_REPEAT_DAYS='3'\n")
    variables, command = crontab(place.pulse("schedule", "cron", "--at", "07:15"))
    assert variables == {"CRON_TZ": "UTC"}
    shell(command, place, **variables)
    assert place.sizes() == YESTERDAY
    assert sorted(place.stages()) == STAGES
    assert "1 of 1 have a snapshot" in (place.project / "logs" / "pulse.log").read_text()
    shell(command, place)  # an hour later by hand
    assert "was run already" in (place.project / "logs" / "pulse.log").read_text()
    assert len(place.stages()) == len(STAGES)


def test_cron_keeps_the_profile_and_the_target_of_the_shell_that_printed_it(place: Place) -> None:
    elsewhere = place.folder / "50% profiles"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "profiles.yml").write_text(
        "pulse: {target: wrong, outputs: {wrong: {type: duckdb, path: nowhere/x.duckdb},"
        f" right: {{type: duckdb, path: '{place.project / 'pulse.duckdb'}'}}}}}}\n"
    )
    printed = place.pulse(
        "--target", "right", "schedule", "cron", "--at", "07:15", "--day", "today", DBT_PROFILES_DIR=str(elsewhere)
    )
    shell(crontab(printed)[1], place)
    assert place.sizes() == [(0, 50)]


def test_systemd_takes_the_units_and_the_service_runs(place: Place) -> None:
    units = place.folder / "units"
    place.pulse("schedule", "systemd", "--at", "07:15", "--into", str(units))
    service, timer = ((units / name).read_text() for name in ("pulse.service", "pulse.timer"))
    assert "OnCalendar=*-*-* 07:15:00 UTC\n" in timer
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", str(units / "pulse.service"), str(units / "pulse.timer")],
            capture_output=True, text=True, env=BARE | {"HOME": str(place.home), "XDG_RUNTIME_DIR": str(place.folder)},
        )  # fmt: skip
        assert not [line for line in checked.stderr.splitlines() if "pulse." in line], checked.stderr
        calendar = subprocess.run(["systemd-analyze", "calendar", "*-*-* 07:15:00 UTC"], capture_output=True, text=True)
        assert calendar.returncode == 0
    settings = dict(re.findall(r"^(\w+)=(.*)$", service, re.MULTILINE))
    done = subprocess.run(
        shlex.split(settings["ExecStart"].replace("%%", "%")), cwd=settings["WorkingDirectory"].replace("%%", "%"),
        env=BARE | {"HOME": str(place.home)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert place.sizes() == YESTERDAY


def workflow(
    place: Place, text: str, checkout: Path, secrets: dict[str, str]
) -> subprocess.CompletedProcess[str] | None:
    """Carry out a workflow as GitHub does: a clone, a fresh Python, each step in bash; return the step that failed."""
    job = YAML(typ="safe").load(text)["jobs"]["run"]
    env_file = checkout.parent / "github_env"
    env_file.write_text("")
    python = place.environment(f"python_{checkout.parent.name}")

    def value(raw: Any) -> str:
        return re.sub(r"\$\{\{ secrets\.(\w+) \}\}", lambda m: secrets.get(m[1], ""), str(raw))

    for step in job["steps"]:
        if "uses" in step:
            assert step["uses"].split("@")[0] in ("actions/checkout", "actions/setup-python")
            continue
        kept = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        own = {name: value(raw) for name, raw in {**job.get("env", {}), **step.get("env", {})}.items()}
        runner = {"GITHUB_ENV": str(env_file), "RUNNER_TEMP": str(checkout.parent / "temp"), "CI": "true"}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=checkout / job["defaults"]["run"]["working-directory"],
            env={"PATH": f"{python / 'bin'}:/usr/bin:/bin", "HOME": str(checkout.parent)} | place.pip() | runner | kept | own,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            return done
    return None


@pytest.fixture
def checkout(place: Place, tmp_path: Path) -> Path:
    """Give what `actions/checkout` gives: the committed files of the repository, in which the project is a folder."""
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copytree(
        place.project, repository / "analytics",
        ignore=shutil.ignore_patterns("target", "logs", "dbt_packages", "*.duckdb*", "profiles.yml"),
    )  # fmt: skip
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=repository, check=True, capture_output=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(repository), str(clone)], check=True, capture_output=True)
    return clone


def test_github_runs_the_workflow_that_is_printed(place: Place, checkout: Path) -> None:
    env = place.folder / "env" / "bin" / "pulse"
    text = place.run(str(env), "--project-dir", str(checkout.parent / "repository" / "analytics"), "schedule", "github")
    profile = f"pulse: {{target: ci, outputs: {{ci: {{type: duckdb, path: '{place.project / 'pulse.duckdb'}'}}}}}}"
    failed = workflow(place, text, checkout, {"PULSE_PROFILES_YML": profile})
    assert failed is None, failed and failed.stdout + failed.stderr
    assert place.sizes() == YESTERDAY
    assert sorted(place.stages()) == STAGES
    assert not (checkout / "analytics" / "pulse.duckdb").exists()


def test_github_without_the_secret_says_which_one_is_missing(place: Place, checkout: Path) -> None:
    failed = workflow(place, place.pulse("schedule", "github"), checkout / "analytics", {})
    assert failed is not None
    assert "The secret PULSE_PROFILES_YML is empty" in failed.stdout


def test_github_asks_for_the_secrets_that_the_profile_and_the_routes_read(place: Place, tmp_path: Path) -> None:
    routes = place.project / "segments" / "routes.yml"
    before = routes.read_text()
    routes.write_text("routes:\n  default:\n    channels:\n      - {channel: slack, url_env: MY_HOOK}\n")
    (tmp_path / "profiles.yml").write_text(
        "pulse: {target: a, outputs: {a: {type: postgres, host: h, user: \"{{ env_var('DB_USER') }}\", port: 5432}}}\n"
    )
    try:
        text = place.pulse("schedule", "github", DBT_PROFILES_DIR=str(tmp_path))
    finally:
        routes.write_text(before)
    asked = YAML(typ="safe").load(text)["jobs"]["run"]["env"]
    assert asked == {name: f"${{{{ secrets.{name} }}}}" for name in ("DB_USER", "MY_HOOK", "OPENAI_API_KEY")}


def test_airflow_runs_one_task_with_the_day_of_its_data_interval(place: Place) -> None:
    task = the_task(place.pulse("schedule", "airflow"))
    assert task["cwd"] == str(place.project)
    assert "subtract(days=1)" in task["bash_command"]
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    shell(f"cd {shlex.quote(task['cwd'])} && {re.sub(r'{{.*}}', yesterday, task['bash_command'])}", place)
    assert place.sizes() == YESTERDAY
    assert sorted(place.stages()) == STAGES


def test_cosmos_builds_and_one_task_does_the_rest(place: Place) -> None:
    text = place.pulse("schedule", "cosmos")
    assert "ExecutionMode.WATCHER" in text
    assert "starts a dbt process for each model" in text
    task = the_task(text)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    place.run(
        str(place.folder / "env/bin/dbt"), "build", "--select", "+tag:pulse", "--exclude-resource-type", "unit_test",
        "--vars", f"{{pulse_from: '{day}', pulse_to: '{day}'}}", "--profiles-dir", "target/embedded_profile",
    )  # fmt: skip
    shell(f"cd {shlex.quote(task['cwd'])} && {re.sub(r'{{.*}}', day, task['bash_command'])}", place)
    assert place.sizes() == YESTERDAY
    assert sorted(place.stages()) == ["alert", "detect", "explain"]


def the_task(text: str) -> dict[str, str]:
    """Return the literal arguments of the one BashOperator of a DAG file."""
    names = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.targets[0], ast.Name)
    }
    (call,) = [
        node for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BashOperator"
    ]  # fmt: skip
    return {k.arg or "": eval(ast.unparse(k.value), {"__builtins__": {}}, names) for k in call.keywords}


def test_dagster_runs_the_job_that_is_printed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The op is called with a stand-in for the library's decorators: Dagster is too large to be installed for one test."""

    def plain(function: Any = None, **_: Any) -> Any:
        return function or plain

    class Failure(Exception):  # noqa: N818  as Dagster calls it
        pass

    stand_in = ModuleType("dagster")
    names = ("RetryPolicy", "ScheduleDefinition", "Definitions")
    vars(stand_in).update(
        op=plain, job=plain, Failure=Failure, DefaultScheduleStatus=SimpleNamespace(RUNNING=1),
        OpExecutionContext=object, **{n: lambda **given: SimpleNamespace(**given) for n in names},
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "dagster", stand_in)
    module: dict[str, Any] = {}
    exec(compile(place.pulse("schedule", "dagster", "--at", "07:15"), "pulse_dagster.py", "exec"), module)
    assert (module["daily"].cron_schedule, module["daily"].execution_timezone) == ("15 7 * * *", "UTC")
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in (BARE | {"HOME": str(place.home)}).items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    module["pulse_run"](SimpleNamespace(log=SimpleNamespace(info=said.append)))
    assert place.sizes() == YESTERDAY
    assert "1 of 1 have a snapshot" in said[0]
    (place.project / "pulse.duckdb").unlink()
    with pytest.raises(Failure):  # the source is gone
        module["pulse_run"](SimpleNamespace(log=SimpleNamespace(info=said.append)))


def test_the_webhook_of_the_dbt_platform_starts_the_rest_only_when_it_is_signed_and_the_job_succeeded(
    place: Place,
) -> None:
    place.run(
        str(place.folder / "env/bin/dbt"), "build", "--select", "+tag:pulse", "--exclude-resource-type", "unit_test",
        "--profiles-dir", "target/embedded_profile",
    )  # fmt: skip
    script = place.folder / "pulse_webhook.py"
    script.write_text(place.pulse("schedule", "dbt-platform"))
    server = subprocess.Popen(
        [sys.executable, str(script), "0"], stdout=subprocess.PIPE, text=True,
        env=BARE | {"HOME": str(place.home), "PULSE_DBT_WEBHOOK_SECRET": "s3cret"},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().rsplit(":", 1)[1])

        def post(status: str, *, secret: str = "s3cret", body: bytes | None = None) -> int:
            event = {"eventType": "job.run.completed", "data": {"jobId": "1", "runStatus": status}}
            body = json.dumps(event).encode() if body is None else body
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            connection.request("POST", "/", body, {"Authorization": signature})
            return connection.getresponse().status

        assert post("Success", secret="another") == 401
        assert post("Errored") == 200
        assert post("", body=b"{}") == 400
        assert place.stages() == []
        assert post("Success") == 202
        server.terminate()  # what it started goes on, and has the pipe open until it ends
        printed, _ = server.communicate(timeout=60)
        assert sorted(place.stages()) == ["alert", "detect", "explain"], printed
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_file_names_whole_paths_and_no_secret(place: Place, scheduler: str) -> None:
    text = place.pulse("schedule", scheduler, PULSE_SLACK_WEBHOOK="https://hooks.example.com/T0P")
    assert "T0P" not in text
    assert scheduler == "github" or str(place.folder / "env" / "bin" / "pulse") in text
    if scheduler in ("airflow", "cosmos", "dagster", "dbt-platform"):
        ast.parse(text)
