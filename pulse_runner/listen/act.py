"""Carry a request out: the verbs by the same code as the command line, each delivery id once.

What was done is a row of `pulse_runs` (stage `listen`), written in the transaction of what it did. So a repeat finds it after
a restart too, and from another machine. A snapshot is not made here: the request is a row of the stage `asked`, and the next
`pulse run --since-last-run` makes that date again. So this server starts no dbt and needs no right to build.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from pulse_runner.catch_up import AGAIN_DAYS, ASKED
from pulse_runner.errors import UsageError
from pulse_runner.incidents.handle import Asked, handle
from pulse_runner.listen.request import Request
from pulse_runner.warehouse.base import Warehouse

STAGE = "listen"


@dataclass(frozen=True)
class Done:
    """What a request did, in a line per incident; `is_repeat` when it was done before and nothing happened now."""

    lines: tuple[str, ...]
    is_repeat: bool = False


class OtherRequestError(Exception):
    """The delivery id was used for another request."""


def carry_out(warehouse: Warehouse, request: Request, today: date, now: datetime) -> Done:
    """Do what is asked, once; raise UsageError where it makes no sense, OtherRequestError where the id is taken."""
    content = sha256(request.model_dump_json().encode()).hexdigest()
    run_id = sha256(f"{STAGE}|{request.id}".encode()).hexdigest()[:32]
    with warehouse.transaction():
        warehouse.turn(STAGE)
        known = warehouse.query(
            f"select counts, message from {warehouse.table('pulse_runs')} where run_id = ?", [run_id]
        )
        if known:
            before = json.loads(known[0]["counts"])
            if before["content"] != content:
                raise OtherRequestError
            return Done(tuple(known[0]["message"].splitlines()), is_repeat=True)
        if request.date is not None:
            lines = _ask(warehouse, request.date, today, run_id, now)
        else:
            lines = _handle(warehouse, request, today, now)
        row = _row(run_id, STAGE, today, now)
        row["counts"] = json.dumps({"verb": request.verb, "by": request.by, "content": content})
        row["message"] = "\n".join(lines)
        warehouse.replace("pulse_runs", ["run_id"], [row])
    return Done(lines)


def _handle(warehouse: Warehouse, request: Request, today: date, now: datetime) -> tuple[str, ...]:
    asked = Asked(
        request.verb, request.incidents, f"{request.by} (pulse listen)", request.note, request.group,
        until=request.until, as_new_normal=request.as_new_normal,
    )  # fmt: skip
    return tuple(one.sentence() for one in handle(warehouse, asked, today, now))


def _ask(warehouse: Warehouse, day: date, today: date, run_id: str, now: datetime) -> tuple[str, ...]:
    if not today - timedelta(days=AGAIN_DAYS) < day <= today:
        raise UsageError(f"{day} is not one of the last {AGAIN_DAYS} days, which may be asked for.")
    row = _row(f"{ASKED}-{run_id[:24]}", ASKED, day, now)
    warehouse.replace("pulse_runs", ["run_id"], [row])
    return (f"{day}: asked for; the next `pulse run --since-last-run` makes it again",)


def _row(run_id: str, stage: str, day: date, now: datetime) -> dict[str, object]:
    at = now.replace(tzinfo=None, microsecond=0)
    return {
        "run_id": run_id, "stage": stage, "from_date": day, "to_date": day, "started_at": at, "finished_at": at,
        "seconds": 0.0, "outcome": "ok", "counts": "{}", "message": "",
    }  # fmt: skip
