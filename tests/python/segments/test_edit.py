"""Editing from the command line keeps what a person wrote, and never writes anything invalid."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_runner.errors import DefinitionError, UsageError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments import edit
from pulse_runner.segments.load import load_project

ENTITY = "entity: customers\nrelation: ref('dim')\nkey: id\nfields: {ltv: number, plan: text}\n"
SEGMENT = """# asked for by Ana, 2026-01
segment: rich
entity: customers   # everybody
owner: growth
rules:
  # the threshold of finance
  - {field: ltv, operator: ">", value: 1000}
"""
USER = "segment: rich_pro\nentity: customers\nowner: growth\nrules:\n  - {segment: rich, operator: in_segment}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "segments" / "entities").mkdir(parents=True)
    (tmp_path / "segments" / "entities" / "customers.yml").write_text(ENTITY)
    (tmp_path / "segments" / "rich.yml").write_text(SEGMENT)
    return tmp_path


def text(root: Path) -> str:
    return (root / "segments" / "rich.yml").read_text()


def test_an_update_keeps_comments_order_and_quotes(root: Path) -> None:
    edit.update(
        root,
        SCHEMA,
        "rich",
        {"owner": "crm", "thresholds.size_jump": "0.2"},
        ['{field: plan, operator: "=", value: pro}'],
    ).write()
    assert text(root) == SEGMENT.replace("owner: growth", "owner: crm") + (
        '  - {field: plan, operator: "=", value: pro}\nthresholds:\n  size_jump: 0.2\n'
    )


def test_a_rule_is_removed_by_its_number(root: Path) -> None:
    edit.update(root, SCHEMA, "rich", {}, ['{field: plan, operator: "=", value: pro}'], [1]).write()
    assert [leaf.field for leaf in load_project(root, SCHEMA).segments["rich"].rule.parts] == ["plan"]


def test_an_invalid_change_is_refused_and_writes_nothing(root: Path) -> None:
    with pytest.raises(DefinitionError, match="unknown field `pln`; did you mean `plan`"):
        edit.update(root, SCHEMA, "rich", {}, ['{field: pln, operator: "=", value: pro}']).write()
    assert text(root) == SEGMENT


def test_a_dry_run_shows_a_diff_and_writes_nothing(root: Path) -> None:
    change = edit.enable(root, SCHEMA, "rich", False)
    assert change.diff.endswith("+enabled: false\n")
    assert text(root) == SEGMENT


def test_a_new_segment_is_created_once(root: Path) -> None:
    edit.create(
        root, SCHEMA, "poor", "customers", "growth", ['{field: ltv, operator: "<", value: 1}'], label="Poor"
    ).write()
    assert load_project(root, SCHEMA).segments["poor"].label == "Poor"
    with pytest.raises(UsageError, match="There is a segment 'poor' already"):
        edit.create(root, SCHEMA, "poor", "customers", "growth", ['{field: ltv, operator: "<", value: 1}'])


def test_a_segment_that_another_one_uses_is_not_deleted(root: Path) -> None:
    (root / "segments" / "rich_pro.yml").write_text(USER)
    with pytest.raises(UsageError, match="rich is used by rich_pro"):
        edit.delete(root, SCHEMA, "rich")
    edit.delete(root, SCHEMA, "rich_pro").write()
    edit.delete(root, SCHEMA, "rich").write()
    assert load_project(root, SCHEMA).segments == {}


def test_an_unknown_segment_is_answered_with_the_known_ones(root: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no segment 'ritch'\.\n  Did you mean 'rich'\?"):
        edit.enable(root, SCHEMA, "ritch", True)
