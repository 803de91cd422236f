"""Definitions for Dagster."""

from __future__ import annotations

from pulse_runner.schedules.base import Plan, fill, python_list, run_arguments

TEXT = '''\
"""Pulse, once a day. Load it with `dagster dev -f pulse_dagster.py`, or put `defs` beside yours."""

import os
import subprocess

import dagster as dg

PULSE = <<command>>
ROOT = <<root>>
SETTINGS = {<<settings>>}


# every step can be repeated: a retry neither doubles rows nor sends an alert twice
@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=600))
def pulse_run(context: dg.OpExecutionContext) -> None:
    done = subprocess.run(PULSE, cwd=ROOT, env=os.environ | SETTINGS, capture_output=True, text=True)
    context.log.info(done.stdout + done.stderr)
    if done.returncode:
        raise dg.Failure(done.stderr.strip() or f"pulse ended with {done.returncode}")


@dg.job
def pulse():
    pulse_run()


daily = dg.ScheduleDefinition(
    job=pulse,
    cron_schedule="<<minute>> <<hour>> * * *",
    execution_timezone="<<zone>>",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
defs = dg.Definitions(jobs=[pulse], schedules=[daily])
'''


def dagster(plan: Plan) -> dict[str, str]:
    """Return the definitions: a job, and its schedule."""
    pairs = ", ".join(
        f"{python_list([n])[1:-1]}: {python_list([v])[1:-1]}" for n, v in sorted(plan.environment.items())
    )
    return {
        "pulse_dagster.py": fill(
            TEXT,
            command=python_list((*plan.command, *run_arguments(plan.day))),
            root=python_list([str(plan.root)])[1:-1],
            settings=pairs,
            minute=plan.minute,
            hour=plan.hour,
            zone=plan.zone,
        )
    }
