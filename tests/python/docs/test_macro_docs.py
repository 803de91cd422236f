"""The macros that others call are documented, with the arguments that they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "macros" / "_macros.yml"
SQL = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "macros").rglob("*.sql")))


def documented() -> dict[str, dict[str, Any]]:
    read = YAML(typ="safe", pure=True).load(DOCS.read_text(encoding="utf-8"))
    return {m["name"]: m for m in read["macros"]}


def written() -> dict[str, list[str]]:
    """Return the arguments of every macro and materialization of the package by its name."""
    macros = {
        name: [a.split("=")[0].strip() for a in arguments.split(",") if a.strip()]
        for name, arguments in re.findall(r"{% macro (\w+)\(([^)]*)\)", SQL)
    }
    found = re.findall(r"{% materialization (\w+), (\w+)", SQL)
    return macros | {f"materialization_{name}_{adapter}": [] for name, adapter in found}


def test_every_documented_macro_exists_with_these_arguments() -> None:
    there = written()
    said = {name: [a["name"] for a in m.get("arguments", [])] for name, m in documented().items()}
    assert said == {name: there.get(name) for name in said}


def test_every_macro_and_argument_is_described_and_typed() -> None:
    for name, macro in documented().items():
        assert macro["description"].strip().endswith("."), name
        for argument in macro.get("arguments", []):
            assert argument["description"].strip().endswith("."), (name, argument["name"])
            assert argument["type"], (name, argument["name"])


def test_what_a_warehouse_may_spell_in_its_own_way_is_documented() -> None:
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'", SQL))
    assert len(dispatched) > 5
    assert dispatched - set(documented()) == set()


def test_what_compiled_models_call_is_documented() -> None:
    compiler = sorted((ROOT / "pulse_runner" / "compile").glob("*.py"))
    compiled = sorted((ROOT / "demo" / "models" / "pulse").glob("*.sql"))
    text = "\n".join(p.read_text(encoding="utf-8") for p in [*compiler, *compiled])
    called = set(re.findall(r"\bpulse\.(pulse_\w+)\(", text))
    assert {"pulse_facts", "pulse_members", "pulse_forget_history"} <= called
    assert called - set(documented()) == set()
