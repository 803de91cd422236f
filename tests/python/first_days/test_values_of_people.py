"""A column that begins to hold mails: nothing of them is stored, nobody gets an incident about them, and doctor says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from strangers_shop import Shop, make_shop

ROWS = (
    "create table shop.customers as select cast(day as date) as snapshot_date, i as customer_id,"
    " case when day >= date '2026-06-10' then 'person' || (i % 40) || '@example.com' else 'way ' || (i % 3) end as way,"
    " case when i % 3 = 0 then 'DE' else 'FR' end as country,"
    " case when i <= 840 + dayofyear(day) % 7 then 2000 else 5 end as ltv"
    " from range(1, 2001) as r(i), range(timestamp '2026-05-25', timestamp '2026-06-11', interval 1 day) as d(day)"
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    fields = "fields: {ltv: number, country: text, way: text}\n"
    attributes = "attributes: [way, {field: country, values: hidden}]\n"
    made = make_shop(tmp_path, monkeypatch, f"history: {{as_of: snapshot_date}}\n{fields}{attributes}")
    made.sql(ROWS)
    made.at("2026-06-10 12:00")
    return made


def test_a_column_that_begins_to_hold_people_is_refused_and_named(shop: Shop) -> None:
    shop.pulse("compile")
    done = shop.pulse("run", "--date", "today", "--yes")
    again = shop.pulse("run", "--date", "today")
    rows = shop.query("select snapshot_date, attribute, bucket from {}", "pulse_segment_distributions")
    last = {(r["attribute"], r["bucket"]) for r in rows if str(r["snapshot_date"]) == "2026-06-10"}
    before = {(r["attribute"], r["bucket"]) for r in rows if str(r["snapshot_date"]) == "2026-06-09"}
    assert {b for a, b in last if a == "way"} == {"(refused)"}
    assert {b for a, b in before if a == "way"} == {"way 0", "way 1", "way 2"}
    hidden = {b for a, b in before | last if a == "country"}
    assert len(hidden) == 2
    assert all(b.startswith("value ") for b in hidden)
    found = shop.query(
        "select verdict from {} where attribute = 'way' and snapshot_date = date '2026-06-10'", "pulse_findings"
    )
    assert found == [{"verdict": "no_data"}]
    assert shop.query("select * from {}", "pulse_incidents") == []
    assert "@" not in done.output + again.output + json.dumps(rows, default=str)
    told = shop.pulse("doctor").output
    assert "warn  attribute way: not watched: its values in customers look like people" in told
    assert "attribute country" not in told
