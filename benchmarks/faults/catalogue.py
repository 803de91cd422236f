"""What is planted, and what a right explanation of it says: one entry per kind, place and intensity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from benchmarks.faults.shop import Shop, column, text_of, with_last_select, with_where


@dataclass(frozen=True)
class Planted:
    """The texts of files and the statements on tables that make a fault."""

    edits: Mapping[str, str] = field(default_factory=dict)
    statements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One case: its kind, how it is planted, the names of causes that are right, and the column and slice that it is in.

    `real` is a change in people: an upstream fault as its cause is wrong. `quiet` changes nothing. For a pair, `also` holds the
    causes of the second fault: both have to be told.
    """

    kind: str
    name: str
    plant: Callable[[Shop], Planted]
    causes: frozenset[str] = frozenset()
    column: str = ""
    slice: str = ""
    real: bool = False
    quiet: bool = False
    also: frozenset[str] = frozenset()


VISITS_FROM = date(2026, 1, 30)  # the day of the first character of the demo's `visits`
PEOPLE = frozenset({
    "people_moved", "people_drifted", "campaign", "aged_out", "consent_loss", "known_event", "unknown", "behaviour_or_tracking",
    "seasonal", "rule_edited", "reference_edited",
})  # fmt: skip


def _at(level: int, name: str, sql: str) -> Callable[[Shop], Planted]:
    return lambda shop: Planted(column(shop, level, name, sql))


def _in_seed(sql: str) -> Callable[[Shop], Planted]:
    return lambda shop: Planted(statements=(sql,))


def _rows(level: int, condition: str, union: str = "") -> Callable[[Shop], Planted]:
    def plant(shop: Shop) -> Planted:
        path = shop.chain[level]
        return Planted({path: with_where(text_of(shop, path), condition, union)})

    return plant


def _dim(columns: str, dropped: str = "sync_all_columns") -> Callable[[Shop], Planted]:
    """Change the relation's columns; the warehouse drops what is not selected any more, or keeps it empty (append_new_columns)."""

    def plant(shop: Shop) -> Planted:
        path = shop.chain[0]
        text = text_of(shop, path).replace("append_new_columns", dropped)
        return Planted({path: with_last_select(text, columns)})

    return plant


def _instead(path: str, old: str, new: str) -> Callable[[Shop], Planted]:
    def plant(shop: Shop) -> Planted:
        text = text_of(shop, path)
        assert old in text, f"{path} has no {old}"
        return Planted({path: text.replace(old, new)})

    return plant


def _both(one: Callable[[Shop], Planted], other: Callable[[Shop], Planted]) -> Callable[[Shop], Planted]:
    def plant(shop: Shop) -> Planted:
        a, b = one(shop), other(shop)
        assert not set(a.edits) & set(b.edits)
        return Planted({**a.edits, **b.edits}, a.statements + b.statements)

    return plant


def _visits(condition: str, come: float) -> Callable[[Shop], Planted]:
    """Let a part of the customers' visits from the first day on not happen: people, not data."""

    def plant(shop: Shop) -> Planted:
        day = (shop.day - VISITS_FROM).days
        sql = (
            "update demo_customers set visits = concat(left(visits, {d}), case when hash(customer_id) % 1000 < {p} then"
            " substr(visits, {d} + 1) else repeat('.', length(visits) - {d}) end) where {c}"
        )
        gone = (
            f"delete from demo_orders where ordered_on >= '{shop.day}' and customer_id in (select customer_id from demo_customers"
            f" where hash(customer_id) % 1000 >= {int(come * 1000)} and {condition})"
        )
        return Planted(statements=(sql.format(d=day, p=int(come * 1000), c=condition), gone))

    return plant


def _lost_orders(where: str) -> Callable[[Shop], Planted]:
    return lambda shop: Planted(statements=(
        f"delete from demo_orders where ordered_on >= '{shop.day}' and customer_id in (select customer_id from demo_customers where {where})",
    ))  # fmt: skip


