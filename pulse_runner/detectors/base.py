"""What detectors take and give: panels of history in, one verdict per test and date out.

A panel holds one metric of many segments over consecutive days, so that a detector is array arithmetic over all segments at once.
An Assessment is the columnar result of one detector; Findings and Verdicts are made from it for the few tests that have something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]
Direction = Literal["both", "down", "up"]
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


class Kind(IntEnum):
    """What a detector can say about one test on one date."""

    QUIET = 0
    FINDING = 1
    NEEDS_HISTORY = 2
    TOO_SMALL = 3
    MUTED = 4
    NO_DATA = 5
    DISABLED = 6

    @property
    def word(self) -> str:
        """Return the word that the findings table stores."""
        return self.name.lower()


@dataclass(frozen=True)
class MetricPanel:
    """One metric of S segments over T consecutive calendar days.

    `numerator` and `denominator` are (S, T), NaN where there is no snapshot; `denominator` is None for counts.
    `excluded` (S, T) marks days that are neither tested nor learned from (known events, days that a person confirmed as an incident).
    `status` and `status_reason` (S, T) are those of pulse_segment_snapshots. `rebased_on` (S,) is the first day of the level that a
    person or the lifecycle accepted as the new normal, NaT when there is none.
    """

    metric: str
    segment_ids: tuple[str, ...]
    dates: Days
    numerator: Floats
    denominator: Floats | None = None
    excluded: Bools | None = None
    status: npt.NDArray[Any] | None = None
    status_reason: npt.NDArray[Any] | None = None
    rebased_on: Days | None = None

    def __post_init__(self) -> None:
        shape = (len(self.segment_ids), len(self.dates))
        for name in ("numerator", "denominator", "excluded", "status", "status_reason"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"{self.metric}: {name} has shape {array.shape}, expected {shape} (segments, days).")
        if len(self.dates) > 1 and not (np.diff(self.dates).astype("timedelta64[D]").astype(int) == 1).all():
            raise ValueError(
                f"{self.metric}: dates must be consecutive calendar days; put NaN on days without a snapshot."
            )

    @property
    def usable(self) -> Bools:
        """Return (S, T): there is a value, its source was fresh, and the day is not excluded. Nobody gives no rate."""
        present: Bools = np.isfinite(self.numerator)
        if self.denominator is not None:
            present &= np.isfinite(self.denominator) & (self.denominator > 0)
        if self.status is not None:
            present &= ~np.isin(self.status, ("stale", "broken", "not_reconstructable"))
        if self.excluded is not None:
            present &= ~self.excluded
        return present

    def head(self, days: int) -> MetricPanel:
        """Return the first `days` days: what was known then."""
        return self._cut(slice(None), slice(days))

    def rows(self, which: slice) -> MetricPanel:
        """Return some of the segments."""
        return self._cut(which, slice(None))

    def _cut(self, rows: slice, days: slice) -> MetricPanel:
        def cut(array: Any) -> Any:
            return None if array is None else array[rows, days]

        return MetricPanel(
            self.metric, self.segment_ids[rows], self.dates[days], self.numerator[rows, days], cut(self.denominator),
            cut(self.excluded), cut(self.status), cut(self.status_reason),
            None if self.rebased_on is None else self.rebased_on[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class DistributionPanel:
    """One attribute of S segments on one date: the bucket counts of the last W days and aggregates of the days before them.

    `members` (S, K, W) counts members per bucket on the W days up to and with `date`, last day last, NaN without a usable snapshot.
    The baseline is the usable days of the WINDOW days before those W. `distribution_sql.py` makes the aggregates in the warehouse,
    `distribution_baseline.py` the same ones from days of counts, for replays:
    `recent` (S, K) exponentially weighted mean share; `offset` (S, K, W) mean share on the weekday of each of the W days minus the
    mean share; `noise` (S, K) mean absolute difference of a day's share from the mean of the days before it; `inverse_total` (S,)
    mean of 1 / members; `weight` (S,) effective number of days behind `recent`; `days` (S,) baseline days; `weekday_days` (S, W)
    those of the same weekday.
    """

    attribute: str
    date: np.datetime64
    segment_ids: tuple[str, ...]
    buckets: tuple[str, ...]
    members: Floats
    recent: Floats
    offset: Floats
    noise: Floats
    inverse_total: Floats
    weight: Floats
    days: Floats
    weekday_days: Floats
    excluded: Bools | None = None


@dataclass(frozen=True)
class EntityPanel:
    """The health of K (entity, column) pairs over T consecutive days; column '(rows)' is the relation as a whole.

    All arrays are (K, T); counts are NaN where there is no row, `data_type` and `status` are '' there.
    """

    keys: tuple[tuple[str, str], ...]
    dates: Days
    rows: Floats
    nulls: Floats
    duplicate_keys: Floats
    data_type: npt.NDArray[Any]
    status: npt.NDArray[Any]
    excluded: Bools | None = None

    def head(self, days: int) -> EntityPanel:
        """Return the first `days` days: what was known then."""
        return EntityPanel(
            self.keys, self.dates[:days], self.rows[:, :days], self.nulls[:, :days], self.duplicate_keys[:, :days],
            self.data_type[:, :days], self.status[:, :days], None if self.excluded is None else self.excluded[:, :days],
        )  # fmt: skip


@dataclass(frozen=True)
class Panels:
    """All that the detectors of one run may look at; every panel ends on the same date.

    `metrics` by metric name (`size`, `conversion_rate`, `inactive_rate`, `reach:<channel>`, `entered`, `exited`, `converted`),
    `distributions` by attribute. `constrained` names the attributes that a segment's own rule or a clock moves:
    they are not tested. `entities` and `owners` give each segment its entity and owner.
    """

    metrics: Mapping[str, MetricPanel] = field(default_factory=dict)
    distributions: Mapping[str, DistributionPanel] = field(default_factory=dict)
    health: EntityPanel | None = None
    constrained: frozenset[tuple[str, str]] = frozenset()
    entities: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def dates(self) -> Days:
        """Return the days of the longest panel."""
        every = [p.dates for p in self.metrics.values()]
        every += [np.array([p.date]) for p in self.distributions.values()]
        if self.health is not None:
            every.append(self.health.dates)
        return max(every, key=len, default=np.array([], "datetime64[D]"))


@dataclass(frozen=True)
class Rule:
    """How one detector treats one segment; None takes the detector's default."""

    threshold: float | None = None
    direction: Direction | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Settings:
    """Thresholds by detector, by (segment, detector) and by (segment, detector, attribute); the narrowest one wins.

    `fdr` is the false discovery rate over all tests of one date, None to take each series on its own.
    """

    detectors: Mapping[str, Rule] = field(default_factory=dict)
    segments: Mapping[tuple[str, str], Rule] = field(default_factory=dict)
    attributes: Mapping[tuple[str, str, str], Rule] = field(default_factory=dict)
    fdr: float | None = 0.03
    min_history: int = 8

    def rule(self, detector: Detector, segment_id: str, attribute: str | None = None) -> Rule:
        """Return the threshold, direction and switch that hold for one test."""
        layers = [Rule(detector.default_threshold, detector.default_direction)]
        layers += [r for r in (self.detectors.get(detector.name), self.segments.get((segment_id, detector.name))) if r]
        if attribute is not None and (segment_id, detector.name, attribute) in self.attributes:
            layers.append(self.attributes[segment_id, detector.name, attribute])
        threshold = next(r.threshold for r in reversed(layers) if r.threshold is not None)
        direction = next(r.direction for r in reversed(layers) if r.direction is not None)
        return Rule(threshold, direction, all(r.enabled for r in layers))

    def vectors(
        self, detector: Detector, segment_ids: Sequence[str], attribute: str | None = None
    ) -> tuple[Floats, npt.NDArray[np.int8], Bools]:
        """Return thresholds, directions (-1 down, 0 both, 1 up) and switches, one per segment."""
        sign = {"down": -1, "both": 0, "up": 1}
        own = {s for s, d in self.segments if d == detector.name}
        own |= {s for s, d, a in self.attributes if d == detector.name and a == attribute}
        usual = self.rule(detector, "")
        rules = [self.rule(detector, s, attribute) if s in own else usual for s in segment_ids]
        return (
            np.array([r.threshold for r in rules], float),
            np.array([sign[r.direction or "both"] for r in rules], np.int8),
            np.array([r.enabled for r in rules], bool),
        )


