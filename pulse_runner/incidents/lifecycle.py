"""Decide what becomes of incidents, given the verdicts of a date. Pure: no clock, no warehouse; what people do is in `actions`.

    finding --> open --(acknowledge)--> acknowledged
                 |  \\                      |
                 |   `--(ignore)--> ignored | (until a date: then open again)
                 v                  v       v
               resolved: recovered | accepted (it lasted, or resolved as the new normal) | person | false_alarm
                 `--(reopen, or the fault is back within REOPEN_DAYS)--> open

Findings of one segment that start together are one incident. It is about the one whose detector has the
lowest rank (people before flows and rates, the segment's own numbers before those of its relation); the others
are related. One that ranks lower and joins a day later takes the head. Which incidents are one story is decided where
causes are known (`explain/stories.py`); `group_key` is given here by what they read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from pulse_runner import detectors
from pulse_runner.detectors.base import Finding, Key, Outcome, Verdict
from pulse_runner.detectors.evaluate import DayReport
from pulse_runner.incidents.aftermath import without_aftermath
from pulse_runner.incidents.incident import PULSE, STATUS, About, Incident, Related, Transition, digest, transition
from pulse_runner.incidents.severity import graded
from pulse_runner.vocabulary import ACTIVE, severity_rank

REOPEN_DAYS = 2  # a fault that is back so soon never went
RELATED_DAYS = 2  # findings that follow within so many days are consequences
SAME_SIZE = 1.35  # up to so many times its peak, a fault that is back is the same one
OVERTAKES = 2.0  # a change so many times as large as the open one is a fault of its own
ACCEPT_DAYS = 14  # a level that has lasted so long is the new normal
SAME_CHANGE = 0.1  # columns of a relation that change by so much the same, relatively, have one fault
SHARED_SEGMENTS = 3  # so many segments of an entity, same date, metric, attribute and direction: one cause


@dataclass(frozen=True)
class _Group:
    """Findings of one segment and date that belong together."""

    primary: Finding
    related: tuple[Finding, ...] = field(default=())


def advance(
    report: DayReport, stored: Sequence[Incident], subjects: Mapping[str, About], now: datetime, actor: str = PULSE
) -> list[Transition]:
    """Return what the verdicts of one date do to incidents; the same date twice gives nothing new.

    What was decided about a later date stands: a date that is judged again neither closes nor reopens what was seen after it.
    `stored` holds the live incidents and those resolved in the last REOPEN_DAYS. `subjects` is keyed by segment_id, and by entity
    for findings about an entity itself. A test that is not among the verdicts is quiet, unless the report is blind for it.
    """
    report = graded(report, subjects)
    day = report.day
    verdicts = {v.key: v for v in report.verdicts}
    claimed: set[Key] = set()
    out: list[Transition] = []
    for incident in sorted(stored, key=lambda i: (not _answers(i, day), i.detected_on, i.incident_id)):
        if incident.keys & claimed:
            continue  # another incident already answers for this fault
        if _is_overtaken(incident, verdicts, day):
            why = "Another, larger change took its place."
            out.append(_close(incident, "recovered", day, now, actor, why))
            continue
        is_blind = (incident.entity, incident.segment_id) in report.blind and not _tells_sight(incident)
        change = _follow(incident, verdicts, day, now, actor, is_blind)
        if change is not None:
            out.append(change)
        if change is not None or _answers(incident, day):
            claimed |= incident.keys
    fresh = [f for f in report.findings if f.key not in claimed]
    current = {i.incident_id: i for i in stored} | {t.incident.incident_id: t.incident for t in out}
    fresh = without_aftermath(fresh, current.values(), day)
    fresh, attached = _attach(fresh, out, stored, subjects, day, now, actor)
    opened = [_open(g, subjects, day, now, actor) for g in group(fresh)]
    return attached + _share_groups(opened, stored, subjects)


def group(findings: Iterable[Finding]) -> list[_Group]:
    """Put findings of one fault of a segment or a relation into one group, the primary first."""
    ordered = sorted(findings, key=lambda f: (detectors.find(f.detector).rank, f.p_value, f.metric, f.attribute or ""))
    groups: list[_Group] = []
    for finding in ordered:
        for i, g in enumerate(groups):
            if _belongs(g.primary, finding):
                groups[i] = replace(g, related=(*g.related, finding))
                break
        else:
            groups.append(_Group(finding))
    return groups


def _belongs(home: Finding | Incident, finding: Finding) -> bool:
    """Say whether a finding can be of the fault of another, or of an incident: the same subject, about the same start.

    A relation has many columns, and two of them can break on one day: there it must be the same one, or change as much.
    """
    if (home.entity, home.segment_id) != (finding.entity, finding.segment_id):
        return False
    if abs((home.started_on - finding.started_on).days) > RELATED_DAYS:
        return False
    if finding.segment_id or (home.attribute or "") == (finding.attribute or ""):
        return True
    alike = abs(home.effect - finding.effect) <= SAME_CHANGE * max(abs(home.effect), abs(finding.effect))
    return home.metric == finding.metric != STATUS and alike


def incident_id(finding: Finding) -> str:
    """Return the id that the same fault gets whenever it is detected: a hash of what, where and since when."""
    return digest("|".join((*finding.key, finding.bucket or "", finding.started_on.isoformat())))


def accepted_levels(incidents: Iterable[Incident]) -> dict[Key, date]:
    """Return per test the first day of the level that was accepted as the new normal: the `rebased_on` of panels."""
    out: dict[Key, date] = {}
    for i in incidents:
        if i.is_accepted:
            for key in i.keys:
                out[key] = max(out.get(key, i.started_on), i.started_on)
    return out


def ordinary_days(incidents: Iterable[Incident]) -> dict[Key, list[tuple[date, date]]]:
    """Return per test the intervals that a person called false alarms: days like any other, to be learned from."""
    return _spans((i for i in incidents if i.resolution == "false_alarm"), date.max)


def confirmed_days(incidents: Iterable[Incident], before: date) -> dict[Key, list[tuple[date, date]]]:
    """Return per test the intervals that stay out of baselines: days of incidents that recovered or that a person resolved,
    and days of open ones up to the day before `before`."""
    return _spans((i for i in incidents if not i.is_accepted and i.resolution != "false_alarm"), before)


def _spans(incidents: Iterable[Incident], before: date) -> dict[Key, list[tuple[date, date]]]:
    out: dict[Key, list[tuple[date, date]]] = {}
    for i in incidents:
        last = (i.resolved_on or before) - timedelta(days=1)
        for key in i.keys:
            if i.started_on <= last:
                out.setdefault(key, []).append((i.started_on, last))
    return out


def _follow(
    incident: Incident, verdicts: Mapping[Key, Verdict], day: date, now: datetime, actor: str, is_blind: bool
) -> Transition | None:
    """Continue, worsen, close or reopen one stored incident. On a day that is blind for it, no data is not recovery."""
    seen = [verdicts[k] for k in sorted(incident.keys) if k in verdicts]
    findings = [v.finding for v in seen if v.finding is not None]
    if not incident.is_live:
        since = (day - (incident.resolved_on or day)).days
        if incident.resolution in ("person", "false_alarm") and day > incident.last_seen_on:
            since = max(since, 0)  # people decide today about dates that are judged tomorrow
        if not findings or not 0 <= since <= REOPEN_DAYS or incident.resolution == "accepted":
            return None
        if not any(_is_same_fault(incident, f, SAME_SIZE) for f in findings):
            return None
        after = replace(_seen(incident, findings, day, now), status="open", resolved_on=None, resolution="")
        return transition(
            incident, after, "reopened", day, now, actor, f"Back after {since} days. {findings[0].reason}"
        )
    if day < incident.last_seen_on:
        return None  # a later date has been judged since
    if any(v.rebased for v in seen) or (
        findings
        and detectors.find(incident.detector).accepts_by_date
        and incident.metric != STATUS  # what cannot be read is never what to expect
        and (day - incident.detected_on).days >= ACCEPT_DAYS
    ):
        why = f"The level has held for {(day - incident.started_on).days} days and is now what Pulse expects."
        seen_on = day if findings else incident.last_seen_on
        return _close(replace(incident, last_seen_on=seen_on), "accepted", day, now, actor, why)
    if findings and incident.status == "ignored" and incident.until_on and day >= incident.until_on:
        after = replace(_seen(incident, findings, day, now), status="open", until_on=None)
        why = f"Ignored until {incident.until_on}, and still there. {findings[0].reason}"
        return transition(incident, after, "reopened", day, now, actor, why)
    if findings:
        return _continue(incident, findings, day, now, actor)
    unknown = (Outcome.NO_DATA, Outcome.MUTED, Outcome.NEEDS_HISTORY)
    if is_blind or any(v.abnormal_since or v.kind in unknown for v in seen):
        return None  # nothing can be said about recovery today
    if any(v.kind == Outcome.DISABLED for v in seen):
        return _close(incident, "accepted", day, now, actor, "The detector was switched off.")
    days = (day - incident.started_on).days
    return _close(incident, "recovered", day, now, actor, f"Back in the expected range after {days} days.")


def _tells_sight(incident: Incident) -> bool:
    """Say whether an incident is about what makes its entity blind: no finding of it means that this is over."""
    return not incident.segment_id and detectors.find(incident.detector).tells_sight


def _answers(incident: Incident, day: date) -> bool:
    """Say whether a finding of a date can be nothing but this incident's: it is open, or was seen then or later."""
    return incident.is_live or incident.last_seen_on >= day


