"""entity_health: faults of the relation that segments select from, which sizes often do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pulse_runner.arrays import Bools, Floats
from pulse_runner.detectors.base import Assessment, Finding, Limits, Outcome, Settings, Usual
from pulse_runner.detectors.engine.series import assess_series
from pulse_runner.detectors.engine.tuning import Tuning
from pulse_runner.detectors.panel import EntityPanel, MetricPanel, Panels
from pulse_runner.detectors.people import assess_over_episode
from pulse_runner.detectors.pooling import groups
from pulse_runner.metrics import ROWS
from pulse_runner.vocabulary import Direction, percent

TUNING = Tuning()
NULL_POINTS = 0.05  # a null share has to rise by five points
EPISODE = 28  # days that copies are told for; then a relation is one that has some
COLLAPSE = 0.5  # a day's flow has to fall to less than half


@dataclass(frozen=True)
class EntityHealth(Usual):
    """Flag a relation that cannot be read, row counts that jump, duplicate keys, null bursts, type changes and a flow that collapses.

    The threshold is relative and for the row count (0.15: 15 %). A null burst is a rise of a column's null share by five points; a
    collapse is a flow (`converted`, `entered`) at less than half of what is usual; the others are facts.
    """

    name: str = "entity_health"
    default_threshold: float = 0.15
    default_direction: Direction = "both"
    rank: int = 7
    accepts_by_date: bool = True

    def headline(self, finding: Finding) -> str:
        """Return what is wrong with the column or the rows."""
        told = {
            "null_share": f"{finding.attribute} has {finding.effect * 100:.0f} points more nulls",
            "duplicate_keys": f"{finding.observed:,.0f} duplicate keys",
            "data_type": f"{finding.attribute} changed its type",
            "status": "the relation cannot be read as of a date",
        }
        return told.get(finding.metric) or super().headline(finding)

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every entity and column, and the same-day flows of every segment.

        >>> from pulse_runner.detectors.panel import EntityPanel
        >>> days, keys = np.datetime64("2026-03-02") + np.arange(3), (("customers", "(rows)"),)
        >>> rows, unknown = np.full((1, 3), 100.0), np.full((1, 3), np.nan)
        >>> words = np.full((1, 3), "", dtype=object)
        >>> copies = np.array([[0.0, 0.0, 7.0]])
        >>> health = EntityPanel(keys, days, rows, unknown, copies, words, words)
        >>> out = EntityHealth().assess(Panels(health=health), Settings(), days[0], days[-1])
        >>> [a.eligible.tolist() for a in out if a.metric == "duplicate_keys"]
        [[[False, False, True]]]
        """
        out: list[Assessment] = []
        if panels.health is not None:
            health = panels.health.head(int((last - panels.health.dates[0]).astype(int)) + 1)
            out += [
                self._rows(health, settings, first, last),
                self._nulls(health, settings, first, last),
                self._duplicates(health, settings, first),
                self._types(health, settings, first),
                self._broken(health, settings, first),
            ]
        own = settings.rule(self, "")
        limits = Limits(COLLAPSE, "down", own.enabled, own.false_alarms)
        collapse = Settings({self.name: limits}, settings.segments, fdr=settings.fdr)
        for flow in ("converted", "entered"):
            panel = panels.metrics.get(flow)
            if panel is not None and flow == "converted" and "conversion_rate" in panels.metrics:
                # what a segment of several converts is judged as a rate, and the sum over them as events of the relation
                pooled = {n for rows in groups(panel, panels.entities).values() for n in rows}
                panel = panel.rows([n for n in range(len(panel.segment_ids)) if n not in pooled])
            if panel is not None and panel.segment_ids:
                out.append(assess_over_episode(self, panel, collapse, first, last, TUNING))
        return out

    def _rows(self, health: EntityPanel, settings: Settings, first: np.datetime64, last: np.datetime64) -> Assessment:
        panel = rows_panel(health)
        rates = settings.false_alarms(self, panel.segment_ids)
        result = assess_series(self, panel, settings, first, last, TUNING, false_alarms=rates)
        return replace(result, entities=panel.segment_ids, segment_ids=("",) * len(panel.segment_ids))

    def _nulls(self, health: EntityPanel, settings: Settings, first: np.datetime64, last: np.datetime64) -> Assessment:
        which = [i for i, (_, column) in enumerate(health.keys) if column != ROWS]
        panel = MetricPanel(
            "null_share", tuple(".".join(health.keys[i]) for i in which), health.dates, health.nulls[which],
            health.rows[which], excluded=None if health.excluded is None else health.excluded[which],
            status=_fresh(health, which),
        )  # fmt: skip
        own = settings.rule(self, "")
        up = replace(
            settings, detectors={**settings.detectors, self.name: Limits(0.0, "up", own.enabled, own.false_alarms)}
        )
        rates = settings.false_alarms(self, panel.segment_ids)
        result = assess_series(self, panel, up, first, last, TUNING, false_alarms=rates)
        points = result.observed - result.expected
        texts = result.sentence

        def say(s: int, d: int) -> str:
            if result.kind[s, d] != Outcome.QUIET or not points[s, d] >= NULL_POINTS:
                return texts(s, d)
            entity, column = health.keys[which[s]]
            return (
                f"Null share of {entity}.{column} rose by {points[s, d] * 100:.1f} points to {percent(result.observed[s, d], 1)}; "
                f"{percent(result.expected[s, d], 1)} expected."
            )

        return replace(
            result, effect=points, sentence=say,
            threshold=np.full(len(which), NULL_POINTS), entities=tuple(health.keys[i][0] for i in which),
            segment_ids=("",) * len(which), attributes=tuple(health.keys[i][1] for i in which),
        )  # fmt: skip

    def _duplicates(self, health: EntityPanel, settings: Settings, first: np.datetime64) -> Assessment:
        which = [i for i, (_, column) in enumerate(health.keys) if column == ROWS]
        count = np.nan_to_num(health.duplicate_keys[which])
        known = np.isfinite(health.duplicate_keys[which])
        before = _peak_before(count, known)
        # a relation that always had some duplicates is reported when their number reaches twice its old peak, and while it stays there
        hit = known & (count > 2 * before)
        rows = np.maximum(np.nan_to_num(health.rows[which]), 1)

        def say(s: int, t: int) -> str:
            return (
                f"{health.keys[which[s]][0]} has {count[s, t]:,.0f} duplicate keys in {rows[s, t]:,.0f} rows; "
                f"at most {before[s, t]:,.0f} on earlier days. Each key was counted once."
            )

        return self._fact(
            health, which, settings, first, "duplicate_keys", hit, known, count, before, count / rows, say
        )

    def _types(self, health: EntityPanel, settings: Settings, first: np.datetime64) -> Assessment:
        which = [i for i, (_, column) in enumerate(health.keys) if column != ROWS]
        kinds = health.data_type[which]
        last_type = _carry(kinds)
        known = kinds != ""
        hit = known & (last_type != "") & (last_type != kinds)
        shape = kinds.shape

        def say(s: int, t: int) -> str:
            entity, column = health.keys[which[s]]
            return f"Column {entity}.{column} is {kinds[s, t]}, was {last_type[s, t]}."

        zero = np.zeros(shape)
        return self._fact(health, which, settings, first, "data_type", hit, known, zero, zero, hit.astype(float), say)

    def _broken(self, health: EntityPanel, settings: Settings, first: np.datetime64) -> Assessment:
        which = [i for i, (_, column) in enumerate(health.keys) if column == ROWS]
        states = health.status[which]
        hit = states == "broken"

        def say(s: int, t: int) -> str:
            why = "" if health.status_reason is None else health.status_reason[which[s], t]
            return f"{health.keys[which[s]][0]} cannot be snapshotted{f': {why}' if why else ''}."

        zero = np.zeros(states.shape)
        return self._fact(
            health, which, settings, first, "status", hit, states != "", zero, zero, hit.astype(float), say
        )

    def _fact(
        self, health: EntityPanel, which: list[int], settings: Settings, first: np.datetime64, metric: str, hit: Bools,
        known: Bools, observed: Floats, expected: Floats, effect: Floats, say: Callable[[int, int], str],
    ) -> Assessment:  # fmt: skip
        """Return an assessment of something that is stated, not estimated."""
        start = max(int((first - health.dates[0]).astype(int)), 0)
        shape = hit[:, start:].shape
        enabled = settings.rule(self, "").enabled
        muted = np.zeros(hit.shape, bool) if health.excluded is None else health.excluded[which]
        hit = hit & ~muted & enabled
        nan = np.full(shape, np.nan)
        columns = tuple(None if health.keys[i][1] == ROWS else health.keys[i][1] for i in which)

        def sentence(s: int, d: int) -> str:
            if hit[s, start + d]:
                return say(s, start + d)
            return f"No change of {metric.replace('_', ' ')} on {health.dates[start + d]}."

        return Assessment(
            detector=self.name, metric=metric, attribute=None, segment_ids=("",) * len(which),
            entities=tuple(health.keys[i][0] for i in which), dates=health.dates[start:],
            kind=np.where(known, Outcome.QUIET, Outcome.NO_DATA).astype(np.int8)[:, start:], eligible=hit[:, start:],
            fresh=np.zeros(shape, bool), p_value=np.where(hit, 0.0, 1.0)[:, start:], observed=observed[:, start:],
            expected=expected[:, start:], lower=nan, upper=nan, effect=effect[:, start:],
            started=np.broadcast_to(health.dates[start:], shape), abnormal=hit[:, start:],
            rebased=np.zeros(shape, bool), needs=nan, threshold=np.zeros(len(which)),
            sentence=sentence, grade=self.severity, attributes=columns,
        )  # fmt: skip


