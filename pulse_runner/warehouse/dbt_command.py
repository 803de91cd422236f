"""dbt as a command of its own: how the runner works with dbt v2, which is a program without a Python interface.

The variable PULSE_DBT names the command. What it logs as JSON has the events of dbt 1, under the same names; how each
node went is read from run_results.json, which every version writes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulse_runner.errors import UsageError
from pulse_runner.warehouse.manifest import target_folder

VARIABLE = "PULSE_DBT"
TAIL = 5  # lines of dbt's output that say why it did not run
NO_REASON = ("", "Compilation Error")

Node = tuple[str, str, str]  # name, status, message


def named_command() -> str | None:
    """Return the dbt command that PULSE_DBT names, None when dbt runs in this process; raise UsageError when there is none."""
    named = os.environ.get("PULSE_DBT")
    if not named:
        return None
    found = shutil.which(named)
    if found is None:
        raise UsageError(
            f"{VARIABLE} names {named!r}, which is no command here. Give the path of a dbt command, or unset it."
        )
    return str(Path(found).absolute())


def command_version(command: str) -> str:
    """Return what the command says of its version; raise UsageError when it does not answer as dbt does."""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"dbt-core (\S+)|installed: +(\S+)", done.stdout + done.stderr)
    if done.returncode or found is None:
        raise UsageError(f"{VARIABLE} names {command!r}, which does not answer `--version` as dbt does.")
    return f"dbt-core {found[1] or found[2]} ({VARIABLE})"


def run_command(
    command: str, args: Sequence[str], root: Path, on_event: Callable[[str, str, Mapping[str, Any]], None]
) -> tuple[bool, list[Node], str]:
    """Run the command; return whether it succeeded, its nodes, and why it did not run, as far as it said so.

    `on_event` gets the name, the text and the data of each event while dbt runs. An interrupt ends dbt too.
    """
    results = target_folder(root) / "run_results.json"
    before = _written(results)
    process = subprocess.Popen(
        [command, *args, "--log-format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=root,
    )
    errors: list[str] = []
    rest: list[str] = []
    try:
        for name, text, data, level in _events(process.stdout or ()):
            if name:
                on_event(name, text, data)
            (errors if level == "error" else rest).append(text)
        succeeded = process.wait() == 0
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    nodes = _nodes(results, errors) if _written(results) != before else []
    return succeeded, nodes, "\n".join((errors or rest)[-TAIL:])


def _events(lines: Iterator[str] | Sequence[str]) -> Iterator[tuple[str, str, Mapping[str, Any], str]]:
    """Yield (name, text, data, level) of each line; a line that is not an event has its text only."""
    for line in lines:
        try:
            event = json.loads(line)
            info = event["info"]
            yield str(info["name"]), str(info["msg"]).strip(), event.get("data") or {}, str(info["level"])
        except (ValueError, KeyError, TypeError):
            if line.strip():
                yield "", line.strip(), {}, ""


def _nodes(path: Path, errors: Sequence[str]) -> list[Node]:
    """Read how each node went. dbt v2 says of some only that they failed; what it logged of them says why."""
    nodes = []
    for result in json.loads(path.read_text(encoding="utf-8"))["results"]:
        name, message = str(result["unique_id"]).split(".")[2], str(result.get("message") or "").strip()
        if message in NO_REASON:
            message = next((e for e in errors if f"/{name}." in e or f".{name} " in e), message)
        nodes.append((name, str(result["status"]), message))
    return nodes


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0
