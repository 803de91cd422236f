"""The steps of reach in an entity's file: what they mean, and what is refused at which line."""

from __future__ import annotations

import pytest

from pulse_runner.compile.render import compile_project
from pulse_runner.errors import DefinitionError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project
from pulse_runner.segments.model import Project

HEAD = "entity: people\nrelation: ref('people')\nkey: id\nfields: {country: text, agreed: boolean}\nreach:\n"
SEGMENT = "segment: german\nentity: people\nowner: me\nrules: [{field: country, operator: '=', value: DE}]\n"
SENT = "    destination: {relation: \"ref('sent')\", key: id, at: sent_at, status: status}\n"


def project(reach: str) -> Project:
    return build_project({"segments/entities/people.yml": HEAD + reach, "segments/german.yml": SEGMENT}, SCHEMA)


def test_one_condition_and_its_long_form_are_the_same_and_ask_nothing_more_of_the_warehouse() -> None:
    short, long = project("  mail: agreed\n"), project("  mail: {reachable: agreed}\n")
    assert short == long
    assert not short.has_destinations
    facts = compile_project(short)["models/pulse/pulse_people__facts.sql"]
    assert "reach_steps" not in facts


def test_the_steps_together_are_what_reach_counts() -> None:
    people = project("  mail:\n    consented: agreed\n    eligible: \"country <> 'FR'\"\n" + SENT).entities["people"]
    assert people.reach == {"mail": "(country <> 'FR') and (agreed)"}
    steps = people.reach_steps["mail"]
    assert [reason for _, reason, _ in steps.conditions] == ["not eligible", "not consented"]
    assert steps.last_step == "accepted"


def test_a_destination_that_has_no_word_for_accepted_ends_the_ladder_at_synced() -> None:
    sent = SENT.replace("status: status}", "status: status, statuses: {synced: [done]}}")
    assert (
        project("  mail:\n    consented: agreed\n" + sent).entities["people"].reach_steps["mail"].last_step == "synced"
    )


@pytest.mark.parametrize(
    ("reach", "line", "said"),
    [
        ("  mail: {eligible: agreed}\n", 6, "channel `mail` needs `consented`, `addressable` or `reachable`"),
        ("  mail:\n    consented: agred\n", 7, "unknown field `agred` in the SQL; did you mean `agreed`?"),
        ("  mail:\n    consented: agreed\n    segments: [german]\n", 8, "there is no `destination`"),
        ("  mail:\n    consented: agreed\n    segments: [germn]\n" + SENT, 8, "unknown segment `germn`; did you mean `german`?"),
        ("  mail:\n    consented: agreed\n" + SENT.replace("ref('sent')", "sent"), 8, "`sent` is not ref('model')"),
        (
            "  mail:\n    consented: agreed\n" + SENT.replace("status: status}", "status: status, statuses: {accepted: [ok], bounced: [ok]}}"),
            8, "status `ok` is both `accepted` and `bounced`",
        ),
        ("  mail:\n    consented: agreed\n" + SENT.replace("status: status}", "stats: status}"), 8, "stats"),
    ],
    ids=["no condition", "unknown field", "segments alone", "unknown segment", "no relation", "two meanings", "unknown key"],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(reach: str, line: int, said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        project(reach)
    assert any(p.line == line and said in p.message for p in refused.value.problems), refused.value.problems
