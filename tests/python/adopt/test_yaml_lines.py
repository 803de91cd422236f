"""Lines go into a YAML file of somebody else and out of it again, and every other byte stays."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from pulse_runner.adopt.yaml_lines import with_entity, with_item, with_key, without_item, without_key
from pulse_runner.errors import UsageError

ENTITIES, SEED = ["vars", "pulse_entities"], ["seeds", "pulse", "pulse_known_events"]
PROJECTS = {
    "empty": "",
    "no vars": "name: shop\n",
    "no line end": "name: shop",
    "windows": "name: shop\r\nvars:\r\n    a: 1\r\n",
    "empty mapping": "vars: {}\n",
    "flow": "vars: {a: 1}\nseeds: {shop: {x: 1}}\n",
    "no value": "vars:\nname: x\n",
    "comments and odd indents": "# c\nvars:\n  # hi\n  a: 1\n\nseeds:\n  shop:\n      +x:   1   # y\n  other: {}\n\n# end\n",
    "seeds of pulse": "seeds:\n  pulse:\n    +schema: a\n",
    "blank lines": "name: a\n\n\n",
}
PACKAGES = {
    "empty": "",
    "indented": "packages:\n  - package: a/b\n    version: 1\n",
    "flush": "packages:\n- package: a/b\n  version: 1\n",
    "empty list": "packages: []\n",
    "other keys": "projects:\n  - name: x\n",
}


def plain(text: str) -> object:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", PROJECTS.values(), ids=PROJECTS)
def test_config_goes_in_and_out_without_a_trace(text: str) -> None:
    full = with_key(with_entity(with_key(text, ENTITIES, "[]", "f"), "people"), SEED, "{+enabled: false}", "f")
    before = plain(text) or {}
    found = plain(full)
    assert isinstance(found, dict)
    assert found["vars"]["pulse_entities"] == ["people"]
    assert found["seeds"]["pulse"]["pulse_known_events"] == {"+enabled": False}
    assert {k: v for k, v in found.items() if k not in ("vars", "seeds")} == {
        k: v for k, v in before.items() if k not in ("vars", "seeds")
    }
    assert without_key(without_key(full, SEED, "f"), ENTITIES, "f") == text


@pytest.mark.parametrize("text", PACKAGES.values(), ids=PACKAGES)
def test_the_package_goes_in_once_and_out_without_a_trace(text: str) -> None:
    full = with_item(text, "packages", "local: pulse_package", "f")
    found = plain(full)
    assert isinstance(found, dict)
    assert {"local": "pulse_package"} in found["packages"]
    assert with_item(full, "packages", "local: pulse_package", "f") == full
    assert without_item(full, "packages", "local: pulse_package", "f") == text


def test_a_list_of_entities_takes_another_in_its_own_style() -> None:
    assert (
        with_entity("vars:\n  pulse_entities:\n    - a # one\n", "b")
        == "vars:\n  pulse_entities:\n    - a # one\n    - b\n"
    )
    assert with_entity("vars: {pulse_entities: [a]}\n", "a") == "vars: {pulse_entities: [a]}\n"


def test_what_is_not_yaml_is_said_with_its_file() -> None:
    with pytest.raises(UsageError, match=r"dbt_project\.yml cannot be read"):
        with_entity("vars: {a\n", "b")
