"""An edit above a column of the rule is named; one that touched nothing that the segment reads is not."""

from __future__ import annotations

from datetime import timedelta

from cause_case import Found
from explain_world import D, World

from pulse_runner.incidents.incident import Incident

BEFORE = "select customer_id, cast(LTV as double) as ltv from {{ source('raw', 'customers') }}"


def another_expression(world: World) -> Incident:
    """The members who left crossed the condition on ltv, and no health figure moved by as much as is told."""
    world.edit(BEFORE, BEFORE.replace("cast(LTV as double)", "cast(LTV as double) / 1.19"))
    world.resize(579)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 422))
    return world.incident()


def only_a_comment(world: World) -> Incident:
    world.edit(BEFORE, BEFORE + " -- tidier")
    world.resize(579)
    world.changes(("lost", "leaf", "ltv > 1000", "ltv", 422))
    return world.incident()


def long_ago(world: World) -> Incident:
    world.edit(BEFORE, BEFORE.replace("double", "float"), day=D - timedelta(days=20))
    world.resize(579)
    return world.incident()


def a_model_that_feeds_something_else(world: World) -> Incident:
    world.edit("select order_id, ltvx from x", "select order_id, 2 * ltvx as ltvx from x", node="stg_orders")
    world.resize(579)
    return world.incident()


FOUND = (
    Found(
        another_expression,
        "model_changed",
        "high",
        "42 % fewer members since 14 May: 422 of 422 leavers left by `ltv > 1000`; the code of stg_customers, above ltv, was changed.",
    ),
)
QUIET = (only_a_comment, long_ago, a_model_that_feeds_something_else)
