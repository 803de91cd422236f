"""Random rules over random rows with nulls: the tables hold what an independent evaluator says, on every warehouse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from oracle import Oracle, Row

from pulse_runner.compile.tally import Tally
from pulse_runner.segments.model import (
    Aggregate,
    All,
    AnyOf,
    Attribute,
    Comparison,
    Entity,
    EventLeaf,
    EventSource,
    Field,
    FieldLeaf,
    History,
    Not,
    Project,
    Relation,
    Rule,
    Segment,
    SegmentLeaf,
    SqlLeaf,
)
from pulse_runner.snapshot.read import counted
from pulse_runner.warehouse.connection import connect

TODAY = date(2024, 3, 1)  # the day after 29 February
BEFORE = date(2024, 2, 28)
TEXTS = ["DE", "de", "100%", "1005", "a_b", "axb", "O'Hara", "", "{{ x }}", "; drop --", "ü\\n", "b%"]
NUMBERS = [-3, 0, 0.5, 1, 2, 7, 10.25, 1000]
FIELDS: dict[str, Field] = {
    "n": Field("n", "number"), "m": Field("m", "number"), "t": Field("t", "text"), "b": Field("b", "boolean"),
    "d": Field("d", "date"), "s": Field("s", "timestamp"), "age": Field("age", "number", days_since="s"),
}  # fmt: skip
SQL: dict[str, Callable[[Row], bool | None]] = {
    "n > 2 * m": lambda r: None if r["n"] is None or r["m"] is None else r["n"] > 2 * r["m"],
    "b or n is null": lambda r: True if r["b"] or r["n"] is None else None if r["b"] is None else False,
    "age * 2 > 9": lambda r: None if r["age"] is None else r["age"] * 2 > 9,
    "t = '{{ x }}'": lambda r: None if r["t"] is None else r["t"] == "{{ x }}",
}
SQL_FIELDS = {"n > 2 * m": ("n", "m"), "b or n is null": ("b", "n"), "age * 2 > 9": ("age",), "t = '{{ x }}'": ("t",)}
EVENTS = EventSource(
    "orders",
    Relation("ref", ("orders",)),
    "customer",
    "ordered_at",
    {"amount": Field("amount", "number"), "product": Field("product", "text")},
)
ENTITY = Entity(
    "people", Relation("ref", ("people",)), "key", History("as_of", as_of="day"), FIELDS,
    attributes=(Attribute("t", "t", top=3), Attribute("band", "n", bins=(0, 1, 10))), events={"orders": EVENTS},
)  # fmt: skip

days = st.integers(-3, 40).map(lambda n: TODAY - timedelta(days=n))
number, small = st.sampled_from(NUMBERS), st.integers(0, 30)
compare = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def leaf(field: st.SearchStrategy[str], op: st.SearchStrategy[str], values: st.SearchStrategy[tuple[Any, ...]]) -> Any:
    return st.builds(FieldLeaf, field, op, values)


def pair(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(values, values).map(lambda p: tuple(sorted(p)))


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=3, unique=True).map(tuple)


def of(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(names)


product = leaf(of("product"), of("=", "!=", "contains"), st.tuples(st.sampled_from(TEXTS[:4])))
amount = leaf(of("amount"), of(">", "<="), st.tuples(number))
field_leaves = st.one_of(
    leaf(of("n", "m"), compare, st.tuples(number)),
    leaf(of("n", "m"), of("in", "not_in"), some(number)),
    leaf(of("n", "m"), of("between"), pair(number)),
    leaf(of("age"), compare, st.tuples(st.sampled_from([-1, 0, 3, 7.5, 20]))),
    leaf(of("age"), of("between"), pair(small)),
    leaf(of("age"), of("in", "not_in"), some(small)),
    leaf(
        of("t"),
        of("=", "!=", "contains", "not_contains", "starts_with", "ends_with"),
        st.tuples(st.sampled_from(TEXTS)),
    ),
    leaf(of("t"), of("in", "not_in"), some(st.sampled_from(TEXTS))),
    leaf(of("t"), of("matches"), st.tuples(of("^a.b$", "[0-9]+%", "'", "^$"))),
    leaf(of("b"), of("is_true", "is_false"), st.just(())),
    leaf(of("n", "t", "b", "d", "s", "age"), of("is_null", "is_not_null"), st.just(())),
    leaf(of("d", "s"), of("on", "before", "after"), st.tuples(days.map(str))),
    leaf(of("d", "s"), of("between"), pair(days.map(str))),
    leaf(of("d", "s"), of("in_last", "more_than_ago"), st.tuples(small)),
    leaf(of("d", "s"), of("between_ago"), pair(small)),
)
event_leaves = st.builds(
    lambda op, what, window, where: EventLeaf(
        "orders",
        op,
        what if isinstance(what, Comparison) else None,
        what if isinstance(what, Aggregate) else None,
        window,
        where,
    ),
    of("performed", "not_performed"),
    st.one_of(
        st.none(),
        st.builds(Comparison, compare, st.integers(0, 3)),
        st.builds(Aggregate, of("sum", "min", "max", "avg"), st.just("amount"), st.builds(Comparison, compare, number)),
    ),
    st.sampled_from([None, 0, 2, 10]),
    st.sampled_from([0, 1, 2]).flatmap(lambda n: [st.just(()), st.tuples(amount), st.tuples(amount, product)][n]),
)
sql_leaves = st.sampled_from(sorted(SQL)).map(lambda s: SqlLeaf(s, SQL_FIELDS[s]))
earlier = st.builds(SegmentLeaf, st.integers(0, 4).map(lambda n: f"r{n:02}"), of("in_segment", "not_in_segment"))
plain = st.one_of(field_leaves, field_leaves, field_leaves, field_leaves, event_leaves, sql_leaves)


def trees(leaves: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    parts = lambda r: st.lists(r, min_size=1, max_size=4).map(tuple)  # noqa: E731
    return st.recursive(leaves, lambda r: st.one_of(parts(r).map(All), parts(r).map(AnyOf), r.map(Not)), max_leaves=6)


rows = st.fixed_dictionaries(
    {
        "n": st.none() | number, "m": st.none() | number, "t": st.none() | st.sampled_from(TEXTS), "b": st.none() | st.booleans(),
        "d": st.none() | days, "s": st.none() | days.map(lambda d: datetime(d.year, d.month, d.day, 23, 59)),
    }
)  # fmt: skip
states = st.lists(
    st.tuples(st.none() | rows, rows, st.sampled_from(["changed", "same", "gone"])), min_size=60, max_size=60
)
orders = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.integers(0, 59), "amount": st.none() | number, "product": st.none() | st.sampled_from(TEXTS[:4]),
            "at": days.map(lambda d: datetime(d.year, d.month, d.day, 12)),
        }
    ), min_size=80, max_size=80,
)  # fmt: skip


@settings(
    max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate], database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(
    base=st.lists(trees(plain), min_size=25, max_size=25), upper=st.lists(trees(plain | earlier), min_size=15, max_size=15),
    states=states, orders=orders,
)  # fmt: skip
def test_every_table_agrees_with_the_evaluator(new_world, base, upper, states, orders) -> None:
    before: dict[int, Row] = {}
    today: dict[int, Row] = {}
    for key, (first, second, fate) in enumerate(states):
        if first is not None or key == 0:  # somebody was there, so that there is a date before
            before[key] = {"key": key, **(first or second)}
        if fate != "gone":
            today[key] = before[key] if fate == "same" and key in before else {"key": key, **second}
    rules = {f"r{n:02}": rule for n, rule in enumerate([*base, *upper])}
    assume(len(set(rules.values())) > 25 and len(today) > 10)  # skip what hypothesis tries first: everything the same
    oracle = Oracle(rules, {"age": "s"}, SQL, orders)
    world = new_world()
    types = {
        "key": "integer",
        "n": "double precision",
        "m": "double precision",
        "t": "varchar(20)",
        "b": "boolean",
        "d": "date",
        "s": "timestamp",
        "day": "date",
    }
    world.table(
        "people",
        types,
        [
            (*(r[c] for c in types if c != "day"), at)
            for at, rs in ((BEFORE, before), (TODAY, today))
            for r in rs.values()
        ],
    )
    order_types = {
        "customer": "integer",
        "amount": "double precision",
        "product": "varchar(20)",
        "ordered_at": "timestamp",
    }
    world.table("orders", order_types, [(o["key"], o["amount"], o["product"], o["at"]) for o in orders])
    world.compile(Project({"people": ENTITY}, {n: Segment(n, "people", r, "me") for n, r in rules.items()}, {}))
    world.built(str(BEFORE), str(TODAY), command="run")

    stored = world.query("select * from {pulse_segment_snapshots} where snapshot_date = cast('2024-03-01' as date)")
    snapshots = {r["segment_id"]: r for r in stored}
    changes: dict[str, Counter[tuple[str, str]]] = {n: Counter() for n in rules}
    for r in world.query("select * from {pulse_segment_changes}"):
        changes[r["segment_id"]][r["direction"], r["cause"]] += r["members"]
    shares: dict[str, dict[str, int]] = {n: {} for n in rules}
    for r in world.query(
        "select * from {pulse_segment_distributions} where attribute = 'band' and snapshot_date = cast('2024-03-01' as date)"
    ):
        shares[r["segment_id"]][r["bucket"]] = r["members"]
    views = " union all ".join(f"select '{n}' as name, key from {{seg_{n}}}" for n in rules)
    viewed: dict[str, set[int]] = {n: set() for n in rules}
    for r in world.query(views):
        viewed[r["name"]].add(r["key"])
    tallied = tally_of(world, rules)
    for name, rule in rules.items():
        was = {k for k, r in before.items() if oracle.member(rule, r, BEFORE)}
        aged = {k for k, r in before.items() if oracle.member(rule, r, TODAY, known=BEFORE)}
        now = {k for k, r in today.items() if oracle.member(rule, r, TODAY)}
        assert viewed[name] == now, (name, rule)
        assert (tallied[TODAY][name], tallied[BEFORE][name]) == (len(now), len(was)), (name, rule)
        s = snapshots[name]
        assert (s["size"], s["previous_size"], s["entered"], s["exited"]) == (
            len(now),
            len(was),
            len(now - was),
            len(was - now),
        ), (name, rule)
        causes = Counter()
        for k in now ^ was:
            cause = (
                "row_new"
                if k not in before
                else "row_gone"
                if k not in today
                else "leaf"
                if (k in aged) != (k in now)
                else "aged"
            )
            causes["gained" if k in now else "lost", cause] += 1
        assert changes[name] == causes, (name, rule)
        assert shares[name] == Counter(band(today[k]["n"]) for k in now), (name, rule)


def tally_of(world: Any, rules: dict[str, Rule]) -> dict[date, dict[Hashable, int]]:
    """Count all rules on both days in one read, as previews and reviews do."""
    warehouse = connect(world.root)
    try:
        people, orders = (warehouse.relation("ref", name) for name in ("people", "orders"))
        tally = Tally(ENTITY, people, warehouse.dialect, BEFORE, TODAY, (), lambda _: orders)
        for name, rule in rules.items():
            tally.count(name, tally.flag(rule, ENTITY, rules))
        return counted(warehouse, tally)
    finally:
        warehouse.close()


def band(n: float | None) -> str:
    if n is None:
        return "(null)"
    return "<0" if n < 0 else "[0,1)" if n < 1 else "[1,10)" if n < 10 else ">=10"
