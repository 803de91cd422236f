"""The dates and faults of the demo shop: the one place where they are written down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

FIRST_DAY = date(2026, 3, 1)  # first snapshot
LAST_DAY = date(2026, 5, 31)  # last snapshot: "today" of the demo
HISTORY_FROM = date(2026, 1, 30)  # visits are known from here, so that the first snapshot has a past

CUSTOMERS = 6000
SEED = 1


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong upstream from `starts_on` to `ends_on`; the models in `demo/models` carry it out."""

    name: str
    starts_on: date
    ends_on: date
    story: str


LTV_RENAMED = Fault(
    "ltv_renamed", date(2026, 5, 30), LAST_DAY,
    "The cloud billing export renames lifetime_value to customer_value; ltv arrives empty for the customers that it bills.",
)  # fmt: skip
COUNTRY_RECODED = Fault(
    "country_recoded", date(2026, 5, 19), LAST_DAY, "The partner import sends UK instead of GB."
)  # fmt: skip
TABLET_ORDERS_LOST = Fault(
    "tablet_orders_lost", date(2026, 4, 20), date(2026, 4, 26), "A release of the tablet app drops the purchase event; fixed a week later."
)  # fmt: skip
STUDENTS_DRIFT = Fault(
    "students_drift", date(2026, 4, 16), date(2026, 5, 6),
    "One student after another stops coming as the term ends, and counts as inactive 15 days later: people, not data.",
)  # fmt: skip
MAIL_REJECTED = Fault(
    "mail_rejected", LAST_DAY, LAST_DAY,
    "The mail provider does not know the sender any more and rejects two mails of five of the German newsletter.",
)  # fmt: skip
STUDENTS_GONE = 0.16  # of all students
FAULTS = (LTV_RENAMED, COUNTRY_RECODED, TABLET_ORDERS_LOST, STUDENTS_DRIFT, MAIL_REJECTED)

CAMPAIGN = (date(2026, 4, 7), date(2026, 4, 9))  # not a fault: known_events says so
