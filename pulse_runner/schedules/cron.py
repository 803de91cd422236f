"""A line for `crontab -e`."""

from __future__ import annotations

import shlex

from pulse_runner.schedules.base import Plan, fill, run_arguments

TEXT = """\
# For `crontab -e`: Pulse every day at <<time>> in <<zone>>, after the warehouse's own loads.
# cronie reads CRON_TZ. Debian's cron does not and goes by the machine's clock: write its hour there.
# Secrets are in .env beside dbt_project.yml (names as in .env.example); what a run says is in logs/pulse.log.
CRON_TZ=<<zone>>
<<minute>> <<hour>> * * * <<command>>
"""


def cron(plan: Plan) -> dict[str, str]:
    """Return the crontab. Cron starts /bin/sh in the home folder, with a short PATH, and reads % as the end of the line."""
    work = f"{{ set -a; [ ! -f .env ] || . ./.env; set +a; {plan.shell(*run_arguments(plan.day))}; }}"
    command = f"cd {shlex.quote(str(plan.root))} && mkdir -p logs && {work} >> logs/pulse.log 2>&1"
    return {
        "pulse.cron": fill(
            TEXT,
            time=plan.time,
            zone=plan.zone,
            minute=plan.minute,
            hour=plan.hour,
            command=command.replace("%", "\\%"),
        )
    }
