"""Day by day through the commands that a scheduler and a person give, in one process, while Pulse's clock shows the next morning."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import duckdb

from benchmarks.year.definitions import variables
from benchmarks.year.faults import Fault, fault_of
from benchmarks.year.shop import FIRST, Shop
from tests.python.alert.servers import Web, web_server
from tests.python.soak.at import READERS, shifted

RUN_AT = timedelta(days=1, hours=6, minutes=30)  # the run of a day starts the morning after it
TAKEN_AFTER = (1, 2, 3, 5)  # days until the owner acknowledges, drawn per cause


@dataclass
class Year:
    """The shop with its faults; what was done is in `progress.jsonl`, a line a day, so that it can go on after a stop."""

    shop: Shop
    faults: Sequence[Fault]
    seed: int

    @property
    def done(self) -> list[dict[str, object]]:
        """Return what is known of each day that was run."""
        path = self.shop.folder / "progress.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

    def run(self, days: int) -> None:
        """Run the days that are not done yet."""
        with web_server() as web, _environment(web):
            for n in range(len(self.done), days):
                self._day(web, FIRST + timedelta(days=n))

    def _day(self, web: Web, day: date) -> None:
        fault = fault_of(self.faults, day)
        self.shop.load(day, fault)
        before, started = len(web.got), time.monotonic()
        clock = datetime.combine(day, datetime.min.time(), UTC) + RUN_AT
        whole = self._builds(day)
        if not whole:
            self.shop.snapshot(day)
        options = ["--yes"] if whole else ["--no-build"]  # the first run makes the days that detectors need
        code, said = pulse(self.shop, clock, "run", "--date", str(day), "--since-last-run", "--wait", "0", *options)
        seconds = time.monotonic() - started
        posts = len(web.got) - before
        with (self.shop.folder / "posts.jsonl").open("a") as file:
            file.writelines(
                json.dumps({"day": str(day), "path": g.path, "body": g.body}) + "\n" for g in web.got[before:]
            )
        taken = self._people(day, clock + timedelta(hours=3))
        note = {
            "day": str(day), "fault": fault.kind if fault else "", "code": code, "seconds": round(seconds, 1), "posts": posts,
            "taken": taken, "differs": self.shop.differing(day) if whole and not (fault and fault.model) else [],
        }  # fmt: skip
        with (self.shop.folder / "progress.jsonl").open("a") as file:
            file.write(json.dumps(note) + "\n")
        print(json.dumps(note), said[-1500:] if code not in (0, 1) or "Traceback" in said else "", flush=True)

    def _builds(self, day: date) -> bool:
        """Say whether dbt itself has to run: on the first day, and while the project is broken, up to the day of its repair."""
        return day == FIRST or any(f.model and f.covers(day, 1) for f in self.faults)

    def _people(self, day: date, clock: datetime) -> list[str]:
        """Let owners acknowledge what they were told of some days ago, the whole cause at once."""
        names = [
            name for name, group, told in _waiting(self.shop) if (clock.date() - told.date()).days >= patience(self.seed, group)
        ]  # fmt: skip
        if names:
            code, said = pulse(self.shop, clock, "incidents", "acknowledge", *names, "--by", "owner")
            if code:
                print(f"{day} acknowledge {names}: {said[-500:]}", flush=True)
        return names


def patience(seed: int, group: str) -> int:
    """Return after how many days a cause is acknowledged.

    >>> patience(1, "6b2804ee60448367") in TAKEN_AFTER
    True
    """
    return TAKEN_AFTER[int(hashlib.sha256(f"{seed} {group}".encode()).hexdigest(), 16) % len(TAKEN_AFTER)]


def pulse(shop: Shop, clock: datetime, *arguments: str) -> tuple[int, str]:
    """Give the command `pulse` in this process; return its exit code and all that it said."""
    moved = shifted(clock - datetime.now(UTC))
    for name in READERS:
        import_module(f"pulse_runner.{name}").datetime = moved  # type: ignore[attr-defined]
    from pulse_runner.cli import main
    from pulse_runner.warehouse.project import read_project

    read_project.cache_clear()
    said, argv = io.StringIO(), sys.argv
    sys.argv = ["pulse", "--project-dir", str(shop.root), *arguments]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        return (end.code if isinstance(end.code, int) else 1 if end.code else 0), said.getvalue()
    finally:
        sys.argv = argv
    return 0, said.getvalue()


def _waiting(shop: Shop) -> list[tuple[str, str, datetime]]:
    """Return open incidents that somebody was told of: name, cause, and when the first message of the cause went out."""
    with duckdb.connect(str(shop.file), read_only=True) as connection:
        found: list[tuple[str, str, datetime]] = connection.execute(
            "with told as (select i.group_key, min(d.sent_at) as sent_at from pulse_alert_deliveries as d"
            " inner join pulse_incidents as i on i.incident_id = d.incident_id where d.status = 'sent' group by i.group_key)"
            " select concat('INC-', i.number), i.group_key, told.sent_at from pulse_incidents as i"
            " inner join told on told.group_key = i.group_key where i.status = 'open' order by i.number"
        ).fetchall()
    return found


@contextlib.contextmanager
def _environment(web: Web) -> Iterator[None]:
    """Give the targets' addresses, and nothing else of Pulse's, to what runs in the block."""
    before = dict(os.environ)
    for name in [n for n in before if n.startswith(("PULSE_", "DBT_", "OPENAI_", "RESEND_"))]:
        del os.environ[name]
    os.environ.update({name: f"{web.base}{path}" for name, path in variables().items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
