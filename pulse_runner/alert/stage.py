"""The stage `alert`: decide, render and freeze, store, send, store again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pulse_runner.alert import outbox, topics
from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import TIMEOUT_SECONDS, Edge, Frozen, Outgoing, url_problem
from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.decision import Decision
from pulse_runner.alert.delivery import (
    DIGEST,
    UNDER_WAY,
    Delivery,
    DeliveryStatus,
    by_message,
    claim,
    deliveries_of,
    naive,
    whole_messages,
)
from pulse_runner.alert.digest import Letter, digest, letters
from pulse_runner.alert.dispatch import Dispatch, not_ready, waiting_by_target
from pulse_runner.alert.gate import gated
from pulse_runner.alert.lanes import DEADLINE_SECONDS
from pulse_runner.alert.message import AlertMessage, Section, Thread, test_message
from pulse_runner.alert.routing import Address, distinct
from pulse_runner.alert.situation import read_situation
from pulse_runner.alert.undelivered import Gap, undelivered
from pulse_runner.errors import ChannelError, UsageError
from pulse_runner.explain.agent.settings import gate_setting
from pulse_runner.incidents.incident import Incident
from pulse_runner.segments.model import Project
from pulse_runner.segments.strict import ChannelSettings
from pulse_runner.warehouse.base import Warehouse

if TYPE_CHECKING:
    import httpx

STATUSES: tuple[DeliveryStatus, ...] = ("sent", "failed", "given_up", "skipped", "planned")


@dataclass(frozen=True)
class Quiet:
    """An incident that needs no message, at one address or (`address` None) anywhere, and why."""

    incident_id: str
    address: Address | None
    reason: str


@dataclass(frozen=True)
class Trial:
    """What came of a test message at one address."""

    address: Address
    status: DeliveryStatus
    reason: str


@dataclass
class AlertReport:
    """What the stage did: deliveries that it wrote (or would write), and incidents that need nothing."""

    dry_run: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    quiet: list[Quiet] = field(default_factory=list)
    undelivered: list[Gap] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return messages by status; several incidents in one message count once."""
        keys = {(d.status, d.idempotency_key) for d in self.deliveries}
        return dict(sorted(Counter(status for status, _ in keys).items()))

    def sentence(self) -> str:
        """Return one line for a person."""
        if not self.deliveries:
            return "nothing to tell"
        words = {"planned": "would be sent" if self.dry_run else "waiting", "given_up": "given up"}
        said = ", ".join(f"{self.counts[s]} {words.get(s, s)}" for s in STATUSES if s in self.counts)
        why = sorted({d.reason for d in self.deliveries if d.status in ("skipped", "failed", "given_up")})
        more = f"; … {len(why) - 3} more" if len(why) > 3 else ""
        return f"{said}{': ' if why else ''}{'; '.join(why[:3])}{more}"


def run_alerts(
    warehouse: Warehouse,
    project: Project,
    today: date,
    now: datetime,
    env: Mapping[str, str],
    *,
    dry_run: bool = False,
    out: Callable[[str], None],
    channel: str | None = None,
    incident_id: str | None = None,
    retry: bool = False,
    http: httpx.Client | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
    deadline: float = DEADLINE_SECONDS,
) -> AlertReport:
    """Tell the owners what is new on `today` and return what was done.

    A target whose variables are not set gets nothing: the message goes to `out`, and the delivery is stored as
    skipped. With `dry_run` nothing is sent or written, and `out` gets what would be sent, to the letter.
    `channel` and `incident_id` narrow the work.
    """
    incidents = topics.incidents_to_judge(warehouse, today, incident_id)
    before = deliveries_of(warehouse, [i.incident_id for i in incidents])
    situation = read_situation(warehouse, project, [i.incident_id for i in incidents], now)
    decisions, nowhere = outbox.plan(
        incidents,
        topics.news_of(warehouse, today),
        before,
        project,
        today,
        repeat_days=repeat_days(env),
        retry=retry,
        situation=situation,
    )
    decisions = [d for d in decisions if channel in (None, d.address.channel)]
    decisions = gated(warehouse, decisions, incidents, gate_setting(env))
    known = {d.delivery_id: d for stored in before.values() for d in stored}
    started = [d for d in known.values() if d.status in UNDER_WAY and channel in (None, d.channel)]
    pending = whole_messages(warehouse, started)
    gaps = undelivered(warehouse, project, today)
    desk = _Desk(project, known, env, today, now, out, dry_run, gaps, report_url(env))
    due = {d.incident_id for d in decisions if d.choice != "quiet"}
    about = topics.topics_of(warehouse, project, [i for i in incidents if i.incident_id in due], today)
    planned = desk.render(decisions, incidents, about, waiting_by_target(pending, project), situation.sent)
    report = AlertReport(dry_run)
    report.quiet += [Quiet(d.incident_id, d.address, d.reason) for d in decisions if d.choice == "quiet"]
    report.quiet += [Quiet(identity, None, reason) for identity, reason in nowhere]
    fresh = {d.delivery_id for d in planned}
    report.quiet += [
        Quiet(d.incident_id, d.address, f"{known[d.delivery_id].reason} (as before)")
        for d in decisions
        if d.choice != "quiet" and d.delivery_id not in fresh
    ]
    if dry_run:
        for waiting in by_message(pending):
            first = waiting[0]
            out(f"--- {first.channel} via {first.route}, waiting since {first.planned_at}\n{first.body}\n")
        report.deliveries = [*pending, *planned]
        return report
    planned = claim(warehouse, planned, known)
    report.deliveries += [d for d in planned if d.status == "skipped"]
    ready = [*pending, *(d for d in planned if d.status == "planned")]
    with edge_of(http, out, clock) as edge:
        post = Dispatch(warehouse, project, env, edge, sleep, deadline)
        report.deliveries += post.send(ready, {i.incident_id: i for i in incidents})
    narrow = [g for g in undelivered(warehouse, project, today) if g.fits(channel, incident_id)]
    report.undelivered = narrow
    return report


