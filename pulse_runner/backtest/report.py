"""Say what a replay found: one line per incident, alerts per week and owner, and what other thresholds would have done."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from pulse_runner.backtest.plant import detector_of, with_sensitivity
from pulse_runner.backtest.replay import Replay
from pulse_runner.backtest.sight import found_of
from pulse_runner.detectors import DETECTORS
from pulse_runner.detectors.base import Assessment, Settings
from pulse_runner.detectors.evaluate import discoveries
from pulse_runner.detectors.relation import without_few
from pulse_runner.incidents.incident import Incident
from pulse_runner.vocabulary import SENSITIVITIES

INCIDENT_COLUMNS = (
    "segment_id", "detector", "metric", "attribute", "bucket", "detected_on", "started_on", "ended_on", "severity",
    "observed", "expected", "lower", "upper", "effect", "p_value", "reason",
)  # fmt: skip
GRID = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)


def incident_rows(incidents: Iterable[Incident]) -> list[dict[str, Any]]:
    """Return one plain row per incident, oldest first; `ended_on` is None while it lasts, `related` names its consequences."""
    rows = []
    for i in sorted(incidents, key=lambda i: (i.detected_on, i.segment_id, i.detector, i.metric, i.attribute)):
        rows.append({
            "segment_id": i.segment_id, "detector": i.detector, "metric": i.metric, "attribute": i.attribute or None,
            "bucket": i.bucket or None, "detected_on": i.detected_on, "started_on": i.started_on, "ended_on": i.resolved_on,
            "severity": i.severity, "direction": i.direction, "observed": _plain(i.observed), "expected": _plain(i.expected),
            "lower": _plain(i.lower_bound), "upper": _plain(i.upper_bound), "effect": _plain(i.effect),
            "p_value": _plain(i.p_value), "reason": i.reason, "resolution": i.resolution, "owner": i.owner,
            "entity": i.entity, "incident_id": i.incident_id,
            "related": [r.detector for r in i.related],
        })  # fmt: skip
    return rows


def json_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as JSON, one a line."""
    return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows)


def alerts_per_week(replay: Replay) -> list[dict[str, Any]]:
    """Return, per owner, how many incidents were opened or reopened and what that is a week."""
    weeks = max(((replay.last - replay.first).days + 1) / 7, 1 / 7)
    owner = {i.incident_id: i.owner or "(no owner)" for i in replay.incidents}
    counts = Counter(owner[e.incident_id] for e in replay.events if e.event in ("opened", "reopened"))
    return [{"owner": o, "alerts": n, "alerts_per_week": round(n / weeks, 2)} for o, n in sorted(counts.items())]


def threshold_table(replay: Replay, settings: Settings, grid: Sequence[float] = GRID) -> list[dict[str, Any]]:
    """Return, per detector and threshold, how many incidents there would have been and in how many segments.

    Statistics do not depend on the threshold, so the assessments of the replay are judged again. An incident is a run of
    findings of one test with gaps of at most three days; distributions keep the baselines of the replay.
    """
    cuts = _cuts(replay.assessments, settings)
    rows = []
    # a broken segment or a late load is one whatever its size
    material = {d.name for d in DETECTORS if d.is_graded}
    for detector in dict.fromkeys(a.detector for a in replay.assessments if a.detector in material):
        chosen = [a for a in replay.assessments if a.detector == detector]
        current = sorted({float(t) for a in chosen for t in a.threshold})
        for value in sorted({*grid, *current}):
            count, segments = _runs(chosen, value, cuts)
            rows.append({
                "detector": detector, "threshold": value, "incidents": count, "segments": len(segments),
                "in_use": value in current,
            })  # fmt: skip
    return rows


def sensitivity_table(replay: Replay, settings: Settings) -> list[dict[str, Any]]:
    """Return, per detector and sensitivity, the incidents a year that there would have been, and the share of planted falls found.

    An incident is counted as in `threshold_table`. The planted falls are `sight.EXAMPLE`, in the segments' own history.
    """
    cuts = _cuts(replay.assessments, settings)
    years = max(((replay.last - replay.first).days + 1) / 365, 1 / 365)
    watched = {d.name: d for m in replay.panels.metrics if (d := detector_of(m)) is not None}
    days = np.datetime64(replay.first), np.datetime64(replay.last)
    left = without_few(replay.panels, settings, days[1])
    rows = []
    for name, detector in watched.items():
        own = settings.rule(detector, "").false_alarms or 0.0
        for rate in sorted({*SENSITIVITIES.values(), own}):
            asked = with_sensitivity(settings, name, rate)
            count, _ = _runs(detector.assess(left, asked, *days), None, cuts)
            found = found_of(left, settings, name, rate)
            rows.append({
                "detector": name, "false_alarms_a_year": rate, "incidents_a_year": round(count / years, 1),
                "found": "" if found is None else f"{found:.0%}", "in_use": rate == own,
            })  # fmt: skip
    return rows


def _cuts(assessments: Sequence[Assessment], settings: Settings) -> dict[np.datetime64, float]:
    family: dict[np.datetime64, list[np.ndarray[Any, Any]]] = {}
    for a in assessments:
        for d, day in enumerate(a.dates):
            family.setdefault(day, []).append(a.family(d))
    return {day: discoveries(np.concatenate(parts), settings.fdr) for day, parts in family.items()}


def _runs(
    assessments: Sequence[Assessment], value: float | None, cuts: Mapping[np.datetime64, float]
) -> tuple[int, set[str]]:
    last_seen: dict[tuple[str, str, str | None], date] = {}
    count, segments = 0, set()
    for a in assessments:
        cut = np.array([cuts[day] for day in a.dates])
        with np.errstate(invalid="ignore"):
            least = a.threshold[:, None] if value is None else value
            hit = a.eligible & (np.abs(a.effect) >= least) & (a.p_value <= cut)
        for s, d in np.argwhere(hit):
            key = (a.segment_ids[s] or a.entities[s], a.metric, a.attribute_of(int(s)))
            day = a.dates[d].item()
            if key not in last_seen or (day - last_seen[key]).days > 4:
                count += 1
                segments.add(key[0])
            last_seen[key] = day
    return count, segments


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")
