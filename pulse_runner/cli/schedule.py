"""`pulse schedule`: text to paste into a scheduler; nothing is installed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.warehouse.project import project_vars

CRON = """\
# Every day at {hh:02d}:{mm:02d}, after the warehouse's own loads. Secrets come from the environment file.
CRON_TZ={zone}
{mm} {hh} * * * cd {root} && set -a && . ./.env && set +a && {pulse} run --date {day} --fail-on high >> logs/pulse.log 2>&1
"""

AIRFLOW = '''\
"""Pulse, once a day. Put this into the DAG folder; secrets come from the worker's environment."""

import pendulum
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    "pulse",
    schedule="{mm} {hh} * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="{zone}"),
    catchup=False,
    max_active_runs=1,  # a date is only ever written by one run
    default_args={{"retries": 2, "retry_delay": pendulum.duration(minutes=10)}},
) as dag:
    BashOperator(
        task_id="pulse_run",
        # every step can be repeated: a retry neither doubles rows nor sends an alert twice
        bash_command="cd {root} && {pulse} run --date {airflow_day}",
    )
'''

GITHUB = """\
# .github/workflows/pulse.yml
name: pulse
on:
  schedule:
    - cron: "{mm} {hh} * * *" # in UTC
  workflow_dispatch: {{}}
concurrency: pulse # a date is only ever written by one run
jobs:
  run:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - run: pip install -c constraints.txt .
      - run: pulse compile --check
      - run: pulse run --date {day} --fail-on high
        env:
          DBT_PROFILES_DIR: .
          PULSE_SLACK_WEBHOOK: ${{{{ secrets.PULSE_SLACK_WEBHOOK }}}}
          OPENAI_API_KEY: ${{{{ secrets.OPENAI_API_KEY }}}}
"""

TEMPLATES = {"cron": CRON, "airflow": AIRFLOW, "github": GITHUB}
# Airflow's data interval ends when the run starts: {{ ds }} is the day before, {{ data_interval_end }} the day itself
AIRFLOW_DAY = {"yesterday": "{{ ds }}", "today": "{{ data_interval_end | ds }}"}


@click.command("schedule")
@click.argument("scheduler", type=click.Choice(list(TEMPLATES)), default="cron")
@click.option("--at", default="06:30", show_default=True, help="Time of day, HH:MM, in the project's time zone.")
@click.option(
    "--day",
    type=click.Choice(["yesterday", "today"]),
    default="yesterday",
    show_default=True,
    help="The date to snapshot: yesterday when loads finish overnight.",
)
@pass_pulse
def schedule_command(pulse: PulseContext, scheduler: str, at: str, day: str) -> None:
    """Print a daily schedule to paste into cron, Airflow or GitHub Actions.

    \b
    Example:
      pulse schedule airflow --at 07:15
    """
    hours, _, minutes = at.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise click.BadParameter(f"{at!r} is not a time of day; write HH:MM.", param_hint="--at")
    pulse_command = pulse.root / ".venv" / "bin" / "pulse"
    text = TEMPLATES[scheduler].format(
        hh=int(hours),
        mm=int(minutes),
        zone=project_vars(pulse.root).get("pulse_timezone", "UTC"),
        root=shlex.quote(str(pulse.root)),
        pulse=shlex.quote(str(pulse_command)) if Path(pulse_command).exists() else "pulse",
        day=day,
        airflow_day=AIRFLOW_DAY[day],
    )
    click.echo(text, nl=False)
