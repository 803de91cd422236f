"""Small pictures as SVG text, drawn here: they need no script. Every text in them is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape

from pulse_runner.report.contents import Series, Values
from pulse_runner.vocabulary import day_month, number

HEIGHT = 32
Place = Callable[[float], float]  # of a value or a day in the picture
COLOURS = {
    "ink": "#1c2733",
    "soft": "#5a6672",
    "line": "#1d5c9e",
    "band": "#d6e4f2",
    "grid": "#e2e6ea",
    "paper": "#ffffff",
}


def scale(series: Series) -> tuple[float, float]:
    """Return the ends of the axis: of the values and what was expected, which need not be zero."""
    known = [v for v in series.values if v is not None]
    low, high = (sorted(v for v in part if v is not None) for part in (series.lower, series.upper))
    if low and high and known:  # of the band all but its widest days, as of a start without history
        known += [low[len(low) // 10], high[-1 - len(high) // 10]]
    least, most = (min(known), max(known)) if known else (0.0, 1.0)
    room = (most - least) * 0.06 or abs(most) * 0.05 or 1.0
    return least - room, most + room


def sparkline(series: Series) -> str:
    """Return a series with its expected band as SVG of any width; '' where nothing is known. Its text is beside it in the row."""
    if not any(v is not None for v in series.values):
        return ""
    low, high = scale(series)

    def y(value: float) -> int:
        return round((high - value) / (high - low) * HEIGHT)

    parts = [f'<path class="band" d="{_area(series.lower, series.upper, y)}"/>'] if series.lower else []
    parts.append(f'<path class="line" d="{_path(series.values, y)}"/>')
    end = max(n for n, v in enumerate(series.values) if v is not None)
    last = series.values[end]
    assert last is not None
    parts.append(f'<path class="dot" d="M{end} {y(last)}h0"/>')
    width = max(len(series.values), 2) + 1
    return (
        f'<svg class="spark" viewBox="-1 -1 {width} {HEIGHT + 2}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def _path(values: Values, y: Place) -> str:
    """Return a line through the values, broken where one is not known."""
    out, pen = [], False
    for n, value in enumerate(values):
        if value is None:
            pen = False
            continue
        out.append(f"{'L' if pen else 'M'}{n} {y(value)}")
        pen = True
    return "".join(out)


def _area(lower: Values, upper: Values, y: Place) -> str:
    """Return the area between two lines, one piece for each run of days on which both are known."""
    runs: list[list[tuple[int, float, float]]] = []
    for n, (low, high) in enumerate(zip(lower, upper, strict=True)):
        if low is None or high is None:
            continue
        if not runs or runs[-1][-1][0] != n - 1:
            runs.append([])
        runs[-1].append((n, low, high))
    out = []
    for run in runs:
        there = [f"{n} {y(high)}" for n, _, high in run]
        back = [f"{n} {y(low)}" for n, low, _ in reversed(run)]
        out.append(f"M{'L'.join(there + back)}Z")
    return "".join(out)


def chart_svg(
    title: str, subtitle: str, series: Series, first: date, marks: Sequence[tuple[date, date, str]] = ()
) -> str:
    """Return a picture of a series with its band for chats and slides: 960 x 420, a white ground, its numbers as text.

    `marks` are spans (first day, last day, name) that are shaded, such as incidents.
    """
    width, height, left, right, top, bottom = 960, 420, 70, 24, 84, 44
    low, high = scale(series)
    days = len(series.values)
    step = (width - left - right) / max(days - 1, 1)

    def x(n: float) -> float:
        return round(left + n * step, 1)

    def y(value: float) -> float:
        return round(top + (high - value) / (high - low) * (height - top - bottom), 1)

    def text(
        at: tuple[float, float],
        words: str,
        size: int = 13,
        anchor: str = "start",
        colour: str = "soft",
        weight: int = 400,
    ) -> str:
        return (
            f'<text x="{at[0]}" y="{at[1]}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"'
            f' fill="{COLOURS[colour]}">{escape(words)}</text>'
        )

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"'
        f' font-family="system-ui, sans-serif"><title>{escape(title)}</title><desc>{escape(subtitle)}</desc>'
        f'<rect width="{width}" height="{height}" fill="{COLOURS["paper"]}"/>',
        text((24, 36), _clip(title, 70), 20, colour="ink", weight=600),
        text((24, 60), _clip(subtitle, 120), 14),
    ]
    for n in range(4):
        tick = low + (high - low) * (n + 0.5) / 4
        out.append(f'<path d="M{left} {y(tick)}H{width - right}" stroke="{COLOURS["grid"]}"/>')
        out.append(
            text((left - 8, y(tick) + 4), number(tick if series.is_rate else round(tick), series.is_rate), 12, "end")
        )
    for start, stop, name in marks:
        a, b = max((start - first).days, 0), min((stop - first).days, days - 1)
        if a <= b:
            wide = max(x(b + 0.5) - x(a - 0.5), 3)
            out.append(
                f'<rect x="{max(x(a - 0.5), left)}" y="{top}" width="{round(min(wide, width - right - max(x(a - 0.5), left)), 1)}"'
                f' height="{height - top - bottom}" fill="#b3261e" opacity="0.10"><title>{escape(name)}</title></rect>'
            )
    moved = _moved(x)
    out.append(
        f'<path d="{moved(_area(series.lower, series.upper, y))}" fill="{COLOURS["band"]}"/>' if series.lower else ""
    )
    out.append(
        f'<path d="{moved(_path(series.values, y))}" fill="none" stroke="{COLOURS["line"]}" stroke-width="2.5" stroke-linejoin="round"/>'
    )
    known = [n for n, v in enumerate(series.values) if v is not None]
    if known:
        value = series.values[known[-1]]
        assert value is not None
        out.append(f'<circle cx="{x(known[-1])}" cy="{y(value)}" r="5" fill="{COLOURS["line"]}"/>')
    for n in sorted({0, (days - 1) // 2, days - 1}):
        anchor = "start" if n == 0 else "end" if n == days - 1 else "middle"
        out.append(text((x(n), height - 16), day_month(first + timedelta(days=n)), 12, anchor))
    return "".join(out) + "</svg>\n"


def _moved(x: Place) -> Callable[[str], str]:
    """Return a function that puts the whole x of a path where a chart has it."""
    return lambda path: re.sub(r"(?<=[ML])(\d+) ", lambda m: f"{x(int(m[1]))} ", path)


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
