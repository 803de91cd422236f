"""What a scheduler's files are made from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True)
class Plan:
    """One run a day of one project: where it is, how it is started there, when, and what it needs."""

    root: Path
    command: tuple[str, ...]
    """How `pulse` is called on this machine, with whole paths: a scheduler's PATH is short."""
    hour: int
    minute: int
    zone: str
    day: Literal["yesterday", "today"]
    utc: tuple[int, int]
    """The same time of day in UTC, as it is now."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Settings of this shell that a run needs too: where profiles.yml is, and the target."""
    secrets: tuple[str, ...] = ()
    """Variables that the profile and the routes read."""
    profile_secrets: tuple[str, ...] = ()
    """Those of them that the profile reads."""
    requirements: tuple[str, ...] = ()
    """What pip installs where nothing is installed yet."""
    folder: str = "."
    """The project's folder inside its git repository."""
    profile: str = "pulse"
    target: str = "default"
    profiles_file: Path | None = None
    first_day: date = date(2026, 1, 1)
    """The day on which the files are made: a scheduler that catches up begins there."""

    @property
    def time(self) -> str:
        """Return the time of day as people write it."""
        return f"{self.hour:02d}:{self.minute:02d}"

    def shell(self, *arguments: str) -> str:
        """Return a call of pulse for a shell, with the settings that it needs in front."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in sorted(self.environment.items())]
        return " ".join([*settings, *map(shlex.quote, (*self.command, *arguments))])


class Scheduler(Protocol):
    """A scheduler that files can be printed for."""

    def __call__(self, plan: Plan) -> dict[str, str]:
        """Return the text of every file by its name."""
        ...


def run_arguments(day: str, *more: str) -> tuple[str, ...]:
    """Return the arguments of the daily run."""
    return ("run", "--date", day, "--since-last-run", *more)


def fill(text: str, **values: object) -> str:
    """Return a text with `<<name>>` replaced; every mark must have a value.

    >>> fill("at <<hour>>", hour=6)
    'at 6'
    """
    return re.sub(r"<<(\w+)>>", lambda mark: str(values[mark[1]]), text)


def python_list(items: Sequence[str]) -> str:
    """Return a list of strings as Python source with double quotes."""
    return "[" + ", ".join('"' + i.replace("\\", "\\\\").replace('"', '\\"') + '"' for i in items) + "]"