def send_test(
    project: Project,
    route: str,
    now: datetime,
    env: Mapping[str, str],
    *,
    out: Callable[[str], None],
    http: httpx.Client | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Trial]:
    """Send a test message to every target of a route, store nothing, and return what came of each."""
    if route not in project.routes:
        known = ", ".join(sorted(project.routes)) or "none; add one to segments/routes.yml"
        raise UsageError(f"No route {route!r}. Routes: {known}.")
    message, trials = test_message(route, now), list[Trial]()
    with edge_of(http, out, clock) as edge:
        for address in distinct(project, [route]):
            channel = CHANNELS[address.channel]
            setup = channel.setup(address.settings, env)
            key = f"pulse-test-{int(clock().timestamp() * 1000):x}"
            frozen = channel.render(message, key)
            if not setup.is_ready:
                trials.append(Trial(address, "skipped", not_ready(channel.name, setup)))
                continue
            try:
                sent = channel.send(Outgoing(key, frozen.subject, frozen.body), address.settings, env, edge)
            except ChannelError as error:
                trials.append(Trial(address, "failed", str(error)))
            else:
                trials.append(Trial(address, "sent", sent.remark))
    return trials


@dataclass(frozen=True)
class _Desk:
    """Turns decisions into deliveries: planned with a frozen body, or skipped with the reason."""

    project: Project
    known: Mapping[str, Delivery]
    env: Mapping[str, str]
    today: date
    now: datetime
    out: Callable[[str], None]
    dry_run: bool
    gaps: Sequence[Gap] = ()
    report_url: str = ""
    said: set[ChannelSettings] = field(default_factory=set)

    def render(
        self,
        decisions: Sequence[Decision],
        incidents: Sequence[Incident],
        about: Mapping[str, Topic],
        waiting: Mapping[ChannelSettings, int],
        sent: Mapping[ChannelSettings, int],
    ) -> list[Delivery]:
        """Return the new deliveries of all decisions that are not quiet; in a dry run, those as before too."""
        shown, rendered = set[tuple[str, ...]](), list[Delivery]()
        groups = outbox.grouped([d for d in decisions if d.choice != "quiet"], incidents, self.project)
        for letter in letters(groups, about, waiting, sent):
            made, gap, message = self._message(letter, about)
            news = made if self.dry_run else [d for d in made if not _same(self.known.get(d.delivery_id), d)]
            rendered += news
            told = (message.kind, *sorted(d.incident_id for d in letter.decisions))
            if news and gap and not self.dry_run and told not in shown:
                shown.add(told)  # once on the screen, however many channels are not set up
                self.out(f"{CHANNELS['console'].render(message, made[0].idempotency_key).body}\n")
        return rendered

    def _message(self, letter: Letter, about: Mapping[str, Topic]) -> tuple[list[Delivery], str, AlertMessage]:
        """Return the deliveries of one message, what its channel lacks ('' when nothing), and what it says."""
        group, first = letter.decisions, letter.decisions[0]
        channel = CHANNELS[first.address.channel]
        key = outbox.message_key(group)
        if letter.is_digest:
            message = digest(letter, about, self.today, self.now)
            group = tuple(replace(d, reason=f"{d.reason}; {DIGEST}") for d in group)
        else:
            message = build(
                first.notification,
                [about[d.incident_id] for d in group],
                self.today,
                self.now,
                first.reason,
                self.report_url,
            )
            message = self._with_gaps(message, first.address)
        message = replace(message, thread=Thread(key) if letter.is_digest else self._thread(group, about, key))
        frozen = channel.render(message, key)
        setup = channel.setup(first.address.settings, self.env)
        withheld = first.choice == "skip"
        gap = not_ready(channel.name, setup) if setup.missing and not withheld else ""
        status: DeliveryStatus = "skipped" if withheld or gap else "planned"
        if self.dry_run and not withheld:
            place = f"{channel.name} via {first.address.route} to {first.address.place}"
            but = f" (but {gap})" if gap else ""
            why = "digest" if letter.is_digest else f"{first.notification}, because {first.reason}"
            self.out(f"--- {place}: {why}{but}\n{frozen.body}\n")
        made = [self._delivery(d, status, gap or d.reason, frozen, key) for d in group]
        if letter.is_digest:  # a long body, and hundreds of rows that share it
            made[1:] = [replace(d, body="") for d in made[1:]]
        return made, gap, message

    def _thread(self, group: Sequence[Decision], about: Mapping[str, Topic], key: str) -> Thread:
        """Return the conversation that a message belongs to: the first message to this address about any incident of its causes."""
        causes = {about[d.incident_id].incident.group_key for d in group}
        mates = {t.incident.incident_id for t in about.values() if t.incident.group_key in causes}
        mates |= {d.incident_id for d in group}
        place = group[0].address.key
        told = [
            d
            for d in self.known.values()
            if d.was_told and d.address == place and d.incident_id in mates and DIGEST not in d.reason
        ]
        first = min(told, key=lambda d: (d.planned_at, d.delivery_id), default=None)
        return Thread(first.idempotency_key, first.subject, first.body) if first else Thread(key)

    def _with_gaps(self, message: AlertMessage, address: Address) -> AlertMessage:
        """Return the message with what other targets lack; only the first message to a target says it."""
        lines = tuple(g.sentence() for g in self.gaps if g.address.settings != address.settings)
        if not lines or address.settings in self.said:
            return message
        self.said.add(address.settings)
        section = Section("Not delivered elsewhere", lines, "bullets")
        return replace(message, sections=(*message.sections[:-1], section, message.sections[-1]))

    def _delivery(self, decision: Decision, status: DeliveryStatus, reason: str, frozen: Frozen, key: str) -> Delivery:
        route, channel, target = decision.address.key
        return Delivery(
            delivery_id=decision.delivery_id,
            incident_id=decision.incident_id,
            notification=decision.notification,
            route=route,
            channel=channel,
            target=target,
            status=status,
            attempts=0,
            reason=reason,
            subject=frozen.subject,
            body=frozen.body,
            idempotency_key=key,
            snapshot_date=self.today,
            planned_at=naive(self.now),
        )


