"""A table that knows today only, watched by the commands of the README and of cron: `pulse run --date yesterday`, every morning."""

from __future__ import annotations

from pathlib import Path

import pytest
from strangers_shop import Shop, make_shop

FIELDS = "fields: {ltv: number, country: text}\nattributes: [country]\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make_shop(tmp_path, monkeypatch, FIELDS)


def load(shop: Shop, rich: int) -> None:
    """The nightly load: 2,000 customers, so many of them rich."""
    shop.sql(
        "create or replace table shop.customers as select i as customer_id, case when i % 3 = 0 then 'DE' else 'FR' end as country,"
        f" case when i <= {rich} then 2000 else 5 end as ltv from range(1, 2001) as r(i)"
    )


@pytest.mark.matrix
def test_each_morning_gives_a_snapshot_and_a_fault_is_told_on_its_day(shop: Shop) -> None:
    shop.pulse("compile")
    for day in range(1, 11):
        load(shop, 840 + day)
        shop.at(f"2026-06-{day:02} 06:30")
        if day in range(3, 8):
            shop.pulse("snapshot", "--date", "yesterday")  # as a scheduler without the rest does
            continue
        done = shop.pulse("run", "--date", "yesterday", "--fail-on", "low")
        assert "1 of 1 have a snapshot" in done.output
        assert "0 active incidents" in done.output
        needs = {1: "8 more days", 2: "7 more days", 8: "1 more day"}.get(day)
        if needs:
            assert f"rich needs {needs} of snapshots before a change can be told" in done.output
        else:
            assert "more day" not in done.output
    first = {"2026-05-31": ("not_reconstructable", None)}
    assert shop.snapshots() == first | {f"2026-06-{d:02}": ("ok", 840 + d) for d in range(1, 11)}
    assert shop.query("select count(*) as n from {}", "pulse_incidents") == [{"n": 0}]

    # the day before is never told as stale or broken, on the day of the fault neither
    load(shop, 540)
    shop.at("2026-06-11 06:30")
    done = shop.pulse("run", "--date", "yesterday", "--fail-on", "low", code=3)
    assert "Run of 2026-06-10 and 2026-06-11" in done.output
    assert "rich: size fell 36 %" in done.output
    assert "1 opened" in done.output
    found = shop.query("select segment_id, detector, started_on from {}", "pulse_incidents")
    assert [(f["segment_id"], f["detector"], str(f["started_on"])) for f in found] == [
        ("rich", "size_jump", "2026-06-11")
    ]

    # the same command again tells nothing twice; the report and the snapshots command show the day
    again = shop.pulse("run", "--date", "yesterday")
    assert "nothing to tell" in again.output
    assert "no change of any incident" in again.output
    assert " 540 " in shop.pulse("report", "--format", "text").output
    assert "2026-06-11" in shop.pulse("snapshot", "--date", "yesterday").output


def test_a_missed_day_is_no_incident_and_no_recovery(shop: Shop) -> None:
    shop.pulse("compile")
    load(shop, 840)
    shop.at("2026-06-01 06:30")
    shop.pulse("run", "--date", "yesterday")
    shop.at("2026-06-04 06:30")
    done = shop.pulse("run", "--date", "yesterday", "--fail-on", "low")
    assert "nothing to tell" in done.output
    gone = ("not_reconstructable", None)
    assert shop.snapshots() == {
        "2026-05-31": gone,
        "2026-06-01": ("ok", 840),
        "2026-06-03": gone,
        "2026-06-04": ("ok", 840),
    }


@pytest.mark.matrix
def test_with_an_end_of_the_day_the_load_of_the_night_is_the_day_before(shop: Shop) -> None:
    shop.set_vars(pulse_day_ends_at='"08:00"')
    shop.pulse("compile")
    for day in (1, 2):
        load(shop, 840 + day)
        shop.at(f"2026-06-{day:02} 06:30")
        assert (
            f"Run of 2026-0{5 if day == 1 else 6}-{31 if day == 1 else 1:02}\n"
            in shop.pulse("run", "--date", "yesterday").output
        )
    assert shop.snapshots() == {"2026-05-31": ("ok", 841), "2026-06-01": ("ok", 842)}
    # without a date the run is of today, and the table still shows yesterday
    load(shop, 900)
    shop.pulse("run")
    assert shop.snapshots() == {"2026-05-31": ("ok", 841), "2026-06-01": ("ok", 900)}


