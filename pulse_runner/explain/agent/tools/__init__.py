"""The tools that a model and an assistant may call, one file each, in the order in which they are offered."""

from __future__ import annotations

from pulse_runner.explain.agent.tools.base import Tool
from pulse_runner.explain.agent.tools.column_health import ColumnHealth
from pulse_runner.explain.agent.tools.definition import DefinitionTool
from pulse_runner.explain.agent.tools.distribution import Distribution
from pulse_runner.explain.agent.tools.flows import FlowsTool
from pulse_runner.explain.agent.tools.history import History
from pulse_runner.explain.agent.tools.incidents import Incidents
from pulse_runner.explain.agent.tools.lineage import LineageTool
from pulse_runner.explain.agent.tools.simulate_detector import SimulateDetector
from pulse_runner.explain.agent.tools.simulate_rule import SimulateRule
from pulse_runner.explain.agent.tools.sql import Sql

TOOLS: tuple[Tool, ...] = (
    DefinitionTool(),
    History(),
    Distribution(),
    ColumnHealth(),
    FlowsTool(),
    LineageTool(),
    Incidents(),
    SimulateDetector(),
    SimulateRule(),
    Sql(),
)
