"""Write docs/cli.md: `python -m pulse_runner.cli.reference > docs/cli.md`. A test fails when the file is stale."""

from __future__ import annotations

import click

from pulse_runner.cli import cli


def reference() -> str:
    """Return the help of every command as Markdown, in the order of the pipeline."""
    parts = [
        "# Commands\n\nGenerated from `--help` by `make docs`; do not edit.\n",
        "Exit codes: 0 done; 1 Pulse failed; 2 usage; 3 with `--fail-on`, incidents at or above that severity are open.\n",
    ]
    for path, command in _walk(cli, ("pulse",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=100, terminal_width=100)
        parts.append(f"## {' '.join(path)}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _walk(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None:
                found += _walk(sub, (*path, name))
    return found


if __name__ == "__main__":
    print(reference(), end="")
