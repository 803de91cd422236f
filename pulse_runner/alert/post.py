"""Send messages that are about no incident, such as the digest of a week, through the outbox: stored before they go, once per key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.delivery import UNDER_WAY, Delivery, deliveries_by_key, naive, save
from pulse_runner.alert.dispatch import Dispatch, not_ready
from pulse_runner.alert.message import AlertMessage
from pulse_runner.alert.routing import Address
from pulse_runner.alert.stage import AlertReport, Quiet, edge_of
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Post:
    """One message to one target. `occasion` is what it is sent for once, such as a week; it and the target are its key."""

    address: Address
    message: AlertMessage
    occasion: str

    @property
    def key(self) -> str:
        """Return the idempotency key."""
        channel, target = self.address.key[1:]
        return "pulse-" + sha256("|".join((self.occasion, channel, target)).encode()).hexdigest()[:32]


def send_posts(
    warehouse: Warehouse, project: Project, posts: Sequence[Post], day: date, now: datetime, env: Mapping[str, str], *,
    dry_run: bool = False, out: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Callable[[float], None] = time.sleep,
) -> AlertReport:  # fmt: skip
    """Send what was not sent yet, and return what was done; what waits from an earlier try goes as it was written then.

    A target that is not set up gets nothing: its message goes to `out`, and is tried anew the next time.
    """
    said = list[str]()

    def once(text: str) -> None:
        if text not in said:  # what two targets lack stands on the screen once
            said.append(text)
            out(text)

    known = deliveries_by_key(warehouse, [p.key for p in posts])
    report, ready, fresh = AlertReport(dry_run), list[Delivery](), list[Delivery]()
    for post in posts:
        before = known.get(post.key)
        if before is not None and before.status in UNDER_WAY:
            ready.append(before)
        elif before is not None and before.status != "skipped":
            how = f"sent on {before.sent_at:%Y-%m-%d}" if before.was_told and before.sent_at else "given up"
            report.quiet.append(Quiet("", post.address, f"{post.occasion} was {how}"))
        else:
            fresh.append(_rendered(post, day, now, env, dry_run, once))
    if dry_run:
        report.deliveries = [*ready, *fresh]
        return report
    save(warehouse, fresh)
    ready += [d for d in fresh if d.status == "planned"]
    report.deliveries = [d for d in fresh if d.status == "skipped"]
    with edge_of(None, out, clock) as edge:
        report.deliveries += Dispatch(warehouse, project, env, edge, sleep).send(ready, {})
    return report


def _rendered(
    post: Post, day: date, now: datetime, env: Mapping[str, str], dry_run: bool, out: Callable[[str], None]
) -> Delivery:
    """Return a delivery with its frozen body: planned, or skipped where the channel is not set up."""
    channel = CHANNELS[post.address.channel]
    frozen, setup = channel.render(post.message, post.key), channel.setup(post.address.settings, env)
    gap = not_ready(channel.name, setup) if setup.missing else ""
    if dry_run:
        but = f" (but {gap})" if gap else ""
        out(f"--- {channel.name} via {post.address.route} to {post.address.place}{but}\n{frozen.body}\n")
    elif gap:
        out(f"{CHANNELS['console'].render(post.message, post.key).body}\n")
    route, name, target = post.address.key
    return Delivery(
        delivery_id=post.key, incident_id="", notification="weekly", route=route, channel=name, target=target,
        status="skipped" if gap else "planned", attempts=0, reason=gap or post.occasion, subject=frozen.subject, body=frozen.body,
        idempotency_key=post.key, snapshot_date=day, planned_at=naive(now),
    )  # fmt: skip