def _same(before: Delivery | None, after: Delivery) -> bool:
    return before is not None and before.status == "skipped" == after.status and before.reason == after.reason


def report_url(env: Mapping[str, str]) -> str:
    """Return where the report stands, from PULSE_REPORT_URL; '' when it is not set. `{incident}` in it becomes the incident's name."""
    url = env.get("PULSE_REPORT_URL", "").strip()
    problem = url_problem("PULSE_REPORT_URL", url, plain_http=True) if url else ""
    if problem:
        raise UsageError(
            f"{problem}.", "Write the address under which readers of an alert find the report, or unset it."
        )
    return url


def repeat_days(env: Mapping[str, str]) -> int:
    """Return after how many days an open incident is told again, from PULSE_REPEAT_DAYS; 0 for never."""
    text = env.get("PULSE_REPEAT_DAYS", "").strip() or str(outbox.REPEAT_DAYS)
    if not text.isdigit():
        raise UsageError(f"PULSE_REPEAT_DAYS must be a whole number of days (0 switches reminders off), not {text!r}.")
    return int(text)


@contextmanager
def edge_of(http: httpx.Client | None, out: Callable[[str], None], clock: Callable[[], datetime]) -> Iterator[Edge]:
    """Give channels the outside world, and close what was opened for it."""
    import httpx

    client = http or httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)
    try:
        yield Edge(client, out, clock)
    finally:
        if http is None:
            client.close()
