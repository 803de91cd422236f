"""What a preview says is what the next snapshot has, or it says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from strangers_shop import Shop, make_shop

FIELDS = "fields: {ltv: number}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = make_shop(tmp_path, monkeypatch, FIELDS)
    made.at("2026-06-10 18:00")
    made.pulse("compile")
    return made


def size(shop: Shop) -> int | None:
    return shop.snapshots()["2026-06-10"][1]


def test_a_table_with_older_rows_that_is_read_as_today_only(shop: Shop) -> None:
    # 60 rows for each of 900 keys: on most days somebody is rich, by the row that counts only three are
    shop.sql(
        "create table shop.customers as select i as customer_id, case when i <= 3 or (d > 1 and i <= 844) then 2000 else 5 end as ltv"
        " from range(1, 901) as r(i), range(1, 61) as days(d)"
    )
    told = shop.pulse("segments", "preview", "rich").output
    assert "rich has 3 members on 2026-06-10." in told
    assert (
        "customers has 54,000 rows for 900 keys on 2026-06-10: each key counts once, by one row."
        " If older rows are in it, name `history` in the definition of customers."
    ) in told
    shop.pulse("run")
    assert size(shop) == 3
    assert "The snapshot of" not in shop.pulse("segments", "preview", "rich").output


def test_a_table_or_a_rule_that_changed_since_the_snapshot(shop: Shop) -> None:
    shop.sql("create table shop.customers as select i as customer_id, 2000 as ltv from range(1, 101) as r(i)")
    shop.pulse("run")
    shop.sql("delete from shop.customers where customer_id > 90")
    told = shop.pulse("segments", "preview", "rich").output
    assert "rich has 90 members on 2026-06-10." in told
    assert (
        "The snapshot of 2026-06-10 has 100: the table has changed since it was made."
        " `pulse snapshot --date 2026-06-10` makes it again."
    ) in told
    rule = (shop.root / "segments/rich.yml").read_text(encoding="utf-8").replace("1000", "9000")
    shop.write("segments/rich.yml", rule)
    told = shop.pulse("segments", "preview", "rich").output
    assert "rich has 0 members on 2026-06-10." in told
    assert "The snapshot of 2026-06-10 has 100: it was made with another rule." in told
    done = shop.pulse("segments", "preview", "rich", "--date", "2026-06-01", code=2)
    assert "customers has no history: it shows 2026-06-10 only. Leave --date out." in done.output
