"""Every command explains itself, and the reference says the same."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from pulse_runner.cli import COMMANDS, cli
from pulse_runner.cli.reference import walk

ROOT = Path(__file__).parents[3]
ALL = [(path, command) for path, command in walk(cli, ("pulse",))]


def test_the_commands_of_the_design_are_all_there() -> None:
    assert list(COMMANDS) == [
        "init", "upgrade", "uninstall", "demo", "doctor", "compile", "segments", "snapshot", "snapshots", "reach", "detect", "explain", "alert",
        "run", "incidents", "silences", "known-events", "backtest", "tune", "report", "prune", "listen", "mcp", "schedule", "completion",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_says_what_it_does_and_shows_an_example(path: tuple[str, ...], command: click.Command) -> None:
    text = command.help or ""
    assert text.split("\n")[0].rstrip().endswith((".", ":")), f"{path}: the first line is one sentence"
    assert "Example:" in text
    assert f"  {path[0]} " in text.split("Example:")[1]
