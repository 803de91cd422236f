"""When a route may speak: quiet and business hours, and the times of digests. Pure: the clock is an argument, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pulse_runner.segments.routing import DigestTime, Hours
from pulse_runner.vocabulary import day_month

LOOK = 9  # days: a week, and the windows that reach over midnight


def quiet_until(hours: Hours, now: datetime) -> datetime | None:
    """Return when quiet hours that hold at `now` end (UTC); None where they do not hold.

    >>> from datetime import time
    >>> nights = Hours(time(20), time(7), tuple(range(7)), "Europe/Berlin")
    >>> quiet_until(nights, datetime(2026, 5, 15, 19, 30)), quiet_until(nights, datetime(2026, 5, 15, 12))
    (datetime.datetime(2026, 5, 16, 5, 0), None)
    """
    until = None
    for starts, ends in _windows(hours, now):
        if starts <= (until or now) < ends:
            until = ends
    return until


def closed_until(hours: Hours, now: datetime) -> datetime | None:
    """Return when business hours begin again (UTC); None within them.

    >>> from datetime import time
    >>> office = Hours(time(8), time(18), (0, 1, 2, 3, 4), "UTC")
    >>> closed_until(office, datetime(2026, 5, 15, 18)), closed_until(office, datetime(2026, 5, 15, 9))
    (datetime.datetime(2026, 5, 18, 8, 0), None)
    """
    windows = _windows(hours, now)
    if any(starts <= now < ends for starts, ends in windows):
        return None
    return min(starts for starts, _ in windows if starts > now)


def slot_of(digest: DigestTime, now: datetime) -> tuple[datetime, datetime]:
    """Return the last time of a digest up to `now`, and the next one (UTC).

    >>> from datetime import time
    >>> slot_of(DigestTime(time(8), "UTC", weekday=0), datetime(2026, 5, 15, 9))
    (datetime.datetime(2026, 5, 11, 8, 0), datetime.datetime(2026, 5, 18, 8, 0))
    """
    days = [d for d in _days(digest.zone, now) if digest.weekday in (None, d.weekday())]
    times = [_utc(datetime.combine(d, digest.at), digest.zone) for d in days]
    return max(t for t in times if t <= now), min(t for t in times if t > now)


def said(at: datetime, zone: str) -> str:
    """Write a time (UTC) where people are.

    >>> said(datetime(2026, 5, 16, 5), "Europe/Berlin")
    '07:00 on 16 May (Europe/Berlin)'
    """
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    return f"{local:%H:%M} on {day_month(local.date())} ({zone})"


def _windows(hours: Hours, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the windows around `now`, in order; one that ends at or before it starts ends on the next day."""
    over = timedelta(days=1 if hours.ends <= hours.starts else 0)
    return [
        (
            _utc(datetime.combine(d, hours.starts), hours.zone),
            _utc(datetime.combine(d + over, hours.ends), hours.zone),
        )
        for d in _days(hours.zone, now)
        if d.weekday() in hours.days
    ]


def _days(zone: str, now: datetime) -> list[date]:
    today = now.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
    return [today + timedelta(days=n) for n in range(-LOOK, LOOK + 1)]


def _utc(local: datetime, zone: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
