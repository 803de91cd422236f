"""Read histories from a CSV or parquet file into panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pulse_runner import metrics
from pulse_runner.arrays import Bools, Days
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory
from pulse_runner.detectors.panel import EntityPanel, MetricPanel
from pulse_runner.errors import UsageError, did_you_mean
from pulse_runner.known_events.event import KnownEvent, entities_excluded_by_events, excluded_by_events

METRIC_COLUMNS = ("segment_id", "snapshot_date", "metric", "numerator", "denominator")
DISTRIBUTION_COLUMNS = ("segment_id", "snapshot_date", "attribute", "bucket", "members")


@dataclass(frozen=True)
class Recording:
    """Everything that a replay looks at. `owners` and `entities` are by segment; both may be empty."""

    metrics: Mapping[str, MetricPanel] = field(default_factory=dict)
    distributions: Sequence[DistributionHistory] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    entities: Mapping[str, str] = field(default_factory=dict)
    constrained: frozenset[tuple[str, str]] = frozenset()
    health: EntityPanel | None = None
    events: tuple[KnownEvent, ...] = ()

    def without(self, events: Sequence[KnownEvent]) -> Recording:
        """Return the history with the days of known events left out: neither tested nor learned from."""
        if not events:
            return self

        def muted(panel: MetricPanel) -> MetricPanel:
            return replace(
                panel, excluded=excluded_by_events(events, panel.segment_ids, panel.dates, self.entities, self.owners)
            )

        health = self.health
        if health is not None:
            covered = entities_excluded_by_events(events, [e for e, _ in health.keys], health.dates)
            health = replace(health, excluded=covered)
        return replace(
            self, metrics={m: muted(p) for m, p in self.metrics.items()}, health=health, events=(*self.events, *events)
        )

    @property
    def dates(self) -> Days:
        """Return all days from the first to the last of any panel."""
        every = [p.dates for p in self.metrics.values()] + [d.dates for d in self.distributions]
        if self.health is not None:
            every.append(self.health.dates)
        if not every:
            return np.array([], "datetime64[D]")
        return np.arange(min(d[0] for d in every), max(d[-1] for d in every) + 1)


def read_history(path: Path) -> Recording:
    """Read a CSV or parquet file of metrics or distributions; see `recording_of`."""
    return recording_of(_load(path), str(path))


def recording_of(frame: pd.DataFrame, where: str) -> Recording:
    """Return a frame as a Recording; raise UsageError that says what is wrong in `where`, and in which row.

    Metrics: segment_id, snapshot_date, metric, numerator, denominator (empty for counts). Distributions: segment_id,
    snapshot_date, attribute, bucket, members. Columns `owner` and `entity` are optional in both.
    """
    for columns in (METRIC_COLUMNS, DISTRIBUTION_COLUMNS):
        if set(columns) <= set(frame.columns):
            break
    else:
        raise UsageError(
            f"{where}: columns {', '.join(map(str, frame.columns))}; expected {', '.join(METRIC_COLUMNS)} "
            f"or {', '.join(DISTRIBUTION_COLUMNS)}."
        )
    if frame.empty:
        raise UsageError(f"{where} has no rows; nothing to replay.")
    frame = frame.assign(snapshot_date=_days(frame["snapshot_date"], where), segment_id=frame["segment_id"].astype(str))
    about = {
        name: dict(zip(frame["segment_id"], frame[name].fillna("").astype(str), strict=True)) if name in frame else {}
        for name in ("owner", "entity")
    }
    if columns == METRIC_COLUMNS:
        return Recording(metrics=_metrics(frame, where), owners=about["owner"], entities=about["entity"])
    return Recording(distributions=_distributions(frame, where), owners=about["owner"], entities=about["entity"])


def _load(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UsageError(f"{path} is not a file. Name a CSV or parquet file with --input.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pd.read_parquet(path)
        # only an empty field is missing: a bucket may well be called "null" or "NA"
        text = {"segment_id": str, "metric": str, "attribute": str, "bucket": str, "owner": str, "entity": str}
        return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={"numerator": [""], "denominator": [""]})
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} cannot be read as {path.suffix or 'CSV'}: {error}") from error


def _shown(value: object) -> str:
    """Write a value as a person would: numpy's numbers and pandas' days have names of their own that say nothing.

    >>> _shown(np.int64(-5)), _shown(np.str_("soon")), _shown(pd.NaT)
    ('-5', "'soon'", 'nothing')
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if pd.api.types.is_scalar(plain) and pd.isna(plain):
        return "nothing"
    return repr(plain) if isinstance(plain, str) else str(plain)


def _days(column: pd.Series[object], where: str) -> pd.Series[object]:
    """Return the days of a column, without the time of day that some of its values may have."""
    try:
        days = pd.to_datetime(column, errors="coerce", format="ISO8601")
    except ValueError:
        raise UsageError(
            f"{where}: snapshot_date has values of several time zones.", "Write days, as YYYY-MM-DD."
        ) from None
    bad = np.flatnonzero(days.isna())
    if len(bad):
        raise UsageError(
            f"{where}, row {bad[0] + 2}: snapshot_date {_shown(column.iloc[bad[0]])} is not a day; write YYYY-MM-DD."
        )
    # the day is the one that is written: a zone is not converted
    return (days.dt.tz_localize(None) if days.dt.tz is not None else days).dt.normalize()