def _is_same_fault(incident: Incident, finding: Finding, times: float) -> bool:
    """Say whether a finding can be the fault of an incident: same direction, and at most `times` its peak."""
    return finding.direction == incident.direction and abs(finding.effect) <= times * abs(incident.peak_effect)


def _is_overtaken(incident: Incident, verdicts: Mapping[Key, Verdict], day: date) -> bool:
    """Say whether a fault began today that is of quite another size than the one that is open."""
    verdict = verdicts.get(incident.key)
    finding = verdict.finding if verdict is not None else None
    return (
        incident.is_live
        and finding is not None
        and finding.started_on == day > incident.last_seen_on
        and incident.detected_on < day
        and not _is_same_fault(incident, finding, OVERTAKES)
    )


def _continue(
    incident: Incident, findings: Sequence[Finding], day: date, now: datetime, actor: str
) -> Transition | None:
    if incident.last_seen_on >= day:
        return None  # the same date once more
    after = _seen(incident, findings, day, now)
    worse = severity_rank(after.severity) > severity_rank(incident.severity)
    return transition(incident, after, "worsened" if worse else "continued", day, now, actor, findings[0].reason)


def _seen(incident: Incident, findings: Sequence[Finding], day: date, now: datetime) -> Incident:
    """Return the incident with today's numbers; severity and peak only ever grow."""
    main = next((f for f in findings if f.key == incident.key), None)
    worst = max(findings, key=lambda f: severity_rank(f.severity))
    after = replace(incident, last_seen_on=max(day, incident.last_seen_on), updated_at=now)
    if severity_rank(worst.severity) > severity_rank(incident.severity):
        after = replace(after, severity=worst.severity, severity_parts=worst.parts)
    if main is None:
        return after
    return replace(
        after, observed=main.observed, expected=main.expected, lower_bound=main.lower, upper_bound=main.upper,
        effect=main.effect, p_value=main.p_value, reason=main.reason,
        peak_effect=max(incident.peak_effect, main.effect, key=abs),
    )  # fmt: skip


