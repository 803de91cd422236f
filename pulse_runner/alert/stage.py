"""The stage `alert`: decide, render and freeze, store, send, store again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pulse_runner.alert import outbox, read
from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.channels.base import TIMEOUT_SECONDS, Edge, Frozen, Outgoing, Setup
from pulse_runner.alert.delivery import PAUSE, Sender, by_message, naive
from pulse_runner.alert.message import AlertMessage, Notification, Subject, build, test_message
from pulse_runner.alert.outbox import UNDER_WAY, Address, Decision
from pulse_runner.errors import ChannelError, UsageError
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse

if TYPE_CHECKING:
    import httpx

Row = dict[str, Any]
STATUSES = ("sent", "failed", "given_up", "skipped", "planned")


@dataclass
class AlertReport:
    """What the stage did: rows of pulse_alert_deliveries that it wrote (or would write), and incidents that need nothing, with the reason."""

    dry_run: bool = False
    rows: list[Row] = field(default_factory=list)
    quiet: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return messages by status; several incidents in one message count once."""
        keys = {(r["status"], r["idempotency_key"]) for r in self.rows}
        return dict(sorted(Counter(status for status, _ in keys).items()))

    def sentence(self) -> str:
        """Return one line for a person."""
        if not self.rows:
            return "nothing to tell"
        words = {"planned": "would be sent" if self.dry_run else "waiting", "given_up": "given up"}
        said = ", ".join(f"{self.counts[s]} {words.get(s, s)}" for s in STATUSES if s in self.counts)
        why = sorted({r["reason"] for r in self.rows if r["status"] in ("skipped", "failed", "given_up")})
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
    sleep: Callable[[float], None] | None = None,
) -> AlertReport:
    """Tell the owners what is new on `today` and return what was done.

    A target whose variables are not set gets nothing: the message goes to `out`, and the delivery is stored as skipped. With `dry_run`
    nothing is sent or written, and `out` gets what would be sent, to the letter. `channel` and `incident_id` narrow the work.
    """
    incidents = read.incidents_to_judge(warehouse, today, incident_id)
    deliveries = read.deliveries_of(warehouse, incidents)
    decisions, nowhere = outbox.plan(
        incidents,
        read.worsenings(warehouse, today),
        deliveries,
        project,
        today,
        repeat_days=_repeat_days(env),
        retry=retry,
    )
    decisions = [d for d in decisions if channel in (None, d.address.target.channel)]
    report = AlertReport(dry_run)
    report.quiet += [_quiet(d.incident_id, d.address, d.reason) for d in decisions if d.verdict == "quiet"]
    report.quiet += [_quiet(identity, None, reason) for identity, reason in nowhere]
    known = {d["delivery_id"]: d for rows in deliveries.values() for d in rows}
    pending = [d for d in known.values() if d["status"] in UNDER_WAY and channel in (None, d["channel"])]
    planned = _render(warehouse, project, decisions, incidents, known, env, today, now, out, dry_run)
    fresh = {r["delivery_id"] for r in planned}
    report.quiet += [
        _quiet(d.incident_id, d.address, f"{known[d.delivery_id]['reason']} (as before)")
        for d in decisions
        if d.verdict != "quiet" and d.delivery_id not in fresh
    ]
    if dry_run:
        for rows in by_message(pending):
            out(
                f"--- {rows[0]['channel']} via {rows[0]['route']}, waiting since {rows[0]['planned_at']}\n{rows[0]['body']}\n"
            )
        report.rows = [*pending, *planned]
        return report
    with warehouse.transaction():
        warehouse.replace("pulse_alert_deliveries", ["delivery_id"], planned)
    report.rows += [r for r in planned if r["status"] == "skipped"]
    ready = [*pending, *(r for r in planned if r["status"] == "planned")]
    with _edge(http, out, clock) as edge:
        sender = Sender(warehouse, env, edge, sleep) if sleep else Sender(warehouse, env, edge)
        report.rows += _send(sender, ready, project, {i["incident_id"]: i for i in incidents})
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
) -> list[Row]:
    """Send a test message to every target of a route, store nothing, and return a row per target with what came of it."""
    if route not in project.routes:
        known = ", ".join(sorted(project.routes)) or "none; add one to segments/routes.yml"
        raise UsageError(f"No route {route!r}. Routes: {known}.")
    message, rows = test_message(route, now), list[Row]()
    with _edge(http, out, clock) as edge:
        for address in outbox.distinct(project, [route]):
            target, channel = address.target, CHANNELS[address.target.channel]
            setup = channel.setup(target.settings, env)
            key = f"pulse-test-{int(clock().timestamp() * 1000):x}"
            frozen = channel.render(message, key)
            status, reason = "sent", ""
            if not setup.is_ready:
                status, reason = "skipped", not_ready(target.channel, setup)
            else:
                try:
                    reason = channel.send(Outgoing(key, frozen.subject, frozen.body), target.settings, env, edge)
                except ChannelError as error:
                    status, reason = "failed", str(error)
            rows.append(
                {"route": route, "channel": channel.name, "target": address.name, "status": status, "reason": reason}
            )
    return rows


def not_ready(channel: str, setup: Setup) -> str:
    """Say why a target cannot be used.

    >>> not_ready("slack", Setup(missing=("PULSE_SLACK_WEBHOOK",)))
    'slack is not set up: PULSE_SLACK_WEBHOOK is not set'
    """
    if setup.missing:
        names = ", ".join(setup.missing)
        return f"{channel} is not set up: {names} {'are' if len(setup.missing) > 1 else 'is'} not set"
    return f"{channel} is not set up: {setup.problem}"


