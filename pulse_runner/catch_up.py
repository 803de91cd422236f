"""Which dates a scheduled run is to do: those since the last run that went through."""

from __future__ import annotations

from datetime import date, timedelta

from pulse_runner.errors import NotBuiltError
from pulse_runner.warehouse.base import Warehouse

ASKED = "asked"  # the stage of a request to make a date again
AGAIN_DAYS = 14  # a date that something was blind on is made again for so long


def last_run(warehouse: Warehouse, day: date) -> date | None:
    """Return the latest date up to `day` that was judged and told, None when there is none.

    A run that failed on its way is not one: the last date of `detect` and of `alert`, the earlier of the two. Nor is a date whose
    last build left something blind because a node upstream failed, or that was asked for since: it is to be done again.
    """
    try:
        rows = warehouse.query(
            f"select stage, max(to_date) as day from {warehouse.table('pulse_runs')}"
            " where stage in ('detect', 'alert') and outcome = 'ok' and to_date <= ? group by stage",
            [day],
        )
    except NotBuiltError:
        return None
    if len(rows) < 2:
        return None
    last: date = min(row["day"] for row in rows)
    again = _first_again(warehouse, last)
    return min(last, again - timedelta(days=1)) if again else last


def _first_again(warehouse: Warehouse, last: date) -> date | None:
    """Return the first of the days before and with `last` whose latest build left something blind, or was before somebody asked."""
    oldest = last - timedelta(days=AGAIN_DAYS)
    is_due: dict[date, bool] = {}
    for row in warehouse.query(
        f"select stage, from_date, to_date, outcome, message from {warehouse.table('pulse_runs')} where stage in ('snapshot', ?)"
        " and to_date > ? order by finished_at, run_id",
        [ASKED, oldest],
    ):
        is_blind = row["outcome"] == "failed" and (row["message"] or "").startswith("upstream ")
        first = max(row["from_date"], oldest + timedelta(days=1))
        for n in range((min(row["to_date"], last) - first).days + 1):
            is_due[first + timedelta(days=n)] = row["stage"] == ASKED or is_blind
    return min((day for day, due in is_due.items() if due), default=None)


def first_missed(last: date | None, day: date) -> tuple[date | None, str]:
    """Return the first date to run so that none is left out up to `day` (None: nothing to do), and one line that says why.

    >>> first_missed(date(2026, 5, 28), date(2026, 5, 31))
    (datetime.date(2026, 5, 29), 'Catching up: the last run was of 2026-05-28, so 2026-05-29 to 2026-05-31 (3 days).')
    >>> first_missed(date(2026, 5, 31), date(2026, 5, 31))
    (None, 'Skipped: 2026-05-31 was run already. Leave out --since-last-run to run it again.')
    """
    if last is None:
        return day, f"There is no earlier run: only {day}. `pulse snapshot --from ... --to {day}` makes past days."
    if last >= day:
        return None, f"Skipped: {day} was run already. Leave out --since-last-run to run it again."
    first = last + timedelta(days=1)
    if first == day:
        return first, ""
    return first, f"Catching up: the last run was of {last}, so {first} to {day} ({(day - last).days} days)."
