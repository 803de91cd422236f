"""The demo shop's metrics computed a second way: straight from the seeds with numpy, no SQL, no compiler, no dbt.

Arrays are (customers, days): column 0 is the first snapshot date. Rules are written out again by hand, because an oracle that reads the
definitions would repeat a misreading of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
NEVER = 10_000  # days since something that has not happened

FIRST_DAY, LAST_DAY, VISITS_FROM = date(2026, 3, 1), date(2026, 5, 31), date(2026, 1, 30)
INACTIVE_AFTER = 14
ATTRIBUTES = ("country", "plan", "device")
CHANNELS = {"email": "email_opt_in", "push": "has_push", "sms": "sms_opt_in"}
# attributes that a segment's own rule fixes
CONSTRAINED = {
    ("german_newsletter", "country"),
    ("paying_plans", "plan"),
    ("recent_buyers", "plan"),
    ("students", "plan"),
    ("tablet_shoppers", "device"),
}


@dataclass(frozen=True)
class Shop:
    """Customer state per day: `there` says who exists, `days_since_visit` and `days_since_order` count whole days."""

    days: list[date]
    customers: pd.DataFrame
    there: Bools
    ltv: Floats
    country: npt.NDArray[np.object_]
    days_since_visit: npt.NDArray[np.int64]
    days_since_order: npt.NDArray[np.int64]
    days_since_signup: npt.NDArray[np.int64]
    mail_rejected: Bools


def read_shop(seeds: Path) -> Shop:
    """Return the shop as it was at the end of every snapshot date, planted faults included."""
    customers = pd.read_csv(seeds / "demo_customers.csv", parse_dates=["signed_up_on"])
    orders = pd.read_csv(seeds / "demo_orders.csv", parse_dates=["ordered_on"])
    faults = pd.read_csv(seeds / "demo_faults.csv", parse_dates=["starts_on", "ends_on"]).set_index("fault")
    days = [VISITS_FROM + timedelta(days=i) for i in range((LAST_DAY - VISITS_FROM).days + 1)]
    at = np.array(days, "datetime64[D]")

    def during(fault: str) -> Bools:
        first, last = (faults.loc[fault, c].to_datetime64().astype("datetime64[D]") for c in ("starts_on", "ends_on"))
        return np.asarray((at >= first) & (at <= last))

    visits = np.array([list(v) for v in customers["visits"]]) == "x"
    tablet = customers["device"].to_numpy() == "tablet"
    who = orders["customer_id"].to_numpy() - 1
    when = (orders["ordered_on"].to_numpy().astype("datetime64[D]") - at[0]).astype(int)
    arrived = ~(tablet[who] & during("tablet_orders_lost")[when])
    who, when, amount = who[arrived], when[arrived], orders["amount"].to_numpy()[arrived]
    spent = np.zeros(visits.shape)
    np.add.at(spent, (who, when), amount)
    bought = np.zeros(visits.shape, bool)
    bought[who, when] = True

    ltv = np.round(customers["prior_spend"].to_numpy()[:, None] + np.cumsum(spent, axis=1), 2)
    ltv[np.ix_(customers["billing"].to_numpy() == "cloud", during("ltv_renamed"))] = np.nan
    country = np.repeat(customers["country"].to_numpy(object)[:, None], len(days), axis=1)
    partner_gb = ((customers["channel"] == "partner") & (customers["country"] == "GB")).to_numpy()
    country[np.ix_(partner_gb, during("country_recoded"))] = "UK"
    signed_up = customers["signed_up_on"].to_numpy().astype("datetime64[D]")
    since_signup = (at[None, :] - signed_up[:, None]).astype(int)
    keep = slice((FIRST_DAY - VISITS_FROM).days, None)
    return Shop(
        days[keep], customers, (since_signup >= 0)[:, keep], ltv[:, keep], country[:, keep],
        _days_since(visits)[:, keep], _days_since(bought)[:, keep], since_signup[:, keep],
        during("mail_rejected")[keep],
    )  # fmt: skip


def _days_since(happened: Bools) -> npt.NDArray[np.int64]:
    """Return whole days since the last true day, 0 on it."""
    at = np.arange(happened.shape[1])[None, :]
    last = np.maximum.accumulate(np.where(happened, at, -NEVER), axis=1)
    return np.asarray(at - last)


def members(shop: Shop) -> dict[str, Bools]:
    """Return who is in which segment on which day, by segment."""
    c = shop.customers

    def fixed(condition: pd.Series[bool]) -> Bools:
        return np.asarray(condition.to_numpy()[:, None] & shop.there)

    with np.errstate(invalid="ignore"):
        valuable = shop.ltv > 1000
    students = fixed(c["plan"] == "student")
    return {
        "high_value_active_users": shop.there & valuable & (shop.days_since_visit <= 7),
        "partner_customers": fixed(c["channel"] == "partner"),
        "tablet_shoppers": fixed(c["device"] == "tablet"),
        "students": students,
        "seen_yesterday": shop.there & (shop.days_since_visit <= 1),
        "newcomers": shop.there & (shop.days_since_signup <= 60),
        "paying_plans": fixed(c["plan"].isin(["plus", "pro"])),
        "recent_buyers": shop.there & (shop.days_since_order <= 30) & ~students,
        "german_newsletter": (shop.country == "DE") & fixed(c["email_opt_in"]),
    }


def metrics(shop: Shop) -> pd.DataFrame:
    """Return segment_id, snapshot_date, metric, numerator, denominator: what `pulse backtest --input` reads."""
    rows = []
    for name, inside in members(shop).items():
        size = inside.sum(axis=0)
        inactive = (inside & (shop.days_since_visit > INACTIVE_AFTER)).sum(axis=0)
        for t, day in enumerate(shop.days):
            rows.append((name, day, "size", size[t], None))
            rows.append((name, day, "inactive_rate", inactive[t], size[t]))
            for channel, column in CHANNELS.items():
                reachable = (inside[:, t] & shop.customers[column].to_numpy()).sum()
                rows.append((name, day, f"reach:{channel}", reachable, size[t]))
            if name == "german_newsletter":  # all of them are sent, and can be reached
                sent = shop.customers["customer_id"].to_numpy()[inside[:, t]]
                refused = (sent * 31 + day.timetuple().tm_yday * 17) % 67 == 0
                refused |= (sent % 5 < 2) & shop.mail_rejected[t]
                rows.append((name, day, "ladder:email:synced", size[t], size[t]))
                rows.append((name, day, "ladder:email:accepted", size[t] - refused.sum(), size[t]))
            if t:
                eligible = inside[:, t - 1]
                rows.append(
                    (
                        name,
                        day,
                        "conversion_rate",
                        (eligible & (shop.days_since_order[:, t] == 0)).sum(),
                        eligible.sum(),
                    )
                )
    return pd.DataFrame(rows, columns=["segment_id", "snapshot_date", "metric", "numerator", "denominator"])


def distributions(shop: Shop) -> pd.DataFrame:
    """Return segment_id, snapshot_date, attribute, bucket, members, the attributes that a rule fixes included."""
    rows = []
    for name, inside in members(shop).items():
        for t, day in enumerate(shop.days):
            who = inside[:, t]
            for attribute in ATTRIBUTES:
                values = shop.country[:, t] if attribute == "country" else shop.customers[attribute].to_numpy()
                buckets, counts = np.unique(values[who].astype(str), return_counts=True)
                rows += [(name, day, attribute, b, int(n)) for b, n in zip(buckets, counts, strict=True)]
    return pd.DataFrame(rows, columns=["segment_id", "snapshot_date", "attribute", "bucket", "members"])
