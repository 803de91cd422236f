"""The constants of the engine: one set for all series of a metric, calibrated on simulated and on real series."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """One set for all metrics, unless a detector says otherwise."""

    # level.py
    gains: tuple[float, ...] = (0.02, 0.03, 0.08, 0.3, 0.9)  # of the level, one per filter
    returns: tuple[float, ...] = (0.0, 0.35, 0.0, 0.0, 0.0)  # gain of the part that returns to the level
    phi: float = 0.85  # how much of that part is left a day later
    forget: float = 0.97  # of the filters' past errors
    clip: float = 2.5  # an error teaches at most so many spreads
    # rhythm.py
    week_pace: float = 0.06
    # noise.py
    spread_pace: float = 0.02
    # surprise.py
    leaks: tuple[float, ...] = (0.0, 0.6, 0.85, 0.95)  # of the sums; 0 is the day on its own
    sum_clip: float = 4.0  # an error adds at most so many spreads to the sums
    usual_pace: float = 0.007
    looks: float = 0.8  # sets nominal p-values to how often a clean series really leaves its state in a day
    tail: float = 6.0  # heaviness of a day's own noise before its own tail is known, smaller is heavier
    share_down: float = 0.8  # of the false alarms that are spent on falls: they cost more, and are what breaks
    # episode.py
    accept_after: int = 14  # days until a new level is the baseline
    still_moving: float = 1.08  # unless the deviation still grows by more than this
    accept_latest: int = 28  # and even then
    close_at: float = 3.0  # evidence, as log likelihood ratio, that the series is back
    escalate: float = 5.0  # a second fault on top of the first has to stand out so far
    remember_old: int = 21  # days for which the level before an accepted one is no surprise
    min_history: int = 5
