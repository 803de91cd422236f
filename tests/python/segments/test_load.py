"""Definitions are checked strictly: every problem at once, each with its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from pulse_runner.detect.stage import detector_settings
from pulse_runner.detectors import find
from pulse_runner.detectors.base import FALSE_ALARMS_A_YEAR
from pulse_runner.errors import DefinitionError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.expression import check_expression
from pulse_runner.segments.load import build_project, load_project
from pulse_runner.segments.model import FieldLeaf, leaves
from pulse_runner.segments.text import definition_hash, rule_text, settings_text
from pulse_runner.vocabulary import SENSITIVITIES

DEMO = Path(__file__).parents[3] / "demo"
ENTITY = """entity: customers
relation: ref('dim')
key: id
history: {as_of: day}
fields:
  ltv: number
  country: text
  vip: boolean
  seen_at: timestamp
  seen_days: {days_since: seen_at}
attributes: [country]
events:
  orders: {relation: ref('orders'), key: id, at: at, fields: {amount: number}}
"""
ROUTES = "routes:\n  growth:\n    channels:\n      - {channel: console}\n"


def problems(rules: str, entity: str = ENTITY, more: str = "", **files: str) -> list[str]:
    """The problems of a segment with these rules: what and where, without the file's name when it is the segment's own."""
    segment = f"segment: s\nentity: customers\nowner: me\n{more}rules:\n{rules}"
    texts = {"segments/entities/customers.yml": entity, "segments/routes.yml": ROUTES, "segments/s.yml": segment}
    try:
        build_project(texts | {f"segments/{k}.yml": v for k, v in files.items()}, SCHEMA)
    except DefinitionError as error:
        return [str(p).split("\n")[0].removeprefix("segments/s.yml:") for p in error.problems]
    return []


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('{field: ltvv, operator: ">", value: 1}', "5: unknown field `ltvv`; did you mean `ltv`?"),
        ('{field: ltv, operator: "=>", value: 1}', "5: unknown operator `=>`; did you mean `>=`?"),
        ('{field: ltv, operator: ">", value: "1"}', "5: `>` needs a number, not '1' (text)"),
        ('{field: ltv, operator: ">", value: true}', "5: `>` needs a number, not true (true or false)"),
        ("{field: ltv, operator: between, value: [10, 2]}", "5: `between`: 10 is more than 2; nobody would be between them"),
        ("{field: ltv, operator: between, value: 3}", "5: `between` takes a list, not 3 (a number)"),
        ("{field: country, operator: in, value: []}", "5: `in` has an empty list: nobody would be in it"),
        ("{field: country, operator: in, value: DE}", "5: `in` takes a list, not 'DE' (text)"),
        ("{field: ltv, operator: is_null, value: 1}", "5: `is_null` takes no value"),
        ("{field: ltv, operator: contains, value: x}", "5: `contains` does not fit `ltv`, which is number; these do: =, !=, <, <=, >, >=, in, not_in, between, is_null, is_not_null"),
        ("{field: seen_at, operator: in_last, days: -1}", "5: `in_last` needs a whole number of days, not -1 (a number)"),
        ("{field: seen_at, operator: in_last, days: 7, value: 7}", "5: `in_last` takes no `value`"),
        ("{field: seen_at, operator: in_last}", "5: `in_last` needs `days`"),
        ("{field: seen_at, operator: before, value: 2026-02-30}", "5: `before` needs a day, YYYY-MM-DD, not '2026-02-30' (text)"),
        ("{segment: nobody, operator: in_segment}", "5: unknown segment `nobody`"),
        ("{segment: s, operator: in_segment}", "4: the segments refer to each other in a circle: s -> s"),
        ("{event: order, operator: performed}", "5: unknown event `order`; did you mean `orders`?"),
        ('{sql: "ltv > 1; drop table x"}', "5: the SQL must be one expression without `;`"),
        ('{sql: "ltv in (select 1)"}', "5: the SQL must not hold a subquery"),
        ('{sql: "lvt > 1"}', "5: unknown field `lvt` in the SQL; did you mean `ltv`?"),
        ('{sql: "ltv > 1 -- vip"}', "5: the SQL must not hold a comment"),
        ('{sql: "max(ltv) > 1"}', "5: the function `max` is not on the list for every warehouse"),
        ('{sql: "ltv + 1"}', "5: the SQL must be true or false; this is a value"),
        ("{all: []}", "5: the rule is empty: it would take every row"),
        ("{feild: ltv, operator: is_null}", "5: a rule needs one of all, any, not, field, event, segment, sql; found feild, operator; did you mean `field`?"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_named_at_its_line(rule: str, problem: str) -> None:
    assert problems(f"  - {rule}\n") == [problem]


def test_all_problems_are_reported_at_once() -> None:
    rules = '  - {field: ltvv, operator: ">", value: 1}\n  - any:\n      - {field: country, operator: ">", value: 1}\n      - not: {field: vip, operator: is_tru}\n'
    found = problems(rules, more="alerts: [grwth]\n")
    assert [p.split(":")[0] for p in found] == ["4", "6", "8", "9"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ownr: me", "2: unknown key `ownr`; did you mean `owner`?"),
        ("segment: t", "2: key `segment` stands twice; the first is on line 1"),
    ],
)
def test_unknown_and_repeated_keys_are_errors(line: str, problem: str) -> None:
    text = f"segment: s\n{line}\nentity: customers\nowner: me\nrules:\n  - {{field: ltv, operator: is_null}}\n"
    with pytest.raises(DefinitionError) as error:
        build_project({"segments/entities/customers.yml": ENTITY, "segments/s.yml": text}, SCHEMA)
    assert [str(p) for p in error.value.problems] == [f"segments/s.yml:{problem}"]


def test_an_unknown_entity_and_a_second_definition_of_a_name_are_errors() -> None:
    text = "segment: s\nentity: customer\nowner: me\nrules:\n  - {field: ltv, operator: is_null}\n"
    assert problems("  - {field: ltv, operator: is_null}\n", t=text) == [
        "segments/t.yml:1: segment `s` is defined twice; the first is in segments/s.yml",
        "segments/t.yml:2: unknown entity `customer`; did you mean `customers`?",
    ]


def test_an_entity_is_checked_too() -> None:
    entity = ENTITY.replace("ref('dim')", "dim").replace("[country]", "[{field: ltv, bins: [5, 1]}, contry]")
    entity += "conversion: {event_at: country}\nreach: {email: 'vipp'}\n"
    assert problems("  - {field: ltv, operator: is_null}\n", entity) == [
        "segments/entities/customers.yml:2: `dim` is not ref('model') or source('source', 'table')",
        "segments/entities/customers.yml:11: `bins` must ascend",
        "segments/entities/customers.yml:11: unknown field `contry`; did you mean `country`?",
        "segments/entities/customers.yml:14: field `country` is text; it must be date or timestamp",
        "segments/entities/customers.yml:15: unknown field `vipp` in the SQL; did you mean `vip`?",
    ]


def test_norway_and_on_are_text() -> None:
    texts = {"segments/entities/customers.yml": ENTITY, "segments/s.yml": (
        "segment: s\nentity: customers\nowner: on\nrules:\n  - {field: country, operator: in, value: [NO, no, on]}\n"
    )}  # fmt: skip
    segment = build_project(texts, SCHEMA).segments["s"]
    assert list(leaves(segment.rule)) == [FieldLeaf("country", "in", ("NO", "no", "on"))]
    assert segment.owner == "on"


def test_a_longer_circle_is_named_once() -> None:
    other = "segment: t\nentity: customers\nowner: me\nrules:\n  - {segment: s, operator: not_in_segment}\n"
    assert problems("  - {segment: t, operator: in_segment}\n", t=other) == [
        "4: the segments refer to each other in a circle: s -> t -> s"
    ]


def test_functions_are_allowed_in_an_expression_and_its_fields_are_known() -> None:
    assert check_expression("lower(country) = 'de' and coalesce(ltv, 0) > 1", {"country": "text", "ltv": "number"}) == (
        [],
        ("country", "ltv"),
    )


def test_a_rule_reads_as_a_sentence_and_its_hash_is_of_its_meaning() -> None:
    def segment(rules: str):
        texts = {
            "segments/entities/customers.yml": ENTITY,
            "segments/s.yml": f"segment: s\nentity: customers\nowner: me\nrules:\n{rules}",
        }
        project = build_project(texts, SCHEMA)
        return project.segments["s"], project.entities["customers"]

    one, entity = segment(
        '  - {field: ltv, operator: ">", value: 5}\n  - {event: orders, operator: performed, count: {operator: ">=", value: 3}, in_last: 30}\n'
    )
    two, _ = segment(
        '  - {event: orders, operator: performed, count: {operator: ">=", value: 3}, in_last: 30}\n  - {field: ltv, operator: ">", value: 5}\n'
    )
    assert rule_text(one.rule) == "ltv > 5 and performed orders at least 3 times in the last 30 days"
    assert definition_hash(one, entity) == definition_hash(two, entity)


@pytest.mark.parametrize(
    ("folder", "kind"), [("segments", "segment"), ("segments/entities", "entity"), ("segments", "routes")]
)
def test_the_published_schemas_accept_the_demo(folder: str, kind: str) -> None:
    schema = json.loads((DEMO / "segments" / "schema" / f"{kind}.json").read_text(encoding="utf-8"))
    checked = 0
    for file in (DEMO / folder).glob("*.yml"):
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        if kind in data:
            jsonschema.validate(data, schema)
            checked += 1
    assert checked


def test_the_defaults_of_the_project_hold_where_a_segment_says_nothing() -> None:
    segment = "segment: s\nentity: customers\nowner: me\nrules: [{field: ltv, operator: is_null}]\n"
    own = "thresholds:\n  size_jump: {sensitivity: low}\n  reach_drop: 0.3\n"
    texts = {
        "segments/entities/customers.yml": ENTITY,
        "segments/s.yml": segment + own,
        "segments/t.yml": segment.replace("segment: s", "segment: t"),
        "segments/defaults.yml": "thresholds:\n  size_jump: {threshold: 0.2, sensitivity: high}\n  reach_drop: {sensitivity: 2}\n",
    }
    project = build_project(texts, SCHEMA)
    settings = detector_settings(project)
    size, reach = find("size_jump"), find("reach_drop")
    assert [settings.rule(size, n).threshold for n in "st"] == [0.2, 0.2]
    assert settings.false_alarms(size, "st").tolist() == [0.25, 4.0]
    assert settings.false_alarms(reach, "st").tolist() == [2.0, 2.0]
    assert [settings.rule(reach, n).threshold for n in "st"] == [0.3, 0.15]
    assert settings.false_alarms(find("inactivity_creep"), "st").tolist() == [FALSE_ALARMS_A_YEAR] * 2
    assert settings_text(project.segments["s"].thresholds["size_jump"]) == "sensitivity 0.25"
    schema = SCHEMA.json_schema("defaults")
    jsonschema.validate(YAML(typ="safe").load(texts["segments/defaults.yml"]), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"thresholds": {"size_jump": {"sensitivity": "huge"}}}, schema)


def test_the_words_of_sensitivity_are_numbers_and_normal_is_the_default() -> None:
    assert SENSITIVITIES["normal"] == FALSE_ALARMS_A_YEAR
    assert SENSITIVITIES["low"] < SENSITIVITIES["normal"] < SENSITIVITIES["high"]


@pytest.mark.parametrize(
    ("defaults", "problem"),
    [
        ("thresholds: {size_jmp: 0.2}", "segments/defaults.yml:1: "),
        ("thresholds:\n  size_jump: {sensitivity: hihg}", "segments/defaults.yml:2: "),
        ("thresholds:\n  size_jump: {sensitivity: 0}", "segments/defaults.yml:2: "),
        ("thresholds:\n  distribution_shift: {attributes: {country: 0.3}}", "attributes are of an entity"),
    ],
)
def test_wrong_defaults_are_named_at_their_line(defaults: str, problem: str) -> None:
    found = problems('  - {field: ltv, operator: ">", value: 1}\n', defaults=defaults)
    assert len(found) == 1, found
    assert problem in found[0]


def test_defaults_stand_in_one_file() -> None:
    found = problems(
        '  - {field: ltv, operator: ">", value: 1}\n', defaults="thresholds: {}", more_of_it="thresholds: {}"
    )
    assert found == [
        "segments/more_of_it.yml:1: there are defaults of the project twice; the first is in segments/defaults.yml"
    ]


def test_the_demo_loads() -> None:
    assert len(load_project(DEMO, SCHEMA).segments) >= 8


@pytest.mark.parametrize("field", ["email", "first_name", "Comment", "phone_number", "city"])
def test_an_attribute_whose_name_looks_like_people_has_to_be_declared(field: str) -> None:
    entity = ENTITY.replace("fields:\n", f"fields:\n  {field}: text\n")
    rule = '  - {field: ltv, operator: ">", value: 1}\n'

    def said(attribute: str) -> list[str]:
        return problems(rule, entity.replace("attributes: [country]", f"attributes: [country, {attribute}]"))

    (problem,) = said(field)
    assert problem.endswith(
        f"attribute `{field}` is not watched as it is: its name looks like people or free text;"
        " say `values: hidden` (watched, told as a label) or `values: shown` at the attribute"
    )
    assert said(f"{{field: {field}, values: hidden}}") == []
    assert said(f"{{field: {field}, values: shown}}") == []
    assert said("{field: ltv, name: email_value}") == []
    assert "always shown" in said("{field: ltv, name: band, bins: [1], values: hidden}")[0]


def test_the_budget_of_messages_stands_at_the_top_or_at_a_route() -> None:
    channels = "    channels: [{channel: console}]\n"
    text = f"messages_per_run: 4\nroutes:\n  a:\n{channels}  b:\n    messages_per_run: 25\n{channels}"
    made = build_project({"segments/routes.yml": text}, SCHEMA)
    assert {n: r.messages_per_run for n, r in made.routes.items()} == {"a": 4, "b": 25}
    assert build_project({"segments/routes.yml": ROUTES}, SCHEMA).routes["growth"].messages_per_run == 10
    with pytest.raises(DefinitionError, match="messages_per_run"):
        build_project({"segments/routes.yml": text.replace("4", "0")}, SCHEMA)
