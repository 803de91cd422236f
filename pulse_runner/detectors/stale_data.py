"""stale_data: a node upstream failed, was skipped or is late, so segments cannot be seen: one finding per node, not per segment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from pulse_runner.arrays import Bools, Days
from pulse_runner.detectors.base import Assessment, Finding, Outcome, Settings, Usual
from pulse_runner.detectors.panel import MetricPanel, Panels
from pulse_runner.upstream import Trouble, troubles_in
from pulse_runner.vocabulary import Direction, Severity, plural

NAMED = 3  # blind segments that a sentence names


@dataclass(frozen=True)
class StaleData(Usual):
    """Flag what segments are built on where it failed, was skipped or is late; the threshold is the number of days in a row.

    The finding is about the entity and names the node; its `symptoms` are the segments, where not all of the entity are blind.
    """

    name: str = "stale_data"
    default_threshold: float = 1.0
    default_direction: Direction = "up"
    rank: int = 1
    is_graded: bool = False
    tells_sight: bool = True

    def severity(self, effect: float, threshold: float) -> Severity:
        """Return medium on the first two days of what is late, high from the third."""
        return "high" if effect >= 3 else "medium"

    def failed(self, effect: float, threshold: float) -> Severity:
        """Return high on the first two days of what failed or was skipped, critical from the third."""
        return "critical" if effect >= 3 else "high"

    def headline(self, finding: Finding) -> str:
        """Say what is wrong with which node, and how many segments are blind."""
        told = [t for t in troubles_in(finding.reason[:1].lower() + finding.reason[1:]) if t.name == finding.attribute]
        what = told[0].headline().removeprefix("upstream ") if told else "the source is stale"
        return f"{what}; {plural(int(finding.observed), 'segment')} cannot be seen"

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge the status of every segment, and gather those that are blind through one node.

        >>> from pulse_runner.detectors.panel import MetricPanel
        >>> days = np.datetime64("2026-03-02") + np.arange(3)
        >>> status = np.array([["ok", "ok", "stale"]])
        >>> why = np.array([["", "", "upstream model orders failed: no such column"]])
        >>> size = MetricPanel("size", ("vip",), days, np.array([[10.0, 11.0, np.nan]]), status=status, status_reason=why)
        >>> (a,) = StaleData().assess(Panels({"size": size}), Settings(), days[0], days[-1])
        >>> a.eligible.tolist(), a.attributes
        ([[False, False, True]], ('orders',))
        """
        panel = panels.metrics.get("size")
        if panel is None or panel.status is None or panel.dates[0] > last:
            return []
        start = max(int((first - panel.dates[0]).astype(int)), 0)
        stop = int((last - panel.dates[0]).astype(int)) + 1
        nodes = _nodes(panel.head(stop), panels)
        late = {key: node for key, node in nodes.items() if node.is_late}
        failed = {key: node for key, node in nodes.items() if not node.is_late}
        out = []
        for found, grade in ((late, self.severity), (failed, self.failed)):
            if found:
                assessed = _assessment(self, list(found.values()), panel, panels, settings, start, stop)
                out.append(replace(assessed, grade=grade))
        return out


@dataclass
class _Node:
    """One node of an entity, with the segments that are blind through it by day, and its words of that day."""

    entity: str
    name: str
    is_late: bool
    blind: dict[int, list[int]] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)


def _nodes(panel: MetricPanel, panels: Panels) -> dict[tuple[str, str, bool], _Node]:
    """Return the nodes that some segment is blind through on some day, in a fixed order."""
    assert panel.status is not None
    nodes: dict[tuple[str, str, bool], _Node] = {}
    for s, t in np.argwhere(panel.status == "stale"):
        entity = panels.entities.get(panel.segment_ids[s], "")
        reason = "" if panel.status_reason is None else str(panel.status_reason[s, t] or "")
        for name, is_late, words in _told(reason):
            node = nodes.setdefault((entity, name, is_late), _Node(entity, name, is_late))
            node.blind.setdefault(int(t), []).append(int(s))
            node.words[int(t)] = words
    return dict(sorted(nodes.items()))


