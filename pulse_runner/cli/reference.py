"""The text of docs/cli.md."""

from __future__ import annotations

import click

from pulse_runner.cli import cli

EXIT_CODES = """\
| exit code | meaning |
|---|---|
| 0 | done |
| 1 | Pulse failed: the warehouse or dbt refused, a file is held, tables are not there yet, models are stale, a model upstream failed |
| 2 | the call or the project's settings: a wrong option or date, an unknown segment, no such profile, no package, no such time zone |
| 3 | with `--fail-on`: incidents at or above that severity are open |
| 4 | everything is done, but an alert that is due has not arrived |
| 130 | stopped by Ctrl-C |

An error is on stderr: one line says what and where, the next one what to do.
"""


def reference() -> str:
    """Return the help of every command as Markdown, in the order of the pipeline."""
    parts = [
        "# Commands\n\nGenerated from `--help` by `make docs`; do not edit.\n",
        EXIT_CODES,
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
