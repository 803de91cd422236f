"""Shell completion: incidents, segments and owners by name, and `pulse completion`, which prints the script."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from pulse_runner.cli.context import PulseContext

SHELLS = ("bash", "zsh", "fish")


def complete_incidents(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the incidents whose name or id begins so, the active ones first; nothing where they cannot be read."""
    with suppress(Exception):  # a shell that completes has no place for an error
        from pulse_runner.incidents.store import list_incidents

        with _context(ctx).warehouse() as warehouse:
            found = list_incidents(warehouse)
        begun = incomplete.lower()
        return [
            CompletionItem(name, help=f"{i.status}, {i.title}")
            for i in found
            for name in [i.incident_id if begun and i.incident_id.startswith(begun) else i.name]
            if name.lower().startswith(begun)
        ]
    return []


def complete_segments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the defined segments whose name begins so; nothing where the definitions cannot be read."""
    with suppress(Exception):  # a shell that completes has no place for an error
        found = _context(ctx).project().segments.values()
        return [CompletionItem(s.name, help=s.label or None) for s in found if s.name.startswith(incomplete)]
    return []


def complete_owners(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the owners of segments whose name begins so; nothing where the definitions cannot be read."""
    with suppress(Exception):
        found = sorted({s.owner for s in _context(ctx).project().segments.values()})
        return [CompletionItem(owner) for owner in found if owner.startswith(incomplete)]
    return []


def _context(ctx: click.Context) -> PulseContext:
    """Return Pulse's context; while a shell completes, the group's own function has not run."""
    root = ctx.find_root()
    if isinstance(root.obj, PulseContext):
        return root.obj
    start = root.params.get("project_dir") or os.environ.get("PULSE_PROJECT_DIR") or Path.cwd()
    target = root.params.get("target") or os.environ.get("PULSE_TARGET")
    return PulseContext(start=Path(start).resolve(), target=target, env=os.environ)


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, segments and incidents in a shell.

    \b
    Example:
      pulse completion bash > ~/.local/share/bash-completion/completions/pulse
      pulse completion fish > ~/.config/fish/completions/pulse.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "pulse", "_PULSE_COMPLETE").source())