def _peak_before(count: Floats, known: Bools) -> Floats:
    """Return (S, T): the largest number of earlier days, without those of an episode that is not over or EPISODE days old.

    >>> _peak_before(np.array([[0.0, 3, 7, 7, 7, 2]]), np.ones((1, 6), bool)).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    out = np.zeros(count.shape)
    for s in range(count.shape[0]):
        peak, inside = 0.0, list[float]()
        for t in range(count.shape[1]):
            if len(inside) >= EPISODE:
                peak, inside = max(peak, *inside), []
            out[s, t] = peak
            if not known[s, t]:
                continue
            if count[s, t] > 2 * peak:
                inside.append(count[s, t])
            else:
                peak, inside = max(peak, count[s, t]), []
    return out


def rows_panel(health: EntityPanel) -> MetricPanel:
    """Return the rows of each relation as a metric; the names are those of the entities."""
    which = [i for i, (_, column) in enumerate(health.keys) if column == ROWS]
    return MetricPanel(
        "rows", tuple(health.keys[i][0] for i in which), health.dates, health.rows[which],
        excluded=None if health.excluded is None else health.excluded[which], status=_fresh(health, which),
    )  # fmt: skip


def _fresh(health: EntityPanel, which: list[int]) -> np.ndarray[Any, Any] | None:
    """Return the status of the chosen keys: a stale day is neither tested nor learned from."""
    return health.status[which]


def _carry(kinds: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return for each day the last stated type before it, '' when there is none."""
    out = np.full(kinds.shape, "", dtype=object)
    for t in range(1, kinds.shape[1]):
        out[:, t] = np.where(kinds[:, t - 1] != "", kinds[:, t - 1], out[:, t - 1])
    return out
