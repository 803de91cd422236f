"""An edit in the window is named; one before it is not."""

from __future__ import annotations

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


FOUND = (
    Found(
        edited_rule,
        "rule_edited",
        "high",
        "48 % fewer members since 14 May: 480 of 480 leavers left by the edited rule; the rule of vip was edited.",
    ),
)
QUIET = (earlier_edit,)
