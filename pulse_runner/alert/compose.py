"""Make the message about incidents. Pure: incidents and what is known about them in, an AlertMessage out.

The order is that of a reader with ten seconds and a phone: how much and which segment, since when, the cause, whether
campaigns should be held, what to do first. Below the fold stands what the owner of the data needs: the other steps,
the rule, the evidence, the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from pulse_runner import metrics
from pulse_runner.alert.audience import campaigns
from pulse_runner.alert.message import AlertMessage, MessageKind, Notification, Section, Trend, clean
from pulse_runner.alert.repair import Plan, plan_of
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.store import StoredExplanation, explanation_values
from pulse_runner.incidents.incident import Incident
from pulse_runner.vocabulary import chart, day_month, long_day, number, percent, plural, severity_rank


@dataclass(frozen=True)
class Topic:
    """One incident with what is known about it: its segment's words, its explanation, its metric's last days."""

    incident: Incident
    label: str
    owner: str = ""
    rule: str = ""
    explanation: StoredExplanation | None = None
    trend: Trend | None = None


def build(
    kind: Notification, topics: Sequence[Topic], day: date, now: datetime, why: str, report_url: str = ""
) -> AlertMessage:
    """Return the message about `topics` (one story, at least one): the most severe of a segment in full, the others in a list.

    `why` is the reason for sending it; `day` is the date that it speaks about, `now` (UTC) when it is written. The incident's
    change is said once, in the headline; what restates it in other numbers stays in the explanation.
    """
    # people ask about their audience: what happened to it leads, and the relation's own incident is what lies behind
    ordered = sorted(topics, key=lambda t: (not t.incident.segment_id, importance(t)))
    first, others = ordered[0], ordered[1:]
    head = headline(kind, first, day)
    is_one_cause = len({t.incident.group_key for t in ordered}) == 1
    if others:
        head = f"{head} · {len(others)} more{' with the same cause' if is_one_cause else ''}"
    if kind == "resolved":
        sections = _resolved_sections(first)
    else:
        sections = _short_sections(first, day) if kind in SHORT else _active_sections(first, day)
    if others:
        title = "Resolved with it" if kind == "resolved" else "Same cause" if is_one_cause else "Also"
        listed = tuple(f"{t.label}: {_short(t)} · {t.incident.name}" for t in others)
        sections.insert(-1, Section(title, listed, "bullets"))
    footer = f"{first.incident.name} · owner {first.owner or 'not set'} · sent because {why}"
    return AlertMessage(
        kind=kind,
        severity=max((t.incident.severity for t in ordered), key=severity_rank),
        headline=clean(head),
        sections=tuple(s for s in sections if s.lines),
        footer=clean(footer),
        day=day,
        at=now,
        trend=first.trend,
        facts=tuple(_facts(t, kind, day) for t in ordered),
        report_url=report_url.replace("{incident}", first.incident.name),
    )


SHORT: tuple[MessageKind, ...] = ("grew", "explained", "acknowledged")  # follow-ups: the first message has the rest


def headline(kind: MessageKind, topic: Topic, day: date) -> str:
    """Return one line: which segment, how much, against what; with a first word where it is not news."""
    if kind == "resolved":
        return f"{_ending(topic.incident)}: {topic.label}{_where_it_is(topic)}"
    text = _movement(topic.incident, topic.label)
    if kind == "worsened":
        return f"Worse: {text}"
    if kind == "grew":
        return f"It grew: {text}"
    if kind == "acknowledged":
        return f"{topic.incident.assignee or 'Someone'} has {topic.incident.name} in hand: {topic.label}"
    if kind == "explained":
        return f"Cause known now: {topic.label}"
    if kind == "reminder":
        return f"Still open after {plural((day - topic.incident.started_on).days, 'day')}: {text}"
    return text


def _movement(incident: Incident, label: str) -> str:
    """Say how far a metric moved; what is not a number of a segment's panel is told by its title."""
    metric = metrics.find(incident.metric)
    observed, expected = incident.observed, incident.expected
    if not metric.is_watched or observed is None or expected is None:
        return incident.title or f"{label} changed"
    is_size = metric.name == "size"
    what = label if is_size else f"{label}: {metric.words}"
    unit = f" {metric.unit}" if is_size else ""
    rate = metric.is_rate
    on = day_month(incident.last_seen_on)
    return (
        f"{what} {_verb(observed, expected)}: {number(observed, rate)}{unit} on {on}, {number(expected, rate)} expected"
    )


