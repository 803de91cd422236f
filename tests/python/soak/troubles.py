"""What goes wrong on a day. Each trouble starts `pulse run` while it lasts, and is over when it returns."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg2
from shop import Shop

from tests.python.alert.servers import Answer, Web

HOLD = """\
import sys, time, duckdb
with duckdb.connect(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""
FILL = 1 << 20  # bytes written at a time
ROOM = (0, 256 << 10, 2 << 20)  # bytes that a full disk still has


@dataclass
class Scene:
    """The shop on one day with its channels, and what a run of it takes."""

    shop: Shop
    web: Web
    rng: random.Random
    day: date
    clock: datetime
    seconds: float  # of an undisturbed run

    def run(self, clock: datetime | None = None) -> tuple[int, str]:
        """Run the day to its end; return exit code and output."""
        process = self.shop.start(self.day, clock or self.clock)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said


def kill(scene: Scene) -> tuple[int, str]:
    """Kill the run and all of its processes at a drawn moment, twice in a row in one case of three."""
    code, said = 0, ""
    for _ in range(scene.rng.choice((1, 1, 2))):
        process = scene.shop.start(scene.day, scene.clock)
        time.sleep(scene.seconds * scene.rng.uniform(0.1, 1.0))
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        code = process.returncode
    return code, said


def dead_channel(scene: Scene) -> tuple[int, str]:
    """Let every channel answer with an error of its server for this run, or hang up without an answer."""
    answer, before = scene.rng.choice((Answer(503, "no"), Answer(500, "no"), Answer(hang_up=True))), len(scene.web.got)
    scene.web.answers = [answer]
    try:
        return scene.run()
    finally:
        scene.web.answers = [Answer()]
        if not answer.hang_up:
            del scene.web.got[before:]  # what was refused did not arrive


def jumping_clock(scene: Scene) -> tuple[int, str]:
    """Run while the clock is wrong by two days to forty, into the past or the future."""
    return scene.run(scene.clock + timedelta(days=scene.rng.choice((-40, -9, -2, 2, 9, 40))))


def locked_file(scene: Scene) -> tuple[int, str]:
    """Run while a stranger's program holds the DuckDB file."""
    command = [sys.executable, "-c", HOLD, str(scene.shop.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        try:
            return scene.run()
        finally:
            stranger.kill()


def full_disk(scene: Scene) -> tuple[int, str]:
    """Run on a disk that a stranger's file has filled."""
    filler = scene.shop.root / "somebody_elses.bin"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * FILL)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        file.truncate(max(0, file.tell() - scene.rng.choice(ROOM)))
    try:
        return scene.run()
    finally:
        filler.unlink()


@contextmanager
def postgres(scene: Scene) -> Iterator[psycopg2.extensions.cursor]:
    """Open the warehouse as its administrator."""
    connection = psycopg2.connect(scene.shop.env["SOAK_ADMIN"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def locked_table(scene: Scene) -> tuple[int, str]:
    """Run while a stranger's transaction holds one of Pulse's tables; it ends in the middle of the run."""
    table = scene.rng.choice(("pulse_segment_snapshots", "pulse_incidents", "pulse_findings", "pulse_alert_deliveries"))
    with postgres(scene) as cursor:
        cursor.execute(f"begin; lock table {scene.shop.env['SOAK_SCHEMA']}.{table} in access exclusive mode")
        process = scene.shop.start(scene.day, scene.clock)
        time.sleep(scene.seconds * scene.rng.uniform(0.5, 1.5))
        cursor.execute("rollback")
    said, _ = process.communicate(timeout=600)
    return process.returncode, said


def revoked_privilege(scene: Scene) -> tuple[int, str]:
    """Run without one privilege on one of Pulse's tables."""
    table = scene.rng.choice(("pulse_incidents", "pulse_findings", "pulse_alert_deliveries", "pulse_runs"))
    privilege = scene.rng.choice(("insert", "delete", "select"))
    on = f"{privilege} on {scene.shop.env['SOAK_SCHEMA']}.{table}"
    with postgres(scene) as cursor:
        cursor.execute(f"revoke {on} from soak")
        try:
            return scene.run()
        finally:
            cursor.execute(f"grant {on} to soak")


Trouble = Callable[[Scene], tuple[int, str]]
EVERYWHERE: tuple[Trouble, ...] = (kill, dead_channel, jumping_clock)
TROUBLES: dict[str, tuple[Trouble, ...]] = {
    "duckdb": (*EVERYWHERE, locked_file, full_disk),
    "postgres": (*EVERYWHERE, locked_table, revoked_privilege),
}
