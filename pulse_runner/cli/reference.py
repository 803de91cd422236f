"""The text of docs/cli.md."""

from __future__ import annotations

import click

from pulse_runner.cli import cli


def reference() -> str:
    """Return the help of every command as Markdown, in the order of the pipeline."""
    parts = [
        "# Commands\n\nGenerated from `--help` by `make docs`; do not edit.\n",
        "Exit codes: 0 done; 1 Pulse failed; 2 usage; 3 with `--fail-on`, incidents at or above that severity are open.\n",
    ]
    for path, command in walk(cli, ("pulse",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=100, terminal_width=100)
        parts.append(f"## {' '.join(path)}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def walk(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return a command and all below it, each with its path."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None:
                found += walk(sub, (*path, name))
    return found
