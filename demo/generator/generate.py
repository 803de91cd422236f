"""Make the demo shop's seeds: `python demo/generator/generate.py`. The same code gives the same bytes on every processor."""

from __future__ import annotations

import csv
import io
import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from plan import (
    CAMPAIGN,
    CUSTOMERS,
    FAULTS,
    HISTORY_FROM,
    LAST_DAY,
    SEED,
    STUDENTS_DRIFT,
    STUDENTS_GONE,
)

Floats = npt.NDArray[np.float64]
Table = tuple[list[str], list[list[object]]]

WEEK = np.array([1.05, 1.04, 1.03, 1.02, 1.0, 0.72, 0.70])  # Monday first: people come less at weekends
ORDERS_PER_VISIT = 0.16
CAMPAIGN_VISITS, CAMPAIGN_ORDERS = 1.05, 1.8  # the campaign sells; it brings hardly anybody who would not have come
ORDER_WEEK = np.array([1.0, 1.0, 1.0, 1.0, 1.05, 1.05, 0.95])
DAYS = (LAST_DAY - HISTORY_FROM).days + 1


def main(folder: Path = Path(__file__).parents[1] / "seeds") -> None:
    """Write every seed of the demo shop into `folder`."""
    for name, table in tables().items():
        (folder / f"{name}.csv").write_text(as_csv(table), encoding="utf-8")


