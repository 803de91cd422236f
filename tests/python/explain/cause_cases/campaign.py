"""Many new rows are a campaign when keys are unique; copies of existing rows are not."""

from __future__ import annotations

from cause_case import Found
from cause_cases.duplicate_load import duplicate_load
from explain_world import World

from pulse_runner.incidents.incident import Incident


def imported_rows(world: World) -> Incident:
    world.resize(1400)
    world.changes(("gained", "row_new", "", "", 400))
    return world.incident(direction="up")


FOUND = (
    Found(
        imported_rows,
        "campaign",
        "medium",
        "40 % more members since 14 May: 400 of 400 newcomers came with new rows; many new rows arrived: a campaign or an import.",
    ),
)
QUIET = (duplicate_load,)