def _close(
    incident: Incident, how: Literal["recovered", "accepted"], day: date, now: datetime, actor: str, why: str
) -> Transition:
    after = replace(incident, status="resolved", resolved_on=day, resolution=how, updated_at=now)
    return transition(incident, after, how, day, now, actor, why)


def _open(found: _Group, subjects: Mapping[str, About], day: date, now: datetime, actor: str) -> Transition:
    f = found.primary
    subject = subjects.get(f.segment_id or f.entity, About(f.segment_id or f.entity, f.entity))
    identity = incident_id(f)
    worst = max((f, *found.related), key=lambda r: severity_rank(r.severity))
    incident = Incident(
        incident_id=identity, group_key=identity, segment_id=f.segment_id, entity=f.entity, detector=f.detector,
        metric=f.metric, attribute=f.attribute or "", bucket=f.bucket or "", status="open", severity=worst.severity,
        direction=f.direction, owner=subject.owner, title=_title(f, subject), reason=f.reason,
        started_on=f.started_on, detected_on=day, last_seen_on=day, resolved_on=None, resolution="", observed=f.observed,
        expected=f.expected, lower_bound=f.lower, upper_bound=f.upper, effect=f.effect, p_value=f.p_value,
        threshold=f.threshold, peak_effect=f.effect, related=_related(found.related, day, _symptoms(f, day)),
        assignee="", note="", created_at=now,
        updated_at=now, severity_parts=worst.parts,
    )  # fmt: skip
    return transition(None, incident, "opened", day, now, actor, f.reason)


def _symptoms(f: Finding, day: date) -> tuple[Related, ...]:
    """Return the segments that a finding about their entity is about, as related to it."""
    return tuple(
        Related(
            (f.entity, segment, f.detector, f.metric, f.attribute or ""), f.detector, f.metric, f.attribute or "", "",
            f.direction, f.severity, None, None, None, None, "It cannot be seen.", str(day),
        )
        for segment in f.symptoms
    )  # fmt: skip


