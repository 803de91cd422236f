"""The first run on a table that remembers 60 days and lost a third of a segment today."""

from __future__ import annotations

from pathlib import Path

import pytest
from strangers_shop import Shop, make_shop

DAILY = "history: {as_of: snapshot_date}\nfields: {ltv: number, country: text}\nattributes: [country]\n"
SPANS = "history: {valid_from: valid_from, valid_to: valid_to}\nfields: {ltv: number}\n"
# 60 days up to 10 June: some 840 rich customers a day, 540 on the last
ROWS = (
    "create table shop.customers as select cast(day as date) as snapshot_date, i as customer_id,"
    " case when i % 3 = 0 then 'DE' else 'FR' end as country,"
    " case when i <= case when day = date '2026-06-10' then 540 else 840 + dayofyear(day) % 7 end then 2000 else 5 end as ltv"
    " from range(1, 1201) as r(i), range(timestamp '2026-04-12', timestamp '2026-06-11', interval 1 day) as d(day)"
)
NEEDS = "rich needs 8 more days of snapshots before a change can be told"
COMMAND = "pulse snapshot --from 2026-04-15 --to 2026-06-09 --resume"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = make_shop(tmp_path, monkeypatch, DAILY)
    made.sql(ROWS)
    made.at("2026-06-10 18:00")
    made.pulse("compile")
    return made


def test_the_first_run_says_what_it_cannot_tell_and_with_yes_it_tells_it(shop: Shop) -> None:
    done = shop.pulse("run")
    assert "nothing to tell" in done.output
    assert NEEDS in done.output
    assert f"56 days of customers since 2026-04-15 can be made: `pulse run --yes`, or `{COMMAND}`" in done.output
    report = shop.pulse("report", "--format", "text").output
    assert "Too little history\n  " + NEEDS in report
    doctor = shop.pulse("doctor").output
    assert f"warn  history: {NEEDS}\n      -> Run `{COMMAND}`." in doctor

    shown = shop.pulse("segments", "show", "rich").output
    assert "can see:      Size: needs at least 58 days of history to say what it can see." in shown
    done = shop.pulse("run", "--yes", "--fail-on", "medium", code=3)
    assert "56 days of customers since 2026-04-15 made" in done.output
    assert "rich: size fell 36 %" in done.output
    assert "more day" not in done.output
    assert len(shop.snapshots()) == 57
    assert shop.snapshots()["2026-06-10"] == ("ok", 540)
    assert "Too little history" not in shop.pulse("report", "--format", "text").output
    assert "ok    history: every segment has the days that detectors need" in shop.pulse("doctor").output

    # with enough days there is nothing more to make
    again = shop.pulse("run", "--yes")
    assert "backfill" not in again.output
    assert "1 active incidents" in again.output


def test_a_person_at_a_terminal_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str, **_: object) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("pulse_runner.cli.run.is_interactive", lambda: True)
    monkeypatch.setattr("pulse_runner.cli.run.is_answered", lambda: True)
    monkeypatch.setattr("click.confirm", answer)
    done = shop.pulse("run")
    assert asked == ["Detectors need at least 8 days. Make snapshots of the 56 days of customers since 2026-04-15 now?"]
    assert "rich: size fell 36 %" in done.output


def test_intervals_are_made_from_their_first_day_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop(tmp_path, monkeypatch, SPANS)
    shop.sql(
        "create table shop.customers as select i as customer_id, 2000 as ltv, timestamp '2026-05-20 03:00' as valid_from,"
        " case when i <= 300 then timestamp '2026-06-10 02:00' end as valid_to from range(1, 841) as r(i)"
    )
    shop.at("2026-06-10 18:00")
    shop.pulse("compile")
    done = shop.pulse("run", "--yes")
    assert "21 days of customers since 2026-05-20 made" in done.output
    assert "rich: size fell 36 %" in done.output


@pytest.mark.matrix
@pytest.mark.postgres
def test_a_first_run_on_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_profile: str) -> None:
    shop = make_shop(tmp_path, monkeypatch, DAILY, postgres_profile)
    shop.sql(
        "create table shop.customers as select cast(d as date) as snapshot_date, i as customer_id,"
        " case when i % 3 = 0 then 'DE' else 'FR' end as country,"
        " case when i <= case when d = '2026-06-10' then 540 else 840 + extract(doy from d)::int % 7 end then 2000 else 5 end as ltv"
        " from generate_series(1, 1200) as r(i), generate_series('2026-04-12'::timestamp, '2026-06-10', '1 day') as x(d)"
    )
    shop.at("2026-06-10 18:00")
    shop.pulse("compile")
    done = shop.pulse("run", "--yes")
    assert "56 days of customers since 2026-04-15 made" in done.output
    assert "rich: size fell 36 %" in done.output
    assert "rich has 540 members on 2026-06-10." in shop.pulse("segments", "preview", "rich").output
    assert "ok    history" in shop.pulse("doctor").output
    assert " 540 " in shop.pulse("report", "--format", "text").output


def recode(shop: Shop) -> None:
    """Take the lost third back; the last day has another fault: every country is FR."""
    shop.sql(
        "update shop.customers set ltv = 2000 where snapshot_date = date '2026-06-10' and customer_id <= 840",
        "update shop.customers set country = 'FR' where snapshot_date = date '2026-06-10'",
    )


def test_a_day_without_snapshots_leaves_incidents_as_they_are(shop: Shop) -> None:
    recode(shop)
    shop.pulse("run", "--yes")
    before = shop.query("select * from {}", "pulse_incidents")
    assert [(i["detector"], i["status"]) for i in before] == [("distribution_shift", "open")]
    shop.at("2026-06-12 18:00")
    done = shop.pulse("detect", "--date", "2026-06-11", code=2)
    assert (
        "There are no snapshots of 2026-06-11, so nothing was judged and no incident was touched. "
        "Make them first: `pulse snapshot --date 2026-06-11`."
    ) in done.output
    done = shop.pulse("detect", "--from", "2026-06-10", "--to", "2026-06-12")
    assert "no change of any incident; no snapshots of 2 days from 2026-06-11 to 2026-06-12" in done.output
    assert shop.query("select * from {}", "pulse_incidents") == before
    assert shop.query("select * from {} where snapshot_date > date '2026-06-10'", "pulse_findings") == []


def test_a_day_without_a_load_is_no_recovery(shop: Shop) -> None:
    recode(shop)
    shop.pulse("run", "--yes")
    shop.at("2026-06-11 18:00")
    done = shop.pulse("run")  # no load came
    assert "recovered" not in done.output
    assert shop.query("select detector, status from {} order by 1", "pulse_incidents") == [
        {"detector": "distribution_shift", "status": "open"},
        {"detector": "stale_data", "status": "open"},  # the load that did not come, at once
    ]
    assert shop.snapshots()["2026-06-11"] == ("stale", None)
