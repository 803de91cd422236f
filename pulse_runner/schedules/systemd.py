"""A service and a timer for systemd."""

from __future__ import annotations

from pulse_runner.schedules.base import Plan, fill, run_arguments

SERVICE = """\
# ~/.config/systemd/user/pulse.service, or /etc/systemd/system/pulse.service with a line User=
[Unit]
Description=Pulse: snapshots, incidents and alerts of <<name>>
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory=<<root>>
# secrets; the file may be missing
EnvironmentFile=-<<root>>/.env
<<environment>>ExecStart=<<command>>
TimeoutStartSec=4h
"""
TIMER = """\
# pulse.timer, beside pulse.service; then: systemctl --user enable --now pulse.timer
[Unit]
Description=Pulse, every day at <<time>> in <<zone>>

[Timer]
OnCalendar=*-*-* <<time>>:00 <<zone>>
# a machine that was off makes up for it when it is on again
Persistent=true

[Install]
WantedBy=timers.target
"""


def systemd(plan: Plan) -> dict[str, str]:
    """Return the two units. systemd reads % and $ itself, so both are doubled."""
    root = str(plan.root).replace("%", "%%")
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(plan.environment.items())
    )
    command = " ".join(_quoted(part, variables=True) for part in (*plan.command, *run_arguments(plan.day)))
    service = fill(SERVICE, name=plan.root.name.replace("%", "%%"), root=root, environment=environment, command=command)
    return {"pulse.service": service, "pulse.timer": fill(TIMER, time=plan.time, zone=plan.zone)}


def _quoted(text: str, *, variables: bool = False) -> str:
    """Return a word as systemd reads it; in commands a $ would be a variable."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    text = text.replace("$", "$$") if variables else text
    return f'"{text}"' if any(c in text for c in " \t'\"\\;") else text
