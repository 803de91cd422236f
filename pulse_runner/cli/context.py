"""What every command needs: the project folder, the clock, the warehouse, and one way to print rows."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pulse_runner.cli.terminal import fitted, left_out, painted, width, wrapped
from pulse_runner.errors import UsageError
from pulse_runner.warehouse.base import Warehouse

if TYPE_CHECKING:
    from pulse_runner.segments.model import Project
    from pulse_runner.segments.schema import Schema

WAIT = 600.0  # seconds
F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class PulseContext:
    """One invocation of `pulse`: `start` is where to look for the dbt project, `now` is in UTC."""

    start: Path
    target: str | None = None
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    @cached_property
    def root(self) -> Path:
        """Return the dbt project's folder; raise UsageError when there is none (so commands that need none still work)."""
        return find_root(self.start)

    @property
    def today(self) -> date:
        """Return the current calendar day where the project's var `pulse_timezone` says it is."""
        return self._local().date()

    @property
    def present(self) -> date:
        """Return the day that relations without history show now: `today`, or the day before until the var `pulse_day_ends_at`."""
        from pulse_runner.snapshot.days import present_day
        from pulse_runner.warehouse.project import project_vars

        return present_day(self._local(), project_vars(self.root))

    def _local(self) -> datetime:
        from pulse_runner.warehouse.project import time_zone

        return self.now.astimezone(time_zone(self.root))

    def past(self, day: date) -> date:
        """Return a day that has come; raise UsageError for one that lies in the future."""
        if day > self.today:
            raise UsageError(f"{day} has not come yet: today is {self.today}.", "Give a date up to today.")
        return day

    @property
    def schema(self) -> Schema:
        """Return the shape of the definition files, with what detectors, channels and the project add to it."""
        from pulse_runner.plugins import schema_of

        return schema_of(self.root, self.target)

    def project(self) -> Project:
        """Return the checked definitions; raise DefinitionError with every problem of every file."""
        from pulse_runner.segments.load import load_project

        return load_project(self.root, self.schema)

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """Open the warehouse of the profile for the time of the block; raise WarehouseError when it cannot be reached."""
        from pulse_runner.warehouse.connection import connect
        from pulse_runner.warehouse.dbt import ensure_manifest

        ensure_manifest(self.root, self.target)
        warehouse = connect(self.root, target=self.target)
        try:
            yield warehouse
        finally:
            warehouse.close()

    @contextmanager
    def alone(self, day: date, command: str, wait: float = WAIT, strangers: bool = False) -> Iterator[None]:
        """Be the only command of the project that writes while the block runs; wait for another one, and say for whom.

        With `strangers`, wait for whoever else has the DuckDB file open, too: a schedule has the time, a person at a
        terminal is told at once.
        """
        from pulse_runner.warehouse.lease import lease_seconds
        from pulse_runner.warehouse.lock import run_lock

        seconds = lease_seconds(self.env.get("PULSE_LEASE_SECONDS", ""))
        with run_lock(
            self.root, self.target, day, command, wait=wait, seconds=seconds, strangers=strangers, say=self.log
        ):
            yield

    def echo_rows(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], fmt: str = "table") -> None:
        """Print rows on stdout as an aligned table, a JSON array or CSV."""
        click.echo(format_rows(rows, columns, fmt, width()))

    def log(self, text: str) -> None:
        """Say something about the work on stderr, so that stdout stays data."""
        click.echo(text, err=True)


pass_pulse = click.make_pass_decorator(PulseContext)


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that holds dbt_project.yml; raise UsageError when there is none."""
    for folder in (start, *start.parents):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise UsageError(
        f"No dbt_project.yml in {start} or above it.",
        "Go to your Pulse project, name it with --project-dir, or make one with `pulse init DIR`.",
    )


def format_option(command: F) -> F:
    """Add --format table|json|csv to a command that prints rows."""
    option = click.option(
        "--format",
        "fmt",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="How rows are printed on stdout.",
    )
    return option(command)


class DayType(click.ParamType[date]):
    """A calendar day as YYYY-MM-DD, or `today` / `yesterday` in the project's time zone."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        if value in ("today", "yesterday"):
            today = ctx.find_object(PulseContext).today if ctx else datetime.now(UTC).date()  # type: ignore[union-attr]
            return today if value == "today" else date.fromordinal(today.toordinal() - 1)
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write YYYY-MM-DD, today or yesterday.", param, ctx)


DAY = DayType()


def format_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], fmt: str, room: int | None = None) -> str:
    """Return rows as text. A table fits into `room` characters, where that is given.

    >>> print(format_rows([{"segment_id": "vip", "size": 1200}], ["segment_id", "size"], "table"))
    segment_id   size
    ----------  -----
    vip         1,200
    """
    if fmt == "json":
        return json.dumps([{c: row.get(c) for c in columns} for row in rows], indent=2, default=str, ensure_ascii=False)
    if fmt == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if row.get(c) is None else row.get(c) for c in columns] for row in rows])
        return out.getvalue().rstrip("\n")
    if not rows:
        return "(no rows)"
    return _table(rows, list(columns), room)


def _table(rows: Sequence[Mapping[str, Any]], columns: list[str], room: int | None) -> str:
    """Return rows as an aligned table; in `room` characters texts are wrapped, and details are left out where that is not enough."""
    widths = {c: max(len(c), *(len(_cell(row.get(c))) for row in rows)) for c in columns}
    gone = left_out(widths, room) if room is not None else []
    shown = [c for c in columns if c not in gone]
    right = [all(isinstance(row.get(c), int | float | type(None)) for row in rows) for c in shown]
    wide = [widths[c] for c in shown]
    if room is not None:
        wide = fitted(wide, room)

    def line(values: Sequence[str]) -> str:
        parts = [painted(v.rjust(w) if r else v.ljust(w), v) for v, w, r in zip(values, wide, right, strict=True)]
        return "  ".join(parts).rstrip()

    def lines(values: Sequence[str]) -> list[str]:
        cells = [wrapped(v, w) if len(v) > w else [v] for v, w in zip(values, wide, strict=True)]
        return [line(values) for values in zip_longest(*cells, fillvalue="")]

    out = [*lines(shown), "  ".join("-" * w for w in wide)]
    for row in rows:
        out += lines([_cell(row.get(c)) for c in shown])
    if gone:
        out.append(f"({', '.join(gone)} left out to fit; --format json has all)")
    return "\n".join(out)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value).replace("\n", " ")


def is_interactive() -> bool:
    """Say whether stderr is a terminal that can redraw a line."""
    return sys.stderr.isatty()