def _told(reason: str) -> Iterator[tuple[str, bool, str]]:
    """Yield the name of each node that a reason names, whether it is late, and its words; what names none is a late source."""
    troubles: list[Trouble] = troubles_in(reason)
    for trouble in troubles:
        yield trouble.name, trouble.state == "is late", trouble.text()
    if not troubles:
        yield "", True, f"the source has not been refreshed{f': {reason}' if reason else ''}"


def _assessment(
    detector: StaleData,
    nodes: list[_Node],
    panel: MetricPanel,
    panels: Panels,
    settings: Settings,
    start: int,
    stop: int,
) -> Assessment:
    threshold, _, enabled = settings.vectors(detector, panel.segment_ids)
    muted = np.zeros(panel.numerator.shape, bool) if panel.excluded is None else panel.excluded
    counted: dict[tuple[int, int], list[int]] = {}  # node and day: the segments that have been blind for long enough
    runs = np.zeros((len(nodes), stop))
    for n, node in enumerate(nodes):
        days = dict[int, int]()  # how long each segment has been blind
        for t in range(stop):
            blind = set(node.blind.get(t, ()))
            days = {s: days.get(s, 0) + 1 for s in blind}
            runs[n, t] = runs[n, t - 1] + 1 if blind and t else float(bool(blind))
            told = [s for s in sorted(blind) if enabled[s] and not muted[s, t] and days[s] >= max(threshold[s], 1)]
            counted[n, t] = told
    hit: Bools = np.array([[bool(counted[n, t]) for t in range(stop)] for n in range(len(nodes))])[:, start:]
    there = np.array([[bool(node.blind.get(t)) for t in range(stop)] for node in nodes])
    known = (panel.status != "")[:, :stop].any(0) if panel.status is not None else np.ones(stop, bool)
    size = {e: sum(panels.entities.get(s, "") == e for s in panel.segment_ids) for e in {n.entity for n in nodes}}
    kind = np.where(known, Outcome.QUIET, Outcome.NO_DATA).astype(np.int8)[None, start:].repeat(len(nodes), 0)
    kind[there[:, start:] & ~hit] = Outcome.MUTED
    nan = np.full(hit.shape, np.nan)
    began: Days = panel.dates[:stop] - (np.maximum(runs, 1) - 1).astype("timedelta64[D]")

    def names(n: int, d: int) -> list[str]:
        return [panel.segment_ids[s] for s in counted[n, start + d]]

    def say(n: int, d: int) -> str:
        t = start + d
        if t not in nodes[n].blind:
            return f"Nothing upstream is late or has failed on {panel.dates[t]}."
        blind = names(n, d)
        more = f" and {len(blind) - NAMED} more" if len(blind) > NAMED else ""
        since = "" if runs[n, t] < 2 else f" It has been so for {int(runs[n, t])} days."
        words = nodes[n].words[t]
        return f"{words[0].upper()}{words[1:]}. Not seen: {', '.join(blind[:NAMED])}{more}.{since}"

    def symptoms(n: int, d: int) -> tuple[str, ...]:
        found = names(n, d)
        return tuple(found) if len(found) < size[nodes[n].entity] else ()

    return Assessment(
        detector=detector.name, metric="status", attribute=None, segment_ids=("",) * len(nodes),
        entities=tuple(n.entity for n in nodes), dates=panel.dates[start:stop], kind=kind, eligible=hit,
        fresh=np.zeros(hit.shape, bool), p_value=np.where(hit, 0.0, 1.0),
        observed=np.array([[float(len(counted[n, t])) for t in range(start, stop)] for n in range(len(nodes))]),
        expected=nan, lower=nan, upper=nan, effect=np.where(there, runs, 0.0)[:, start:], started=began[:, start:],
        abnormal=there[:, start:], rebased=np.zeros(hit.shape, bool), needs=nan, threshold=np.ones(len(nodes)), sentence=say,
        grade=detector.severity, attributes=tuple(n.name or None for n in nodes), symptoms=symptoms,
    )  # fmt: skip
