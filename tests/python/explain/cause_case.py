"""What a case file of a cause says: plants after which it is named, plants after which it is not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from explain_world import World

from pulse_runner.explain.causes import CAUSES
from pulse_runner.explain.causes.base import Cause
from pulse_runner.incidents.incident import Incident

Plant = Callable[[World], Incident]

MANIFEST = {
    "sources": {
        "source.shop.raw.customers": {
            "name": "customers", "source_name": "raw", "resource_type": "source", "original_file_path": "models/_sources.yml", "columns": {"ltv": {}},
        }
    },
    "nodes": {
        "model.shop.dim_customers_daily": {
            "name": "dim_customers_daily", "resource_type": "model", "original_file_path": "models/dim_customers_daily.sql",
            "relation_name": "dim", "raw_code": "select * from {{ ref('stg_customers') }}",
            "depends_on": {"nodes": ["model.shop.stg_customers", "model.shop.stg_orders"]},
        },
        "model.shop.stg_orders": {
            "name": "stg_orders", "resource_type": "model", "original_file_path": "models/stg_orders.sql",
            "relation_name": "stg_orders_built", "raw_code": "select order_id, ltvx from x", "depends_on": {"nodes": []},
        },
        "model.shop.stg_customers": {
            "name": "stg_customers", "resource_type": "model", "original_file_path": "models/stg_customers.sql",
            "raw_code": "select customer_id, cast(LTV as double) as ltv from {{ source('raw', 'customers') }}",
            "depends_on": {"nodes": ["source.shop.raw.customers"]},
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A planted fault after which the first hypothesis is `name`, this firm, with this headline."""

    plant: Plant
    name: str
    confidence: str
    headline: str


def file_of(cause: Cause) -> str:
    """Return the name of a cause's file: of its code, its cases and its anchor in the docs."""
    return type(cause).__module__.rsplit(".", 1)[-1]


def cases_of(cause: Cause) -> ModuleType:
    """Return a cause's case file: FOUND and QUIET."""
    return importlib.import_module(f"cause_cases.{file_of(cause)}")


FOUND: list[tuple[Cause, Found]] = [(cause, found) for cause in CAUSES for found in cases_of(cause).FOUND]
QUIET: list[tuple[Cause, Plant]] = [(cause, plant) for cause in CAUSES for plant in cases_of(cause).QUIET]
PLANTS: list[Plant] = list(dict.fromkeys([*(found.plant for _, found in FOUND), *(plant for _, plant in QUIET)]))