def as_csv(table: Table) -> str:
    """Return a table as the text of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table[0])
    writer.writerows(table[1])
    return out.getvalue()


def tables() -> dict[str, Table]:
    """Return the seeds by name: customers (with one character a day for visits), orders and the planted faults."""
    rng = np.random.default_rng(SEED)
    people = _people(rng)
    visits = _visits(rng, people)
    orders = _orders(rng, people, visits)
    high = _high_value_active(people, visits, orders)
    cloud = _billed_by_cloud(rng, high, CUSTOMERS)
    return {
        "demo_customers": _customer_table(people, visits, cloud),
        "demo_orders": orders,
        "demo_faults": (
            ["fault", "starts_on", "ends_on", "story"],
            [[f.name, f.starts_on, f.ends_on, f.story] for f in FAULTS],
        ),
    }


def _people(rng: np.random.Generator) -> dict[str, npt.NDArray[np.generic]]:
    """Draw who the customers are; a tenth of them sign up during the demo."""
    n = CUSTOMERS
    joined = np.where(rng.random(n) < 0.86, -rng.integers(0, 900, n), rng.integers(1, DAYS, n))
    return {
        "joined": joined,
        "country": rng.choice(["GB", "DE", "FR", "NL", "ES", "NO"], n, p=[0.30, 0.24, 0.18, 0.12, 0.10, 0.06]),
        "plan": rng.choice(["free", "plus", "pro", "student"], n, p=[0.475, 0.31, 0.17, 0.045]),
        "device": rng.choice(["ios", "android", "web", "tablet"], n, p=[0.30, 0.34, 0.26, 0.10]),
        "channel": rng.choice(["organic", "ads", "partner"], n, p=[0.58, 0.31, 0.11]),
        "email_opt_in": rng.random(n) < 0.72,
        "push": rng.random(n) < 0.55,
        "sms_opt_in": rng.random(n) < 0.21,
        # probability of a visit on an average day; every tenth to join has all but left, so who is inactive hardly changes by chance
        "appetite": np.where(_rank(joined) % 10 == 0, 0.002, 0.12 + 0.6 * rng.beta(1.6, 4.2, n)),
        "spend": _exp(rng.normal(3.9, 0.55, n)),  # median order value
        "prior": np.where(joined <= 0, _exp(rng.normal(6.0, 1.0, n)), 0.0),  # spent before the demo begins
    }


def _visits(rng: np.random.Generator, people: dict[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.bool_]:
    """Draw who comes on which day: (customers, days)."""
    chance: Floats = people["appetite"].astype(float)[:, None] * WEEK[_weekdays()][None, :]
    chance = chance * (1 + 0.012 * rng.standard_normal(DAYS))[None, :]
    chance[:, _span(*CAMPAIGN)] *= CAMPAIGN_VISITS
    chance = np.where(np.arange(DAYS)[None, :] >= _leaves_on(rng, people)[:, None], 0.0, chance)
    there = np.arange(DAYS)[None, :] >= people["joined"].astype(int)[:, None]
    first = np.arange(DAYS)[None, :] == people["joined"].astype(int)[:, None]
    visits: npt.NDArray[np.bool_] = (rng.random(chance.shape) < chance) & there | first
    return visits


def _leaves_on(rng: np.random.Generator, people: dict[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.int64]:
    """Return the day from which a customer stays away: students who come seldom, evenly over the weeks of the drift."""
    leaves = np.full(CUSTOMERS, DAYS)
    appetite = people["appetite"].astype(float)
    fading = _span(STUDENTS_DRIFT.starts_on, STUDENTS_DRIFT.ends_on)
    old = people["joined"].astype(int) < fading.start - 14
    students = np.flatnonzero((people["plan"] == "student") & (appetite > 0.12) & old)
    seldom = students[np.argsort(appetite[students], kind="stable")][: len(students) // 2]
    gone = rng.choice(seldom, round(STUDENTS_GONE * int((people["plan"] == "student").sum())), replace=False)
    leaves[gone] = np.linspace(fading.start, fading.stop - 1, len(gone)).round().astype(int)
    return leaves


def _orders(
    rng: np.random.Generator, people: dict[str, npt.NDArray[np.generic]], visits: npt.NDArray[np.bool_]
) -> Table:
    """Draw an order from one visit in six, and what it is worth."""
    chance = ORDERS_PER_VISIT * ORDER_WEEK[_weekdays()]
    chance[_span(*CAMPAIGN)] *= CAMPAIGN_ORDERS
    bought = visits & (rng.random(visits.shape) < chance[None, :])
    who, when = np.nonzero(bought)
    order = np.lexsort((who, when))
    who, when = who[order], when[order]
    worth = np.round(people["spend"].astype(float)[who] * _exp(rng.normal(0, 0.4, len(who))), 2)
    rows: list[list[object]] = [
        [i + 1, int(c) + 1, HISTORY_FROM + timedelta(days=int(d)), f"{w:.2f}"]
        for i, (c, d, w) in enumerate(zip(who, when, worth, strict=True))
    ]
    return ["order_id", "customer_id", "ordered_on", "amount"], rows


def _high_value_active(
    people: dict[str, npt.NDArray[np.generic]], visits: npt.NDArray[np.bool_], orders: Table
) -> npt.NDArray[np.int64]:
    """Return who is worth more than 1000 and was seen in the last week when the headline fault begins, without it."""
    at = (next(f for f in FAULTS if f.name == "ltv_renamed").starts_on - HISTORY_FROM).days
    value = people["prior"].astype(float).round(2)
    for _, customer, day, amount in orders[1]:
        if (date.fromisoformat(str(day)) - HISTORY_FROM).days <= at:
            value[int(str(customer)) - 1] += float(str(amount))
    seen = visits[:, at - 7 : at + 1].any(axis=1)
    return np.flatnonzero((value > 1000) & seen)


def _billed_by_cloud(rng: np.random.Generator, high: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.bool_]:
    """Choose who is billed by the cloud system: 42 % of the headline segment, and nobody else."""
    cloud = np.zeros(n, bool)
    cloud[rng.choice(high, round(len(high) * 0.42), replace=False)] = True
    return cloud


def _customer_table(
    people: dict[str, npt.NDArray[np.generic]], visits: npt.NDArray[np.bool_], cloud: npt.NDArray[np.bool_]
) -> Table:
    marks = np.where(visits, "x", ".")
    columns = [
        "customer_id", "signed_up_on", "country", "plan", "device", "channel", "billing", "email_opt_in", "has_push", "sms_opt_in",
        "prior_spend", "visits",
    ]  # fmt: skip
    rows: list[list[object]] = []
    for i in range(CUSTOMERS):
        rows.append(
            [
                i + 1, HISTORY_FROM + timedelta(days=int(people["joined"][i])), people["country"][i], people["plan"][i],
                people["device"][i], people["channel"][i], "cloud" if cloud[i] else "classic",
                *("true" if people[c][i] else "false" for c in ("email_opt_in", "push", "sms_opt_in")),
                f"{float(people['prior'][i]):.2f}", "".join(marks[i]),
            ]
        )  # fmt: skip
    return columns, rows


def _rank(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return the place of each value in order; equal ones keep their order, which a quicker sort leaves to the processor."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def _exp(values: Floats) -> Floats:
    """Return e to each value by the C library: numpy's own differs in the last bit from processor to processor."""
    return np.array([math.exp(v) for v in values.ravel()]).reshape(values.shape)


def _weekdays() -> npt.NDArray[np.int64]:
    return (np.arange(DAYS) + HISTORY_FROM.weekday()) % 7


def _span(first: date, last: date) -> slice:
    return slice((first - HISTORY_FROM).days, (last - HISTORY_FROM).days + 1)


if __name__ == "__main__":
    main()
