"""A message is sent by the run that claimed it: what another run has planned or begun meanwhile is left to that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pulse_runner.alert.delivery import claim, delivery_of
from tests.python.alert.desk import Desk
from tests.python.alert.store import SLACK, project


@pytest.mark.parametrize("after_attempts", [0, 1], ids=["planned", "begun"])
def test_what_another_run_began_meanwhile_is_not_sent_here(desk: Desk, after_attempts: int) -> None:
    """The other run begins the message after this one has planned it, or its first try after this one has begun it."""
    write = desk.store.replace

    def and_another_run(table: str, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        write(table, keys, rows)
        if rows and rows[0]["attempts"] == after_attempts:
            desk.store.connection.execute("update pulse_alert_deliveries set attempts = attempts + 1")

    desk.store.replace = and_another_run  # type: ignore[method-assign]
    report = desk.run(project(SLACK))
    assert len(desk.web.got) == after_attempts, "what was begun here goes out, and nothing else"
    if not after_attempts:
        assert report.counts == {"planned": 1}
        assert [d["attempts"] for d in desk.store.deliveries()] == [1], "the row of the other run stays"


def test_a_message_is_claimed_as_a_whole_or_not_at_all(desk: Desk) -> None:
    desk.store.incident("other")
    desk.store.connection.execute("update pulse_incidents set group_key = 'g'")
    desk.run(project(SLACK))
    rows = [delivery_of(r) for r in desk.store.deliveries()]
    assert len(rows) == 2
    known = {d.delivery_id: d for d in rows}
    desk.store.connection.execute("update pulse_alert_deliveries set status = 'failed' where incident_id = 'other'")
    assert claim(desk.store, rows, known) == []  # type: ignore[arg-type]
    assert sorted(d["status"] for d in desk.store.deliveries()) == ["failed", "sent"]
    assert claim(desk.store, [], {}) == []  # type: ignore[arg-type]
