"""Alert runs as processes that kill themselves at a step: a statement of SQL that is about to start or has ended, a request that
is about to go out or was answered. SIGKILL leaves no time for anything, so what the next run finds is what was committed.

    killed_runs.py ROOT BASE NAME[:STEP] ...

Each NAME is a story of its own on empty deliveries: a run that is killed at STEP (never, when it is left out), and a run to its
end. Its channels are those at BASE/NAME. A line of JSON is printed for each. The processes are forked, so that they start at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import httpx

from pulse_runner.alert.channels.n8n import N8nSettings
from pulse_runner.alert.stage import run_alerts
from pulse_runner.warehouse.connection import connect
from tests.python.alert.store import EMAIL, NOW, SLACK, TEAMS, D, project

N8N = N8nSettings(channel="n8n", url_env="PULSE_N8N_URL")
PROJECT = project(SLACK, TEAMS, N8N, EMAIL)


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.count, self.fatal, self.turn = 0, fatal, threading.Lock()

    def __call__(self, *_: object) -> None:
        with self.turn:
            self.count += 1
            if self.count == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)


def opened(root: Path, step: Steps) -> Any:
    """Return the warehouse, with a step before and after each statement."""
    warehouse: Any = connect(root)
    execute = warehouse._execute

    def watched(sql: str, params: object) -> Any:
        step()
        done = execute(sql, params)
        step()
        return done

    warehouse._execute = watched
    return warehouse


def run(root: Path, base: str, fatal: int | None = None) -> int:
    """Tell what is due; return the number of steps."""
    env = {
        "PULSE_SLACK_WEBHOOK": f"{base}/slack", "PULSE_TEAMS_WEBHOOK": f"{base}/teams", "PULSE_N8N_URL": f"{base}/n8n",
        "RESEND_API_KEY": "re_1", "RESEND_API_URL": base, "PULSE_EMAIL_FROM": "pulse@example.com",
    }  # fmt: skip
    step = Steps(fatal)
    hooks = {"request": [step], "response": [step]}
    with httpx.Client(timeout=5, trust_env=False, event_hooks=hooks) as http:  # type: ignore[arg-type]
        warehouse = opened(root, step)
        at = NOW + timedelta(seconds=5)
        run_alerts(
            warehouse, PROJECT, D, NOW, env, out=lambda text: None, http=http, clock=lambda: at.replace(tzinfo=UTC),
            sleep=lambda seconds: None,
        )  # fmt: skip
        warehouse.close()
    return step.count


def forked(work: Any) -> tuple[int, Any]:
    """Do work in a process of its own; return the signal that ended it (0 for none) and what it returned."""
    mine, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mine)
        code = 1
        try:
            os.write(theirs, json.dumps(work(), default=str).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(theirs)
    with os.fdopen(mine, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a run failed; see above"
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), json.loads(said) if said else None


def taken_away(root: Path) -> list[dict[str, Any]]:
    """Return the deliveries, and leave none for the next story."""
    warehouse: Any = connect(root)
    found: list[dict[str, Any]] = warehouse.query(
        f"select channel, status, attempts, reason, idempotency_key from {warehouse.table('pulse_alert_deliveries')}"
    )
    warehouse._execute(f"delete from {warehouse.table('pulse_alert_deliveries')}", ())
    warehouse.close()
    return found


def main(root: Path, base: str, stories: list[str]) -> None:
    """Play the stories."""
    for story in stories:
        name, _, fatal = story.partition(":")
        place = f"{base}/{name}"
        by, steps = forked(lambda at=int(fatal) if fatal else None, to=place: run(root, to, at))
        forked(lambda to=place: run(root, to))
        _, left = forked(lambda: taken_away(root))
        print(json.dumps({"name": name, "signal": by, "steps": steps, "deliveries": left}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