def _render(
    warehouse: Warehouse,
    project: Project,
    decisions: Sequence[Decision],
    incidents: Sequence[Row],
    known: Mapping[str, Row],
    env: Mapping[str, str],
    today: date,
    now: datetime,
    out: Callable[[str], None],
    dry_run: bool,
) -> list[Row]:
    """Return the new rows of pulse_alert_deliveries: planned with a frozen body, or skipped with the reason."""
    due = [d for d in decisions if d.verdict != "quiet"]
    wanted = {d.incident_id for d in due}
    about = read.subjects(warehouse, project, [i for i in incidents if i["incident_id"] in wanted], today)
    shown, rows = set[tuple[object, ...]](), list[Row]()
    for group in outbox.grouped(due, incidents):
        first = group[0]
        target, channel = first.address.target, CHANNELS[first.address.target.channel]
        key = outbox.message_key(group)
        message = _message(group, about, today, now)
        frozen = channel.render(message, key)
        setup = channel.setup(target.settings, env)
        withheld = first.verdict == "skip"
        status = "skipped" if withheld or not setup.is_ready else "planned"
        gap = "" if withheld or setup.is_ready else not_ready(channel.name, setup)
        group_rows = [_row(d, status, gap or d.reason, frozen, key, today, now) for d in group]
        if dry_run and not withheld:
            place = f"{channel.name} via {first.address.route} to {first.address.name or 'the screen'}"
            out(
                f"--- {place}: {first.notification}, because {first.reason}{f' (but {gap})' if gap else ''}\n{frozen.body}\n"
            )
        news = group_rows if dry_run else [r for r in group_rows if not _same(known.get(r["delivery_id"]), r)]
        rows += news
        if news and gap and not dry_run:
            told = (first.notification, *sorted(d.incident_id for d in group))
            if told not in shown:  # once on the screen, however many channels are not set up
                shown.add(told)
                out(CHANNELS["console"].render(message, key).body + "\n")
    return rows


def _message(group: Sequence[Decision], about: Mapping[str, Subject], today: date, now: datetime) -> AlertMessage:
    kind: Notification = group[0].notification
    return build(kind, [about[d.incident_id] for d in group], today, now, group[0].reason)


def _row(decision: Decision, status: str, reason: str, frozen: Frozen, key: str, today: date, now: datetime) -> Row:
    address = decision.address
    return {
        "delivery_id": decision.delivery_id,
        "incident_id": decision.incident_id,
        "notification": decision.notification,
        "route": address.route,
        "channel": address.target.channel,
        "target": address.name,
        "status": status,
        "attempts": 0,
        "reason": reason,
        "subject": frozen.subject,
        "body": frozen.body,
        "idempotency_key": key,
        "snapshot_date": today,
        "planned_at": naive(now),
        "sent_at": None,
    }


def _same(before: Row | None, after: Row) -> bool:
    return (
        before is not None and before["status"] == "skipped" == after["status"] and before["reason"] == after["reason"]
    )


def _send(sender: Sender, rows: Sequence[Row], project: Project, incidents: Mapping[str, Row]) -> list[Row]:
    done, used = list[Row](), set[str]()
    for message in by_message(rows):
        first = message[0]
        name = first["channel"]
        address = _address_of(first, project)
        if address is None:
            reason = f"route {first['route']} has no such {name} target any more"
            done += sender.store(message, status="given_up", reason=reason)
            continue
        setup = CHANNELS[name].setup(address.target.settings, sender.env)
        if not setup.is_ready:
            done += sender.store(message, status="failed", reason=not_ready(name, setup))
            continue
        if all(_is_late(r, incidents) for r in message):
            done += sender.store(message, status="skipped", reason="it was over before the message could be sent")
            continue
        if name in used:
            sender.sleep(PAUSE)
        used.add(name)
        done += sender.deliver(message, CHANNELS[name], address.target.settings)
    return done


def _address_of(row: Row, project: Project) -> Address | None:
    route = project.routes.get(row["route"])
    found = outbox.distinct(project, [route.name]) if route else []
    return next((a for a in found if a.key == (row["route"], row["channel"], row["target"])), None)


def _is_late(row: Row, incidents: Mapping[str, Row]) -> bool:
    """Say whether a message that waited since an earlier run speaks of an incident that is over."""
    incident = incidents.get(row["incident_id"])
    over = incident is not None and incident["status"] not in outbox.ACTIVE
    return over and row["notification"] != "resolved" and not (row["status"] == "planned" and row["attempts"] > 0)


def _quiet(incident_id: str, address: Address | None, reason: str) -> Row:
    route, channel, target = address.key if address else ("", "", "")
    return {
        "incident_id": incident_id, "notification": "", "route": route, "channel": channel, "target": target,
        "status": "quiet", "reason": reason,
    }  # fmt: skip


def _repeat_days(env: Mapping[str, str]) -> int:
    text = env.get("PULSE_REPEAT_DAYS", "").strip() or str(outbox.REPEAT_DAYS)
    if not text.isdigit():
        raise UsageError(f"PULSE_REPEAT_DAYS must be a whole number of days (0 switches reminders off), not {text!r}.")
    return int(text)


@contextmanager
def _edge(http: httpx.Client | None, out: Callable[[str], None], clock: Callable[[], datetime]) -> Iterator[Edge]:
    import httpx

    client = http or httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False)
    try:
        yield Edge(client, out, clock)
    finally:
        if http is None:
            client.close()
