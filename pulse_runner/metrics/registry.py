"""The registry of metrics. Adding one is one entry here, the SQL that counts it, a section in docs/metrics.md and a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Link = Literal["count", "rate", "mean", "none"]
Better = Literal["up", "down", "neither"]
Needs = Literal["", "conversion", "activity"]
Table = Literal[
    "pulse_segment_snapshots",
    "pulse_segment_reach",
    "pulse_reach_ladder",
    "pulse_entity_health",
    "pulse_segment_distributions",
]


SNAPSHOTS: Table = "pulse_segment_snapshots"
ROWS = "(rows)"  # the column of pulse_entity_health that is the relation as a whole
REACH = "reach:"  # the family of reach by channel: reach:email, reach:push, ...
LADDER = (
    "ladder:"  # the family of what a destination did, by channel and step: ladder:email:synced, ladder:email:accepted
)
LADDER_STEPS: Mapping[str, str] = {
    "synced": "Synced to",
    "accepted": "Accepted by",
}  # those that are watched, as they are called


@dataclass(frozen=True)
class Metric:
    """One metric: `column` of `table` holds its value, `numerator` and `denominator` (same table) what it is counted from.

    `link` says how it varies: a count, a rate (numerator out of denominator), a mean (amount per
    denominator), or none for what is not a number a day. `label` begins a sentence, `words` stands
    inside one, `definition` is its line in docs/metrics.md. `is_watched`: detectors get a panel of it.
    `needs` names what an entity has to define for it; without that it is null and not tested.
    """

    name: str
    label: str
    words: str
    table: Table
    column: str
    definition: str
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

    @property
    def is_distribution(self) -> bool:
        """Say whether it is the spread over the buckets of an attribute, not one number a day."""
        return self.table == "pulse_segment_distributions"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that a person who asks for the metric wants to see, its value last."""
        return tuple(dict.fromkeys(c for c in (self.denominator, self.numerator, self.column) if c))


def _count(
    name: str, label: str, definition: str, better: Better = "neither", watched: bool = True, needs: Needs = ""
) -> Metric:
    words = name.replace("_", " ")
    return Metric(name, label, words, SNAPSHOTS, name, definition, name, better=better, is_watched=watched, needs=needs)


def _rate(name: str, label: str, numerator: str, denominator: str, better: Better, needs: Needs) -> Metric:
    return Metric(
        name, label, name.replace("_", " "), SNAPSHOTS, name, f"{numerator} / {denominator}", numerator, denominator,
        "rate", "share", better, True, needs,
    )  # fmt: skip


METRICS: tuple[Metric, ...] = (
    _count("size", "Size", "keys for which the rule is true on D"),
    _count("previous_size", "Previous size", "the size that was stored for previous_date; see below", watched=False),
    _count("entered", "Members entered", "members on D who were not members on previous_date"),
    _count("exited", "Members exited", "members on previous_date who are not members on D"),
    Metric(
        "velocity", "Velocity", "velocity", SNAPSHOTS, "velocity", "(size - previous_size) / days since previous_date",
        link="none", unit="members a day",
    ),
    _count("eligible", "Members eligible", "members on previous_date: those who could convert", watched=False),
    _count(
        "converted", "Members converted", "eligible keys whose conversion field lies after previous_date, up to D", "up",
        needs="conversion",
    ),
    _rate("conversion_rate", "Conversion rate", "converted", "eligible", "up", "conversion"),
    _count(
        "inactive", "Members inactive",
        "members whose `last_seen_at` is more than `inactive_after_days` days before D, or null", "down", watched=False,
        needs="activity",
    ),
    _rate("inactive_rate", "Inactive rate", "inactive", "size", "down", "activity"),
    Metric(
        "revenue_per_member", "Revenue per member", "revenue per member", SNAPSHOTS, "revenue_per_member",
        "revenue / size; revenue is the sum of `revenue.amount` over the members", "revenue", "size", "mean",
        "a member", "up",
    ),
    Metric(
        "distribution", "Distribution", "distribution", "pulse_segment_distributions", "share",
        "members in a bucket / size", link="rate", unit="share",
    ),
    Metric("status", "Status", "status", SNAPSHOTS, "size", "", link="none"),
    Metric("rows", "Rows", "rows", "pulse_entity_health", "rows", "rows of the entity as of D", "rows", unit="rows"),
    Metric(
        "null_share", "Null share", "null share", "pulse_entity_health", "null_share", "nulls of a column / rows",
        "nulls", "rows", "rate", "share", "down",
    ),
    Metric(
        "duplicate_keys", "Duplicate keys", "duplicate keys", "pulse_entity_health", "duplicate_keys",
        "rows beyond the first of their key", unit="keys", better="down",
    ),
    Metric(
        "data_type", "Data type", "data type", "pulse_entity_health", "rows", "the type that a column has on D",
        link="none", unit="rows",
    ),
)  # fmt: skip
BY_NAME: Mapping[str, Metric] = {m.name: m for m in METRICS}
PANELS: tuple[Metric, ...] = tuple(m for m in METRICS if m.is_watched)
_REACHED = Metric(
    REACH, "Reach", "reach", "pulse_segment_reach", "reach_rate", "members whom the channel reaches / size", "reachable",
    "size", "rate", "share", "up", True,
)  # fmt: skip
_CLIMBED = Metric(
    LADDER, "Reach ladder", "reach ladder", "pulse_reach_ladder", "share",
    "members who got through the step / those who got through the step before it", "members", "entering", "rate", "share", "up", True,
)  # fmt: skip