def _short(topic: Topic) -> str:
    """Say in a few words what another incident of the cause is, without its percentage."""
    incident = topic.incident
    metric = metrics.find(incident.metric)
    if not metric.is_watched or incident.observed is None or incident.expected is None:
        return incident.title.removeprefix(f"{topic.label}: ") or "changed"
    way = "fell" if incident.observed < incident.expected else "rose"
    return f"{metric.words} {way} to {number(incident.observed, metric.is_rate)}"


def _verb(observed: float, expected: float) -> str:
    verb = "fell" if observed < expected else "rose"
    return f"{verb} {percent(abs(observed / expected - 1))}" if expected > 0 else f"{verb} from zero"


def _ending(incident: Incident) -> str:
    return {"recovered": "Recovered", "accepted": "Accepted as the new normal", "false_alarm": "A false alarm"}.get(
        incident.resolution, "Resolved"
    )


def _where_it_is(topic: Topic) -> str:
    trend = topic.trend
    if trend is None or not trend.values or trend.values[-1] is None:
        return ""
    now = number(trend.values[-1], trend.is_rate)
    metric = topic.incident.metric
    return f" has {now} members" if metric == "size" else f", {metrics.words(metric)} is {now}"


def _active_sections(topic: Topic, day: date) -> list[Section]:
    incident, stored = topic.incident, topic.explanation
    started, found = incident.started_on, incident.detected_on
    age = "today" if started == day else f"{plural((day - started).days, 'day')} ago"
    since = f"{long_day(started)} ({age})" + ("" if found == started else f", found on {long_day(found)}")
    state = f"{since}; {incident.status}"
    if incident.assignee:
        state += f", in the hands of {incident.assignee}"
    plan = plan_of(incident, stored, day) if stored else Plan()
    sections = [
        Section("Since", (clean(state),), first=True),
        Section("Cause", _cause(topic), first=True),
        Section("Campaigns", _texts([_campaigns(topic)]), first=True),
        Section("Do first", _texts([plan.first]), first=True),
        *_chart(topic),
        Section("Then", _texts(plan.then), "numbered"),
    ]
    if plan.repair is not None:
        sections.append(Section("For the owner of the data", _texts(plan.repair.lines()), "bullets"))
    sections.append(Section("If it is not that", _texts(plan.otherwise), "bullets"))
    if topic.rule:
        sections.append(Section("Rule", (clean(topic.rule),), "code"))
    if stored is not None:
        sections.append(Section("Evidence", _evidence(stored, incident.metric), "bullets"))
    identity = incident.name
    commands = (
        f"pulse incidents acknowledge {identity}",
        f"pulse incidents resolve {identity}",
        f'pulse incidents ignore {identity} --note "why"',
    )
    return [*sections, Section("Handle it", commands, "code", keep=True)]


def _short_sections(topic: Topic, day: date) -> list[Section]:
    """Return what a follow-up says: the first message of the conversation has the rest."""
    incident = topic.incident
    age = "today" if incident.started_on == day else f"{plural((day - incident.started_on).days, 'day')} ago"
    note = f"; {incident.note}" if incident.note and incident.status == "acknowledged" else ""
    since = f"{long_day(incident.started_on)} ({age}); {incident.status}{note}"
    return [
        Section("Since", (clean(since),), first=True),
        Section("Cause", _cause(topic), first=True),
        Section("More", (f"pulse incidents show {incident.name}",), "code", keep=True),
    ]


def _cause(topic: Topic) -> tuple[str, ...]:
    """Return what is believed to be the cause, in words that need no SQL."""
    if topic.explanation is None:
        # the headline has said the change of a metric; of what is no number, the finding's reason says more
        known = () if metrics.find(topic.incident.metric).is_watched else (topic.incident.reason,)
        return _texts([*known, "Not explained yet: run `pulse explain`."])
    told = topic.explanation.explanation
    if not told.hypotheses:
        return _texts([told.headline])
    first = told.hypotheses[0]
    return _texts([f"{first.title} ({first.confidence} confidence)"])


