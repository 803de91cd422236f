"""`pulse schedule`: files for a scheduler; nothing is installed."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from pulse_runner import __version__
from pulse_runner.cli.context import PulseContext, pass_pulse
from pulse_runner.errors import PulseError
from pulse_runner.schedules import SCHEDULERS, Plan
from pulse_runner.warehouse.profile import plain_output
from pulse_runner.warehouse.project import is_embedded, profile_name, profiles_dir, target_name, time_zone
from pulse_runner.warehouse.secrets import profile_variables

Day = Literal["yesterday", "today"]


@click.command("schedule")
@click.argument("scheduler", type=click.Choice(list(SCHEDULERS)), default="cron")
@click.option("--at", default="06:30", show_default=True, help="Time of day, HH:MM, in the project's time zone.")
@click.option(
    "--day",
    type=click.Choice(["yesterday", "today"]),
    help="The date to snapshot. Yesterday, as loads finish overnight; today where an entity knows today only.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files into this folder instead of printing them.",
)
@pass_pulse
def schedule_command(pulse: PulseContext, scheduler: str, at: str, day: Day | None, into: Path | None) -> None:
    """Print the files of a daily run for a scheduler, or of the review of pull requests, ready to be put in place.

    \b
    Example:
      pulse schedule systemd --at 07:15 --into ~/.config/systemd/user
      pulse schedule github > .github/workflows/pulse.yml
      pulse schedule github-review > .github/workflows/pulse-review.yml
    """
    hours, _, minutes = at.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise click.BadParameter(f"{at!r} is not a time of day; write HH:MM.", param_hint="--at")
    plan = plan_of(pulse, int(hours), int(minutes), day)
    if scheduler.startswith("github") and is_embedded(pulse.root):
        pulse.log(
            "This project uses an embedded DuckDB file, which is gone when a GitHub job ends: give it a profile first."
        )
    files = SCHEDULERS[scheduler](plan)
    for name, text in files.items():
        if into is None:
            click.echo(f"# ---- {name} ----" if len(files) > 1 else "", nl=len(files) > 1)
            click.echo(text, nl=False)
            continue
        into.mkdir(parents=True, exist_ok=True)
        (into / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {into / name}")


def plan_of(pulse: PulseContext, hour: int, minute: int, day: Day | None) -> Plan:
    """Return what a scheduler has to know of this project, this machine and this shell."""
    zone = time_zone(pulse.root)
    now = pulse.now.astimezone(zone)
    utc = datetime(now.year, now.month, now.day, hour, minute, tzinfo=zone).astimezone(pulse.now.tzinfo)
    file = profiles_dir(pulse.root) / "profiles.yml"
    output = plain_output(file, profile_name(pulse.root), pulse.target) or {}
    environment = {n: pulse.env[n] for n in ("PULSE_TARGET", "DBT_TARGET") if pulse.env.get(n)}
    if pulse.target:
        environment["PULSE_TARGET"] = pulse.target
    if pulse.env.get("DBT_PROFILES_DIR"):
        environment["DBT_PROFILES_DIR"] = str(file.parent)
    return Plan(
        root=pulse.root,
        command=pulse_command(),
        hour=hour,
        minute=minute,
        zone=zone.key,
        day=day or usual_day(pulse),
        utc=(utc.hour, utc.minute),
        environment=environment,
        secrets=secrets_of(pulse, file),
        profile_secrets=tuple(sorted(profile_variables(file.read_text(encoding="utf-8")))),
        requirements=requirements_of(pulse.root, str(output.get("type", "duckdb"))),
        folder=folder_in_repository(pulse.root),
        profile=profile_name(pulse.root),
        target=target_name(pulse.root, pulse.target) or "default",
        profiles_file=file,
        first_day=now.date(),
    )


def pulse_command() -> tuple[str, ...]:
    """Return how this `pulse` is called with whole paths."""
    beside = Path(sys.executable).parent / "pulse"
    return (str(beside),) if beside.is_file() else (sys.executable, "-m", "pulse_runner")


def usual_day(pulse: PulseContext) -> Day:
    """Return today where an entity knows today only, else yesterday; also where the definitions cannot be read yet."""
    try:
        entities = pulse.project().entities.values()
    except PulseError:
        return "yesterday"
    return "today" if any(e.history.kind == "none" for e in entities) else "yesterday"


def secrets_of(pulse: PulseContext, profiles_file: Path) -> tuple[str, ...]:
    """Return the names of the variables that the profile and the channels read; the model's key is for who wants it.

    They are those of all channels, also of one that no route has yet: a route that is added later must not be silent.
    """
    from pulse_runner.alert.channels import CHANNELS
    from pulse_runner.alert.channels.base import variables_of

    names = {"OPENAI_API_KEY", *profile_variables(profiles_file.read_text(encoding="utf-8"))}
    names.update(v for channel in CHANNELS.values() for v in channel.variables)
    try:
        targets = [c for route in pulse.project().routes.values() for c in route.channels]
    except PulseError as error:
        pulse.log(f"segments/ cannot be read, so variables that only its routes name are not in the file: {error.what}")
        targets = []
    names.update(v for settings in targets for v in variables_of(CHANNELS[settings.channel], settings))
    return tuple(sorted(names))


def requirements_of(root: Path, kind: str) -> tuple[str, ...]:
    """Return what pip is to install: the project's own list where it names Pulse, else this version and the adapter."""
    own = root / "requirements.txt"
    if own.is_file() and re.search(r"^pulse[-_]runner\b", own.read_text(encoding="utf-8"), re.MULTILINE):
        return ("-r", "requirements.txt")
    adapter = () if kind in ("duckdb", "postgres") else (f"dbt-{kind}",)
    return (f'"pulse-runner=={__version__}"', *adapter)


def folder_in_repository(root: Path) -> str:
    """Return the project's folder inside its git repository, `.` where it is the repository or there is none."""
    found = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return root.relative_to(found).as_posix()