def find(name: str) -> Metric:
    """Return a metric by name; one that is not registered, as an older version may have stored it, is called by its name.

    >>> find("reach:email").label, find("null_share").label, find("odd_thing").words
    ('Reach by email', 'Null share', 'odd thing')
    """
    if name.startswith(REACH):
        return reach(name.removeprefix(REACH))
    if channel_step := ladder_of(name):
        return ladder(*channel_step)
    plain = name.replace("_", " ")
    return BY_NAME.get(name) or Metric(name, plain.capitalize(), plain, SNAPSHOTS, "size", "", link="none")


def reach(channel: str) -> Metric:
    """Return the metric of reach by one channel."""
    return replace(_REACHED, name=f"{REACH}{channel}", label=f"Reach by {channel}", words=f"reach by {channel}")


def ladder(channel: str, step: str) -> Metric:
    """Return the metric of one step of a channel's ladder.

    >>> ladder("email", "accepted").label
    'Accepted by email'
    """
    label = f"{LADDER_STEPS[step]} {channel}"
    return replace(_CLIMBED, name=f"{LADDER}{channel}:{step}", label=label, words=f"share {label.lower()}")


def ladder_of(name: str) -> tuple[str, str] | None:
    """Return the channel and the step that a metric is about, None for one that is no step of a ladder.

    >>> ladder_of("ladder:email:synced"), ladder_of("reach:email")
    (('email', 'synced'), None)
    """
    channel, _, step = name.removeprefix(LADDER).rpartition(":")
    return (channel, step) if name.startswith(LADDER) and channel and step in LADDER_STEPS else None


def snapshot_columns() -> tuple[str, ...]:
    """Return the columns of pulse_segment_snapshots that hold metrics, in the order of the registry.

    >>> snapshot_columns()[:4]
    ('size', 'previous_size', 'entered', 'exited')
    """
    return tuple(dict.fromkeys(c for m in METRICS if m.table == SNAPSHOTS for c in m.columns))


def definitions() -> dict[str, str]:
    """Return what each metric counts, by its name; reach and its ladder are one line for all channels."""
    listed = (
        *METRICS,
        replace(_REACHED, name=f"{REACH}<channel>"),
        replace(_CLIMBED, name=f"{LADDER}<channel>:<step>"),
    )
    return {m.name: m.definition for m in listed if m.definition}


def label(name: str) -> str:
    """Return a metric's name as a sentence begins with it."""
    return find(name).label


def words(name: str) -> str:
    """Return a metric's name as it stands in a sentence."""
    return find(name).words


def is_rate(name: str) -> bool:
    """Say whether a metric is a share between 0 and 1."""
    return find(name).is_rate