def _campaigns(topic: Topic) -> str:
    told = topic.explanation.explanation.hypotheses if topic.explanation else ()
    return campaigns(topic.incident, topic.label, told[0] if told else None)


def _resolved_sections(topic: Topic) -> list[Section]:
    incident = topic.incident
    ended = incident.resolved_on or incident.last_seen_on
    days = plural((ended - incident.started_on).days, "day")
    lasted = f"{long_day(incident.started_on)} to {long_day(ended)} ({days})"
    how = {
        "recovered": "The metric is back in its expected range.",
        "accepted": "The level has lasted; Pulse now compares with it.",
        "false_alarm": "A person called it a false alarm; its days count as ordinary days.",
    }.get(incident.resolution, "Closed by a person.")
    note = f" Note: {clean(incident.note)}" if incident.note else ""
    sections = [
        Section("How it ended", (how + note,), first=True),
        Section("Lasted", (lasted,), first=True),
        *_chart(topic),
        Section("What it was", (clean(incident.title),)),
    ]
    command = f"pulse incidents reopen {incident.name}"
    return [*sections, Section("If this is wrong", (command,), "code", keep=True)]


def _chart(topic: Topic) -> list[Section]:
    """Return the last days as blocks and in words; the expected band alone where the days are not known."""
    trend, incident = topic.trend, topic.incident
    if trend is not None and len(trend.known) >= 2:
        blocks = chart(trend.values, *trend.axis)
        return [Section(f"Last {len(trend.values)} days", (blocks, trend.words()), "spark", first=True)]
    low, high, rate = incident.lower_bound, incident.upper_bound, metrics.find(incident.metric).is_rate
    if low is None or high is None:
        return []
    return [Section("Expected", (f"{number(low, rate)} to {number(high, rate)}",))]


def _evidence(stored: StoredExplanation, metric: str) -> tuple[str, ...]:
    """Return the statements that the hypotheses cite, in the order of citation, then the others.

    What says the incident's own change once more, against another day or another expectation, is left to `pulse explain`.
    """
    facts = {e.id: e.statement for e in stored.evidence if not _restates(e, metric)}
    cited = [i for h in stored.explanation.hypotheses for i in h.evidence]
    order = dict.fromkeys([*(i for i in cited if i in facts), *facts])
    return _texts(f"{facts[i]} [{i}]" for i in order)


def _restates(fact: Evidence, metric: str) -> bool:
    if fact.kind in ("finding", "change"):
        return True
    own_rate = fact.kind == "rate" and metric in fact.values
    return own_rate or (fact.kind == "reach" and metric == f"reach:{fact.values.get('channel')}")


def _facts(topic: Topic, kind: MessageKind, day: date) -> dict[str, Any]:
    """Return what a program gets to know about an incident: aggregates only."""
    names = (
        "incident_id", "number", "group_key", "segment_id", "entity", "detector", "metric", "attribute", "bucket", "status", "severity",
        "direction", "started_on", "detected_on", "last_seen_on", "resolved_on", "resolution", "observed", "expected",
        "lower_bound", "upper_bound", "effect", "p_value", "threshold", "title", "reason",
    )  # fmt: skip
    out = {name: getattr(topic.incident, name) for name in names}
    out |= {"headline": clean(headline(kind, topic, day)), "label": topic.label, "owner": topic.owner}
    out["rule"] = topic.rule
    stored = topic.explanation
    if stored is not None:
        told, nested = stored.explanation, explanation_values(stored)
        out["explanation"] = {
            "headline": told.headline, "summary": told.summary, "source": told.source, "version": stored.version,
            "hypotheses": nested["hypotheses"], "recommendations": nested["recommendations"],
        }  # fmt: skip
        repair = plan_of(topic.incident, stored, day).repair
        if repair is not None:
            out["repair"] = asdict(repair)
    return out


def importance(topic: Topic) -> tuple[int, int, float, str]:
    """Return what sorts the worst first."""
    incident = topic.incident
    # people ask about their audience first; the column behind it is named as the cause
    is_entity = 0 if incident.segment_id else 1
    return (-severity_rank(incident.severity), is_entity, -abs(incident.effect or 0.0), incident.incident_id)


def _texts(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for item in items if (text := clean(item)))
