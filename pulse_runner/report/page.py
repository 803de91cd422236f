"""A report as one HTML file: templates with autoescape, the charts' data and their library packed in it, and no network at all."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pulse_runner.explain.evidence.collector import words
from pulse_runner.explain.explanation import Scalar
from pulse_runner.incidents.incident import Incident, IncidentEvent
from pulse_runner.report.charts import SIZES, payload
from pulse_runner.report.contents import Report, SegmentFacts, Series
from pulse_runner.report.drawing import chart_svg, sparkline
from pulse_runner.vocabulary import ACTIVE, count, day_month, long_day, number, percent, plural, severity_rank

SEEN_AGAIN = "continued"


def as_html(report: Report) -> str:
    """Return the page. It runs no script and takes no style but its own, which its Content-Security-Policy names by their hashes."""
    style, script, library = asset("report.css"), asset("report.js"), unpacked("echarts.min.js.gz")
    data = json.dumps(payload(report), ensure_ascii=False, separators=(",", ":"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)} {_hash(library)} {_hash(EARLY)}; style-src {_hash(style)};"
        " style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return templates().get_template("report.html").render(
        r=report, policy=policy, style=Markup(style), script=Markup(script), early=Markup(EARLY),
        data=packed(data.encode()), library=base64.b64encode(raw("echarts.min.js.gz")).decode(),
        notice=asset("echarts.NOTICE"), order=in_order(report), known={i.incident.name for i in report.incidents},
            shown={s.segment_id for s in report.segments},
    )  # fmt: skip


def as_svg(report: Report) -> str:
    """Return the size of a report's one segment as a picture for chats and slides, with its incidents shaded."""
    (segment,) = report.segments
    size = segment.last_size
    change = f"{signed(segment.change(7))} in a week" if segment.change(7) is not None else "no week to compare with"
    told = (
        f"{count(size)} members on {long_day(report.last)}, {change}; expected {segment.size.expected}"
        if size is not None
        else (f"No numbers on {long_day(report.last)}")
    )
    marks = [(i.started_on, i.resolved_on or report.last, i.title) for i in segment.incidents if i.metric in SIZES]
    return chart_svg(segment.label, told, segment.size, report.first, marks)


EARLY = "document.documentElement.className='js'+(location.hash.length>1?' routing':'')"


@cache
def templates() -> Environment:
    """Return the templates: every value is escaped unless it was made here as markup, and a name that is not there is an error."""
    env = Environment(
        loader=PackageLoader("pulse_runner.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    env.filters |= {
        "count": count, "percent": percent, "long_day": long_day, "day_month": day_month, "plural": plural, "code": code,
        "told": words, "signed": signed, "moment": moment, "spark": lambda s: Markup(sparkline(s)), "drawn": Markup, "chart_id": chart_id,
        "timeline": timeline, "rate": lambda v: percent(v, 1), "short": short,
    }  # fmt: skip
    env.globals |= {
        "active": ACTIVE,
        "last_days": last_days,
        "rank": severity_rank,
        "is_number": _is_number,
        "state": state,
    }
    return env


def in_order(report: Report) -> list[SegmentFacts]:
    """Return the segments as the overview lists them: the worst first, then by name."""

    def key(s: SegmentFacts) -> tuple[int, int, str]:
        worst = max((severity_rank(i.severity) + 1 for i in _awake(s)), default=0)
        return (-worst, s.status == "ok", s.label.casefold())

    return sorted(report.segments, key=key)


def state(segment: SegmentFacts) -> str:
    """Return the state of a segment in a word: the worst severity of its open incidents, `snoozed` where all are, else its status."""
    worst = max((i.severity for i in _awake(segment)), key=severity_rank, default="")
    is_put_off = segment.status == "ok" and any(i.status in ACTIVE for i in segment.incidents)
    return worst or ("snoozed" if is_put_off else segment.status)


def _awake(segment: SegmentFacts) -> list[Incident]:
    """Return its open incidents that nobody put off."""
    day = segment.day or date.min
    return [i for i in segment.incidents if i.status in ACTIVE and not i.is_snoozed(day)]


def last_days(
    series: Series, report: Report, most: int = 14
) -> list[tuple[date, float | None, float | None, float | None]]:
    """Return the last days of a series, newest first, as (day, value, lower, upper)."""
    start = max(len(series.values) - most, 0)
    rows = []
    for n in range(len(series.values) - 1, start - 1, -1):
        day = date.fromordinal(report.first.toordinal() + n)
        low, high = (part[n] if n < len(part) else None for part in (series.lower, series.upper))
        rows.append((day, series.values[n], low, high))
    return rows


def short(value: float | None, rate: bool) -> str:
    """Write a value of a metric, a dash where it is not known."""
    return "–" if value is None else number(value, rate)


def signed(value: float | None, points: bool = False) -> str:
    """Write a change with its sign.

    >>> signed(0.0312), signed(-0.41), signed(0.0), signed(None), signed(-0.021, points=True)
    ('+3.1 %', '−41.0 %', '0.0 %', '–', '−2.1 pp')
    """
    if value is None:
        return "–"
    rounded = round(value * 100, 1)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):.1f} {'pp' if points else '%'}"


def code(text: str) -> Markup:
    """Return text with what stands between backticks as code; all of it is escaped.

    >>> str(code("left by `ltv > 1000`"))
    'left by <code>ltv &gt; 1000</code>'
    """
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts))


def moment(at: datetime | None, report: Report) -> str:
    """Write a UTC time in the report's zone."""
    if at is None:
        return "–"
    from datetime import UTC

    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(report.made_at.tzinfo)
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def timeline(events: Iterable[IncidentEvent]) -> list[tuple[date, str, str, str]]:
    """Return events as (day, what, who, why); runs of days on which it was seen again are one line."""
    out: list[tuple[date, str, str, str]] = []
    run: list[IncidentEvent] = []

    def close() -> None:
        if run:
            days = plural(len(run), "day")
            out.append((run[-1].snapshot_date, f"seen again on {days}", run[-1].actor, run[-1].reason))
            run.clear()

    for event in events:
        if event.event == SEEN_AGAIN:
            run.append(event)
            continue
        close()
        out.append((event.snapshot_date, event.event, event.actor, event.reason))
    close()
    return out


def chart_id(text: str) -> str:
    """Return a metric's name as it stands in the id of a chart."""
    return text.replace(":", "-")


def packed(data: bytes) -> str:
    """Return bytes as the browser unpacks them: gzip in base64; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


@cache
def raw(name: str) -> bytes:
    """Return a file that is shipped with the report."""
    return files("pulse_runner.report").joinpath("assets", name).read_bytes()


def asset(name: str) -> str:
    """Return a shipped file as text."""
    return raw(name).decode()


@cache
def unpacked(name: str) -> str:
    """Return a shipped gzip file as text."""
    return gzip.decompress(raw(name)).decode()


@cache
def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