def test_an_end_of_the_day_that_is_no_time_is_named(shop: Shop) -> None:
    shop.set_vars(pulse_day_ends_at="at dawn")
    shop.pulse("compile")
    load(shop, 840)
    done = shop.pulse("run", "--date", "yesterday", code=2)
    assert "dbt_project.yml: pulse_day_ends_at: at dawn is not a time of day. Write HH:MM in quotes" in done.output


def test_a_date_to_come_is_refused(shop: Shop) -> None:
    shop.at("2026-06-01 06:30")
    for command in (
        ("run", "--date"),
        ("detect", "--date"),
        ("snapshot", "--date"),
        ("alert", "--date"),
        ("explain", "--date"),
    ):
        done = shop.pulse(*command, "2026-06-02", code=2)
        assert "2026-06-02 has not come yet: today is 2026-06-01." in done.output
    done = shop.pulse("detect", "--from", "2026-05-30", "--to", "2026-06-02", code=2)
    assert "2026-06-02 has not come yet" in done.output


def test_rates_are_null_where_nothing_is_counted(shop: Shop) -> None:
    shop.pulse("compile")
    load(shop, 840)
    for day in (1, 2):
        shop.at(f"2026-06-0{day} 06:30")
        shop.pulse("run")
    row = shop.query(
        "select eligible, converted, conversion_rate, inactive, inactive_rate from {} where snapshot_date = date '2026-06-02'",
        "pulse_segment_snapshots",
    )
    assert row == [
        {"eligible": 840, "converted": None, "conversion_rate": None, "inactive": None, "inactive_rate": None}
    ]
    judged = shop.query("select distinct metric from {} where segment_id = 'rich'", "pulse_findings")
    assert {r["metric"] for r in judged} == {"size", "entered", "distribution"}


@pytest.mark.matrix
def test_beside_a_table_with_history_each_is_judged_on_its_own_day(shop: Shop) -> None:
    """Accounts are loaded for yesterday, customers show today; an incident of accounts is open while customers are a day ahead."""
    shop.set_vars(pulse_entities="[accounts, customers]")
    shop.write("models/more.yml", "version: 2\nsources:\n  - {name: bank, schema: shop, tables: [{name: accounts}]}\n")
    shop.write(
        "segments/entities/accounts.yml",
        "entity: accounts\nrelation: source('bank', 'accounts')\nkey: id\nhistory: {as_of: day}\n"
        "fields: {plan: text, active: boolean}\nattributes: [plan]\n",
    )
    shop.write(
        "segments/active.yml",
        "segment: active\nentity: accounts\nowner: bank\nrules:\n  - {field: active, operator: is_true}\n",
    )
    shop.sql(
        "create table shop.accounts as select i as id, cast(d as date) as day, true as active,"
        " case when d < date '2026-06-10' and i % 3 = 0 then 'pro' else 'free' end as plan"
        " from range(1, 1201) as r(i), range(timestamp '2026-05-01', timestamp '2026-06-11', interval 1 day) as x(d)"
    )
    load(shop, 840)
    shop.pulse("compile")
    shop.at("2026-06-11 06:30")
    done = shop.pulse("run", "--date", "yesterday", "--yes")
    assert "2 of 2 have a snapshot" in done.output
    assert "rich needs 8 more days" in done.output
    opened = shop.query("select segment_id, detector, status, last_seen_on from {}", "pulse_incidents")
    assert [(i["segment_id"], i["detector"], i["status"]) for i in opened] == [("active", "distribution_shift", "open")]
    assert shop.query("select distinct status from {} where segment_id = 'active'", "pulse_segment_snapshots") == [
        {"status": "ok"}
    ]
    again = shop.pulse("run", "--date", "yesterday")
    assert "no change of any incident" in again.output
    assert shop.query("select segment_id, detector, status, last_seen_on from {}", "pulse_incidents") == opened
    report = shop.pulse("report", "--format", "text").output
    assert " 1,200 " in report
    assert " 840 " in report
