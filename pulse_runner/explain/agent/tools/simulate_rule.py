"""simulate_rule: how many keys of an entity another rule would take on a day, condition by condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pulse_runner.compile.preview import count_funnel, parts_of
from pulse_runner.compile.tally import Tally
from pulse_runner.errors import PulseError
from pulse_runner.explain.agent.tools.base import Arguments, Desk, Result, ToolRefused, fact, floored
from pulse_runner.segments.model import All, Entity, FieldLeaf
from pulse_runner.segments.operators import OPERATORS
from pulse_runner.segments.people import looks_like_people
from pulse_runner.segments.text import rule_text
from pulse_runner.snapshot.read import counted, shown_day
from pulse_runner.vocabulary import count

ALLOWED = ("=", "!=", "<", "<=", ">", ">=", "in", "not_in", "is_null", "is_not_null", "is_true", "is_false")
MOST = 6


class Condition(Arguments):
    """One condition on one field; `values` are its operands as text."""

    field: str
    operator: str
    values: list[str]


class Given(Arguments):
    """An entity and the conditions that all have to hold."""

    entity: str
    conditions: Annotated[list[Condition], Field(max_length=MOST)]
    day: str


@dataclass(frozen=True)
class SimulateRule:
    """Count the keys of an entity under another rule, in steps of k."""

    name: str = "simulate_rule"
    description: str = (
        "How many keys of an entity a rule would take on a day (YYYY-MM-DD), condition by condition; counts are rounded down. "
        f"Operators: {', '.join(ALLOWED)}; values are text, none for is_null and the like."
    )
    arguments: type[Arguments] = Given

    def run(self, desk: Desk, given: Given) -> Result:
        """Return a fact per condition: alone, and with all before it."""
        entity, day = desk.entity(given.entity), desk.day(given.day)
        if not given.conditions:
            raise ToolRefused("give at least one condition")
        rule = All(tuple(_leaf(entity, c) for c in given.conditions))
        try:
            relation = desk.warehouse.relation(entity.relation.function, *entity.relation.arguments)
            shown = shown_day(
                desk.warehouse, entity, relation, None if entity.history.kind == "none" else day, desk.today, day
            )
        except PulseError:
            raise ToolRefused(f"{entity.name} cannot be counted on {day}") from None
        order = sorted({leaf.field for leaf in rule.parts if isinstance(leaf, FieldLeaf)} & _columns(entity))
        tally = Tally(entity, relation, desk.warehouse.dialect, shown, shown, order, lambda e: "")
        count_funnel(tally, "rule", rule, entity, {})
        counts = counted(desk.warehouse, tally).get(shown, {})
        out = []
        for n, part in enumerate(parts_of(rule), start=1):
            alone, upto = (floored(counts.get(("rule", how, n), 0), desk.k) for how in ("alone", "upto"))
            text = (
                f"`{rule_text(part)}` alone takes at least {count(alone)} keys of {entity.name} on {shown},"
                f" with those before it {count(upto)}."
            )
            values = {
                "entity": entity.name,
                "condition": rule_text(part),
                "alone": alone,
                "upto": upto,
                "snapshot_date": shown,
            }
            out.append(fact(self.name, text, values, "", "relation"))
        return Result(tuple(out), f"Counts are rounded down to steps of {desk.k}.")


def _columns(entity: Entity) -> set[str]:
    return {n for n, f in entity.fields.items() if f.days_since is None}


def _leaf(entity: Entity, given: Condition) -> FieldLeaf:
    """Return a condition; raise ToolRefused for a field that may point at people, and for operands that do not fit."""
    field = entity.fields.get(given.field)
    shown = {a.field for a in entity.attributes if a.values != "hidden"}
    if field is None or given.field == entity.key:
        raise ToolRefused(f"{entity.name} has no field {given.field[:60]!r}; it has {', '.join(sorted(entity.fields))}")
    if given.operator not in ALLOWED or field.type not in OPERATORS[given.operator].fits:
        raise ToolRefused(f"{given.operator[:20]!r} does not fit {given.field}")
    compares = OPERATORS[given.operator].operand != "none"
    if compares and field.type == "text" and (given.field not in shown or looks_like_people(given.field)):
        raise ToolRefused(f"{given.field} may point at people: only its nulls can be counted")
    if compares and (not given.values or (len(given.values) > 1 and OPERATORS[given.operator].operand == "value")):
        raise ToolRefused(
            f"{given.operator} takes {'a list' if OPERATORS[given.operator].operand == 'list' else 'one value'}"
        )
    return FieldLeaf(
        given.field, given.operator, tuple(_operand(v, field.type) for v in given.values[:50]) if compares else ()
    )


def _operand(text: str, kind: str) -> str | float | int | bool:
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise ToolRefused("a boolean is true or false")
        return text.lower() == "true"
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            raise ToolRefused("a number is expected") from None
        if not abs(number) < 1e15:
            raise ToolRefused("that number is too large")
        return int(number) if number == int(number) else number
    return text
