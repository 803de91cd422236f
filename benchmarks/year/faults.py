"""Twenty faults of different kinds, drawn from a seed into the year: when, how long, in which column and how much."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

AMOUNTS = ("ltv", "spend_30d", "spend_90d")
COUNTRIES = ("Germany", "France", "EIRE", "Netherlands")
FIRST_AFTER = 35  # days that detectors have before the first fault
REST = 5  # days between the end of one fault and the next one, at least
QUIET_STRETCHES = ((90, 125), (255, 310))  # days of the year in which nothing is planted; the second holds Christmas


@dataclass(frozen=True)
class Fault:
    """One fault, visible in the snapshots from `first` to `last`.

    `rows` is the SELECT that the loader writes in place of `{day}`, the rows of the day; `model` replaces the text of the
    relation's model. `is_real` is a change of people, not of data.
    """

    kind: str
    first: date
    last: date
    rows: str = ""
    model: str = ""
    is_real: bool = False

    def covers(self, day: date, after: int = 0) -> bool:
        """Say whether a day lies in it, or up to some days behind it."""
        return self.first <= day <= self.last + timedelta(days=after)


@dataclass(frozen=True)
class _Drawn:
    """What a kind of fault may draw from."""

    rng: random.Random
    first: date

    def part(self, low: int, high: int) -> str:
        """Return a condition that a drawn share of the customers meets, in percent."""
        return f"hash(customer_id + {self.rng.randrange(1000)}) % 100 < {self.rng.randint(low, high)}"

    def instead(self, *columns: tuple[str, str]) -> str:
        """Return the rows with other values in some columns."""
        return f"select * replace ({', '.join(f'{sql} as {name}' for name, sql in columns)}) from {{day}}"


MODEL = "select * from {{ ref('stg_buyers') }}\n"
Kind = Callable[[_Drawn], dict[str, object]]


def _null(column: str, low: int, high: int) -> Kind:
    return lambda d: {
        "rows": d.instead((column, f"case when {d.part(low, high)} then null else {column} end")), "days": (1, 4)
    }  # fmt: skip


def _amounts(factor: float) -> Kind:
    return lambda d: {"rows": d.instead(*((c, f"{c} * {factor}") for c in AMOUNTS)), "days": (1, 5)}


def _recoded(d: _Drawn) -> dict[str, object]:
    country = d.rng.choice(COUNTRIES)
    return {"rows": d.instead(("country", f"case country when '{country}' then '{country[:2].upper()}' else country end")),
            "days": (2, 6)}  # fmt: skip


def _no_country(d: _Drawn) -> dict[str, object]:
    return {"rows": f"select * from {{day}} where country <> '{d.rng.choice(COUNTRIES[:2])}'", "days": (1, 3)}


def _people_stop(d: _Drawn) -> dict[str, object]:
    """Let a part of the customers buy nothing for two weeks: people, seen from the data of a shop."""
    who = d.part(55, 70)
    stopped = f"case when {who} and last_order_on >= date '{d.first}' then date '{d.first}' - 1 else last_order_on end"
    return {
        "rows": d.instead(("last_order_on", f"greatest(first_order_on, {stopped})")),
        "days": (14, 14),
        "is_real": True,
    }


def _campaign(d: _Drawn) -> dict[str, object]:
    """Let new customers come in at once, who stay to the end of the year's fault and buy once."""
    new = (
        f"select * replace (customer_id + 500000 as customer_id, date '{d.first}' as first_order_on, date '{d.first}' as last_order_on,"
        " 1 as orders, 20.0 as ltv, 20.0 as spend_30d, 20.0 as spend_90d, 0 as returns)"
        f" from {{day}} where {d.part(12, 18)}"
    )
    return {"rows": f"select * from {{day}} union all by name {new}", "days": (10, 10), "is_real": True}


KINDS: dict[str, Kind] = {
    "nulls in country": _null("country", 20, 40),
    "nulls in spend_90d": _null("spend_90d", 30, 50),
    "nulls in last_order_on": _null("last_order_on", 20, 35),
    "a country recoded": _recoded,
    "country in capitals": lambda d: {"rows": d.instead(("country", "upper(country)")), "days": (1, 4)},
    "amounts in pence": _amounts(100),
    "amounts in euro": _amounts(1.17),
    "partial load, a third": lambda d: {"rows": f"select * from {{day}} where not ({d.part(25, 35)})", "days": (1, 2)},
    "partial load, few": lambda d: {"rows": f"select * from {{day}} where not ({d.part(6, 9)})", "days": (1, 3)},
    "a country not loaded": _no_country,
    "all rows twice": lambda d: {"rows": "select * from {day} union all select * from {day}", "days": (1, 2)},
    "some keys twice": lambda d: {
        "rows": f"select * from {{day}} union all select * from {{day}} where {d.part(2, 4)}", "days": (1, 3)
    },
    "the node upstream failed": lambda d: {"model": "select *, no_such_column from {{ ref('stg_buyers') }}\n", "days": (1, 2)},
    "no rows of the day": lambda d: {"rows": "select * from {day} where false", "days": (1, 2)},
    "orders set to 0": lambda d: {"rows": d.instead(("orders", f"case when {d.part(25, 40)} then 0 else orders end")), "days": (1, 4)},
    "last order a day early": lambda d: {"rows": d.instead(("last_order_on", "last_order_on - 1")), "days": (1, 4)},
    "consent lost": lambda d: {"rows": d.instead(("email_opt_in", f"email_opt_in and {d.part(8, 20)}")), "days": (1, 5)},
    "ltv renamed": lambda d: {"model": "select * rename (ltv as lifetime_value) from {{ ref('stg_buyers') }}\n", "days": (1, 3)},
    "people stop buying": _people_stop,
    "a campaign": _campaign,
}  # fmt: skip


def drawn(seed: int, first: date, days: int) -> list[Fault]:
    """Return the faults of a year in their order: one of each kind, spread over the days that are not kept quiet."""
    rng = random.Random(seed)
    kinds = sorted(KINDS)
    rng.shuffle(kinds)
    open_days = [n for n in range(FIRST_AFTER, days - 20) if not any(a <= n <= b for a, b in QUIET_STRETCHES)]
    made, free = list[Fault](), 0
    for n, kind in enumerate(kinds):
        slot = open_days[len(open_days) * n // len(kinds) : len(open_days) * (n + 1) // len(kinds)]
        if not slot:
            break
        start = max(slot[0] + rng.randrange(1 + len(slot) // 3), free)
        fault = _fault(kind, rng, first + timedelta(days=start))
        late = max(
            (b + 1 - start for a, b in QUIET_STRETCHES if start <= b and (fault.last - first).days >= a), default=0
        )
        made.append(_fault(kind, rng, fault.first + timedelta(days=late)) if late else fault)
        free = (made[-1].last - first).days + 1 + REST
    return made


def _fault(kind: str, rng: random.Random, first: date) -> Fault:
    said = KINDS[kind](_Drawn(rng, first))
    low, high = said.pop("days")  # type: ignore[misc]
    return Fault(kind, first, first + timedelta(days=rng.randint(low, high) - 1), **said)  # type: ignore[has-type, arg-type]


def fault_of(faults: Sequence[Fault], day: date) -> Fault | None:
    """Return the fault that a day's load has, None on an ordinary day."""
    return next((f for f in faults if f.covers(day)), None)
