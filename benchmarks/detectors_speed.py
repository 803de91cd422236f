"""How fast the detectors are, against a loop over series, in the same run on the same data.

    python benchmarks/detectors_speed.py [--segments 10000]

Prints one row per piece of work: CPU seconds, peak memory, and the ratio to the loop. The loop is what one would write first:
for every series the mean and standard deviation of the same weekday over the last 14 weeks, in plain Python with `statistics`.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable
from datetime import date

import numpy as np

from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.detectors import DETECTORS, MetricPanel, Panels, Settings, evaluate

METRICS = ("size", "conversion_rate", "inactive_rate", "reach:email", "reach:push")
START = np.datetime64("2025-01-01")


def make_panels(segments: int, days: int) -> dict[str, MetricPanel]:
    """Return five metrics of segments from 50 to a million members, with weekday rhythm and counting noise."""
    rng = np.random.default_rng(1)
    level = np.exp(rng.uniform(np.log(50), np.log(1e6), segments))[:, None]
    week = 1 + 0.2 * np.sin(2 * np.pi * np.arange(days) / 7)
    size = rng.poisson(level * week).astype(float)
    names = tuple(f"s{i}" for i in range(segments))
    dates = START + np.arange(days)
    out = {"size": MetricPanel("size", names, dates, size)}
    for metric, rate in zip(METRICS[1:], (0.03, 0.3, 0.8, 0.5), strict=True):
        out[metric] = MetricPanel(metric, names, dates, rng.binomial(size.astype(int), rate).astype(float), size)
    return out


def loop_over_series(panels: dict[str, MetricPanel]) -> int:
    """Judge the last day of every series with a z-score of its own weekday, one series at a time."""
    alarms = 0
    for panel in panels.values():
        values = panel.numerator if panel.denominator is None else panel.numerator / panel.denominator
        for row in values.tolist():
            past = row[-8::-7][:14]
            spread = statistics.stdev(past)
            alarms += spread > 0 and abs(row[-1] - statistics.fmean(past)) > 3 * spread
    return alarms


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=10_000)
    count: int = parser.parse_args().segments
    panels = make_panels(count, 90)
    last: date = panels["size"].dates[-1].item()
    one_date = cpu(lambda: evaluate(Panels(panels), Settings(), DETECTORS, last, last))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    loop = cpu(lambda: loop_over_series(panels))
    year = make_panels(max(count // 10, 1), 365)
    replayed = cpu(lambda: replay(Recording(year), Settings(), DETECTORS))
    loop_year = loop / 10 * 365
    small = max(count // 10, 1)
    rows = [
        (f"{count:,} segments x 5 metrics x 90 days, one date", one_date, f"{memory:.2f}", loop, ""),
        (f"{small:,} segments x 5 metrics, a year replayed", replayed, "", loop_year, " (one date x 365)"),
    ]
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}\n")
    print("| work | CPU s | peak GiB | loop over series, CPU s | loop / ours |\n|---|---|---|---|---|")
    for work, ours, gib, theirs, note in rows:
        print(f"| {work} | {ours:.1f} | {gib} | {theirs:.1f}{note} | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
