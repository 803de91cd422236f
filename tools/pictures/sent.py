"""What the demo's alerts really are: `pulse` runs on a copy of the demo, and servers on loopback keep what they get."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.python.alert.servers import Answer, Web, web_server

DEMO = Path(__file__).parents[2] / "demo"
INCIDENT = "INC-5"  # the segment that fell
LAST_DAY = "2026-05-31"
NOW = "2026, 6, 1, 6, 30, tzinfo=timezone.utc"  # the demo's clock stands still
COLUMNS = 100
# one route with every channel, so that all pictures show the same message
ROUTES = """
routes:
  growth:
    channels:
      - {channel: slack, url_env: PULSE_SLACK_WEBHOOK}
      - {channel: teams, url_env: PULSE_TEAMS_WEBHOOK}
      - {channel: email, to: [growth@example.com]}
      - {channel: n8n, url_env: PULSE_N8N_URL, secret_env: PULSE_N8N_SECRET}
      - {channel: pagerduty, key_env: PULSE_PAGERDUTY_KEY}
      - {channel: console}
"""
PULSE = f"""
import sys
from datetime import datetime, timezone
import pulse_runner.cli.context as context

class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime({NOW})

context.datetime = Clock
from pulse_runner.cli import main
sys.argv[0] = "pulse"
main()
"""


@contextmanager
def shop() -> Iterator[Path]:
    """Yield a copy of the demo that was run, its alerts not told to anybody."""
    if not (DEMO / "pulse.duckdb").is_file():
        raise SystemExit("The demo has not been run: `make demo`.")
    with TemporaryDirectory(prefix="pulse-pictures-") as folder:
        copy = Path(folder) / "demo"
        shutil.copytree(DEMO, copy, symlinks=True)
        packages = copy / "packages.yml"
        packages.write_text(packages.read_text(encoding="utf-8").replace("../", f"{DEMO.parent}/"), encoding="utf-8")
        yield copy


def pulse(root: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Return what a command prints on a terminal of a hundred columns; its log and progress are left out."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    path = f"{DEMO.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    full = {**os.environ, "PYTHONPATH": path, "TERM": "xterm", "COLUMNS": str(COLUMNS), **(env or {})}
    process = subprocess.Popen(
        [sys.executable, "-c", PULSE, *arguments], cwd=root, env=full, stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            got = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not got:
            break
        said += got
    os.close(ours)
    process.wait()
    text = said.decode()
    if process.returncode not in (0, 3):
        raise SystemExit(f"pulse {' '.join(arguments)} ended with {process.returncode}:\n{text}")
    return text


def messages(root: Path) -> dict[str, Any]:
    """Send the message about the segment that fell through every channel; return what each got: bodies, and the console's text."""
    (root / "segments" / "routes.yml").write_text(ROUTES, encoding="utf-8")
    for path in (root / "segments").glob("*.yml"):  # the other segments' routes are not there
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("[lifecycle]", "[growth]").replace("[partnerships]", "[growth]"), encoding="utf-8")
    with web_server() as web:
        web.answers = [Answer(202, "ok")]
        env = {
            "PULSE_SLACK_WEBHOOK": f"{web.base}/slack", "PULSE_TEAMS_WEBHOOK": f"{web.base}/teams",
            "PULSE_N8N_URL": f"{web.base}/n8n", "PULSE_N8N_SECRET": "secret", "PULSE_PAGERDUTY_KEY": "key",
            "PULSE_PAGERDUTY_URL": web.base, "RESEND_API_KEY": "key", "RESEND_API_URL": web.base,
            "PULSE_EMAIL_FROM": "pulse@example.com", "PULSE_REPORT_URL": "https://pulse.example.com/report.html#incident-{incident}",
        }  # fmt: skip
        command = ("alert", "--date", LAST_DAY, "--incident", INCIDENT)
        said = pulse(root, *command, env=env)
        return {**{got.path.split("/")[1]: json.loads(got.body) for got in _in_order(web)}, "console": said}


def _in_order(web: Web) -> list[Any]:
    return sorted(web.got, key=lambda got: got.path)
