# ruff: noqa: E501 - one picture a line reads best
"""Draw the pictures of the detector pages from what the detectors really say.    python docs/detectors/make_pictures.py

Two per detector: one where it fires, one where it is right to stay quiet. Series are drawn with fixed seeds, so the files are stable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from pulse_runner.arrays import Floats
from pulse_runner.backtest.read import Recording
from pulse_runner.backtest.replay import replay
from pulse_runner.detectors import DETECTORS, EntityPanel, MetricPanel, Panels, Settings, evaluate
from pulse_runner.detectors.distribution_shift import DistributionShift
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory

HERE = Path(__file__).parent
START = np.datetime64("2026-01-05")  # a Monday
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 240, 56, 34, 26
INK, BAND, LINE, ALARM = "#475569", "#dbeafe", "#1d4ed8", "#dc2626"
SHADES = ("#1d4ed8", "#0891b2", "#7c3aed", "#64748b")


@dataclass(frozen=True)
class Picture:
    """Lines over days, an optional band, and the days on which the detector had something to say."""

    title: str
    lines: Sequence[Floats]
    found: Sequence[int]
    lower: Floats | None = None
    upper: Floats | None = None
    names: Sequence[str] = ()
    said: Sequence[str] = ()  # the detector's own sentences

    def svg(self) -> str:
        """Return the picture as SVG text."""
        values = [v[np.isfinite(v)] for v in (*self.lines, *(b for b in (self.lower, self.upper) if b is not None))]
        high = max(float(v.max()) for v in values if len(v)) * 1.05 or 1.0
        days = len(self.lines[0])

        def x(t: int) -> float:
            return round(LEFT + t / max(days - 1, 1) * (WIDTH - LEFT - 12), 1)

        def y(v: float) -> float:
            return round(HEIGHT - BOTTOM - v / high * (HEIGHT - TOP - BOTTOM), 1)

        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
            f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{LEFT}" y="20" font-weight="600" fill="#0f172a">{self.title}</text>',
        ]
        for part in (0.0, 0.5, 1.0):
            v = high * part
            label = f"{v:.0%}" if high <= 1.2 else f"{v:,.0f}"
            parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(v)}" y2="{y(v)}" stroke="#e2e8f0"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y(v) + 4}" text-anchor="end" fill="{INK}">{label}</text>')
        for t in range(0, days, 14):
            parts.append(f'<text x="{x(t)}" y="{HEIGHT - 8}" fill="{INK}">{str(START + t)[5:]}</text>')
        if self.lower is not None and self.upper is not None:
            ok = [t for t in range(days) if np.isfinite(self.lower[t]) and np.isfinite(self.upper[t])]
            edge = [f"{x(t)},{y(min(self.upper[t], high))}" for t in ok] + [
                f"{x(t)},{y(self.lower[t])}" for t in ok[::-1]
            ]
            parts.append(f'<polygon points="{" ".join(edge)}" fill="{BAND}"/>')
        for i, line in enumerate(self.lines):
            path, pen = "", "M"
            for t, v in enumerate(line):
                if np.isfinite(v):
                    path, pen = f"{path}{pen}{x(t)} {y(v)}", "L"
                else:
                    pen = "M"
            parts.append(f'<path d="{path}" fill="none" stroke="{SHADES[i % 4]}" stroke-width="1.6"/>')
            if i < len(self.names):
                parts.append(
                    f'<text x="{LEFT + 8 + 90 * i}" y="{TOP + 8}" fill="{SHADES[i % 4]}">{self.names[i]}</text>'
                )
        for t in self.found:
            v = self.lines[0][t]
            parts.append(f'<circle cx="{x(t)}" cy="{y(v if np.isfinite(v) else 0.0)}" r="4" fill="{ALARM}"/>')
        return "\n".join([*parts, "</svg>", ""])


def metric(title: str, name: str, numerator: Floats, denominator: Floats | None = None, **more: object) -> Picture:
    """Run the detectors over one series and return its picture."""
    days = START + np.arange(len(numerator))
    below = None if denominator is None else denominator[None]
    panel = MetricPanel(name, ("vip",), days, numerator[None].astype(float), below, **more)  # type: ignore[arg-type]
    last: date = days[-1].item()
    panels = Panels({name: panel}) if name != "status" else Panels({"size": panel})
    assessments = [
        a for d in DETECTORS for a in d.assess(panels, Settings(fdr=None), days[0], days[-1]) if a.metric == name
    ]
    findings = [f for r in evaluate(panels, Settings(fdr=None), DETECTORS, days[0].item(), last) for f in r.findings]
    value = numerator if denominator is None else numerator / denominator
    lower, upper = assessments[0].lower[0].copy(), assessments[0].upper[0].copy()
    lower[:5], upper[:5] = np.nan, np.nan
    index = [int((np.datetime64(d) - START).astype(int)) for d in (f.snapshot_date for f in findings)]
    return Picture(title, [value.astype(float)], index, lower, upper, said=[f.reason for f in findings])


def distribution(title: str, members: Floats, names: tuple[str, ...]) -> Picture:
    """Replay distribution_shift over days of bucket counts and return the picture of the shares."""
    days = START + np.arange(len(members))
    history = DistributionHistory("country", ("vip",), names, days, members[None], np.ones((1, len(days)), bool))
    result = replay(Recording(distributions=[history]), Settings(fdr=None), [DistributionShift()])
    index = [
        int((np.datetime64(e.snapshot_date) - START).astype(int))
        for e in result.events
        if e.event in ("opened", "continued")
    ]
    share = members / members.sum(1, keepdims=True)
    order = np.argsort(-share.mean(0))
    return Picture(title, [share[:, k] for k in order], index, names=[names[k] for k in order])


def health(title: str, nulls: Floats, rows: Floats) -> Picture:
    """Run entity_health over one column and return the picture of its null share."""
    days = START + np.arange(len(nulls))
    kinds = np.full((1, len(nulls)), "text", dtype=object)
    panel = EntityPanel(
        (("customers", "country"),), days, rows[None], nulls[None], np.zeros((1, len(nulls))), kinds, kinds
    )
    reports = evaluate(Panels(health=panel), Settings(fdr=None), DETECTORS, days[0].item(), days[-1].item())
    index = [int((np.datetime64(f.snapshot_date) - START).astype(int)) for r in reports for f in r.findings]
    return Picture(title, [nulls / rows], index)


def status(title: str, words: Sequence[str], reason: str, sizes: Floats) -> Picture:
    """Run the status detectors over stated statuses and return the picture of the sizes that were known."""
    values = np.where(np.array(words) == "ok", sizes, np.nan)
    days = START + np.arange(len(words))
    panel = MetricPanel(
        "size", ("vip",), days, values[None], status=np.array([words]), status_reason=np.full((1, len(words)), reason)
    )
    reports = evaluate(Panels({"size": panel}), Settings(fdr=None), DETECTORS, days[0].item(), days[-1].item())
    index = [int((np.datetime64(f.snapshot_date) - START).astype(int)) for r in reports for f in r.findings]
    return Picture(title, [values], index)


def pictures() -> dict[str, Picture]:
    """Return all pictures by file name."""
    rng = np.random.default_rng(20260105)
    t = np.arange(84)
    week = np.array([1.05, 1.05, 1.05, 1.05, 1.0, 0.75, 0.75])[t % 7]
    size = rng.poisson(1200 * week * np.exp(0.03 * rng.standard_normal(84))).astype(float)
    drop, people = size.copy(), np.full(84, 4000.0)
    drop[56:64] = np.round(drop[56:64] * 0.58)
    rate = rng.binomial(4000, 0.08 * (0.8 + 0.25 * week), 84).astype(float)
    broken = rate.copy()
    broken[60:70] = np.round(broken[60:70] * 0.55)
    small = rng.binomial(40, 0.08, 84).astype(float)
    creep = rng.binomial(4000, np.minimum(0.2 * np.where(t > 40, 1.012 ** (t - 40), 1.0), 0.6)).astype(float)
    still = rng.binomial(4000, 0.2 + 0.01 * np.sin(t / 9), 84).astype(float)
    reach, lost = rng.binomial(4000, 0.82, (2, 84)).astype(float)
    lost[58:] = np.round(lost[58:] * 0.7)
    usual = (0.03, 0.17, 0.5, 0.3)
    plain = rng.multinomial(3000, usual, 84).astype(float)
    recoded = np.column_stack([plain, np.zeros(84)])
    recoded[56:66, 4], recoded[56:66, 2] = recoded[56:66, 2], 0
    weekend = np.array([rng.multinomial(3000, (0.03, 0.34, 0.33, 0.3) if d % 7 > 4 else usual) for d in t]).astype(
        float
    )
    rows = np.full(84, 20000.0)
    nulls = rng.binomial(20000, 0.02, 84).astype(float)
    burst = nulls.copy()
    burst[60:64] = 3400
    ok = ["ok"] * 84
    return {
        "size_jump_fires": metric("size_jump fires: 42 % fewer members for eight days", "size", drop),
        "size_jump_quiet": metric("size_jump is quiet: every weekend dips by a quarter", "size", size),
        "conversion_anomaly_fires": metric("conversion_anomaly fires: one device's purchases are lost", "conversion_rate", broken, people),
        "conversion_anomaly_quiet": metric("conversion_anomaly is quiet: 40 members are too few to tell", "conversion_rate", small, np.full(84, 40.0)),
        "inactivity_creep_fires": metric("inactivity_creep fires: 1.2 % more inactive members each day", "inactive_rate", creep, people),
        "inactivity_creep_quiet": metric("inactivity_creep is quiet: a slow wave", "inactive_rate", still, people),
        "reach_drop_fires": metric("reach_drop fires: three in ten addresses are lost", "reach:email", lost, people),
        "reach_drop_quiet": metric("reach_drop is quiet: an ordinary quarter", "reach:email", reach, people),
        "distribution_shift_fires": distribution("distribution_shift fires: DE is recoded to GER", recoded, ("(null)", "AT", "DE", "FR", "GER")),
        "distribution_shift_quiet": distribution("distribution_shift is quiet: weekends differ every week", weekend, ("(null)", "AT", "DE", "FR")),
        "entity_health_fires": health("entity_health fires: a null burst in customers.country", burst, rows),
        "entity_health_quiet": health("entity_health is quiet: an ordinary null share", nulls, rows),
        "stale_data_fires": status("stale_data fires: the source was not refreshed for three days", [*ok[:70], *["stale"] * 3, *ok[:11]], "loaded too long ago", size),
        "stale_data_quiet": status("stale_data is quiet: every day was loaded", ok, "", size),
        "broken_segment_fires": status("broken_segment fires: column ltv was renamed", [*ok[:76], *["broken"] * 8], "column ltv is missing", size),
        "broken_segment_quiet": status("broken_segment is quiet: the size falls, the rule still works", ok, "", drop),
    }  # fmt: skip


def main() -> None:
    """Write every picture beside this script; check that each fires or stays quiet as its name says, and what its page quotes."""
    for name, picture in pictures().items():
        # broken_segment's quiet case is a fall of size: size_jump's business
        if name != "broken_segment_quiet" and name.endswith("_fires") != bool(picture.found):
            raise SystemExit(f"{name}: found {list(picture.found)}; the picture does not show what its name says.")
        page = " ".join((HERE / f"{name.rpartition('_')[0]}.md").read_text(encoding="utf-8").split())
        if name.endswith("_fires") and picture.said and not any(f'"{text}"' in page for text in picture.said):
            raise SystemExit(f"{name}: its page quotes none of {list(picture.said[:3])}")
        (HERE / f"{name}.svg").write_text(picture.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
