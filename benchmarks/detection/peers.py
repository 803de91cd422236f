"""Peers, from their documented formulas, each a causal score per day: (R, T) values in, (R, T) scores out, NaN while warming up.

- Elementary, `seasonality: day_of_week`: z-score against the last 14 days of the same weekday, today among them (dbt package
  `elementary`, get_anomaly_scores_query.sql); 3 by default.
- re_data, `z_score`: against the last 30 days, today among them (dbt package `re_data`, re_data_last_stats.sql); 3 by default.
- The 15 % rule: today against the mean of the seven days before.
- BOCPD: Adams and MacKay (2007), Gaussian with unknown mean and variance, hazard 1/250; the score is P(run length <= 5), 0.5.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import gammaln

from pulse_runner.arrays import Bools, Floats

RUNS = 200  # run lengths that BOCPD keeps


@dataclass(frozen=True)
class Peer:
    """A method with its shipped threshold and the thresholds among which one with a wanted rate of false alarms is looked for."""

    name: str
    score: Callable[[Floats], Floats]
    default: float
    grid: tuple[float, ...]

    def alarms(self, values: Floats, threshold: float) -> Bools:
        """Return the first day of each alarm: one in seven days."""
        with np.errstate(invalid="ignore"):
            return first_days(self.score(values) > threshold, 7)


def first_days(hit: Bools, gap: int) -> Bools:
    """Return the hits that have no reported one in the `gap` days before them."""
    out = np.zeros_like(hit)
    last = np.full(len(hit), -1000)
    for t in range(hit.shape[1]):
        new = hit[:, t] & (t - last > gap)
        out[:, t] = new
        last = np.where(new, t, last)
    return out


def _window(values: Floats, days: int, step: int, with_today: bool) -> Floats:
    """Return (R, T, days): the values up to today, or before it, every `step` days."""
    span = (days - 1) * step + 1
    padded = np.concatenate([np.full((len(values), span), np.nan), values], 1)
    view = sliding_window_view(padded, span, axis=1)
    view = view[:, 1:] if with_today else view[:, :-1]
    return np.asarray(view[:, :, ::-1][:, :, ::step])


def _z(values: Floats, window: Floats, fewest: int) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, spread = np.nanmean(window, 2), np.nanstd(window, 2, ddof=1)
    score = np.where(spread > 0, np.abs(values - mean) / np.maximum(spread, 1e-10), 0.0)
    return np.where(np.isfinite(window).sum(2) >= fewest, score, np.nan)


def elementary(values: Floats) -> Floats:
    """Return the z-score of the same weekday."""
    return _z(values, _window(values, 14, 7, True), 7)


def re_data(values: Floats) -> Floats:
    """Return the z-score of the last 30 days."""
    return _z(values, _window(values, 30, 1, True), 7)


def fifteen(values: Floats) -> Floats:
    """Return the distance from the mean of the seven days before, as a share of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean = np.nanmean(_window(values, 7, 1, False), 2)
    return np.asarray(np.abs(values - mean) / np.maximum(np.abs(mean), 1e-10))


def bocpd(values: Floats) -> Floats:
    """Return the probability that the level changed in the last five days."""
    begin = values[:, :28]
    scaled = (values - np.nanmean(begin, 1)[:, None]) / np.maximum(np.nanstd(begin, 1, ddof=1), 1e-9)[:, None]
    age = np.arange(RUNS)
    kappa, alpha = 0.1 + age, 1.0 + age / 2
    constant = gammaln(alpha + 0.5) - gammaln(alpha)
    mean, beta = np.zeros((len(values), RUNS)), np.ones((len(values), RUNS))
    run = np.full((len(values), RUNS), -np.inf)
    run[:, 0] = 0.0
    hazard = 1 / 250
    out = np.full(values.shape, np.nan)
    for t in range(values.shape[1]):
        today = scaled[:, t : t + 1]
        known = np.isfinite(today[:, 0])
        off = np.where(known[:, None], today, 0.0) - mean
        scale = 2 * beta * (kappa + 1) / kappa
        grown = run + constant - 0.5 * np.log(np.pi * scale) - (alpha + 0.5) * np.log1p(off**2 / scale)
        top = grown.max(1, keepdims=True)
        total = top[:, 0] + np.log(np.exp(grown - top).sum(1))
        new = np.empty_like(run)
        new[:, 0] = math.log(hazard)
        new[:, 1:] = grown[:, :-1] - total[:, None] + math.log1p(-hazard)
        new[:, -1] = np.logaddexp(new[:, -1], grown[:, -1] - total + math.log1p(-hazard))
        next_mean, next_beta = np.zeros_like(mean), np.ones_like(beta)
        next_mean[:, 1:] = (mean + off / (kappa + 1))[:, :-1]
        next_beta[:, 1:] = (beta + kappa * off**2 / (2 * (kappa + 1)))[:, :-1]
        run = np.where(known[:, None], new, run)
        mean, beta = np.where(known[:, None], next_mean, mean), np.where(known[:, None], next_beta, beta)
        if t >= 28:
            out[:, t] = np.where(known, np.exp(run[:, :6]).sum(1), np.nan)
    return out


PEERS = (
    Peer("Elementary, day of week", elementary, 3.0, tuple(np.arange(1.6, 3.5, 0.05))),
    Peer("re_data z", re_data, 3.0, tuple(np.arange(1.6, 5.2, 0.1))),
    Peer("15 % rule", fifteen, 0.15, tuple(np.arange(0.05, 1.5, 0.02))),
    Peer(
        "BOCPD", bocpd, 0.5, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
    ),
)