def _new_people(share: int, plan: str, country: str) -> Callable[[Shop], Planted]:
    """Let new customers sign up on the first day: as many as one in `share` of those that there are."""
    return lambda shop: Planted(statements=(
        f"insert into demo_customers select customer_id + 100000, '{shop.day}', {country}, {plan}, device, channel, billing, email_opt_in,"
        f" has_push, sms_opt_in, 0, repeat('.', {(shop.day - VISITS_FROM).days}) || repeat('x', 20) from demo_customers"
        f" where customer_id % {share} = 0 and signed_up_on < '{shop.day}'",
    ))  # fmt: skip


def _copied(shop: Shop) -> Planted:
    """Let the sources stop a day before the fault: the relation is made anew from what is there."""
    before = shop.day
    return Planted(statements=(
        f"delete from demo_orders where ordered_on >= '{before}'",
        f"update demo_customers set visits = concat(left(visits, {(before - VISITS_FROM).days}),"
        f" repeat('.', length(visits) - {(before - VISITS_FROM).days}))",
        f"delete from demo_customers where signed_up_on >= '{before}'",
    ))  # fmt: skip


def _edited(path: str, old: str, new: str) -> Callable[[Shop], Planted]:
    return _instead(f"segments/{path}", old, new)


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


NULL, RECODE = _set("null_burst"), _set("recoded")
SPELT, DEFAULT = _set("respelt"), _set("default_filled")
UNIT, FAN = _set("unit_change"), _set("join_fan_out")
LOST = _set("tracking_loss")

