"""An edit in the window is named; one before it is not."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import FIRST, D, World

from pulse_runner.incidents.incident import Incident


def edited_rule(world: World) -> Incident:
    world.insert(
        "pulse_segments", segment_id="vip", version=2, entity="customers", owner="growth-team", enabled=True,
        rule_text="ltv > 2000 and last_active_days <= 7", definition_hash="h-vip-2", valid_from=D,
    )  # fmt: skip
    world.resize(520)
    world.changes(("lost", "edited", "", "", 480), ("gained", "leaf", "ltv > 2000", "ltv", 0))
    return world.incident()


def earlier_edit(world: World) -> Incident:
    """The rule was edited on the first day of the history, long before the change."""
    world.insert(
        "pulse_segments", segment_id="vip", version=2, entity="customers", owner="growth-team", enabled=True,
        rule_text="ltv > 2000", definition_hash="h-vip-2", valid_from=FIRST,
    )  # fmt: skip
    world.resize(520)
    return world.incident()


def edited_reference(world: World) -> Incident:
    """The rule of abroad is as it was; germans, which it refers to, has a new one."""
    for version, rule, since in ((2, "country in (DE, AT)", D),):
        world.insert(
            "pulse_segments", segment_id="germans", version=version, entity="customers", owner="growth-team", enabled=True,
            rule_text=rule, definition_hash=f"h-germans-{version}", valid_from=since,
        )  # fmt: skip
    world.changes(("lost", "edited", "", "", 300), segment="abroad")
    for day, size in ((D - timedelta(days=1), 1000), (D, 700)):
        world.insert(
            "pulse_segment_snapshots", segment_id="abroad", snapshot_date=day, entity="customers", size=size, previous_size=1000,
            previous_date=day - timedelta(days=1), entered=0, exited=300, status="ok", status_reason="",
        )  # fmt: skip
    return world.incident(segment_id="abroad")


FOUND = (
    Found(
        edited_reference,
        "reference_edited",
        "high",
        "30 % fewer members since 14 May: 300 of 300 leavers left by the edited rule; the rule of germans, which abroad refers to, was edited.",
    ),
    Found(
        edited_rule,
        "rule_edited",
        "high",
        "48 % fewer members since 14 May: 480 of 480 leavers left by the edited rule; the rule of vip was edited.",
    ),
)
QUIET = (earlier_edit,)
