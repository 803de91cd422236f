"""Compiled files as a person reviews them: small, stable under edits, and safe for any value."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from ruamel.yaml import YAML

from pulse_runner.compile.render import Layout, compile_project
from pulse_runner.compile.versions import read_versions
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project, load_project, read_texts
from pulse_runner.segments.model import (
    All,
    Entity,
    Field,
    FieldLeaf,
    History,
    Project,
    Relation,
    Segment,
)

DEMO = Path(__file__).parents[3] / "demo"
ENTITY_KINDS = ("facts", "health", "current", "segments")


def recompiled(project: Project, before: Mapping[str, str], layout: Layout | None = None) -> dict[str, str]:
    """Compile with what the files of an earlier compile remember, as `pulse compile` does."""
    layout = layout or Layout()
    return compile_project(project, read_versions(before[layout.versions]), layout)


def edited(changes: Mapping[str, str]) -> Project:
    return build_project({**read_texts(DEMO), **changes}, SCHEMA)


def changed_lines(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Count the lines of a diff: an edited line counts twice, once gone and once come."""
    count = 0
    for path in sorted({*before, *after}):
        old, new = before.get(path, "").splitlines(), after.get(path, "").splitlines()
        lines = difflib.unified_diff(old, new, n=0, lineterm="")
        count += sum(line[0] in "+-" and not line.startswith(("+++", "---")) for line in lines)
    return count


@pytest.fixture(scope="module")
def committed() -> dict[str, str]:
    """Give the compiled files of the demo, as they are committed."""
    return {p.relative_to(DEMO).as_posix(): p.read_text(encoding="utf-8") for p in sorted((DEMO / "models/pulse").glob("*"))}  # fmt: skip


def test_the_committed_models_are_what_the_definitions_compile_to(committed: dict[str, str]) -> None:
    assert recompiled(load_project(DEMO, SCHEMA), committed) == committed


def test_the_models_of_the_demo_entity_take_about_a_hundred_lines(committed: dict[str, str]) -> None:
    lines = [len(committed[f"models/pulse/pulse_customers__{kind}.sql"].splitlines()) for kind in ENTITY_KINDS]
    assert sum(lines) <= 108


def test_an_edited_threshold_changes_few_lines_and_renumbers_nothing(committed: dict[str, str]) -> None:
    path = "segments/high_value_active_users.yml"
    text = (DEMO / path).read_text(encoding="utf-8")
    after = recompiled(edited({path: text.replace("value: 1000", "value: 1200")}), committed)
    assert changed_lines(committed, after) <= 10  # four lines are edited, two come
    assert bits(after).items() >= bits(committed).items()
    assert set(bits(after)) - set(bits(committed)) == {"ltv > 1200"}


def test_a_new_segment_of_known_conditions_adds_a_handful_of_lines_and_renumbers_nothing(
    committed: dict[str, str],
) -> None:
    rules = "  - {field: ltv, operator: '>', value: 1000}\n  - {field: country, operator: '=', value: DE}\n"
    text = f"segment: a_first_in_line\nentity: customers\nowner: me\nrules:\n{rules}alerts: [growth]\n"
    after = recompiled(edited({"segments/a_first_in_line.yml": text}), committed)
    assert changed_lines(committed, after) <= 39  # 10 of them are the exposure in the properties
    assert bits(after) == bits(committed)


def test_a_segment_that_is_watched_is_an_exposure_with_its_owner(committed: dict[str, str]) -> None:
    rules = "rules:\n  - {field: ltv, operator: '>', value: 1000}\n"
    label = '{{ env_var("HOME") }}'
    texts = {
        "segments/a.yml": f"segment: a\nentity: customers\nowner: ana@example.com\nlabel: '{label}'\n{rules}",
        "segments/b.yml": f"segment: b\nentity: customers\nowner: crm\nenabled: false\n{rules}",
    }
    after = recompiled(edited(texts), committed)
    listed = YAML(typ="safe").load(after["models/pulse/_pulse__models.yml"])["exposures"]
    found = {e["name"]: e for e in listed}
    assert "pulse_b" not in found
    assert found["pulse_a"]["owner"] == {"email": "ana@example.com"}
    assert found["pulse_a"]["depends_on"] == ["ref('seg_a')", "ref('pulse', 'pulse_segment_snapshots')"]
    assert jinja2.Template(found["pulse_a"]["label"]).render() == label
    assert found["pulse_high_value_active_users"]["owner"] == {"name": "growth-team"}


