"""From findings to incidents: one fault is one incident, whatever it touches and however long it lasts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from pulse_runner.detectors.base import Finding, Outcome, Verdict
from pulse_runner.detectors.evaluate import DayReport
from pulse_runner.errors import UsageError
from pulse_runner.incidents.actions import act, verb_of
from pulse_runner.incidents.baselines import distribution_exclusions
from pulse_runner.incidents.incident import About, Incident, Transition
from pulse_runner.incidents.lifecycle import accepted_levels, advance, confirmed_days, ordinary_days

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


def do(
    verb: str, incident: Incident, who: str, day: date, note: str = "", at: datetime = NOW, **options: Any
) -> Transition:
    flags = {"as_new_normal": options.pop("as_new_normal", False), "until": options.get("until")}
    change = act(verb_of(verb, **flags), incident, who, day, at, note, **options)
    assert change is not None
    return change


def later(days: int) -> date:
    return D + timedelta(days=days)


def step(stored: list[Incident], day: date, *findings: Finding, others: tuple[Verdict, ...] = ()) -> list[Transition]:
    return advance(report(*findings, on=day, others=others), stored, ABOUT, NOW)


def test_a_finding_opens_an_incident_that_says_what_whose_and_since_when() -> None:
    (incident,) = opened(finding())
    assert incident.title == "VIP customers: size fell 42 %"
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


def test_conversion_of_a_faults_members_on_the_day_after_it_is_no_incident_and_one_that_lasts_is() -> None:
    def conversion(on: date, **changes: object) -> Finding:
        return finding(detector="conversion_anomaly", metric="conversion_rate", on=on, **changes)

    (closed,) = step(opened(finding()), later(1), conversion(later(1)))
    assert (closed.event.event, closed.incident.related) == ("recovered", ())
    assert step([closed.incident], later(1), conversion(later(1))) == []  # the same date once more
    (lasts,) = step([closed.incident], later(2), conversion(later(2), started_on=later(1)))
    assert (lasts.event.event, lasts.incident.metric) == ("opened", "conversion_rate")
    values = opened(finding(detector="distribution_shift", metric="distribution", attribute="country"))
    assert [t.event.event for t in step(values, later(1), conversion(later(1)))] == ["recovered", "opened"]
    (other,) = opened(finding(segment="new"))
    assert [t.event.event for t in step([other], later(1), conversion(later(1)))] == ["recovered", "opened"]


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
    taken = do("acknowledge", incident, "ada", D, "looking").incident
    assert (taken.status, taken.assignee, taken.note) == ("acknowledged", "ada", "looking")
    closed = do("resolve", taken, "ada", later(1)).incident
    assert (closed.status, closed.resolution, closed.resolved_on) == ("resolved", "person", later(1))
    again = do("reopen", closed, "bob", later(2))
    assert (again.incident.status, again.incident.resolution, again.event.from_status) == ("open", "", "resolved")
    assert do("ignore", again.incident, "bob", later(2)).incident.status == "ignored"


def test_an_act_that_makes_no_sense_is_refused_with_what_would() -> None:
    (incident,) = opened(finding())
    closed = do("resolve", incident, "ada", D).incident
    for verb, would in (
        ("acknowledge", "acknowledged or open can be acknowledged"),
        ("snooze", "acknowledged or open can be snoozed"),
        ("ignore", "acknowledged or ignored or open can be ignored"),
    ):
        with pytest.raises(UsageError, match=f"is resolved; only one that is {would}"):
            do(verb, closed, "ada", D, until=later(3) if verb == "snooze" else None)
    with pytest.raises(UsageError, match="is not after"):
        do("snooze", incident, "ada", D, until=D)
    with pytest.raises(UsageError, match="false-alarm needs to know why"):
        do("false-alarm", incident, "ada", D)
    with pytest.raises(UsageError, match="did you mean `snooze`"):
        verb_of("snoze")


def test_an_ignored_incident_stays_silent_and_still_closes() -> None:
    ignored = do("ignore", opened(finding())[0], "ada", D).incident
    (change,) = step([ignored], later(1), finding(on=later(1), started_on=D))
    assert change.incident.status == "ignored"
    (gone,) = step([change.incident], later(2))
    assert gone.incident.status == "resolved"


def test_days_of_incidents_stay_out_of_baselines_and_accepted_levels_start_them_anew() -> None:
    key = ("customers", "vip", "distribution_shift", "distribution", "country")
    f = finding(detector="distribution_shift", metric="distribution", attribute="country", bucket="DE")
    (incident,) = opened(f)
    closed = do("resolve", incident, "ada", later(5)).incident
    assert confirmed_days([closed], later(30)) == {key: [(D, later(4))]}
    assert distribution_exclusions([closed], later(30)) == [("vip", "country", D, later(4))]
    normal = do("resolve", incident, "ada", later(5), as_new_normal=True).incident
    assert confirmed_days([normal], later(30)) == {}
    assert distribution_exclusions([normal], later(30)) == [("vip", "country", date(1900, 1, 1), D - timedelta(days=1))]


def test_a_level_accepted_later_does_not_empty_the_baseline_of_a_date_before_it_began() -> None:
    f = finding(detector="distribution_shift", metric="distribution", attribute="country", bucket="DE")
    normal = do("resolve", opened(f)[0], "ada", later(5), as_new_normal=True).incident
    assert distribution_exclusions([normal], D) == []


def test_a_verb_that_finds_things_as_it_would_leave_them_does_nothing() -> None:
    (incident,) = opened(finding())
    for verb, options in (
        ("acknowledge", {}),
        ("assign", {"to": "bob"}),
        ("snooze", {"until": later(4)}),
        ("ignore", {"until": later(4)}),
        ("ignore", {}),
        ("resolve", {}),
        ("resolve", {"as_new_normal": True}),
        ("false-alarm", {"note": "stock-taking"}),
    ):
        first = do(verb, incident, "ada", D, **options).incident
        flags = {"as_new_normal": options.get("as_new_normal", False), "until": options.get("until")}
        rest = {k: v for k, v in options.items() if k != "as_new_normal"}
        assert act(verb_of(verb, **flags), first, "ada", later(1), NOW + timedelta(hours=9), **rest) is None, verb  # type: ignore[arg-type]
    assert act(verb_of("reopen"), incident, "ada", D, NOW) is None
    said = [do("comment", incident, "ada", D, "the vendor knows", at=NOW + timedelta(minutes=m)).event for m in (1, 2)]
    assert said[0].event_id == said[1].event_id, "the same comment on one day is one"


def test_each_verb_is_an_event_with_who_when_and_why() -> None:
    (incident,) = opened(finding())
    told = do("assign", incident, "ada", D, "knows the loader", to="bob")
    assert (told.incident.assignee, told.incident.status) == ("bob", "open")
    assert (told.event.event, told.event.actor, told.event.occurred_at) == ("assigned", "ada", NOW)
    assert told.event.reason == "To bob: knows the loader"
    told = do("snooze", told.incident, "ada", D, until=later(4))
    assert (told.incident.status, told.incident.until_on) == ("open", later(4))
    assert told.event.reason == f"Until {later(4)}: Snoozed by ada."
    assert do("acknowledge", told.incident, "bob", D).incident.until_on is None, "who takes it is told"


def test_an_incident_that_is_ignored_until_a_date_opens_then_if_it_is_still_there() -> None:
    ignored = do("ignore", opened(finding())[0], "ada", D, until=later(3)).incident
    assert accepted_levels([ignored]) == {}, "its level is not the new normal"
    assert accepted_levels([do("ignore", opened(finding())[0], "ada", D).incident]) != {}
    (still,) = step([ignored], later(2), finding(on=later(2), started_on=D))
    assert (still.event.event, still.incident.status) == ("continued", "ignored")
    (back,) = step([still.incident], later(3), finding(on=later(3), started_on=D))
    assert (back.event.event, back.incident.status, back.incident.until_on) == ("reopened", "open", None)
    assert back.event.reason.startswith(f"Ignored until {later(3)}, and still there.")
    (gone,) = step([still.incident], later(3))
    assert gone.event.event == "recovered"


def test_the_days_of_a_false_alarm_are_ordinary_days_and_one_that_is_back_is_the_same_incident() -> None:
    (incident,) = opened(finding())
    closed = do("false-alarm", incident, "ada", later(1), "the shop was closed").incident
    assert (closed.status, closed.resolution, closed.resolved_on) == ("resolved", "false_alarm", later(1))
    assert confirmed_days([closed], later(30)) == {}
    assert ordinary_days([closed]) == {incident.key: [(D, D)]}
    (back,) = step([closed], later(2), finding(on=later(2)))
    assert (back.event.event, back.incident.incident_id) == ("reopened", incident.incident_id)
    recovered = step([incident], later(3))[0].incident
    late = do("false-alarm", recovered, "ada", later(9), "we know now").incident
    assert late.resolved_on == later(3), "what was over stays over since then"


@pytest.mark.parametrize(
    ("changes", "criticality", "severity"),
    [
        ({}, "normal", "critical"),
        ({"p_value": 1e-5}, "normal", "high"),
        ({"p_value": 2e-3}, "normal", "medium"),
        ({"p_value": float("nan")}, "normal", "critical"),
        ({"observed": 9.0, "expected": 20.0}, "normal", "medium"),
        ({"severity": "low"}, "normal", "low"),
        ({"severity": "low"}, "high", "medium"),
        ({"severity": "low"}, "critical", "high"),
        ({"severity": "low", "expected": 150_000.0}, "normal", "medium"),
        ({"severity": "low", "expected": 2_000_000.0}, "normal", "high"),
        ({"severity": "low", "expected": 2_000_000.0, "p_value": 2e-3}, "normal", "low"),
        ({"p_value": 2e-3}, "critical", "critical"),
    ],
)
def test_a_severity_has_three_parts_and_criticality_only_raises(
    changes: dict[str, Any], criticality: Any, severity: str
) -> None:
    about = {"vip": replace(ABOUT["vip"], criticality=criticality)}
    (t,) = advance(report(finding(**{"severity": "critical", **changes})), [], about, NOW)
    assert t.incident.severity == severity
    parts = json.loads(t.incident.severity_parts)
    assert set(parts) == {"effect", "certainty", "audience", "criticality"}
    assert parts["criticality"] == criticality
    assert parts["effect"] == changes.get("severity", "critical")


def test_the_audience_of_a_rate_is_what_the_segment_had_last() -> None:
    rate = finding(
        detector="conversion_anomaly", metric="conversion_rate", severity="critical", observed=0.1, expected=0.3
    )
    small = replace(report(rate), audience={"vip": 12})
    (t,) = advance(small, [], ABOUT, NOW)
    assert (t.incident.severity, json.loads(t.incident.severity_parts)["audience"]) == ("medium", 12)
