"""Files for schedulers and for CI: text to look at and to put in place; nothing is installed."""

from __future__ import annotations

from pulse_runner.schedules.airflow import airflow, cosmos
from pulse_runner.schedules.base import Plan, Scheduler
from pulse_runner.schedules.cron import cron
from pulse_runner.schedules.dagster import dagster
from pulse_runner.schedules.dbt_platform import dbt_platform
from pulse_runner.schedules.github import github, github_review
from pulse_runner.schedules.systemd import systemd

SCHEDULERS: dict[str, Scheduler] = {
    "cron": cron,
    "systemd": systemd,
    "github": github,
    "github-review": github_review,
    "airflow": airflow,
    "cosmos": cosmos,
    "dagster": dagster,
    "dbt-platform": dbt_platform,
}

__all__ = ["SCHEDULERS", "Plan", "Scheduler"]