def test_a_segment_that_goes_leaves_the_others_their_bits_and_a_later_one_takes_the_free_ones(
    committed: dict[str, str],
) -> None:
    texts = read_texts(DEMO)
    del texts["segments/newcomers.yml"]
    without = recompiled(build_project(texts, SCHEMA), committed)
    assert bits(committed).items() >= bits(without).items()
    free = (set(bits(committed).values()) - set(bits(without).values())).pop()
    texts["segments/x.yml"] = (
        "segment: x\nentity: customers\nowner: me\nrules:\n  - {field: ltv, operator: '<', value: 7}\n"
    )
    assert bits(recompiled(build_project(texts, SCHEMA), without))["ltv < 7"] == free


def bits(files: Mapping[str, str]) -> dict[str, int]:
    """Return the bit of each leaf by its text, as the facts model says."""
    found = re.findall(r"\"leaves\": (\[\[.*?\]\]),", files["models/pulse/pulse_customers__facts.sql"])
    return {text: bit for group in found for bit, text in json.loads(group)}


def test_the_layout_names_the_folder_and_the_views() -> None:
    layout = Layout("models/audiences/pulse", "aud_")
    files = compile_project(load_project(DEMO, SCHEMA), None, layout)
    assert {str(Path(p).parent) for p in files} == {"models/audiences/pulse"}
    view = files["models/audiences/pulse/aud_recent_buyers.sql"]
    assert "ref('aud_students')" in view
    assert recompiled(load_project(DEMO, SCHEMA), files, layout) == files


def test_an_entity_without_a_segment_still_has_its_models() -> None:
    texts = {k: v for k, v in read_texts(DEMO).items() if not re.fullmatch(r"segments/[a-qs-z]\w*\.yml|segments/recent_buyers.yml", k)}  # fmt: skip
    people = "segments/entities/customers.yml"
    texts[people] = texts[people].replace("    segments: [german_newsletter]\n", "")  # which is not there here
    files = compile_project(build_project(texts, SCHEMA))
    assert {Path(p).stem for p in files} == {*(f"pulse_customers__{k}" for k in ENTITY_KINDS), "_pulse__models", "pulse_rule_versions"}  # fmt: skip


def test_a_value_cannot_call_jinja_from_a_view() -> None:
    rule = All(
        (FieldLeaf("plan", "=", ("{{ env_var('SECRET') }}{% raw %}",)), FieldLeaf("plan", "matches", ("'}}{{ x }}",)))
    )
    entity = Entity("people", Relation("ref", ("dim",)), "id", History("as_of", "day"), {"plan": Field("plan", "text")})
    segment = Segment("odd", "people", rule, "me", label="{{ boom() }}", description="{% endcall %}")
    files = compile_project(Project({"people": entity}, {"odd": segment}, {}))
    seen: list[object] = []

    class Pulse:
        def pulse_members(self, *args: object, caller: object = None) -> str:
            return caller()  # type: ignore[operator]

        def pulse_matches(self, column: str, pattern: str) -> str:
            seen.append(pattern)
            return "true"

    view = jinja2.Environment().from_string(files["models/pulse/seg_odd.sql"])
    text = view.render(pulse=Pulse(), ref=lambda name: name, config=lambda **hooks: "")
    assert "plan = '{{ env_var(''SECRET'') }}{% raw %}'" in text
    assert seen == ["'''}}{{ x }}'"]


def test_a_segment_that_is_switched_off_is_defined_and_not_judged() -> None:
    project = load_project(DEMO, SCHEMA)
    off = replace(project.segments["students"], enabled=False)
    files = compile_project(replace(project, segments={**project.segments, "students": off}))
    assert '"segment": "students"' in files["models/pulse/pulse_customers__segments.sql"]
    assert '"segment": "students"' not in files["models/pulse/pulse_customers__facts.sql"]
