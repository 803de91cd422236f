"""The counting of `benchmarks/year`: what is one message too many, what is late, and what came on a quiet day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

from benchmarks.year.count import Message, before_taken, quiet_reason, tables
from benchmarks.year.definitions import SEGMENTS
from benchmarks.year.faults import KINDS, QUIET_STRETCHES, Fault, drawn, fault_of

FIRST = date(2010, 3, 1)
NULLS = Fault("nulls", date(2010, 5, 10), date(2010, 5, 12))


def said(
    day: str, target: str = "crm/slack", kind: str = "opened", story: str = "a", digest: bool = False, found: str = ""
) -> Message:
    at = date.fromisoformat(day)
    began = date.fromisoformat(found) if found else at
    sent = datetime(at.year, at.month, at.day, 6, 30) + timedelta(days=1)
    return Message(at, sent, target, kind, "", digest, (("INC-1", story, began),))


def test_two_stories_of_one_fault_are_two_messages_of_one_cause() -> None:
    told = before_taken([said("2010-05-10"), said("2010-05-11", story="b")], {}, [NULLS])
    assert {name: len(ms) for name, ms in told.items()} == {("nulls, 2010-05-10", "crm/slack"): 2}


def test_what_is_told_after_the_owner_took_it_is_not_counted_nor_is_the_end() -> None:
    taken = {"a": datetime(2010, 5, 12, 9, 30)}
    messages = [
        said("2010-05-10"),
        said("2010-05-12", kind="resolved"),
        said("2010-05-13", kind="worsened", found="2010-05-10"),
    ]
    assert [m.kind for m in before_taken(messages, taken, [NULLS])[("nulls, 2010-05-10", "crm/slack")]] == ["opened"]


def test_causes_of_the_shop_itself_are_counted_by_story_and_target() -> None:
    messages = [
        said("2010-06-20"),
        said("2010-06-27", kind="reminder", found="2010-06-20"),
        said("2010-06-20", "sales/slack"),
    ]
    told = before_taken(messages, {}, [NULLS])
    assert {name: len(ms) for name, ms in told.items()} == {("a", "crm/slack"): 2, ("a", "sales/slack"): 1}


def test_a_message_on_a_quiet_day_says_what_else_could_be_behind_it() -> None:
    assert quiet_reason(said("2010-05-14"), [NULLS]) == ""  # two days behind the fault are its own
    assert (
        quiet_reason(said("2010-05-20", kind="resolved", found="2010-05-11"), [NULLS])
        == "a fault's end or acknowledgement"
    )
    assert (
        quiet_reason(said("2010-05-20", kind="reminder", found="2010-05-11"), [NULLS])
        == "a fault's reminder or follow-up"
    )
    assert quiet_reason(said("2010-06-21", digest=True), [NULLS]) == "a digest that was asked for"
    assert quiet_reason(said("2010-12-27"), [NULLS]) == "a closure"
    assert quiet_reason(said("2011-01-10"), [NULLS]) == "the gap that a closure leaves"
    assert quiet_reason(said("2010-07-20"), [NULLS]) == "the shop's own moves"


def test_the_tables_name_faults_that_were_told_late_and_never() -> None:
    later = Fault("a load", date(2010, 6, 1), date(2010, 6, 1))
    text = tables([said("2010-05-12", found="2010-05-12")], {}, [NULLS, later], 120, FIRST)
    assert "| nulls | 2010-05-10, 3 | 2010-05-12 | late | 1 | 1 | 1 | 1.0 | 0 |" in text
    assert "| a load | 2010-06-01, 1 |  | NEVER |" in text
    quiet = tables([said("2010-06-20")], {}, [], 120, FIRST)
    assert "| messages on the 120 quiet days | count |" in quiet
    assert "| the shop's own moves | 1 |" in quiet
    assert "120 days from 2010-03-01 to 2010-06-28, 2 faults, 1 messages." in text


def test_a_year_has_each_kind_once_apart_from_the_others_and_nothing_in_its_quiet_stretches() -> None:
    for seed in (1, 2, 3):
        faults = drawn(seed, FIRST, 400)
        assert sorted(f.kind for f in faults) == sorted(KINDS)
        assert len(faults) == 20
        assert all(b.first - a.last > timedelta(days=5) for a, b in pairwise(faults))
        quiet = [FIRST + timedelta(days=n) for a, b in QUIET_STRETCHES for n in range(a, b)]
        assert not [d for d in quiet if fault_of(faults, d)]
    assert drawn(1, FIRST, 400) == drawn(1, FIRST, 400) != drawn(2, FIRST, 400)


def test_thirty_segments_have_an_owner() -> None:
    assert sum(map(len, SEGMENTS.values())) == 30