@dataclass(frozen=True)
class Finding:
    """One detector's statement about one date: a material and real change, with the numbers behind it.

    `effect` is relative (-0.42 is 42 % down) for counts and rates, and a distance from 0 to 1 for distributions.
    `lower` and `upper` bound what the baseline expects on 19 of 20 ordinary days. `segment_id` is '' for an entity's own finding.
    """

    segment_id: str
    detector: str
    metric: str
    attribute: str | None
    bucket: str | None
    snapshot_date: date
    started_on: date
    direction: Literal["up", "down"]
    severity: Severity
    observed: float
    expected: float
    lower: float
    upper: float
    effect: float
    p_value: float
    threshold: float
    reason: str
    entity: str = ""
    q_value: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Return what stays the same while one fault lasts: entity, segment, detector, metric, attribute."""
        return (self.entity, self.segment_id, self.detector, self.metric, self.attribute or "")


@dataclass(frozen=True)
class Verdict:
    """What became of one test on one date, with a sentence that says why.

    `abnormal_since` is set while the series has not come back, also on days that are quiet for lack of size or evidence.
    `rebased` says that a persisting level has become the baseline. `needs` is the number of days still missing
    (needs_history) or the size from which the test could tell (too_small).
    """

    segment_id: str
    detector: str
    metric: str
    attribute: str | None
    snapshot_date: date
    kind: Kind
    reason: str
    finding: Finding | None = None
    abnormal_since: date | None = None
    rebased: bool = False
    needs: float | None = None
    entity: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Return the key that a Finding of the same test has."""
        return (self.entity, self.segment_id, self.detector, self.metric, self.attribute or "")


