"""Read bucket counts as the histories that distribution_shift learns its baselines from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np

from pulse_runner.detectors.base import DistributionPanel
from pulse_runner.detectors.distribution_baseline import TESTED, WINDOW, DistributionHistory
from pulse_runner.incidents.lifecycle import Incident
from pulse_runner.snapshots.panels import day_axis
from pulse_runner.warehouse.base import Warehouse


def distribution_histories(
    warehouse: Warehouse, segment_ids: tuple[str, ...], first: date, last: date, attributes: Iterable[str] | None = None
) -> list[DistributionHistory]:
    """Return one history per attribute, with the days that the tests of `first` to `last` look back on."""
    start = first - timedelta(days=WINDOW + TESTED)
    days, rows = day_axis(start, last), {s: i for i, s in enumerate(segment_ids)}
    frame = warehouse.frame(
        "select segment_id, snapshot_date, attribute, bucket, members"
        f" from {warehouse.table('segment_distributions')} where snapshot_date between ? and ?",
        [start, last],
    )
    frame = frame[frame["segment_id"].isin(rows)]
    out = []
    for attribute, part in frame.groupby("attribute", sort=True):
        if attributes is not None and attribute not in attributes:
            continue
        buckets = tuple(sorted(part["bucket"].unique()))
        column = {b: i for i, b in enumerate(buckets)}
        members = np.zeros((len(rows), len(days), len(buckets)))
        at = (part["snapshot_date"].to_numpy().astype("datetime64[D]") - days[0]).astype(int)
        s = part["segment_id"].map(rows).to_numpy()
        members[s, at, part["bucket"].map(column).to_numpy()] = part["members"].to_numpy(float)
        usable = np.zeros((len(rows), len(days)), bool)
        usable[s, at] = True
        out.append(DistributionHistory(str(attribute), segment_ids, buckets, days, members, usable))
    return out


def distribution_panel(history: DistributionHistory, day: date, incidents: Iterable[Incident]) -> DistributionPanel:
    """Return the panel of one day; days of incidents about the attribute are not learned from, accepted levels start anew."""
    place = {s: i for i, s in enumerate(history.segment_ids)}
    learnable = np.ones(history.usable.shape, bool)
    rebased = np.zeros(len(history.segment_ids), np.int64)

    def index(on: date) -> int:
        return max(int((np.datetime64(on, "D") - history.dates[0]).astype(int)), 0)

    for i in incidents:
        if i.segment_id not in place or not any(k[4] == history.attribute for k in i.keys):
            continue
        row, begun = place[i.segment_id], index(i.started_on)
        if i.resolution == "accepted" or i.status == "ignored":
            rebased[row] = max(rebased[row], begun)
        else:
            learnable[row, begun : index(i.resolved_on or day + timedelta(days=1))] = False
    return history.panel(index(day), learnable, rebased)


def by_attribute(panels: Iterable[DistributionPanel]) -> Mapping[str, DistributionPanel]:
    """Return panels by the name of their attribute."""
    return {p.attribute: p for p in panels}
