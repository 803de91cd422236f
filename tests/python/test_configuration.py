"""Every environment variable that the code reads is documented, and .env.example lists the same ones."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_THE_RUNNER = {"PULSE_BUILD"}  # what it says to the dbt that it starts; nobody sets it
NAME = re.compile(r"\b(?:PULSE|OPENAI|RESEND|DBT)_[A-Z0-9_]+\b")


def names(text: str) -> set[str]:
    return set(NAME.findall(text))


def test_every_variable_is_documented_and_in_the_example() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "pulse_runner").rglob("*.py"))
    read = set(re.findall(r"\"((?:PULSE|OPENAI|RESEND|DBT)_[A-Z0-9_]+)\"", code))
    routes = names((ROOT / "demo" / "segments" / "routes.yml").read_text(encoding="utf-8"))
    profile = names((ROOT / "profiles.example.yml").read_text(encoding="utf-8"))
    documented = names((ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"))
    example = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
    assert (read - OF_THE_RUNNER) | routes | profile <= documented
    assert example == documented


def test_the_example_holds_no_value() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert [x for x in lines if x and not x.startswith("#") and not x.endswith("=")] == []


def test_every_var_of_the_project_is_documented() -> None:
    used = set()
    for path in (ROOT / "macros").rglob("*.sql"):
        used |= set(re.findall(r"(?:var|pulse_told)\('(pulse_\w+)'", path.read_text(encoding="utf-8")))
    documented = set(re.findall(r"`(pulse_\w+)`", (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")))
    tests_only = {"pulse_now", "pulse_wide_from"}
    assert used - tests_only <= documented
