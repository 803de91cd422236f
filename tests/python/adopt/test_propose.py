"""What a look at a table says: the key, the attributes, the clocks; and who is never counted by."""

from __future__ import annotations

import pytest

from pulse_runner.adopt.definitions import entity_text
from pulse_runner.adopt.facts import Column, Table
from pulse_runner.adopt.propose import Answers, answered_history, history_columns, key_candidates, propose
from pulse_runner.errors import UsageError


def table(*columns: Column, rows: int = 1000) -> Table:
    return Table("ref('dim_people')", "dim_people", '"x"."dim_people"', columns, rows)


PEOPLE = table(
    Column("people_id", "number", "bigint", 1000, 1000, 500.0),
    Column("email", "text", "varchar", 1000, 1000),
    Column("FirstName", "text", "varchar", 1000, 40, most="Ann"),
    Column("billing_address", "text", "varchar", 1000, 30, most="x"),
    Column("phone_type", "text", "varchar", 1000, 3, most="cell"),
    Column("country", "text", "varchar", 1000, 12, most="DE"),
    Column("remarks", "text", "varchar", 1000, 9, most="ok"),
    Column("session_token", "text", "varchar", 1000, 5, most="t"),
    Column("is_trial", "boolean", "boolean", 1000, 2),
    Column("region_id", "text", "varchar", 1000, 4, most="1"),
    Column("last_seen_at", "timestamp", "timestamp", 900, 500),
    Column("last_order_at", "text", "varchar", 900, 500),
    Column("lifetime_value", "number", "numeric", 1000, 700, 123.4),
    Column("email_opt_in", "boolean", "boolean", 1000, 2),
    Column("tags", None, "json"),
)


def test_columns_that_look_like_people_are_never_attributes() -> None:
    found = propose(PEOPLE, "people_id", (), Answers())
    assert found.attributes == {"country": "", "is_trial": ""}


def test_a_column_that_looks_like_people_is_hidden_when_somebody_asks_for_it() -> None:
    found = propose(PEOPLE, "people_id", (), Answers(attributes=["FirstName", "country", "last_order_at"]))
    assert found.attributes == {"FirstName": "hidden", "country": "", "last_order_at": "hidden"}
    assert found.notes[-1] == (
        "Values that look like people are hidden: FirstName, last_order_at. `values: shown` shows them."
    )
    assert "attributes: [{field: FirstName, values: hidden}, country, " in entity_text(found)


def test_the_clock_is_chosen_by_its_real_type() -> None:
    found = propose(PEOPLE, "people_id", (), Answers())
    assert found.activity == ("last_seen_at", 30)
    assert found.conversion is None
    with pytest.raises(UsageError, match="last_order_at of dim_people is varchar, not a date"):
        propose(PEOPLE, "people_id", (), Answers(conversion="last_order_at"))


def test_the_first_segment_is_drawn_from_the_columns_and_what_is_left_out_is_said() -> None:
    found = propose(PEOPLE, "people_id", (), Answers(owner="crm"))
    assert (found.segment, found.rule) == ("people_high_lifetime_value", ("lifetime_value", ">", 120))
    assert found.reach == {"email": "email_opt_in"}
    assert found.notes == ("Left out, because rules cannot use their types: tags.",)


def test_the_key_is_a_column_whose_values_are_all_there_and_all_different() -> None:
    assert key_candidates(PEOPLE)[0] == "people_id"
    assert "email" not in key_candidates(PEOPLE)


def test_validity_is_seen_by_names_and_types() -> None:
    dated = table(
        Column("Valid_From", "date", "date"), Column("VALID_TO", "date", "date"), Column("id", "number", "int")
    )
    assert history_columns(dated) == ("Valid_From", "VALID_TO")
    assert answered_history(dated, "valid_from, valid_to") == ("Valid_From", "VALID_TO")
    with pytest.raises(UsageError, match="id of dim_people is int, not a date"):
        answered_history(dated, "id")
