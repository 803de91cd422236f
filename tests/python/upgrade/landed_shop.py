"""The shop that the fixture was made in: its tables day by day as SQL, and its definitions, as version 0.1.0 and this one read them.

Nothing is random. `make_fixture.py` builds it with the landed version; the tests go on with the next day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 14)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
NEXT = LAST + timedelta(days=1)
EDITED = date(2026, 3, 8)  # from this day on, rich means 1000 and not 980
NULLS = date(2026, 3, 13)  # from this day on, two in five customers have lost their ltv
RECODED = date(2026, 3, 14)  # from this day on, DE is called GER
SCHEMA = "shop"

KNOWN_EVENTS = """\
starts_on,ends_on,scope,scope_value,reason
2026-03-05,2026-03-05,segment,german,"Fair in Hanover, two halls"
"""
FILES = {
    "models/sources.yml": """\
version: 2
sources:
  - name: shop
    schema: shop
    tables: [{name: customers_daily}, {name: accounts}]
"""
}
DEFINITIONS = {
    "segments/entities/customers.yml": """\
entity: customers
relation: source('shop', 'customers_daily')
key: customer_id
history: {as_of: snapshot_date}
fields: {ltv: number, country: text, plan: text, email_opt_in: boolean, last_order_at: date, last_active_at: date}
attributes: [country, plan]
conversion: {event_at: last_order_at}
activity: {last_seen_at: last_active_at, inactive_after_days: 14}
reach: {email: email_opt_in}
""",
    "segments/entities/accounts.yml": """\
entity: accounts
relation: source('shop', 'accounts')
key: account_id
fields: {tier: text, mrr: number}
attributes: [tier]
""",
    "segments/rich.yml": """\
segment: rich
label: Rich customers
description: Worth writing to by hand.
entity: customers
owner: growth-team
rules:
  - {field: ltv, operator: ">", value: 1000}
thresholds: {size_jump: 0.2}
alerts: [growth]
""",
    "segments/german.yml": """\
segment: german
entity: customers
owner: local-team
rules:
  - {field: country, operator: "=", value: DE}
""",
    "segments/gold.yml": """\
segment: gold
entity: accounts
owner: sales
rules:
  - {field: tier, operator: "=", value: gold}
""",
    "segments/routes.yml": """\
routes:
  default:
    channels:
      - {channel: console}
  growth:
    channels:
      - {channel: console}
      - {channel: slack, url_env: PULSE_SLACK_WEBHOOK}
""",
}
BEFORE_EDIT = DEFINITIONS["segments/rich.yml"].replace("1000", "980")


def tables() -> list[str]:
    """Return the statements that make the two tables, empty."""
    return [
        f"create schema if not exists {SCHEMA}",
        f"create table {SCHEMA}.customers_daily (customer_id integer, ltv double precision, country varchar, plan varchar,"
        " email_opt_in boolean, last_order_at date, last_active_at date, snapshot_date date)",
        f"create table {SCHEMA}.accounts (account_id integer, tier varchar, mrr double precision)",
    ]


def load(day: date) -> Iterator[str]:
    """Yield the statements of one night's load: the customers as of the day, and the accounts as they are now."""
    n = (day - FIRST).days
    ltv = "case when i % 5 < 2 then null else 500 + 5 * i end" if day >= NULLS else "500 + 5 * i"
    german = "GER" if day >= RECODED else "DE"
    yield f"delete from {SCHEMA}.customers_daily where snapshot_date = date '{day}'"
    yield (
        f"insert into {SCHEMA}.customers_daily select i, case when (i * 7 + {n} * 13) % 61 = 0 then 300 else {ltv} end,"
        f" case when (i + {n}) % 89 = 0 then 'CH' when i % 3 = 0 then '{german}' when i % 3 = 1 then 'FR' else 'AT' end,"
        " case when i % 4 = 0 then 'plus' else 'free' end, i % 2 = 0,"
        f" case when (i * 11 + {n} * 17) % 29 = 0 then date '{day}' else date '2026-02-01' end,"
        f" case when (i * 5 + {n}) % 23 = 0 then date '2026-01-15' else date '{day}' end, date '{day}'"
        " from generate_series(1, 400) as g(i)"
    )
    yield f"delete from {SCHEMA}.accounts"
    yield (
        f"insert into {SCHEMA}.accounts select i, case when (i + {n}) % 7 = 0 then 'gold' else 'basic' end, i * 10.0"
        " from generate_series(1, 140) as g(i)"
    )
