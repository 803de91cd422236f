"""Small pictures as SVG text, drawn here: they need no script. Every text in them is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from html import escape

from pulse_runner.report.contents import Series, Values
from pulse_runner.vocabulary import day_month, number

HEIGHT = 32
FONTS = "system-ui, Arial, 'Liberation Sans', 'DejaVu Sans', 'Noto Sans', sans-serif"  # named, as the PNG's renderer knows no generic one
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
    known = [n for n, v in enumerate(series.values) if v is not None]
    if not known:
        return ""
    low, high = scale(series)

    def y(value: float) -> int:
        return round((high - min(max(value, low), high)) / (high - low) * HEIGHT)

    def whole(n: float) -> float:
        return n

    parts = [f'<path class="band" d="{shorter(_area(series.lower, series.upper, whole, y))}"/>'] if series.lower else []
    parts.append(f'<path d="{shorter(_path(series.values, whole, y))}"/>')
    last = series.values[known[-1]]
    assert last is not None
    parts.append(f'<path class="dot" d="M{known[-1]} {y(last)}h0"/>')
    width = max(len(series.values), 2) + 1
    return (
        f'<svg class="spark" viewBox="-1 -1 {width} {HEIGHT + 2}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def shorter(path: str) -> str:
    """Return a path of whole numbers with each line as the step from the point before, which takes half the text.

    >>> shorter("M0 30L1 28L2 31Z")
    'M0 30l1-2 1 3z'
    """
    out: list[str] = []
    at = (0, 0)
    for command, x, y in re.findall(r"([ML])(-?\d+) (-?\d+)", path.replace("Z", "")):
        point = (int(x), int(y))
        if command == "M":
            out.append(("z" if out and path.endswith("Z") else "") + f"M{x} {y}l")
        else:
            step = f"{point[0] - at[0]} {point[1] - at[1]}".replace(" -", "-")
            out.append(step if out[-1].endswith("l") or step.startswith("-") else f" {step}")
        at = point
    return "".join(out) + ("z" if path.endswith("Z") else "")


def _path(values: Values, x: Place, y: Place) -> str:
    """Return a line through the values, broken where one is not known."""
    out, pen = [], False
    for n, value in enumerate(values):
        if value is None:
            pen = False
            continue
        out.append(f"{'L' if pen else 'M'}{x(n)} {y(value)}")
        pen = True
    return "".join(out)


def _area(lower: Values, upper: Values, x: Place, y: Place) -> str:
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
        there = [f"{x(n)} {y(high)}" for n, _, high in run]
        back = [f"{x(n)} {y(low)}" for n, low, _ in reversed(run)]
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
        return round(top + (high - min(max(value, low), high)) / (high - low) * (height - top - bottom), 1)

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
        f' font-family="{FONTS}"><title>{escape(title)}</title><desc>{escape(subtitle)}</desc>'
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
    out.append(
        f'<path d="{_area(series.lower, series.upper, x, y)}" fill="{COLOURS["band"]}"/>' if series.lower else ""
    )
    out.append(
        f'<path d="{_path(series.values, x, y)}" fill="none" stroke="{COLOURS["line"]}" stroke-width="2.5" stroke-linejoin="round"/>'
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


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