DEMO: tuple[Fault, ...] = (
    Fault("quiet", "nothing", lambda shop: Planted(), quiet=True),
    Fault("column nulled", "ltv of the cloud billing, seed", _in_seed("update demo_customers set prior_spend = null where billing = 'cloud'"),
          NULL, "ltv"),
    Fault("column nulled", "ltv 40 %, relation", _at(0, "ltv", "case when customer_id % 10 < 4 then null else ltv end"), NULL, "ltv"),
    Fault("column nulled", "country of partners, two up", _at(1, "country", "case when channel = 'partner' then null else country end"),
          NULL, "country"),
    Fault("column nulled", "plan of DE, three up", _at(3, "plan", "case when country = 'DE' then null else plan end"), NULL, "plan", "DE"),
    Fault("default filled", "plan of ads is free", _at(2, "plan", "case when channel = 'ads' then 'free' else plan end"), DEFAULT, "plan"),
    Fault("default filled", "unknown countries, seed",
          _in_seed("update demo_customers set country = 'XX' where country in ('NL', 'ES', 'NO')"), DEFAULT, "country"),
    Fault("default filled", "ltv 0 for a third", _at(0, "ltv", "case when customer_id % 3 = 0 then 0 else ltv end"), DEFAULT, "ltv"),
    Fault("column dropped", "ltv", _dim("* exclude (ltv)"), _set("column_missing"), "ltv"),
    Fault("column dropped", "channel", _dim("* exclude (channel)"), _set("column_missing"), "channel"),
    Fault("column renamed", "ltv to customer_value", _dim("* rename (ltv as customer_value)"), _set("column_renamed"), "ltv", "customer_value"),
    Fault("column renamed", "plan to tier, both kept", _dim("* rename (plan as tier)", "append_new_columns"), _set("column_renamed"),
          "plan", "tier"),
    Fault("column retyped", "ltv as text", _dim("* replace (cast(ltv as varchar) as ltv)"), _set("column_retyped"), "ltv"),
    Fault("value recoded", "GB to UK of partners, three up",
          _at(3, "country", "case when channel = 'partner' and country = 'GB' then 'UK' else country end"), RECODE, "country", "UK"),
    Fault("value recoded", "DE to GER, two up", _at(1, "country", "case country when 'DE' then 'GER' else country end"), RECODE, "country", "GER"),
    Fault("value recoded", "student to STU, seed", _in_seed("update demo_customers set plan = 'STU' where plan = 'student'"), RECODE, "plan", "STU"),
    Fault("value recoded", "tablet to pad, three up", _at(2, "device", "case device when 'tablet' then 'pad' else device end"),
          RECODE, "device", "pad"),
    Fault("values swapped", "student and pro", _at(2, "plan", "case plan when 'student' then 'pro' when 'pro' then 'student' else plan end"),
          _set("values_swapped", "recoded"), "plan", "student"),
    Fault("values swapped", "email_opt_in inverted", _at(1, "email_opt_in", "not email_opt_in"), _set("values_swapped", "recoded"), "email_opt_in"),
    Fault("case or whitespace", "country in small letters", _at(1, "country", "lower(country)"), SPELT, "country"),
    Fault("case or whitespace", "plan with a blank", _at(3, "plan", "concat(plan, ' ')"), SPELT, "plan"),
    Fault("unit or currency", "ltv in cents", _at(0, "ltv", "ltv * 100"), UNIT, "ltv"),
    Fault("unit or currency", "ltv in pounds, 0.86", _at(0, "ltv", "ltv * 0.86"), UNIT, "ltv"),
    Fault("unit or currency", "ltv of DE in 1.4", _at(0, "ltv", "case when country = 'DE' then ltv * 1.4 else ltv end"), UNIT, "ltv", "DE"),
    Fault("unit or currency", "spend of GB in thousands, seed",
          _in_seed("update demo_customers set prior_spend = prior_spend / 1000 where country = 'GB'"), UNIT, "ltv", "GB"),
    Fault("duplicate load", "all rows twice", _rows(0, "true", " union all select * from customers_daily"), _set("duplicate_load")),
    Fault("duplicated keys", "2 %", _rows(0, "true", " union all select * from customers_daily where customer_id % 50 = 0"),
          _set("duplicated_keys", "duplicate_load")),
    Fault("join fan-out", "orders twice", _rows(6, "true", " union all select * from orders"), FAN, "ltv"),
    Fault("partial load", "30 % of the rows", _rows(0, "customer_id % 10 >= 3"), _set("partial_load")),
    Fault("partial load", "6 % of the rows, two up", _rows(1, "customer_id % 100 >= 6"), _set("partial_load")),
    Fault("partial load", "no rows of DE, seed", _in_seed("delete from demo_customers where country = 'DE'"), _set("partial_load"), "", "DE"),
    Fault("stale source", "no rows", _rows(0, "false"), _set("stale_load")),
    Fault("stale source", "sources a day old", _copied, _set("stale_source", "stale_load")),
    Fault("events lost", "orders of ios", _lost_orders("device = 'ios'"), LOST, "last_order_at", "ios"),
    Fault("events lost", "orders of tablet", _lost_orders("device = 'tablet'"), LOST, "last_order_at", "tablet"),
    Fault("events lost", "orders of android", _lost_orders("device = 'android'"), LOST, "last_order_at", "android"),
    Fault("consent sync", "push of android", _at(2, "has_push", "has_push and device <> 'android'"), _set("consent_sync_failed"),
          "has_push", "android"),
    Fault("consent sync", "mail, all but a tenth", _at(1, "email_opt_in", "email_opt_in and customer_id % 10 = 0"),
          _set("consent_sync_failed", "default_filled"), "email_opt_in"),
    Fault("surge of rows", "a third more, free", _new_people(3, "'free'", "'GB'"), _set("extra_rows", "campaign")),
    Fault("dates shifted", "last_active_at a day back", _at(0, "last_active_at", "last_active_at - 1"), _set("dates_shifted"), "last_active_at"),
    Fault("dates shifted", "last_order_at a day back", _at(0, "last_order_at", "last_order_at - 1"), _set("dates_shifted"), "last_order_at"),
    Fault("rule edited", "ltv > 1300", _edited("high_value_active_users.yml", "value: 1000", "value: 1300"), _set("rule_edited")),
    Fault("reference edited", "students and free", _edited("students.yml", 'operator: "=", value: student', "operator: in, value: [student, free]"),
          _set("reference_edited", "rule_edited")),
    Fault("real change", "half of all visits", _visits("true", 0.5), PEOPLE, real=True),
    Fault("real change", "half of the visits of DE", _visits("country = 'DE'", 0.4), PEOPLE, real=True),
    Fault("real change", "a third more people", _new_people(8, "plan", "country"), _set("campaign", "extra_rows", *PEOPLE), real=True),
    Fault("real change", "students graduate", _in_seed("update demo_customers set plan = 'plus' where plan = 'student' and customer_id % 3 = 0"),
          PEOPLE, real=True),
    Fault("real change", "a quarter unsubscribes", _in_seed("update demo_customers set email_opt_in = false where hash(customer_id) % 4 = 0"),
          PEOPLE, real=True),
    Fault("pair", "ltv nulled and tablet recoded",
          _both(_at(0, "ltv", "case when customer_id % 10 < 4 then null else ltv end"),
                _at(2, "device", "case device when 'tablet' then 'pad' else device end")), NULL, "ltv", also=RECODE),
    Fault("pair", "orders of ios lost, channel recoded",
          _both(_lost_orders("device = 'ios'"), _at(1, "channel", "case channel when 'partner' then 'affiliate' else channel end")),
          LOST, "last_order_at", also=RECODE),
)  # fmt: skip


