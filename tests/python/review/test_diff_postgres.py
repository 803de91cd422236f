"""The review on Postgres, of a table of intervals with odd column names, events, reach and activity."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from reviewed_shop import Repository
from strangers_shop import make_shop

ENTITY = """\
history: {valid_from: "Valid From", valid_to: valid_to}
fields: {"Order Total": number, seen_at: date, wants_mail: boolean}
activity: {last_seen_at: seen_at, inactive_after_days: 30}
reach: {email: wants_mail}
events:
  orders: {relation: "source('shop', 'orders')", key: "Who", at: at, fields: {amount: number}}
"""
SOURCES = "version: 2\nsources:\n  - {name: shop, schema: shop, tables: [{name: customers}, {name: orders}]}\n"
# numbers 1 to 1,000 since February, worth their number; on 8 June numbers 501 to 800 lose it, and on 9 June 901 to 950 their
# consent to mail. Everybody was seen on 1 June. Number n ordered once on each of the first n % 4 days of June.
TABLES = (
    'create table shop.customers (customer_id integer, "Order Total" integer, seen_at date, wants_mail boolean,'
    ' "Valid From" timestamp, valid_to timestamp)',
    "insert into shop.customers select i, i, date '2026-06-01', true, '2026-02-01',"
    " case when i between 501 and 800 then timestamp '2026-06-08' when i between 901 and 950 then timestamp '2026-06-09' end"
    " from generate_series(1, 1000) as i",
    "insert into shop.customers select i, null, date '2026-06-01', true, '2026-06-08', null from generate_series(501, 800) as i",
    "insert into shop.customers select i, i, date '2026-06-01', false, '2026-06-09', null from generate_series(901, 950) as i",
    'create table shop.orders ("Who" integer, at timestamp, amount integer)',
    "insert into shop.orders select i, date '2026-06-01' + d, 10 from generate_series(1, 1000) as i, generate_series(0, 3) as d"
    " where d < i % 4",
)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: Path, postgres_profile: str) -> Repository:
    """Give the project in a database of its own: the schema `shop` may be in the common one already."""
    database = f"review_{uuid4().hex[:12]}"
    connection = psycopg2.connect(host=str(postgres_server), port=5432, user="postgres", dbname="postgres")
    connection.autocommit = True
    connection.cursor().execute(f"create database {database}")
    connection.close()
    profile = postgres_profile.replace("dbname: postgres", f"dbname: {database}")
    made = Repository(make_shop(tmp_path, monkeypatch, ENTITY, profile))
    made.shop.write("models/sources.yml", SOURCES.replace("schema: shop", f"database: {database}, schema: shop"))
    made.shop.sql(*TABLES)
    made.segment("rich", "[{field: Order Total, operator: '>', value: 500}]")
    made.segment("buyers", "[{event: orders, operator: performed, count: {operator: '>=', value: 2}, in_last: 9}]")
    made.commit()
    return made


@pytest.mark.postgres
def test_counts_and_what_would_have_fired(repo: Repository) -> None:
    repo.segment("rich", "[{field: Order Total, operator: '>', value: 850}]")
    repo.segment("buyers", "[{event: orders, operator: performed, count: {operator: '>=', value: 3}, in_last: 9}]")
    data = repo.data()
    rich, buyers = data["rich"], data["buyers"]
    assert rich["size"] == {"before": 200, "after": 150, "enter": 0, "leave": 50, "stay": 150}
    assert rich["leave_by"] == [{"condition": "order_total > 850", "first": 50, "failing": 50}]
    fired = {
        side: {(i["metric"], i["detected_on"], i["observed"]) for i in f["incidents"]}
        for side, f in rich["fired"].items()
    }
    assert ("size", "2026-06-08", 200) in fired["before"]
    assert all(metric != "size" for metric, _, _ in fired["after"])
    # 100 of 150 are reached after 9 June; before the edit it is 150 of 200
    assert [m for m, day, _ in fired["after"] if day == "2026-06-09"] == ["reach:email"]
    assert rich["fired"]["after"]["metrics"] == ["size", "inactive_rate", "reach:email"]
    # nine days back from 10 June is 1 June: those with n % 4 of 2 and 3, then of 3 only
    assert buyers["size"] == {"before": 500, "after": 250, "enter": 0, "leave": 250, "stay": 250}
    overlap = {o["segment"]: (o["before"], o["after"]) for o in buyers["overlaps"]}
    # above 500 and worth it still: 801 to 1,000, half of which buy; above 850, a quarter
    assert overlap == {"rich": (100, 38)}


@pytest.mark.postgres
def test_another_key_is_another_set_of_rows(repo: Repository) -> None:
    repo.shop.sql(
        "alter table shop.customers add column account text", "update shop.customers set account = customer_id::text"
    )
    repo.entity("key: customer_id", "key: account")
    rich = repo.data()["rich"]
    assert rich["because"] == ["entity customers: key is account, before customer_id"]
    assert rich["size"] == {"before": 200, "after": 200, "enter": 0, "leave": 0, "stay": 200}
