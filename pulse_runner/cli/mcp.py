"""`pulse mcp`."""

from __future__ import annotations

import click

from pulse_runner.cli.context import PulseContext, pass_pulse


@click.command("mcp")
@pass_pulse
def mcp_command(pulse: PulseContext) -> None:
    """Let an assistant ask Pulse: a read-only MCP server over stdin and stdout.

    It returns aggregates, never a row; small groups are left out. An assistant starts it itself: give it this command.

    \b
    Example:
      pulse --project-dir audiences mcp
    """
    from pulse_runner import __version__
    from pulse_runner.explain.stage import smallest_bucket
    from pulse_runner.mcp import Answers, serve

    pulse.project()  # a mistake in the definitions is said here, not to the assistant
    answers = Answers(pulse.warehouse, pulse.project, lambda: pulse.today, pulse.root, smallest_bucket(pulse.env))
    serve(answers, __version__)
