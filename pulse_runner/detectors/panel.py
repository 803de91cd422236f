"""Panels: what detectors look at.

A panel is one metric of many segments over consecutive days, so that a detector is array arithmetic over all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pulse_runner.arrays import Bools, Days, Floats
from pulse_runner.metrics import ROWS


@dataclass(frozen=True)
class MetricPanel:
    """One metric of S segments over T consecutive calendar days.

    `numerator` and `denominator` are (S, T), NaN where there is no snapshot; `denominator` is None for counts.
    `excluded` (S, T) marks days that are neither tested nor learned from (known events, days that a person confirmed as an incident).
    `status` and `status_reason` (S, T) are those of pulse_segment_snapshots. `rebased_on` (S,) is the first day of the level that a
    person or the lifecycle accepted as the new normal, NaT when there is none. `ordinary` (S, T) marks days that a person called a
    false alarm: they are learned from, however far off they are. `closed` (S, T) marks those of the excluded days on which the relation as
    a whole had few events: a weekday that is closed again and again is part of the rhythm.
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
    ordinary: Bools | None = None
    closed: Bools | None = None

    def __post_init__(self) -> None:
        shape = (len(self.segment_ids), len(self.dates))
        for name in ("numerator", "denominator", "excluded", "status", "status_reason", "ordinary", "closed"):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise ValueError(f"{self.metric}: {name} has shape {array.shape}, expected {shape} (segments, days).")
        if len(self.dates) > 1 and not (np.diff(self.dates).astype("timedelta64[D]").astype(int) == 1).all():
            raise ValueError(
                f"{self.metric}: dates must be consecutive calendar days; put NaN on days without a snapshot."
            )

    @property
    def usable(self) -> Bools:
        """Return (S, T): there is a value, its source was fresh, and the day is not excluded.

        A rate whose denominator is zero is left out.
        """
        present: Bools = np.isfinite(self.numerator)
        if self.denominator is not None:
            present &= np.isfinite(self.denominator) & (self.denominator > 0)
        if self.status is not None:
            present &= ~np.isin(self.status, ("stale", "broken", "not_reconstructable"))
        if self.excluded is not None:
            present &= ~self.excluded
        return present

    @property
    def shut(self) -> Bools:
        """Return (S, T): the relation as a whole had few events, and what the segment had is known."""
        if self.closed is None:
            return np.zeros(self.numerator.shape, bool)
        known: Bools = self.closed & np.isfinite(self.numerator)
        return known if self.denominator is None else known & (self.denominator > 0)

    def head(self, days: int) -> MetricPanel:
        """Return the first `days` days: what was known then."""
        return self._cut(slice(None), slice(days))

    def tail(self, days: int) -> MetricPanel:
        """Return what is left without the first `days` days."""
        return self._cut(slice(None), slice(days, None))

    def rows(self, which: slice | list[int]) -> MetricPanel:
        """Return some of the segments."""
        return self._cut(which, slice(None))

    def _cut(self, rows: slice | list[int], days: slice) -> MetricPanel:
        def cut(array: Any) -> Any:
            return None if array is None else array[rows, days]

        names = self.segment_ids[rows] if isinstance(rows, slice) else tuple(self.segment_ids[n] for n in rows)
        return MetricPanel(
            self.metric, names, self.dates[days], self.numerator[rows, days], cut(self.denominator),
            cut(self.excluded), cut(self.status), cut(self.status_reason),
            None if self.rebased_on is None else self.rebased_on[rows], cut(self.ordinary), cut(self.closed),
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
    status_reason: npt.NDArray[Any] | None = None

    def only(self, rows: list[int]) -> EntityPanel:
        """Return some of the pairs."""
        return EntityPanel(
            tuple(self.keys[n] for n in rows), self.dates, self.rows[rows], self.nulls[rows],
            self.duplicate_keys[rows], self.data_type[rows], self.status[rows],
            None if self.excluded is None else self.excluded[rows],
            None if self.status_reason is None else self.status_reason[rows],
        )  # fmt: skip

    def head(self, days: int) -> EntityPanel:
        """Return the first `days` days: what was known then."""
        return EntityPanel(
            self.keys, self.dates[:days], self.rows[:, :days], self.nulls[:, :days], self.duplicate_keys[:, :days],
            self.data_type[:, :days], self.status[:, :days], None if self.excluded is None else self.excluded[:, :days],
            None if self.status_reason is None else self.status_reason[:, :days],
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

    def audience(self, day: np.datetime64) -> dict[str, int]:
        """Return the latest size of each segment up to a day, and the latest number of rows of each entity."""
        counted = list[tuple[str, Floats, Days]]()
        if (size := self.metrics.get("size")) is not None:
            counted += [(s, size.numerator[n], size.dates) for n, s in enumerate(size.segment_ids)]
        if (health := self.health) is not None:
            counted += [
                (e, health.rows[n], health.dates) for n, (e, column) in enumerate(health.keys) if column == ROWS
            ]
        out = {}
        for name, values, dates in counted:
            known = values[(dates <= day) & np.isfinite(values)]
            if len(known):
                out[name] = int(known[-1])
        return out

    @property
    def dates(self) -> Days:
        """Return the days of the longest panel."""
        every = [p.dates for p in self.metrics.values()]
        every += [np.array([p.date]) for p in self.distributions.values()]
        if self.health is not None:
            every.append(self.health.dates)
        return max(every, key=len, default=np.array([], "datetime64[D]"))
