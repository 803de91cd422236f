"""The tools: what they return is right, and nothing that a caller writes gets a person, a small group or a write out of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cause_case import MANIFEST
from explain_world import D, World, headline_fault

from pulse_runner.explain.agent.tools import TOOLS
from pulse_runner.explain.agent.tools.base import Answered, Desk, call, schema_of

SECRETS = ("jane.doe@example.com", "key-4711", "tiny-bucket")
BEFORE = D - timedelta(days=1)


@pytest.fixture
def desk(world: World, project) -> Iterator[Desk]:
    headline_fault(world)
    world.run(
        "create table dim_customers_daily as select date '2026-05-14' as snapshot_date, 'key-' || i as customer_id, i * 1.0 as ltv,"
        " case when i <= 3 then 'tiny-bucket' when i % 2 = 0 then 'DE' else 'FR' end as country, 'jane.doe@example.com' as email,"
        " timestamp '2026-05-10' as last_active_at, 'pro' as plan, true as email_opt_in, timestamp '2026-05-01' as last_order_at,"
        " 'ios' as device from range(4700, 4800) as t(i) union all select date '2026-05-14', 'key-' || i, 5.0, 'tiny-bucket',"
        " 'jane.doe@example.com', null, 'free', false, null, 'web' from range(3) as t(i)"
    )
    return Desk(world, project, MANIFEST, D, 5)


def asked(desk: Desk, name: str, **given: object) -> Answered:
    return call(TOOLS, desk, name, json.dumps(given))


def statements(found: Answered) -> list[str]:
    assert found.refusal == ""
    return [f.statement for f in found.result.facts]


def test_each_tool_answers(desk: Desk) -> None:
    assert statements(asked(desk, "definition", segment="vip")) == [
        "Version 1 of vip holds since 2026-04-09: `ltv > 1000 and last_active_days <= 7`."
    ]
    assert statements(asked(desk, "history", segment="vip", metric="size", days=2)) == [
        "Size of vip by day: 2026-05-13 1,000, 2026-05-14 579."
    ]
    (rate,) = asked(desk, "history", segment="vip", metric="conversion_rate", days=1).result.facts
    assert rate.values["conversion_rate_2026-05-14"] == 0.05
    health = statements(asked(desk, "column_health", entity="customers", column="ltv", days=2))
    assert health[1] == "ltv on 2026-05-14: 41.0 % nulls, 4,000 distinct values, mean 810."
    assert statements(asked(desk, "lineage", entity="customers", column="ltv"))[0] == (
        "ltv comes from ltv of model dim_customers_daily (models/dim_customers_daily.sql)."
    )
    assert statements(asked(desk, "incidents", entity="customers", days=30)) == [
        "inc1: size of vip down since 2026-05-14; open."
    ]
    simulated = statements(
        asked(desk, "simulate_detector", segment="vip", detector="size_jump", threshold=0.15, days=14)
    )
    assert simulated == [
        "size_jump at 15 % finds something in vip on 1 day of the last 14: 2026-05-14 (size down 42 %)."
    ]
    again = asked(desk, "simulate_detector", segment="vip", detector="size_jump", threshold=0.9, days=14)
    assert statements(again) == ["size_jump at 90 % finds something in vip on 0 days of the last 14."]


def test_counts_over_what_a_caller_chooses_are_in_steps(desk: Desk) -> None:
    found = asked(
        desk, "simulate_rule", entity="customers", day=str(D),
        conditions=[{"field": "ltv", "operator": ">=", "values": ["4701"]}, {"field": "country", "operator": "=", "values": ["DE"]}],
    )  # fmt: skip
    assert [(f.values["alone"], f.values["upto"]) for f in found.result.facts] == [(95, 95), (50, 45)]
    rows = asked(
        desk, "sql", sql="select country, count(*) as n from customers group by country order by country", day=str(D)
    )
    assert [(r.values["country"], r.values["n"]) for r in rows.result.facts] == [("DE", 50), ("FR", 50)]
    totals = asked(
        desk,
        "sql",
        sql="select segment_id, max(size) as most from pulse_segment_snapshots group by segment_id order by 2 desc",
        day="",
    )
    assert [(r.values["segment_id"], r.values["most"]) for r in totals.result.facts][:2] == [
        ("germans", 2000),
        ("vip", 1000),
    ]


def test_a_small_bucket_is_hidden_and_no_difference_brings_it_back(desk: Desk) -> None:
    found = asked(desk, "distribution", segment="vip", attribute="country", day=str(D), before=str(BEFORE))
    assert {f.values["bucket"]: f.values["members"] for f in found.result.facts} == {"DE": ">590", "FR": 300, "GB": 97}
    rows = asked(
        desk,
        "sql",
        sql="select bucket, members from pulse_segment_distributions where segment_id = 'vip' and attribute = 'country' and snapshot_date = cast('2026-05-14' as date)",
        day="",
    )
    assert {r.values["bucket"]: r.values["members"] for r in rows.result.facts} == {"DE": 600, "FR": 300, "GB": 95}
    whole = asked(
        desk,
        "sql",
        sql="select sum(members) as n from pulse_segment_distributions where segment_id = 'vip' and attribute = 'country' and snapshot_date = cast('2026-05-14' as date)",
        day="",
    )
    assert [r.values["n"] for r in whole.result.facts] == [995]


NOT_ALLOWED = [
    "drop table pulse_incidents", "delete from pulse_incidents", "update pulse_incidents set status = 'ignored'",
    "insert into pulse_incidents select * from pulse_incidents", "select 1; drop table pulse_incidents", "create table x as select 1",
    "copy pulse_incidents to '/tmp/x'", "attach 'x' as y", "pragma database_list", "set threads = 1", "explain select 1", "select 1",
    "select * from dim_customers_daily", "select * from main.pulse_incidents", "select * from information_schema.tables",
    "select * from read_csv('/etc/passwd')", "select * from '/etc/passwd'", "select read_text('/etc/passwd') from pulse_incidents",
    "select assignee from pulse_incidents", "select note from pulse_incidents", "select owner from pulse_incidents",
    "select share from pulse_segment_distributions", "select min_value, max_value from pulse_entity_health",
    "select * from customers", "select email from customers", "select customer_id from customers", "select country from customers",
    "select email, count(*) from customers group by email", "select customer_id, count(*) from customers group by customer_id",
    "select ltv, count(*) from customers group by ltv", "select count(*) from customers where customer_id = 'key-4711'",
    "select count(*) from customers where email like 'j%'", "select max(ltv) from customers", "select sum(ltv) from customers",
    "select avg(ltv) from customers group by country", "select country, count(*) from customers group by country having count(*) > 0",
    "select country, count(*) from customers group by rollup (country)", "select count(distinct email) from customers",
    "select count(*) * 1000 from customers", "select string_agg(country, ',') from customers",
    "select country, count(*) as n from customers group by country order by count(*)",
    "select a.size from pulse_segment_snapshots a, pulse_segment_snapshots b", "select size from pulse_segment_snapshots union select 1",
    "select (select max(size) from pulse_segment_snapshots) from pulse_segment_snapshots", "with x as (select 1) select * from x",
    "select row_number() over () from pulse_segment_snapshots", "select size from pulse_segment_snapshots for update",
    "select current_setting('x') from pulse_segment_snapshots", "select getenv('HOME') from pulse_segment_snapshots",
    "select pg_sleep(100) from pulse_segment_snapshots", "select size into x from pulse_segment_snapshots",
    "select distinct on (size) size from pulse_segment_snapshots", "select size from pulse_segment_snapshots tablesample 10 percent",
    "select size from pulse_segment_snapshots where size in (select 1)", "select size from pulse_segment_snapshots limit (select 1)", "select $$x$$",
    "select 1 as size from pulse_segment_snapshots", "select cast(size as blob) from pulse_segment_snapshots", "(((", "", "\x00", "select " + "1+" * 3000 + "1",
]  # fmt: skip


@pytest.mark.parametrize("sql", NOT_ALLOWED, ids=lambda s: s[:40] or "nothing")
def test_sql_that_is_more_than_one_select_of_what_may_be_told_is_refused(desk: Desk, sql: str) -> None:
    found = asked(desk, "sql", sql=sql, day="")
    assert found.refusal.startswith("sql: "), [f.statement for f in found.result.facts]
    assert found.result.facts == ()


def test_rows_and_bytes_are_limited_and_the_reader_is_told(desk: Desk) -> None:
    found = asked(
        desk, "sql", sql="select segment_id, snapshot_date, size from pulse_segment_snapshots limit 100000", day=""
    )
    assert len(found.result.facts) <= 40
    assert asked(desk, "history", segment="vip", metric="size", days=91).refusal == "history: days must be 1 to 90"
    assert asked(desk, "sql", sql="select size from pulse_segment_snapshots", day="2026-05-15").refusal.endswith(
        "the last day is 2026-05-14"
    )


def test_a_statement_that_takes_too_long_is_cancelled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from pulse_runner.explain.agent.tools import base, sql

    monkeypatch.setattr(base, "SECONDS", 0.2)
    slow = "select a.range as size from range(100000000) a, range(100000) b where a.range + b.range < -1"
    monkeypatch.setattr(sql, "guarded", lambda *given: slow)
    assert asked(desk, "sql", sql="select size from pulse_segment_snapshots", day="").refusal.startswith(
        "sql: the warehouse refused"
    )


def test_who_asks_wrongly_is_told_what_there_is_and_nothing_that_was_given(desk: Desk) -> None:
    assert asked(desk, "delete").refusal.startswith("there is no tool 'delete'; there are definition, history")
    assert (
        asked(desk, "history", segment="vips", metric="size", days=3).refusal
        == "history: there is no segment 'vips'; there are vip"
    )
    assert "conversion_rate" in asked(desk, "history", segment="vip", metric="salary", days=3).refusal
    wrong = call(TOOLS, desk, "history", '{"segment": "vip", "secret-1234": 1}')
    assert wrong.refusal.startswith("history: ")
    assert call(TOOLS, desk, "history", "[]").refusal
    assert call(TOOLS, desk, "history", '{"segment": ' + "[" * 5000).refusal


def test_the_schemas_are_strict(desk: Desk) -> None:
    for tool in TOOLS:
        schema = schema_of(tool)
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])


def test_the_table_of_tools_in_the_docs_names_each() -> None:
    page = (Path(__file__).parents[3] / "docs/explanations.md").read_text(encoding="utf-8")
    assert [t.name for t in TOOLS if f"\n| `{t.name}` | " not in page] == []


LIKELY = {
    "segment": ["vip", "whales"], "entity": ["customers"], "metric": ["size", "entered", "conversion_rate", "reach:email"],
    "attribute": ["country", "device"], "column": ["ltv", "country", "(rows)"], "day": ["2026-05-14", "2026-05-13"], "before": ["2026-05-13"],
    "days": [2, 30], "detector": ["size_jump"], "threshold": [0.1, 0.5],
    "conditions": [[{"field": "ltv", "operator": ">", "values": ["4797"]}], [{"field": "country", "operator": "in", "values": ["DE", "tiny-bucket"]}]],
}  # fmt: skip


def fuzzed(draw: random.Random) -> tuple[str, str]:
    """Return a drawn call: names, days, columns and SQL mixed from what is there, what is not, and what is not allowed."""
    words = ["vip", "whales", "germans", "customers", "country", "device", "ltv", "email", "customer_id", "size", "members", "(rows)",
             "2026-05-14", "2026-05-13", "reach:email", "conversion_rate", "", "'", "\";--", "tiny-bucket", "key-4711", "0", "-1", "*"]  # fmt: skip
    pieces = ["select ", "from ", "where ", "group by ", "count(*) ", "customers ", "pulse_segment_distributions ", "pulse_entity_health ", "pulse_incidents ",
              "country, ", "country ", "bucket, ", "members ", "sum(members) ", "email ", "customer_id ", "ltv > 4790 ", "= 'tiny-bucket' ", "and ", "or ",
              "limit 5 ", "union ", "* ", "(", ")", "; ", "drop table ", "-- ", "/* */ ", "bucket = 'XX' ", "order by ", "1 ", "n ", "as n, "]  # fmt: skip
    shapes = [
        "select country, count(*) as n from customers where {} group by country", "select count(*) as n from customers where {}",
        "select {} from pulse_segment_distributions", "select bucket, members from pulse_segment_distributions where {}",
        "select members * {} as m from pulse_segment_distributions", "select {} from customers", "select plan, device, count(*) as n from customers where {} group by plan, device",
    ]  # fmt: skip
    conditions = [f"ltv > {draw.randint(4690, 4810)}", "ltv = 5", "country = 'tiny-bucket'", "device = 'web'", "1 = 1", "not email_opt_in",
                  "bucket = 'XX'", "segment_id = 'vip'", "customer_id = 'key-4711'", "email is not null", "last_order_at is null"]  # fmt: skip
    tool = draw.choice(TOOLS)
    if draw.random() < 0.4:
        text = draw.choice(shapes).format(" and ".join(draw.sample(conditions, draw.randint(1, 3)))) if draw.random() < 0.6 else "".join(
            draw.choice(pieces) for _ in range(draw.randint(2, 12))
        )  # fmt: skip
        return "sql", json.dumps({"sql": text, "day": draw.choice(["", "2026-05-14", "2026-05-13"])})
    given: dict[str, object] = {}
    for name, about in schema_of(tool)["properties"].items():
        if draw.random() < 0.02:
            continue
        if name in LIKELY and draw.random() < 0.8:
            given[name] = draw.choice(LIKELY[name])
            continue
        kind = about.get("type")
        if kind == "integer":
            given[name] = draw.choice([1, 2, 30, 90, 0, -5, 10**9, "7"])
        elif kind == "number":
            given[name] = draw.choice([0.1, 0.5, 1e-9, -1, 1e308])
        elif kind == "array":
            given[name] = [
                {"field": draw.choice(words), "operator": draw.choice(["=", ">", "<=", "in", "is_null", "matches"]), "values": [draw.choice(["5", "4711", "DE", "tiny-bucket", "x"])]}
                for _ in range(draw.randint(0, 4))
            ]  # fmt: skip
        else:
            given[name] = draw.choice(words)
    return draw.choice([tool.name, tool.name, tool.name, "nothing"]), json.dumps(given)


def leaks(found: Answered, world: World) -> list[str]:
    """Return what an answer tells that nobody may know: a person, or how many are in a group below five."""
    told = json.dumps(
        [[f.statement, dict(f.values)] for f in found.result.facts] + [found.refusal, found.result.note], default=str
    )
    out = [s for s in ("jane.doe", "key-4") if s in told and s not in found.refusal]
    for fact in found.result.facts:
        if fact.values.get("bucket") in ("XX", "tiny-bucket") or fact.values.get("country") == "tiny-bucket":
            out.append(fact.statement)
        # counts over chosen rows are multiples of five; all others are told from five on
        if fact.kind in ("tool_sql", "tool_simulate_rule", "tool_flows"):
            counts = [fact.values.get(n) for n in ("n", "members", "alone", "upto")]
            out += [fact.statement for v in counts if isinstance(v, int) and v % 5]
        counts = [
            v
            for n, v in fact.values.items()
            if n.startswith(("members", "size_", "entered_", "exited_", "converted_", "inactive_2"))
        ]
        out += [fact.statement for v in counts if isinstance(v, int) and 0 < v < 5]
    return out


def drive(desk: Desk, calls: int, seed: int) -> int:
    """Make drawn calls, assert that each is harmless, and return how many were answered."""
    world, draw, answered = desk.warehouse, random.Random(seed), 0
    before = content(world)
    for _ in range(calls):
        name, given = fuzzed(draw)
        found = call(TOOLS, desk, name, given)
        assert leaks(found, world) == [], (name, given)
        answered += bool(found.result.facts)
    assert content(world) == before
    return answered


def content(world: World) -> list[tuple[str, int, str]]:
    tables = [r["table_name"] for r in world.query("select table_name from information_schema.tables order by 1")]
    return [
        (t, *(tuple(world.query(f'select count(*) as n, cast(sum(hash(t)) as varchar) as h from "{t}" as t')[0].values())))
        for t in tables
    ]  # fmt: skip


def test_drawn_calls_write_nothing_and_tell_of_nobody(desk: Desk) -> None:
    assert drive(desk, 120, seed=1) >= 10


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(10))
def test_thousands_of_drawn_calls_write_nothing_and_tell_of_nobody(desk: Desk, seed: int) -> None:
    assert drive(desk, 1000, seed=100 + seed) >= 120
