"""The examples of the operators, as docs/segments.md shows them, are true for the customers that it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.compile.tally import Tally
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project
from pulse_runner.segments.operators import EXAMPLE, EXAMPLE_DAY, OPERATORS
from pulse_runner.warehouse.connection import connect

ENTITY = """\
entity: customers
relation: ref('customers')
key: customer_id
fields: {plan: text, ltv: number, opted_in: boolean, signed_up_on: date}
"""


def segment(number: int, example: str) -> str:
    return f"segment: s{number}\nlabel: S\nentity: customers\nowner: me\nrules:\n  - {example}\n"


@pytest.fixture
def warehouse(empty_schema: Path) -> Iterator[Any]:
    opened: Any = connect(empty_schema)
    kinds = "customer_id integer, plan varchar, ltv integer, opted_in boolean, signed_up_on date"
    opened._execute(f"create table {opened.table('customers')} ({kinds})", ())
    for row in EXAMPLE:
        values = ", ".join("null" if v is None else f"'{v}'" for v in row)
        opened._execute(f"insert into {opened.table('customers')} values ({values})", ())
    yield opened
    opened.close()


def test_every_example_is_true_for_the_customers_that_it_names(warehouse: Any) -> None:
    texts = {f"segments/s{n}.yml": segment(n, o.example) for n, o in enumerate(OPERATORS.values())}
    project = build_project({"segments/entities/customers.yml": ENTITY} | texts, SCHEMA)
    entity = project.entities["customers"]
    rules = {name: s.rule for name, s in project.segments.items()}
    found: dict[str, list[str]] = {name: [] for name in OPERATORS}
    for customer, *_ in EXAMPLE:
        rows = f"(select * from {warehouse.table('customers')} where customer_id = {customer})"
        tally = Tally(entity, rows, warehouse.dialect, EXAMPLE_DAY, EXAMPLE_DAY, (), lambda source: "")
        for n, name in enumerate(OPERATORS):
            tally.count(name, tally.flag(rules[f"s{n}"], entity, rules))
        (statement,) = tally.statements()
        (counted,) = warehouse.query(statement.sql)
        for column, name in statement.names.items():
            found[str(name)] += [str(customer)] * int(counted[column])
    assert {name: ", ".join(takes) for name, takes in found.items()} == {n: o.takes for n, o in OPERATORS.items()}


def test_every_example_uses_its_own_operator() -> None:
    assert [n for n, o in OPERATORS.items() if f"operator: {n}" not in o.example.replace('"', "")] == []
