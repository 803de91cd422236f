"""`pulse alert --why`: each target's decision with its reason, and nothing is sent or written."""

from __future__ import annotations

from datetime import timedelta

from pulse_runner.alert.why import Why, why
from pulse_runner.incidents.store import find_incident
from pulse_runner.segments.model import Project
from tests.python.alert.desk import INCIDENT, Desk
from tests.python.alert.servers import Answer
from tests.python.alert.store import CONSOLE, NOW, SLACK, TEAMS, D, project


def asked(desk: Desk, definitions: Project, days: int = 0, incident: str = INCIDENT) -> list[tuple[str, str, str, str]]:
    found: list[Why] = why(
        desk.store,  # type: ignore[arg-type]
        definitions,
        find_incident(desk.store, incident),  # type: ignore[arg-type]
        D + timedelta(days=days),
        desk.env,
        7,
        NOW,
    )
    return [(w.address.channel if w.address else "", w.decision, w.reason, w.before) for w in found]


def test_before_and_after_it_was_told_each_target_has_its_reason(desk: Desk) -> None:
    del desk.env["PULSE_TEAMS_WEBHOOK"]
    both = project(SLACK, TEAMS)
    first = "opened: it is seen for the first time"
    assert asked(desk, both) == [
        ("slack", "would be told", first, ""),
        ("teams", "on the screen", f"{first}; but teams is not set up: PULSE_TEAMS_WEBHOOK is not set", ""),
    ]
    assert (desk.web.got, desk.store.deliveries()) == ([], []), "to ask changes nothing"
    desk.run(both)
    assert asked(desk, both, 1)[0] == (
        "slack",
        "not told",
        "told on 2026-05-14; a reminder follows on 2026-05-21",
        "opened sent on 2026-05-14: it is seen for the first time",
    )


def test_what_is_withheld_and_what_did_not_arrive_is_said(desk: Desk) -> None:
    assert asked(desk, project(SLACK, min_severity="critical")) == [
        ("slack", "withheld", "opened: severity high is below critical, where route growth begins", "")
    ]
    desk.web.answers = [Answer(404, "no_service")]
    desk.run(project(SLACK))
    (row,) = asked(desk, project(SLACK))
    assert row[1:3] == ("not told", "given up on this date; `pulse alert --retry` tries again")
    assert row[3].endswith("answered 404: no_service")


def test_one_that_goes_nowhere_is_over_or_is_of_a_later_date_says_so(desk: Desk) -> None:
    desk.store.incident("gone", segment_id="removed")
    assert asked(desk, project(CONSOLE), incident="gone") == [
        ("", "not told", "segment removed has no definition any more", "")
    ]
    assert asked(desk, project(CONSOLE), -1) == [("", "not told", "it was found on 2026-05-14, after 2026-05-13", "")]
    desk.store.set(INCIDENT, status="resolved", resolution="person", resolved_on=D)
    assert asked(desk, project(CONSOLE), 1) == [("console", "not told", "it was over before anyone was told", "")]


def test_the_end_waits_for_the_others_of_its_cause(desk: Desk) -> None:
    desk.store.incident("other", segment_id="whales", group_key=INCIDENT)
    desk.run(project(SLACK))
    desk.store.set(INCIDENT, status="resolved", resolution="recovered", resolved_on=D)
    (row,) = asked(desk, project(SLACK), 1)
    assert row[2] == "1 of its cause still open; told when all are over"
