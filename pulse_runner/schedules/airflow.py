"""DAGs for Airflow: one task, and beside Cosmos."""

from __future__ import annotations

from pathlib import Path

from pulse_runner.schedules.base import Plan, fill, python_list

IMPORTS = """\
import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.bash import BashOperator
"""
DAG = """\
# the end of the data interval is the moment of the run, in Airflow 2 and 3, and for a run that is cleared later too
DAY = "{{ data_interval_end.in_timezone('<<zone>>')<<back>>.strftime('%Y-%m-%d') }}"

with DAG(
    "pulse",
    schedule=CronDataIntervalTimetable("<<minute>> <<hour>> * * *", timezone="<<zone>>"),
    start_date=pendulum.datetime(<<first>>, tz="<<zone>>"),  # the day on which this file was made
    catchup=True,  # each missed day is a run of its own; one that an earlier run has done is skipped
    max_active_runs=1,
    # the task fails when Pulse does (1, 2), when incidents of severity high or above are open (3), and when an alert has
    # not arrived (4). Every step can be repeated: a retry neither doubles rows nor sends an alert twice, and tries again
    # what has not arrived.
    default_args={"retries": 2, "retry_delay": pendulum.duration(minutes=10)},
):
"""
ONE_TASK = '''\
"""Pulse, once a day. Put this into the DAG folder; secrets come from the worker's environment."""

<<imports>>
<<dag>>    BashOperator(
        task_id="pulse_run",
        cwd=<<root>>,
        bash_command=<<command>> + DAY,
    )
'''
COSMOS = '''\
"""Pulse beside Cosmos: Cosmos builds the snapshots, one task does the rest. Put this into the DAG folder.

Cosmos' default mode (ExecutionMode.LOCAL) starts a dbt process for each model: minutes where one process takes seconds,
and on DuckDB the second process is shut out. ExecutionMode.WATCHER is one dbt process that the tasks watch. It needs
Cosmos 1.11 or newer. `pulse schedule airflow`, one task without Cosmos, does all of it too.
"""

<<imports>>from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, TestBehavior

<<dag>>    snapshots = DbtTaskGroup(
        group_id="snapshots",
        project_config=ProjectConfig(<<root>>),
        profile_config=ProfileConfig(
            profile_name=<<profile>>,
            target_name=<<target>>,
            profiles_yml_filepath=<<profiles_file>>,
        ),
        # the relations that segments read are built by your own tasks, before these
        render_config=RenderConfig(select=["tag:pulse"], test_behavior=TestBehavior.NONE),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.WATCHER,
            dbt_executable_path=<<dbt>>,
        ),
        operator_args={"vars": {"pulse_from": DAY, "pulse_to": DAY}},
    )
    rest = BashOperator(
        task_id="pulse_rest",
        cwd=<<root>>,
        bash_command=<<command>> + DAY,
    )
    snapshots >> rest
'''


def airflow(plan: Plan) -> dict[str, str]:
    """Return a DAG with one task."""
    return {"pulse_dag.py": fill(ONE_TASK, **_values(plan))}


def cosmos(plan: Plan) -> dict[str, str]:
    """Return a DAG in which Cosmos builds and one task judges and tells."""
    values = _values(plan, "--no-build")
    values["profile"], values["target"] = _text(plan.profile), _text(plan.target)
    values["profiles_file"] = _text(str(plan.profiles_file or plan.root / "profiles.yml"))
    values["dbt"] = _text(str(Path(plan.command[0]).with_name("dbt")))
    return {"pulse_cosmos_dag.py": fill(COSMOS, **values)}


def _values(plan: Plan, *flags: str) -> dict[str, object]:
    back = ".subtract(days=1)" if plan.day == "yesterday" else ""
    first = f"{plan.first_day.year}, {plan.first_day.month}, {plan.first_day.day}"
    dag = fill(DAG, zone=plan.zone, back=back, minute=plan.minute, hour=plan.hour, first=first)
    command = f"{plan.shell('run', *flags, '--since-last-run', '--fail-on', 'high')} --date "
    return {"imports": IMPORTS, "dag": dag, "root": _text(str(plan.root)), "command": _text(command)}


def _text(text: str) -> str:
    return python_list([text])[1:-1]
