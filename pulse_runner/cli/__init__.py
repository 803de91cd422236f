"""The command `pulse`: one file per command group, in the order of the pipeline."""

from __future__ import annotations

import os
from errno import EPIPE
from importlib import import_module
from pathlib import Path

import click

from pulse_runner import __version__
from pulse_runner.cli.context import PulseContext
from pulse_runner.errors import PulseError

# command -> module, attribute, one-line help: imported when called, because dbt takes a second to import
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("pulse_runner.cli.init:init_command", "Put Pulse into a dbt project, or make a new one."),
    "upgrade": ("pulse_runner.cli.upgrade:upgrade_command", "Bring a project's copy of the package up to date."),
    "uninstall": ("pulse_runner.cli.uninstall:uninstall_command", "Take Pulse out of a dbt project."),
    "demo": ("pulse_runner.cli.demo:demo_command", "Run the demo shop from seeds to alerts."),
    "doctor": ("pulse_runner.cli.doctor:doctor_command", "Check everything that a run needs and say what to fix."),
    "compile": ("pulse_runner.cli.compile:compile_command", "Turn segments/ into dbt models."),
    "segments": ("pulse_runner.cli.segments:segments_group", "List, show and edit segments."),
    "snapshot": ("pulse_runner.cli.snapshot:snapshot_command", "Snapshot the segments for a date or a range of dates."),
    "snapshots": ("pulse_runner.cli.snapshot:snapshots_group", "List and show snapshots."),
    "reach": ("pulse_runner.cli.reach:reach_command", "Show the way from the rule to the person, step by step."),
    "detect": ("pulse_runner.cli.detect:detect_command", "Run the detectors and update the incidents."),
    "explain": ("pulse_runner.cli.explain:explain_command", "Gather evidence and explain incidents."),
    "alert": ("pulse_runner.cli.alert:alert_command", "Tell the owners."),
    "run": (
        "pulse_runner.cli.run:run_command",
        "Do all of it for a date: compile check, build, detect, explain, alert.",
    ),
    "incidents": ("pulse_runner.cli.incidents:incidents_group", "List, show and handle incidents."),
    "silences": ("pulse_runner.cli.silences:silences_group", "Have nobody told of something for a while."),
    "known-events": (
        "pulse_runner.cli.known_events:known_events_group",
        "List known events and add public holidays to them.",
    ),
    "backtest": ("pulse_runner.cli.backtest:backtest_command", "Replay the detectors over history."),
    "tune": ("pulse_runner.cli.tune:tune_command", "Propose settings that would have spared false alarms."),
    "report": ("pulse_runner.cli.report:report_command", "Write the page that people look at, as one HTML file."),
    "prune": ("pulse_runner.cli.prune:prune_command", "Delete rows that are older than the project keeps them."),
    "listen": ("pulse_runner.cli.listen:listen_command", "Let a program handle incidents, over signed HTTP."),
    "mcp": ("pulse_runner.cli.mcp:mcp_command", "Let an assistant ask Pulse, read-only, over MCP."),
    "schedule": ("pulse_runner.cli.schedule:schedule_command", "Print a schedule for cron, Airflow or GitHub Actions."),
    "completion": ("pulse_runner.cli.completion:completion_command", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and turns Pulse's errors into text and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("Stopped.", err=True)
            ctx.exit(130)
        except PulseError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:  # a full disk, a file that may not be read or written
            if error.errno == EPIPE:
                raise  # whoever reads the output has gone: click ends quietly
            where = f" at {error.filename}" if error.filename else ""
            click.echo(
                f"Error: This machine refused{where}: {error.strerror or error}.\n"
                "  Mend that and run the same command again; what was done before is whole.",
                err=True,
            )
            ctx.exit(1)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise  # it shows the help
            command = error.ctx.command_path if error.ctx else ctx.command_path
            click.echo(f"Error: {error.format_message()}\n  `{command} --help` says what it takes.", err=True)
            ctx.exit(error.exit_code)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pulse")
@click.option(
    "--project-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="PULSE_PROJECT_DIR",
    help="The dbt project's folder; by default the nearest one from here upwards.",
)
@click.option("--target", envvar="PULSE_TARGET", help="The target of profiles.yml, as in dbt.")
@click.pass_context
def cli(ctx: click.Context, project_dir: Path | None, target: str | None) -> None:
    """Watch audience segments in your warehouse and tell their owners when one breaks.

    `pulse` alone says what needs attention today and what to do next.

    \b
    Example:
      pulse run --date yesterday
    """
    ctx.obj = PulseContext(start=(project_dir or Path.cwd()).resolve(), target=target, env=os.environ)
    if ctx.invoked_subcommand is None:
        from pulse_runner.cli.today import today

        today(ctx.obj)


def main() -> None:
    """Run `pulse`."""
    cli(prog_name="pulse")
