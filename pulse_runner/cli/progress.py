"""Show progress of long steps on stderr: a bar on a terminal, a line per tenth elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from pulse_runner.cli.context import is_interactive
from pulse_runner.warehouse.dbt import Progress


@contextmanager
def progress(label: str) -> Iterator[Callable[[Progress], None]]:
    """Yield a callback for `run_dbt`; days of snapshots and nodes of the build each move the display."""
    if is_interactive():
        yield from _bar(label)
    else:
        yield _lines(label)


def _bar(label: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(30),
        TextColumn("{task.completed}/{task.total} {task.fields[what]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        nodes = bar.add_task(label, total=None, what="models")
        days: dict[str, int] = {}

        def show(step: Progress) -> None:
            if step.day is None:
                bar.update(nodes, completed=step.done, total=step.total, what=step.what)
                return
            key = int(days.setdefault(step.what, -1))
            if key == -1:
                days[step.what] = key = int(bar.add_task(f"  {step.what}", total=step.total, what=""))
            bar.update(bar.tasks[key].id, completed=step.done, total=step.total, what=str(step.day))

        yield show


def _lines(label: str) -> Callable[[Progress], None]:
    said: set[tuple[str, int]] = set()

    def show(step: Progress) -> None:
        if step.day is None or step.total < 5:
            return
        tenth = step.done * 10 // step.total
        if (step.what, tenth) not in said:
            said.add((step.what, tenth))
            click.echo(f"{label}: {step.what} {step.day} ({step.done} of {step.total})", err=True)

    return show
