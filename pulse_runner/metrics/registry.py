"""The registry of metrics. Adding one is one entry here, the SQL that counts it, a section in docs/metrics.md and a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Link = Literal["count", "rate", "mean", "none"]
Better = Literal["up", "down", "neither"]
Needs = Literal["", "conversion", "activity"]
Table = Literal["pulse_segment_snapshots", "pulse_segment_reach", "pulse_entity_health", "pulse_segment_distributions"]


@dataclass(frozen=True)
class Metric:
    """One metric: `column` of `table` holds its value, `numerator` and `denominator` (of the same table) what it is counted from.

    `link` says how it varies: a count, a rate (numerator out of denominator), a mean (amount per denominator), or none for what is not a
    number a day. `label` begins a sentence, `words` stands inside one. `is_watched`: detectors get a panel of it. `needs` names what an
    entity has to define for it; without that it is null.
    """

    name: str
    label: str
    words: str
    table: Table
    column: str
    numerator: str = ""
    denominator: str = ""
    link: Link = "count"
    unit: str = "members"
    better: Better = "neither"
    is_watched: bool = False
    needs: Needs = ""

    @property
    def is_rate(self) -> bool:
        """Say whether the value is a share between 0 and 1."""
        return self.link == "rate"


def _segment(name: str, label: str, better: Better = "neither", watched: bool = True, needs: Needs = "") -> Metric:
    return Metric(
        name, label, name.replace("_", " "), "pulse_segment_snapshots", name, name, better=better, is_watched=watched, needs=needs
    )  # fmt: skip


def _rate(name: str, label: str, numerator: str, denominator: str, better: Better, needs: Needs) -> Metric:
    return Metric(
        name, label, name.replace("_", " "), "pulse_segment_snapshots", name, numerator, denominator, "rate", "share", better, True, needs
    )  # fmt: skip


ROWS = "(rows)"  # the column of pulse_entity_health that is the relation as a whole
REACH = "reach:"  # the family of reach by channel: reach:email, reach:push, ...
METRICS: tuple[Metric, ...] = (
    _segment("size", "Size"),
    _rate("conversion_rate", "Conversion rate", "converted", "eligible", "up", "conversion"),
    _rate("inactive_rate", "Inactive rate", "inactive", "size", "down", "activity"),
    _segment("entered", "Members entered"),
    _segment("exited", "Members exited"),
    _segment("converted", "Members converted", "up", needs="conversion"),
    _segment("inactive", "Members inactive", "down", watched=False, needs="activity"),
    Metric("velocity", "Velocity", "velocity", "pulse_segment_snapshots", "velocity", link="none", unit="members a day"),
    Metric("distribution", "Distribution", "distribution", "pulse_segment_distributions", "share", link="rate", unit="share"),
    Metric("status", "Status", "status", "pulse_segment_snapshots", "size", link="none"),
    Metric("rows", "Rows", "rows", "pulse_entity_health", "rows", "rows", unit="rows"),
    Metric("null_share", "Null share", "null share", "pulse_entity_health", "null_share", "nulls", "rows", "rate", "share", "down"),
    Metric("duplicate_keys", "Duplicate keys", "duplicate keys", "pulse_entity_health", "duplicate_keys", unit="keys", better="down"),
    Metric("data_type", "Data type", "data type", "pulse_entity_health", "rows", link="none", unit="rows"),
)  # fmt: skip
BY_NAME: Mapping[str, Metric] = {m.name: m for m in METRICS}
PANELS: tuple[Metric, ...] = tuple(m for m in METRICS if m.is_watched)
_REACHED = Metric(
    REACH, "Reach", "reach", "pulse_segment_reach", "reach_rate", "reachable", "size", "rate", "share", "up", True
)  # fmt: skip


def find(name: str) -> Metric:
    """Return a metric by name; one that is not registered, as an older version may have stored it, is called by its name.

    >>> find("reach:email").label, find("null_share").label, find("odd_thing").words
    ('Reach by email', 'Null share', 'odd thing')
    """
    if name.startswith(REACH):
        return reach(name.removeprefix(REACH))
    plain = name.replace("_", " ")
    return BY_NAME.get(name) or Metric(name, plain.capitalize(), plain, "pulse_segment_snapshots", "size", link="none")


def reach(channel: str) -> Metric:
    """Return the metric of reach by one channel."""
    return replace(_REACHED, name=f"{REACH}{channel}", label=f"Reach by {channel}", words=f"reach by {channel}")


def label(name: str) -> str:
    """Return a metric's name as a sentence begins with it."""
    return find(name).label


def words(name: str) -> str:
    """Return a metric's name as it stands in a sentence."""
    return find(name).words


def is_rate(name: str) -> bool:
    """Say whether a metric is a share between 0 and 1."""
    return find(name).is_rate