@dataclass(frozen=True)
class Assessment:
    """The columnar result of one detector on one metric: S tests x D dates.

    `eligible` marks tests whose series is out of its expected state in a watched direction; `candidates` are those that
    are also material; false discovery control then decides on `p_value`. `fresh` marks days on which the series was not yet known
    to be out of its state: only these count as tests of the date. `started` holds days, NaT when there is none.
    `sentence(s, d)` gives the reason.
    """

    detector: str
    metric: str
    attribute: str | None
    segment_ids: tuple[str, ...]
    entities: tuple[str, ...]
    dates: Days
    kind: npt.NDArray[np.int8]
    eligible: Bools
    fresh: Bools
    p_value: Floats
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    effect: Floats
    started: Days
    abnormal: Bools
    rebased: Bools
    needs: Floats
    threshold: Floats
    sentence: Callable[[int, int], str]
    bucket: Callable[[int, int], str | None] = lambda s, d: None
    attributes: tuple[str | None, ...] | None = None  # per test, where they differ

    def candidates(self, d: int) -> Bools:
        """Return (S,) for one day: eligible and at or above the threshold."""
        with np.errstate(invalid="ignore"):
            material: Bools = np.abs(self.effect[:, d]) >= self.threshold
        return self.eligible[:, d] & material

    def attribute_of(self, s: int) -> str | None:
        """Return the attribute or column that test `s` is about."""
        return self.attribute if self.attributes is None else self.attributes[s]


class Detector(Protocol):
    """One rule about what counts as a fault; the whole surface that a new detector has to fill."""

    @property
    def name(self) -> str:
        """Name the detector as definitions and tables do."""
        ...

    @property
    def default_threshold(self) -> float:
        """Return the smallest effect that is material by default."""
        ...

    @property
    def default_direction(self) -> Direction:
        """Return the direction that is watched by default."""
        ...

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every test of every day from `first` to `last`; day d uses nothing later than d."""
        ...
