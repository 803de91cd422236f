"""Where evidence comes from: one file per source, asked in this order."""

from __future__ import annotations

from pulse_runner.explain.evidence.base import Source
from pulse_runner.explain.evidence.blast import Blast
from pulse_runner.explain.evidence.buckets import Buckets
from pulse_runner.explain.evidence.by_attribute import ByAttribute
from pulse_runner.explain.evidence.change import Change
from pulse_runner.explain.evidence.conversion import Conversion
from pulse_runner.explain.evidence.definition import Definition
from pulse_runner.explain.evidence.finding import Finding
from pulse_runner.explain.evidence.flows import Flows
from pulse_runner.explain.evidence.health import Health
from pulse_runner.explain.evidence.known_events import KnownEvents
from pulse_runner.explain.evidence.ladder import Ladder
from pulse_runner.explain.evidence.lineage import Lineage
from pulse_runner.explain.evidence.movement import Movement
from pulse_runner.explain.evidence.new_columns import NewColumns
from pulse_runner.explain.evidence.nodes import Nodes
from pulse_runner.explain.evidence.profiles import Profiles
from pulse_runner.explain.evidence.rate import Rate
from pulse_runner.explain.evidence.reach import Reach
from pulse_runner.explain.evidence.restated import Restated
from pulse_runner.explain.evidence.runs import Runs
from pulse_runner.explain.evidence.siblings import Siblings
from pulse_runner.explain.evidence.slices import Slices
from pulse_runner.explain.evidence.status import Status
from pulse_runner.explain.evidence.timeline import Timeline

# about the members of one segment; an incident of an entity has none
SEGMENT_SOURCES: tuple[Source, ...] = (
    Status(),
    Finding(),
    Rate(),
    Reach(),
    Ladder(),
    Change(),
    Restated(),
    Movement(),
    Buckets(),
    Slices(),
    Flows(),
)
# about what segments are built on; siblings, blast and lineage look at the columns that profiles and health suspect
AROUND_SOURCES: tuple[Source, ...] = (
    Nodes(),
    Conversion(),
    Definition(),
    Profiles(),
    Health(),
    ByAttribute(),
    NewColumns(),
    Siblings(),
    Blast(),
    KnownEvents(),
    Runs(),
    Lineage(),
    Timeline(),
)
SOURCES: tuple[Source, ...] = (*SEGMENT_SOURCES, *AROUND_SOURCES)