def _attach(
    fresh: list[Finding],
    changes: list[Transition],
    stored: Sequence[Incident],
    subjects: Mapping[str, About],
    day: date,
    now: datetime,
    actor: str,
) -> tuple[list[Finding], list[Transition]]:
    """Add findings to a live incident of their segment that began at most RELATED_DAYS ago; return the rest and the changes."""
    current = {i.incident_id: i for i in stored} | {t.incident.incident_id: t.incident for t in changes}
    by_id = {t.incident.incident_id: t for t in changes}
    rest: list[Finding] = []
    for f in fresh:
        home = next(
            (
                i for i in current.values()
                if i.is_live and i.detected_on < day and _belongs(i, f)
            ),
            None,
        )  # fmt: skip
        if home is None:
            rest.append(f)
            continue
        after = _led(replace(home, last_seen_on=day, updated_at=now), f, subjects, day)
        current[home.incident_id] = after
        if home.incident_id in by_id:
            by_id[home.incident_id] = replace(by_id[home.incident_id], incident=after)
        else:
            by_id[home.incident_id] = transition(home, after, "continued", day, now, actor, f"Also: {f.reason}")
    return rest, list(by_id.values())


def _led(home: Incident, f: Finding, subjects: Mapping[str, About], day: date) -> Incident:
    """Return the incident with a finding that joins it: at its head where that says more of the segment, else as related."""
    if detectors.find(f.detector).rank >= detectors.find(home.detector).rank:
        return replace(home, related=_related([f], day, home.related))
    before = Related(
        home.key, home.detector, home.metric, home.attribute, home.bucket, home.direction, home.severity, home.observed,
        home.expected, home.effect, home.p_value, home.reason, str(home.detected_on),
    )  # fmt: skip
    subject = subjects.get(f.segment_id or f.entity, About(f.segment_id or f.entity, f.entity))
    if severity_rank(f.severity) > severity_rank(home.severity):
        home = replace(home, severity=f.severity, severity_parts=f.parts)
    return replace(
        home, detector=f.detector, metric=f.metric, attribute=f.attribute or "", bucket=f.bucket or "",
        direction=f.direction, title=_title(f, subject),
        reason=f.reason, started_on=min(home.started_on, f.started_on), observed=f.observed, expected=f.expected,
        lower_bound=f.lower, upper_bound=f.upper, effect=f.effect, p_value=f.p_value, threshold=f.threshold,
        peak_effect=f.effect, related=(before, *(r for r in home.related if r.key != f.key)),
    )  # fmt: skip


def _title(f: Finding, subject: About) -> str:
    return f"{subject.label}: {detectors.find(f.detector).headline(f)}"


def _share_groups(
    opened: list[Transition], stored: Sequence[Incident], subjects: Mapping[str, About]
) -> list[Transition]:
    """Give incidents of one cause one group_key.

    That is an active incident of the entity that began at most RELATED_DAYS apart, in a column that the segment's numbers come
    from; or many segments in which the same metric and attribute moves the same way on one date.
    """
    entities = [i for i in [*stored, *(t.incident for t in opened)] if not i.segment_id and i.status in ACTIVE]
    alike: dict[tuple[object, ...], set[str]] = {}
    for t in opened:
        if t.incident.segment_id:
            alike.setdefault(_movement(t.incident), set()).add(t.incident.segment_id)
    out = []
    for t in opened:
        i = t.incident
        causes = [e for e in entities if i.segment_id and _explains(e, i, subjects.get(i.segment_id))]
        shared = i.group_key
        if causes:
            nearest = min(causes, key=lambda e: (abs((e.started_on - i.started_on).days), e.detected_on, e.incident_id))
            shared = nearest.group_key
        elif i.segment_id and len(alike[_movement(i)]) >= SHARED_SEGMENTS:
            shared = digest("|".join(map(str, _movement(i))))
        out.append(replace(t, incident=replace(i, group_key=shared)))
    return out


def _movement(i: Incident) -> tuple[object, ...]:
    return (i.entity, i.detector, i.metric, i.attribute, i.direction, i.started_on)


def _explains(cause: Incident, symptom: Incident, subject: About | None) -> bool:
    """Say whether an entity's incident can be the cause of a segment's: same entity, about the same start, a column that it reads."""
    if cause.entity != symptom.entity or abs((cause.started_on - symptom.started_on).days) > RELATED_DAYS:
        return False
    if cause.metric == STATUS and symptom.metric != STATUS:
        return False  # what cannot be seen moves no number
    if "" in cause.columns or subject is None or subject.reads is None:
        return True
    findings = [(symptom.metric, symptom.attribute), *((r.metric, r.attribute) for r in symptom.related)]
    return any(cause.columns & subject.reads(metric, attribute) for metric, attribute in findings)


def _related(findings: Iterable[Finding], day: date, so_far: tuple[Related, ...] = ()) -> tuple[Related, ...]:
    known = {r.key for r in so_far}
    return (
        *so_far,
        *(
            Related(
                f.key, f.detector, f.metric, f.attribute or "", f.bucket or "", f.direction, f.severity, f.observed, f.expected,
                f.effect, f.p_value, f.reason, str(day),
            )
            for f in findings if f.key not in known
        ),
    )  # fmt: skip