def _numbers(frame: pd.DataFrame, name: str, where: str) -> pd.Series[float]:
    values = pd.to_numeric(frame[name], errors="coerce")
    bad = np.flatnonzero((values.isna() & frame[name].notna() & (frame[name].astype(str) != "")) | (values < 0))
    if len(bad):
        raise UsageError(
            f"{where}, row {bad[0] + 2}: {name} {_shown(frame[name].iloc[bad[0]])} is not a count; write a number from 0 up."
        )
    return values


def _no_duplicates(frame: pd.DataFrame, keys: list[str], where: str) -> None:
    twice = np.flatnonzero(frame.duplicated(keys))
    if len(twice):
        row = frame[keys].iloc[twice[0]]
        first = int(np.flatnonzero((frame[keys] == row).all(axis=1))[0])
        what = ", ".join(f"{row[k]:%Y-%m-%d}" if k == "snapshot_date" else str(row[k]) for k in keys)
        raise UsageError(
            f"{where}, row {twice[0] + 2}: {what} stands twice, first in row {first + 2}; keep one.",
            "A snapshot is of a day; the time of day in snapshot_date does not tell two apart.",
        )


def _known_metrics(frame: pd.DataFrame, where: str) -> None:
    """Raise UsageError for a metric that no detector will ever look at."""
    names = [m.name for m in metrics.PANELS]
    given = frame["metric"].astype(str)
    is_channel = given.str.startswith(metrics.REACH) & (given != metrics.REACH)
    is_channel |= given.map(lambda name: metrics.ladder_of(name) is not None)
    bad = np.flatnonzero(~given.isin(names) & ~is_channel)
    if not len(bad):
        return
    name = given.iloc[bad[0]]
    near = did_you_mean(name, names)
    if name.startswith(metrics.REACH[:-1]):
        near = f"; did you mean `{metrics.REACH}{name[len(metrics.REACH) :] or 'email'}`?"
    raise UsageError(
        f"{where}, row {bad[0] + 2}: there is no metric {_shown(name)}{near}",
        f"Metrics are {', '.join(names)}, {metrics.REACH}CHANNEL, {metrics.LADDER}CHANNEL:STEP.",
    )


def _grid(frame: pd.DataFrame) -> tuple[Days, Bools]:
    start, stop = (np.datetime64(d, "D") for d in (frame["snapshot_date"].min(), frame["snapshot_date"].max()))
    return np.arange(start, stop + 1), (frame["snapshot_date"].to_numpy().astype("datetime64[D]") - start).astype(int)


def _metrics(frame: pd.DataFrame, where: str) -> dict[str, MetricPanel]:
    _known_metrics(frame, where)
    _no_duplicates(frame, ["segment_id", "snapshot_date", "metric"], where)
    frame = frame.assign(
        numerator=_numbers(frame, "numerator", where), denominator=_numbers(frame, "denominator", where)
    )
    out = {}
    for metric, part in frame.groupby("metric", sort=True):
        dates, t = _grid(part)
        s, segments = pd.factorize(part["segment_id"])
        numerator, denominator = (np.full((len(segments), len(dates)), np.nan) for _ in range(2))
        numerator[s, t] = part["numerator"]
        denominator[s, t] = part["denominator"]
        rate = bool(np.isfinite(denominator).any())
        if rate != metrics.is_rate(str(metric)):
            wants = "is a rate: give its denominator" if not rate else "is a count: leave its denominator empty"
            raise UsageError(f"{where}: metric {metric} {wants}.")
        if rate and (np.isnan(denominator) & np.isfinite(numerator)).any():
            raise UsageError(
                f"{where}: metric {metric} has a denominator on some rows only; give it on all or on none."
            )
        if rate and (numerator > denominator).any():
            raise UsageError(f"{where}: metric {metric} has a numerator above its denominator.")
        out[str(metric)] = MetricPanel(
            str(metric), tuple(map(str, segments)), dates, numerator, denominator if rate else None
        )
    return out


def _distributions(frame: pd.DataFrame, where: str) -> list[DistributionHistory]:
    _no_duplicates(frame, ["segment_id", "snapshot_date", "attribute", "bucket"], where)
    frame = frame.assign(members=_numbers(frame, "members", where))
    out = []
    for attribute, part in frame.groupby("attribute", sort=True):
        dates, t = _grid(part)
        s, segments = pd.factorize(part["segment_id"])
        k, buckets = pd.factorize(part["bucket"], sort=True)
        members = np.zeros((len(segments), len(dates), len(buckets)))
        members[s, t, k] = part["members"]
        usable = np.zeros(members.shape[:2], bool)
        usable[s, t] = True
        out.append(
            DistributionHistory(
                str(attribute), tuple(map(str, segments)), tuple(map(str, buckets)), dates, members, usable
            )
        )
    return out