REAL: tuple[Fault, ...] = (
    Fault("quiet", "nothing", lambda shop: Planted(), quiet=True),
    Fault("column nulled", "country, three up", _at(2, "country", "case when hash(customer_id) % 10 < 3 then null else country end"), NULL, "country"),
    Fault("column nulled", "spend_90d", _at(0, "spend_90d", "case when customer_id % 10 < 4 then null else spend_90d end"), NULL, "spend_90d"),
    Fault("default filled", "orders 0 for a third", _at(0, "orders", "case when customer_id % 3 = 0 then 0 else orders end"), DEFAULT, "orders"),
    Fault("column dropped", "ltv", _dim("* exclude (ltv)"), _set("column_missing"), "ltv"),
    Fault("column renamed", "ltv to value", _dim("* rename (ltv as lifetime_value)"), _set("column_renamed"), "ltv", "lifetime_value"),
    Fault("column retyped", "ltv as text", _dim("* replace (cast(ltv as varchar) as ltv)"), _set("column_retyped"), "ltv"),
    Fault("value recoded", "Germany to DE", _at(1, "country", "case country when 'Germany' then 'DE' else country end"), RECODE, "country", "DE"),
    Fault("case or whitespace", "country in capitals", _at(2, "country", "upper(country)"), SPELT, "country"),
    Fault("unit or currency", "in pence", _at(2, "unit_price", "unit_price * 100"), UNIT, "ltv"),
    Fault("unit or currency", "in euro, 1.17", _at(1, "unit_price", "unit_price * 1.17"), UNIT, "ltv"),
    Fault("unit or currency", "France in 10", _at(0, "ltv", "case when country in ('France', 'Germany', 'EIRE') then ltv * 10 else ltv end"), UNIT,
          "ltv", "France"),
    Fault("duplicate load", "all rows twice", _rows(0, "true", " union all select * from state"), _set("duplicate_load")),
    Fault("duplicated keys", "2 %", _rows(0, "true", " union all select * from state where customer_id % 50 = 0"),
          _set("duplicated_keys", "duplicate_load")),
    Fault("join fan-out", "lines twice", _rows(2, "true", " union all select * from lines"), FAN, "ltv"),
    Fault("partial load", "30 % of the rows", _rows(0, "customer_id % 10 >= 3"), _set("partial_load")),
    Fault("partial load", "6 % of the rows", _rows(0, "customer_id % 100 >= 6"), _set("partial_load")),
    Fault("stale source", "no rows", _rows(0, "false"), _set("stale_load")),
    Fault("dates shifted", "orders a day late", _at(0, "last_order_on", "last_order_on - 1"), _set("dates_shifted"), "last_order_on"),
    Fault("rule edited", "spend_90d > 900", _edited("quarter_spenders.yml", "value: 500", "value: 900"), _set("rule_edited")),
)  # fmt: skip


def faults_of(shop: Shop, only: str = "") -> Iterator[Fault]:
    """Yield the faults that a shop can have, those whose kind or name holds `only`."""
    for fault in REAL if shop.dim == "dim_buyers_daily" else DEMO:
        if only in f"{fault.kind}: {fault.name}":
            yield fault
