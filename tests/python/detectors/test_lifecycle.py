"""From findings to incidents: one fault is one incident, whatever it touches and however long it lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from pulse_runner.detectors.base import Finding, Outcome, Verdict
from pulse_runner.detectors.evaluate import DayReport
from pulse_runner.errors import UsageError
from pulse_runner.incidents.actions import acknowledge, ignore, reopen, resolve
from pulse_runner.incidents.baselines import distribution_exclusions
from pulse_runner.incidents.incident import About, Incident, Transition
from pulse_runner.incidents.lifecycle import accepted_levels, advance, confirmed_days

D = date(2026, 2, 9)
NOW = datetime(2026, 2, 10, 6, 30)
ABOUT = {"vip": About("VIP customers", "customers", "growth"), "customers": About("Customers", "customers", "data")}


def finding(segment: str = "vip", detector: str = "size_jump", on: date = D, **changes: object) -> Finding:
    base = Finding(
        segment_id=segment, detector=detector, metric="size", attribute=None, bucket=None, snapshot_date=on, started_on=on,
        direction="down", severity="medium", observed=580.0, expected=1000.0, lower=940.0, upper=1060.0, effect=-0.42,
        p_value=1e-9, threshold=0.15, reason="Size fell 42.0 % to 580.", entity="customers",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def report(*findings: Finding, on: date = D, others: tuple[Verdict, ...] = ()) -> DayReport:
    made = tuple(
        Verdict(
            f.segment_id,
            f.detector,
            f.metric,
            f.attribute,
            on,
            Outcome.FINDING,
            f.reason,
            f,
            f.started_on,
            entity=f.entity,
        )
        for f in findings
    )
    return DayReport(on, made + others)


def verdict(kind: Outcome, on: date, **changes: object) -> Verdict:
    return replace(Verdict("vip", "size_jump", "size", None, on, kind, "", entity="customers"), **changes)  # type: ignore[arg-type]


def opened(*findings: Finding) -> list[Incident]:
    return [t.incident for t in advance(report(*findings), [], ABOUT, NOW)]


def later(days: int) -> date:
    return D + timedelta(days=days)


def step(stored: list[Incident], day: date, *findings: Finding, others: tuple[Verdict, ...] = ()) -> list[Transition]:
    return advance(report(*findings, on=day, others=others), stored, ABOUT, NOW)


def test_a_finding_opens_an_incident_that_says_what_whose_and_since_when() -> None:
    (incident,) = opened(finding())
    assert incident.title == "VIP customers: size fell 42%"
    assert (incident.owner, incident.entity, incident.status) == ("growth", "customers", "open")
    assert (incident.started_on, incident.detected_on, incident.peak_effect) == (D, D, -0.42)


def test_the_same_date_twice_changes_nothing() -> None:
    incidents = opened(finding())
    assert step(incidents, D, finding()) == []


def test_the_same_fault_gets_the_same_id_on_every_run() -> None:
    assert opened(finding())[0].incident_id == opened(finding(observed=581.0))[0].incident_id
    assert opened(finding())[0].incident_id != opened(finding(segment="new"))[0].incident_id


def test_a_fault_that_lasts_stays_one_incident_with_the_latest_numbers() -> None:
    (change,) = step(opened(finding()), later(1), finding(on=later(1), started_on=D, observed=560.0, effect=-0.44))
    assert change.event.event == "continued"
    assert (change.incident.observed, change.incident.last_seen_on, change.incident.peak_effect) == (
        560.0,
        later(1),
        -0.44,
    )


def test_a_higher_severity_is_said() -> None:
    (change,) = step(opened(finding()), later(1), finding(on=later(1), started_on=D, severity="critical"))
    assert (change.event.event, change.incident.severity) == ("worsened", "critical")


def test_a_day_without_a_good_snapshot_of_the_segment_closes_nothing() -> None:
    stored = opened(finding())
    blind = replace(report(on=later(3)), blind=frozenset({("customers", "vip")}))
    assert advance(blind, stored, ABOUT, NOW) == []
    other = replace(report(on=later(3)), blind=frozenset({("customers", "new"), ("customers", "")}))
    assert [t.event.event for t in advance(other, stored, ABOUT, NOW)] == ["recovered"]


def test_a_quiet_day_closes_it() -> None:
    (change,) = step(opened(finding()), later(3))
    assert (change.event.event, change.incident.status, change.incident.resolution) == (
        "recovered",
        "resolved",
        "recovered",
    )
    assert change.incident.resolved_on == later(3)


@pytest.mark.parametrize("kind", [Outcome.NO_DATA, Outcome.MUTED, Outcome.NEEDS_HISTORY])
def test_a_day_that_says_nothing_keeps_it_open(kind: Outcome) -> None:
    assert step(opened(finding()), later(1), others=(verdict(kind, later(1)),)) == []


def test_a_day_out_of_range_but_below_the_threshold_keeps_it_open() -> None:
    still = verdict(Outcome.QUIET, later(1), abnormal_since=D)
    assert step(opened(finding()), later(1), others=(still,)) == []


def test_a_level_that_became_the_baseline_is_accepted() -> None:
    (change,) = step(opened(finding()), later(14), others=(verdict(Outcome.QUIET, later(14), rebased=True),))
    assert (change.event.event, change.incident.resolution) == ("accepted", "accepted")
    assert accepted_levels([change.incident]) == {("customers", "vip", "size_jump", "size", ""): D}


def test_a_fault_that_is_back_at_once_is_reopened_and_one_after_a_week_is_new() -> None:
    (closed,) = step(opened(finding()), later(1))
    (back,) = step([closed.incident], later(3), finding(on=later(3)))
    assert (back.event.event, back.incident.incident_id) == ("reopened", closed.incident.incident_id)
    (new,) = step([], later(8), finding(on=later(8)))
    assert (new.event.event, new.incident.incident_id != closed.incident.incident_id) == ("opened", True)


def test_a_far_larger_drop_right_after_a_small_one_is_a_fault_of_its_own() -> None:
    (closed,) = step(opened(finding(effect=-0.2)), later(1))
    (new,) = step([closed.incident], later(2), finding(on=later(2), effect=-1.0, observed=0.0))
    assert new.event.event == "opened"


def test_a_larger_fault_on_top_of_an_open_one_takes_its_place() -> None:
    changes = step(opened(finding(effect=-0.2)), later(2), finding(on=later(2), effect=-1.0, observed=0.0))
    assert [c.event.event for c in changes] == ["recovered", "opened"]


def test_findings_of_one_segment_and_date_are_one_incident_with_the_source_first() -> None:
    shift = finding(
        detector="distribution_shift", metric="distribution", attribute="country", bucket="DE", direction="up"
    )
    rate = finding(detector="conversion_anomaly", metric="conversion_rate")
    (incident,) = opened(rate, shift, finding())
    assert incident.detector == "size_jump"
    assert [r.detector for r in incident.related] == ["distribution_shift", "conversion_anomaly"]


def test_a_consequence_that_shows_a_day_later_joins_the_incident() -> None:
    rate = finding(detector="conversion_anomaly", metric="conversion_rate", on=later(1))
    (change,) = step(opened(finding()), later(1), finding(on=later(1), started_on=D), rate)
    assert [r.detector for r in change.incident.related] == ["conversion_anomaly"]


def test_what_says_more_of_the_segment_takes_the_head_when_it_joins() -> None:
    flow = finding("a", "entity_health", metric="entered")
    size = finding("a", on=later(1), started_on=D)
    (before,) = opened(flow)
    (change,) = step([before], later(1), replace(flow, snapshot_date=later(1)), size)
    after = change.incident
    assert (after.incident_id, after.detector, after.metric) == (before.incident_id, "size_jump", "size")
    assert "size fell" in after.title
    assert [r.metric for r in after.related] == ["entered"]
    assert step([after], later(1), replace(flow, snapshot_date=later(1)), size) == []


def test_two_columns_that_break_on_one_day_are_two_incidents_unless_they_break_alike() -> None:
    ltv, plan = nulls("ltv"), nulls("plan")
    assert len(opened(ltv, plan)) == 1, "the same part of the rows"
    assert len(opened(ltv, replace(plan, effect=2 * ltv.effect))) == 2


def test_an_incident_with_consequences_closes_when_all_are_quiet() -> None:
    rate = finding(detector="conversion_anomaly", metric="conversion_rate")
    incidents = opened(finding(), rate)
    (still,) = step(incidents, later(1), replace(rate, snapshot_date=later(1)))
    assert still.event.event == "continued"
    (gone,) = step([still.incident], later(2))
    assert gone.event.event == "recovered"


def test_many_segments_that_move_alike_share_a_group_and_an_entity_fault_leads_it() -> None:
    alike = opened(finding("a"), finding("b"), finding("c"))
    assert len({i.group_key for i in alike}) == 1
    assert len({i.incident_id for i in alike}) == 3
    apart = opened(finding("a"), finding("b"))
    assert len({i.group_key for i in apart}) == 2
    led = opened(finding("", "entity_health", metric="duplicate_keys"), finding("a"), finding("b"))
    entity = next(i for i in led if i.segment_id == "")
    assert {i.group_key for i in led} == {entity.incident_id}


READS = {
    "a": About("A", "customers", reads=lambda metric, attribute: frozenset({"ltv"} | {c for c in (attribute,) if c})),
    "b": About("B", "customers", reads=lambda metric, attribute: frozenset({"country"})),
}


def nulls(column: str, on: date = D) -> Finding:
    return finding("", "entity_health", on, metric="null_share", attribute=column, direction="up")


def groups(stored: list[Incident], *findings: Finding) -> dict[str, str]:
    made = [t.incident for t in advance(report(*findings), stored, READS, NOW)]
    return {i.segment_id or i.attribute: i.group_key for i in made}


def test_one_cause_is_a_column_that_the_segment_reads() -> None:
    found = groups([], nulls("ltv"), finding("a"), finding("b"))
    assert found["a"] == found["ltv"]
    assert found["b"] != found["ltv"], "b does not read ltv"
    shift = finding("a", "distribution_shift", metric="distribution", attribute="plan")
    found = groups([], nulls("plan"), shift)
    assert found["a"] == found["plan"], "its mix comes from plan, though its rule does not read it"


@pytest.mark.parametrize(
    ("days", "status", "shared"),
    [(2, "open", True), (2, "acknowledged", True), (3, "open", False), (60, "ignored", False), (1, "ignored", False)],
)
def test_an_old_or_an_ignored_incident_is_nobodys_cause(days: int, status: str, shared: bool) -> None:
    (cause,) = [t.incident for t in advance(report(nulls("ltv"), on=later(-days)), [], READS, NOW)]
    cause = replace(cause, status=status, started_on=later(-days), detected_on=later(-days))  # type: ignore[arg-type]
    found = groups([cause], finding("a"), nulls("ltv"))
    assert (found["a"] == cause.group_key) is shared


def test_segments_that_move_in_different_columns_have_no_cause_in_common() -> None:
    shifts = [
        finding(s, "distribution_shift", metric="distribution", attribute=column)
        for s, column in (("a", "plan"), ("b", "device"), ("c", "channel"))
    ]
    assert len({i.group_key for i in opened(*shifts)}) == 3


@pytest.mark.parametrize(
    ("share", "graded", "severity"),
    [(0.21, "low", "low"), (0.29, "low", "medium"), (0.4, "low", "high"), (0.29, "critical", "critical")],
)
def test_a_recode_counts_as_much_as_the_loss_of_as_many_members(share: float, graded: str, severity: str) -> None:
    recode = finding(
        detector="distribution_shift",
        metric="distribution",
        attribute="country",
        bucket="UK",
        effect=share,
        severity=graded,
    )
    (incident,) = opened(recode)
    assert incident.severity == severity
    (worse,) = step([incident], later(1), replace(recode, snapshot_date=later(1), effect=0.8))
    assert worse.incident.severity == "critical"


def test_people_acknowledge_resolve_ignore_and_reopen() -> None:
    (incident,) = opened(finding())
    taken = acknowledge(incident, "ada", D, NOW, "looking").incident
    assert (taken.status, taken.assignee, taken.note) == ("acknowledged", "ada", "looking")
    closed = resolve(taken, "ada", later(1), NOW).incident
    assert (closed.status, closed.resolution, closed.resolved_on) == ("resolved", "person", later(1))
    again = reopen(closed, "bob", later(2), NOW)
    assert (again.incident.status, again.incident.resolution, again.event.from_status) == ("open", "", "resolved")
    assert ignore(again.incident, "bob", later(2), NOW).incident.status == "ignored"


def test_an_act_that_makes_no_sense_is_refused_with_what_would() -> None:
    (incident,) = opened(finding())
    with pytest.raises(
        UsageError, match="is open; only one that is acknowledged or ignored or resolved can be reopened"
    ):
        reopen(incident, "ada", D, NOW)


def test_an_ignored_incident_stays_silent_and_still_closes() -> None:
    ignored = ignore(opened(finding())[0], "ada", D, NOW).incident
    (change,) = step([ignored], later(1), finding(on=later(1), started_on=D))
    assert change.incident.status == "ignored"
    (gone,) = step([change.incident], later(2))
    assert gone.incident.status == "resolved"


def test_days_of_incidents_stay_out_of_baselines_and_accepted_levels_start_them_anew() -> None:
    key = ("customers", "vip", "distribution_shift", "distribution", "country")
    f = finding(detector="distribution_shift", metric="distribution", attribute="country", bucket="DE")
    (incident,) = opened(f)
    closed = resolve(incident, "ada", later(5), NOW).incident
    assert confirmed_days([closed], later(30)) == {key: [(D, later(4))]}
    assert distribution_exclusions([closed], later(30)) == [("vip", "country", D, later(4))]
    normal = resolve(incident, "ada", later(5), NOW, as_new_normal=True).incident
    assert confirmed_days([normal], later(30)) == {}
    assert distribution_exclusions([normal], later(30)) == [("vip", "country", date(1900, 1, 1), D - timedelta(days=1))]


def test_a_level_accepted_later_does_not_empty_the_baseline_of_a_date_before_it_began() -> None:
    f = finding(detector="distribution_shift", metric="distribution", attribute="country", bucket="DE")
    normal = resolve(opened(f)[0], "ada", later(5), NOW, as_new_normal=True).incident
    assert distribution_exclusions([normal], D) == []
