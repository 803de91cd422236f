"""Where a size is heading: the next days with an interval, and when a creep will cross a threshold. Not a detector: it opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from pulse_runner.arrays import Floats, as_date, weekdays
from pulse_runner.detectors.engine.links import CountLink
from pulse_runner.detectors.engine.track import track
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import MetricPanel
from pulse_runner.vocabulary import percent

TREND_DAYS = 28
SURE = 2.58  # standard errors that a trend has to stand out before anything is said about crossing


@dataclass(frozen=True)
class Forecast:
    """The days ahead of one segment; arrays have one value per day. `crosses_on` is None without a clear trend."""

    segment_id: str
    dates: tuple[date, ...]
    expected: Floats
    lower: Floats
    upper: Floats
    trend: float
    crosses_on: date | None
    reason: str


def forecast(
    panel: MetricPanel, days: int = 7, threshold: float = 0.15, tuning: Tuning | None = None
) -> list[Forecast]:
    """Return the expected counts of the next `days` days with a 95 % interval, one Forecast per segment with enough history.

    The level is the median of the last week, the spread that of the engine; the trend is the slope of a robust line (Theil
    1950, Sen 1968) through the log counts of the last 28 days, less their weekdays, and is used only when it stands out. The
    interval grows with the horizon as a random walk does.

    >>> sizes = np.round(1000 * 0.995 ** np.arange(60))[None]
    >>> creep = MetricPanel("size", ("vip",), np.datetime64("2026-01-01") + np.arange(60), sizes)
    >>> (vip,) = forecast(creep, threshold=0.15)
    >>> round(vip.trend, 3), vip.crosses_on.isoformat()
    (-0.005, '2026-03-06')
    """
    if panel.denominator is not None:
        raise ValueError(f"{panel.metric} is a rate; forecasts are for counts.")
    tuning = tuning or Tuning()
    result = track(panel, 0, tuning)
    out = []
    for s, segment in enumerate(panel.segment_ids):
        seen = np.flatnonzero(result.usable[s])
        if len(seen) < 3 * 7:
            continue
        out.append(_one(panel, s, segment, seen, result.expected[s], result.spread[s], days, threshold))
    return out


def _one(
    panel: MetricPanel, s: int, segment: str, seen: np.ndarray[tuple[int], np.dtype[np.int64]], expected: Floats,
    spread: Floats, days: int, threshold: float,
) -> Forecast:  # fmt: skip
    link, last = CountLink(), len(panel.dates) - 1
    y = link.start(panel.numerator[s], None)
    # weekday offsets of the last six weeks, around each week's own mean
    recent = seen[seen > last - 42]
    centre = np.array([np.mean(y[recent[np.abs(recent - t) <= 3]]) for t in recent])
    weekday = weekdays(panel.dates)
    offset = np.array(
        [np.mean((y[recent] - centre)[weekday[recent] == d]) if (weekday[recent] == d).any() else 0.0 for d in range(7)]
    )
    window = seen[seen > last - TREND_DAYS]
    flat = y[window] - offset[weekday[window]]
    slope, error = _theil_sen(window.astype(float), flat)
    clear = abs(slope) > SURE * error
    trend = slope if clear else 0.0
    ahead = np.arange(1, days + 1)
    level = float(np.median((flat + trend * (last - window))[-7:]))
    dates = panel.dates[-1] + ahead
    mean = level + trend * ahead + offset[(weekday[-1] + ahead) % 7]
    sd = float(spread[seen[-1]])
    wide = 1.96 * np.sqrt(sd**2 + (error * ahead) ** 2 + (0.15 * sd) ** 2 * ahead)
    crosses = None
    if clear:
        # counted from the level four weeks ago
        moved, edge = trend * TREND_DAYS, np.log1p(np.sign(trend) * threshold)
        left = int(np.ceil((edge - moved) / trend))
        crosses = as_date(panel.dates[-1] + np.timedelta64(left, "D")) if 0 < left <= 90 else None
    said = f"moves by {np.expm1(trend) * 100:+.2f} % a day" if clear else "has no clear trend"
    ahead_text = (
        f"; on {crosses} it will be {percent(threshold, 0)} {'above' if trend > 0 else 'below'}"
        f" that of {as_date(panel.dates[max(last - TREND_DAYS, 0)])}"
        if crosses
        else ""
    )
    return Forecast(
        segment, tuple(as_date(d) for d in dates), link.mean(mean), link.mean(mean - wide), link.mean(mean + wide),
        float(np.expm1(trend)), crosses, f"Size {said}{ahead_text}.",
    )  # fmt: skip


def _theil_sen(x: Floats, y: Floats) -> tuple[float, float]:
    """Return the median slope and its standard error from the scatter around the line."""
    i, j = np.triu_indices(len(x), 1)
    slope = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    rest = y - slope * x
    sd = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    # neighbouring days share their noise: count every second one
    return slope, max(sd, 1e-6) * np.sqrt(2.0) / float(np.sqrt(((x - x.mean()) ** 2).sum()))
