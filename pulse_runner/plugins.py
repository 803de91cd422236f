"""What the registries of detectors, causes and channels, and a project, add to the definition files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.detectors import DETECTORS
from pulse_runner.errors import UsageError
from pulse_runner.explain.causes import CAUSES
from pulse_runner.segments.functions import Functions
from pulse_runner.segments.schema import Schema
from pulse_runner.warehouse.project import project_vars, warehouse_kind

SCHEMA = Schema(
    detectors={d.name: d.per_attribute for d in DETECTORS},
    channels={name: channel.settings for name, channel in CHANNELS.items()},
    causes=(*sorted({name for cause in CAUSES for name in cause.names}), "unknown"),
)


def schema_of(root: Path, target: str | None = None) -> Schema:
    """Return the shape of the definition files of a project: its SQL may use the list of its warehouse, and the names that it adds."""
    return replace(SCHEMA, functions=Functions(warehouse_kind(root, target), _own_functions(root)))


def _own_functions(root: Path) -> frozenset[str]:
    given = project_vars(root).get("pulse_sql_functions") or []
    names = given if isinstance(given, list) else [given]
    wrong = [n for n in names if not isinstance(n, str) or not re.fullmatch(r"[a-z_][a-z0-9_]*", n)]
    if wrong:
        raise UsageError(
            f"dbt_project.yml: the var pulse_sql_functions names {str(wrong[0])[:60]!r}, which is not a function's plain name.",
            "Write a list of names in lower case, without schema and brackets, such as [my_function].",
        )
    return frozenset(names)
