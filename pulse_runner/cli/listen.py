"""`pulse listen`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import click

from pulse_runner.cli.context import PulseContext, pass_pulse


@click.command("listen")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@pass_pulse
def listen_command(pulse: PulseContext, host: str, port: int) -> None:
    """Let a program acknowledge, resolve and ignore incidents, and ask for a snapshot, over signed HTTP.

    PULSE_LISTEN_SECRET is the key of the signatures. docs/listen.md says what a request looks like.

    \b
    Example:
      pulse --project-dir audiences listen --port 8787
    """
    from pulse_runner.alert.channels.base import secret
    from pulse_runner.listen.server import Listener, check_secret, serve

    def moment() -> PulseContext:
        return replace(pulse, now=datetime.now(UTC).replace(microsecond=0))

    _ = pulse.root  # a folder without a project is said now, not to who asks
    key = check_secret(secret(pulse.env, "PULSE_LISTEN_SECRET"))
    serve(Listener(key, lambda: moment().warehouse(), lambda: moment().today, pulse.log), host, port)
