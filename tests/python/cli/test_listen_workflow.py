"""The workflow of docs/: its code runs in Node.js against what Pulse signs and takes; n8n itself imports it where it is installed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.alert.channels.n8n import N8n, signature
from pulse_runner.listen.guard import objection
from pulse_runner.listen.request import read_request
from tests.python.alert.channel_case import KEY as DELIVERY
from tests.python.alert.test_alert_channels import message

WORKFLOW = Path(__file__).parents[3] / "docs" / "n8n-workflow.json"
OUT, IN = "pl4nted-event-key-01234", "pl4nted-listen-key-0123"
FRAME = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const $input = { first: () => given.item }, $env = given.env;
const run = () => { %s };
console.log(JSON.stringify(run()[0].json));
"""


def workflow() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    return made


def run_code(name: str, item: dict[str, Any], **env: str) -> subprocess.CompletedProcess[str]:
    """Run the code of a node as n8n does, with its item and its environment."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on the PATH: the workflow's code cannot be run")
    (code,) = [n["parameters"]["jsCode"] for n in workflow()["nodes"] if n["name"] == name]
    given = json.dumps({"item": item, "env": env})
    return subprocess.run([node, "-e", FRAME % code], input=given, capture_output=True, text=True, timeout=60)


def arrived(body: str, key: str, age: float = 0) -> dict[str, Any]:
    stamp = str(int(time.time() - age))
    headers = {"x-pulse-timestamp": stamp, "x-pulse-signature": signature(key, stamp, body)}
    return {"json": {"headers": headers}, "binary": {"data": {"data": base64.b64encode(body.encode()).decode()}}}


def test_an_event_of_pulse_becomes_a_request_that_pulse_takes() -> None:
    body = N8n().render(message("é日🎉"), DELIVERY).body
    read = run_code("Check the signature", arrived(body, OUT), PULSE_N8N_SECRET=OUT)
    assert read.returncode == 0, read.stderr
    event = json.loads(read.stdout)
    assert event == json.loads(body)
    sent = json.loads(run_code("Write and sign the request", {"json": event}, PULSE_LISTEN_SECRET=IN).stdout)
    raw = sent["body"].encode()
    assert objection(IN, sent["stamp"], sent["signature"], raw, time.time()) == ""
    request = read_request(raw)
    assert (request.verb, request.incidents, request.by) == ("acknowledge", (event["incident"]["incident_id"],), "n8n")
    assert request.id == f"n8n-{DELIVERY}", "the same at every try of the event"


@pytest.mark.parametrize(("key", "age"), [("another", 0), (OUT, 301)])
def test_an_event_that_is_not_of_pulse_or_old_stops_the_workflow(key: str, age: float) -> None:
    stopped = run_code("Check the signature", arrived("{}", key, age), PULSE_N8N_SECRET=OUT)
    assert stopped.returncode != 0
    assert "not from Pulse, or too old" in stopped.stderr


def test_the_workflow_hangs_together_and_holds_no_secret() -> None:
    made = workflow()
    names = {n["name"] for n in made["nodes"]}
    targets = {c["node"] for out in made["connections"].values() for branch in out["main"] for c in branch}
    assert set(made["connections"]) | targets == names
    assert made["active"] is False
    assert "secret" not in WORKFLOW.read_text(encoding="utf-8").replace("_SECRET", "").lower()


def test_n8n_itself_imports_it(tmp_path: Path) -> None:
    n8n = shutil.which("n8n")
    if n8n is None:
        pytest.skip("n8n is not on the PATH; `npm install -g n8n` brings it, and this test then imports the workflow")
    env = {"N8N_USER_FOLDER": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [n8n, "import:workflow", f"--input={WORKFLOW}"], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
