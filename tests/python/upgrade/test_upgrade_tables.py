"""Tables of version 0.1.0 are brought to this version without loss, whatever happens on the way."""

from __future__ import annotations

import landed_shop
import pytest
from landed_world import NEW_NAME, SCHEMA, TABLES, VIEWS, World

SEGMENT_VIEWS = {name for name in VIEWS if name.startswith("seg_")}


@pytest.mark.postgres_in_matrix
def test_every_row_of_every_table_is_there_under_the_new_names_and_the_incidents_go_on(world: World) -> None:
    world.load()
    before = world.everything(world.old, {name: name for name in TABLES})
    assert sum(map(len, before.values())) > 1000
    done = world.pulse("upgrade")
    assert (
        f"upgraded {world.old}.pulse_incidents: from {world.old}.incidents with 3 rows; added number, until_on, severity_parts;"
        " marked as Pulse's" in done.stdout
    )
    assert f"upgraded {world.old}.pulse_segment_snapshots: from {world.old}.segment_snapshots with" in done.stdout
    assert "added revenue, revenue_per_member" in done.stdout

    assert world.everything(world.old, NEW_NAME) == before
    assert {name for _, name in world.relations()} == set(NEW_NAME.values()) | SEGMENT_VIEWS
    fresh = world.query(f'select revenue, revenue_per_member from "{world.old}".pulse_segment_snapshots')
    assert {tuple(row.values()) for row in fresh} == {(None, None)}
    assert "Fair in Hanover" in (world.root / "seeds/pulse_known_events.csv").read_text(encoding="utf-8")
    again = world.pulse("upgrade")
    assert again.stdout == ""
    assert "Nothing to do" in again.stderr

    # the next evening
    sent = world.rows(world.old, "pulse_alert_deliveries", ["delivery_id", "status", "sent_at"])
    for statement in landed_shop.load(landed_shop.NEXT):
        world.sql(statement)
    world.at(landed_shop.NEXT)
    world.pulse("run", "--date", str(landed_shop.NEXT))
    after = {r["incident_id"]: r for r in world.query(f'select * from "{world.old}".pulse_incidents')}
    ids = SCHEMA["incidents"]["columns"]
    old = {row[0]: dict(zip(ids, row, strict=True)) for row in before["incidents"]}
    for incident in old.values():
        now = after[incident["incident_id"]]
        assert (now["status"], now["assignee"]) == (incident["status"], incident["assignee"])
        assert str(now["started_on"]) == incident["started_on"]
        assert now["last_seen_on"] == landed_shop.NEXT
    assert sorted(r["number"] for r in after.values()) == [1, 2, 3]
    told = world.query(f"select * from \"{world.old}\".pulse_alert_deliveries where status = 'sent'")
    assert set(sent) <= set(world.rows(world.old, "pulse_alert_deliveries", ["delivery_id", "status", "sent_at"]))
    assert [d for d in told if d["snapshot_date"] == landed_shop.NEXT and d["incident_id"] in old] == []
    assert set(after) == set(old)

    edited = world.query(f"select * from \"{world.old}\".pulse_segment_changes where cause = 'edited'")
    assert {str(r["snapshot_date"]) for r in edited} == {str(landed_shop.EDITED)}
    assert world.rows(world.old, "pulse_segments", list(SCHEMA["segments"]["columns"])) == before["segments"]
    day = world.query(
        f'select segment_id, size, previous_size, entered, exited from "{world.old}".pulse_segment_snapshots'
        f" where snapshot_date = date '{landed_shop.NEXT}' order by 1"
    )
    stored = {row[0]: row for row in before["segment_snapshots"] if row[1] == str(landed_shop.LAST)}
    sizes = {r["segment_id"]: r for r in day}
    at = list(SCHEMA["segment_snapshots"]["columns"]).index("size")
    for segment in ("german", "gold", "rich"):
        assert sizes[segment]["previous_size"] == int(stored[segment][at])
        assert (
            sizes[segment]["entered"] - sizes[segment]["exited"]
            == sizes[segment]["size"] - sizes[segment]["previous_size"]
        )
    assert "Nothing to do" in world.pulse("upgrade").stderr  # the build writes the same marks
