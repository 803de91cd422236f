"""The report of the demo's tables, on each warehouse, against the oracle that reads the seeds without any SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from plain_dbt import FIRST, LAST, Built
from shop_oracle import Shop, members

from pulse_runner.plugins import SCHEMA
from pulse_runner.report.contents import Report
from pulse_runner.report.page import as_html
from pulse_runner.report.read import read_report
from pulse_runner.segments.load import load_project


@pytest.fixture(scope="module")
def report(built: Built) -> Report:
    opened = built.open()
    try:
        return read_report(
            opened, load_project(built.root, SCHEMA), built.root, date.fromisoformat(FIRST), date.fromisoformat(LAST),
            now=datetime(2026, 6, 1, 4, 30, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"), name="demo",
        )  # fmt: skip
    finally:
        opened.close()


def test_every_segment_has_the_sizes_of_the_seeds(report: Report, shop: Shop) -> None:
    assert len(report.segments) == 9
    inside = members(shop)
    at = [shop.days.index(date.fromisoformat(FIRST) + timedelta(days=n)) for n in range(5)]
    for segment in report.segments:
        assert segment.size.values == tuple(int(inside[segment.segment_id][:, t].sum()) for t in at), segment.segment_id


def test_the_planted_fault_is_the_largest_cause_of_its_day(report: Report) -> None:
    high_value = next(s for s in report.segments if s.segment_id == "high_value_active_users")
    by_ltv = next(c for c in high_value.causes if (c.direction, c.words) == ("lost", "Left by ltv > 1000"))
    assert by_ltv.members[3] == 578
    assert high_value.sql == "ltv > 1000\nand last_active_days <= 7"
    country = next(m for m in high_value.mixes if m.attribute == "country")
    assert {b.name for b in country.buckets} >= {"DE", "FR"}
    (customers,) = report.entities
    assert customers.columns[0].name == "ltv"
    assert customers.columns[0].nulls[2] == 0
    assert 0.09 < (customers.columns[0].nulls[3] or 0) < 0.11


def test_the_page_says_its_time_in_the_zone_of_the_project(report: Report) -> None:
    assert "Made on 1 June 2026 at 06:30 CEST." in as_html(report)


def test_the_funnel_ends_at_the_size_and_overlaps_are_those_of_the_seeds(report: Report, shop: Shop) -> None:
    inside, at = members(shop), shop.days.index(date.fromisoformat(LAST))
    own = inside["high_value_active_users"][:, at]
    found = next(s for s in report.segments if s.segment_id == "high_value_active_users").membership
    assert found.day == date.fromisoformat(LAST)
    assert [s.condition for s in found.funnel] == ["all", "ltv > 1000", "last_active_days <= 7"]
    assert found.funnel[-1].left == int(own.sum())
    shared = {o.other: o.shared for o in found.overlaps}
    assert len(shared) >= 5
    for other, told in shared.items():
        assert told == int((own & inside[other][:, at]).sum()), other
    assert not found.duplicates


def test_the_ladder_goes_from_the_size_to_those_who_were_reached_each_loss_with_its_reason(report: Report) -> None:
    found = next(s for s in report.segments if s.segment_id == "german_newsletter")
    (ladder,) = (one for one in found.ladders if one.channel == "email")
    assert [rung.step for rung in ladder.rungs] == ["rule", "eligible", "reachable", "synced", "accepted"]
    assert ladder.rungs[0].members == found.last_size
    assert [why for why, _ in ladder.rungs[-1].losses] == [
        "rejected: sender not authenticated",
        "bounced: mailbox full",
    ]
    page = as_html(report)
    assert "From the rule to the person by <bdi>email</bdi>" in page
