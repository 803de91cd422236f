"""The files that `pulse schedule` prints are put in place as they are and carried out in an empty environment."""

from __future__ import annotations

import ast
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from installed_place import BARE, Place
from ruamel.yaml import YAML

from pulse_runner.alert.channels import CHANNELS
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


@pytest.mark.matrix
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


@pytest.mark.matrix
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
    place: Place, text: str, checkout: Path, known: dict[str, str], **github: str
) -> subprocess.CompletedProcess[str] | None:
    """Carry out a workflow as GitHub does: a clone, a fresh Python, each step in its shell; return the step that failed.

    `known` are the secrets and what else stands between `${{ }}`, `github` the variables that GitHub sets.
    """
    job = YAML(typ="safe").load(text)["jobs"]["run"]
    env_file = checkout.parent / "github_env"
    env_file.write_text("")
    python = place.environment(f"python_{checkout.parent.name}")

    def value(raw: Any) -> str:
        return re.sub(r"\$\{\{ (?:secrets\.)?([\w.]+) \}\}", lambda m: known.get(m[1], ""), str(raw))

    for step in job["steps"]:
        if "uses" in step:
            assert step["uses"].split("@")[0] in ("actions/checkout", "actions/setup-python")
            continue
        kept = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        own = {name: value(raw) for name, raw in {**job.get("env", {}), **step.get("env", {})}.items()}
        runner = {"GITHUB_ENV": str(env_file), "RUNNER_TEMP": str(checkout.parent / "temp"), "CI": "true"} | github
        shells = {
            "bash": ["bash", "-e", "-c", step["run"]],
            "python": [str(python / "bin" / "python"), "-c", step["run"]],
        }
        done = subprocess.run(
            shells[step.get("shell", "bash")], cwd=checkout / job["defaults"]["run"]["working-directory"],
            env={"PATH": f"{python / 'bin'}:/usr/bin:/bin", "HOME": str(checkout.parent)} | place.pip() | runner | kept | own,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            return done
    return None


def git(folder: Path, *command: str) -> str:
    """Run git as somebody; return what it prints."""
    somebody = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    return subprocess.run([*somebody, *command], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(place: Place, tmp_path: Path) -> Path:
    """Give what `actions/checkout` gives: the committed files of the repository, in which the project is a folder."""
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copytree(
        place.project, repository / "analytics",
        ignore=shutil.ignore_patterns("target", "logs", "dbt_packages", "*.duckdb*", "profiles.yml"),
    )  # fmt: skip
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(repository, *command)
    git(tmp_path, "clone", "-q", str(repository), "clone")
    return tmp_path / "clone"


@pytest.mark.matrix
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
    assert {n: v for n, v in asked.items() if n in ("DB_USER", "MY_HOOK", "OPENAI_API_KEY")} == {
        name: f"${{{{ secrets.{name} }}}}" for name in ("DB_USER", "MY_HOOK", "OPENAI_API_KEY")
    }
    every = {v for channel in CHANNELS.values() for v in channel.variables}
    assert set(asked) == {"DB_USER", "MY_HOOK", "OPENAI_API_KEY", *every}, "also those of channels that are added later"


@pytest.mark.matrix
def test_airflow_runs_one_task_with_the_day_of_its_data_interval(place: Place) -> None:
    text = place.pulse("schedule", "airflow")
    assert "catchup=True" in text
    assert f"start_date=pendulum.datetime({time.strftime('%Y, %-m, %-d', time.gmtime())}, tz=" in text
    task = the_task(text)
    assert " --since-last-run --fail-on high --date " in task["bash_command"]
    assert task["cwd"] == str(place.project)
    assert "subtract(days=1)" in task["bash_command"]
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    shell(f"cd {shlex.quote(task['cwd'])} && {re.sub(r'{{.*}}', yesterday, task['bash_command'])}", place)
    assert place.sizes() == YESTERDAY
    assert sorted(place.stages()) == STAGES


@pytest.mark.matrix
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
    assert "catchup=True" in text
    assert " --no-build --since-last-run --fail-on high --date " in task["bash_command"]


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


@pytest.mark.matrix
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


@pytest.mark.matrix
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


class Comments(http.server.BaseHTTPRequestHandler):
    """The comments of pull request 7 as GitHub's API gives and takes them, two a page."""

    said: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        assert urlsplit(self.path).path == "/repos/acme/shop/issues/7/comments"
        assert query["per_page"] == ["100"]
        page = int(query["page"][0])
        self.answer(200, self.said[2 * page - 2 : 2 * page])

    def do_POST(self) -> None:
        assert self.path == "/repos/acme/shop/issues/7/comments"
        self.said.append({"id": 100 + len(self.said), "body": self.given()["body"]})
        self.answer(201, self.said[-1])

    def do_PATCH(self) -> None:
        (own,) = (c for c in self.said if self.path == f"/repos/acme/shop/issues/comments/{c['id']}")
        own["body"] = self.given()["body"]
        self.answer(200, own)

    def given(self) -> Any:
        assert self.headers["Authorization"] == "Bearer t0ken"
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, code: int, body: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def github_api() -> Iterator[str]:
    Comments.said = [{"id": n, "body": body} for n, body in enumerate(["Nice.", None, "Really?"])]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Comments)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.matrix
def test_github_reviews_a_pull_request_in_one_comment_that_it_keeps_up_to_date(
    place: Place, checkout: Path, github_api: str
) -> None:
    pulse, project = str(place.folder / "env" / "bin" / "pulse"), checkout / "analytics"
    text = place.run(pulse, "--project-dir", str(project), "schedule", "github-review")
    job = YAML(typ="safe").load(text)
    assert job["on"] == {"pull_request": {"paths": ["analytics/segments/**"]}}
    assert "env" not in job["jobs"]["run"]  # the routes' secrets are not its business
    base = git(checkout, "rev-parse", "--abbrev-ref", "HEAD")
    git(checkout, "switch", "-qc", "edit")
    profile = f"pulse: {{target: ci, outputs: {{ci: {{type: duckdb, path: '{place.project / 'pulse.duckdb'}'}}}}}}"
    known = {"PULSE_PROFILES_YML": profile, "github.token": "t0ken", "github.event.number": "7"}
    variables = {"GITHUB_API_URL": github_api, "GITHUB_REPOSITORY": "acme/shop", "GITHUB_BASE_REF": base}

    def push(value: int) -> None:
        rule = project / "segments" / "rich.yml"
        rule.write_text(re.sub(r"value: \d+", f"value: {value}", rule.read_text()))
        place.run(str(place.folder / "env" / "bin" / "dbt"), "deps", "--project-dir", str(project))
        place.run(pulse, "--project-dir", str(project), "compile")
        git(checkout, "commit", "-qam", f"Above {value}")
        failed = workflow(place, text, checkout, known, **variables)
        assert failed is None, failed and failed.stdout + failed.stderr

    push(800)
    assert len(Comments.said) == 4
    assert "| `rich` | rule edited | 50 | 20 | -60 % | 0 | 30 |" in Comments.said[-1]["body"]
    push(300)
    assert len(Comments.said) == 4
    assert "| `rich` | rule edited | 50 | 70 | +40 % | 20 | 0 |" in Comments.said[-1]["body"]
    assert [c["body"] for c in Comments.said[:3]] == ["Nice.", None, "Really?"]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_file_names_whole_paths_and_no_secret(place: Place, scheduler: str) -> None:
    text = place.pulse("schedule", scheduler, PULSE_SLACK_WEBHOOK="https://hooks.example.com/T0P")
    assert "T0P" not in text
    assert scheduler.startswith("github") or str(place.folder / "env" / "bin" / "pulse") in text
    if scheduler in ("airflow", "cosmos", "dagster", "dbt-platform"):
        ast.parse(text)
