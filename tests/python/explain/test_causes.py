"""Every cause is a file, a line, a section of the docs and a case file, and all of them hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cause_case import FOUND, MANIFEST, PLANTS, QUIET, cases_of, file_of
from explain_world import World

from pulse_runner.explain.causes import CAUSES, MEASURED_FAULTS
from pulse_runner.explain.causes.base import Cause
from pulse_runner.explain.causes.unknown import Unknown
from pulse_runner.explain.evidence import SOURCES
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.gather import gather
from pulse_runner.explain.explanation import Evidence
from pulse_runner.explain.ranking import explain
from pulse_runner.explain.view import View

DOCS = (Path(__file__).parents[3] / "docs" / "explanations.md").read_text(encoding="utf-8")
KINDS = {kind for source in SOURCES for kind in source.kinds}
each_cause = pytest.mark.parametrize("cause", [*CAUSES, Unknown()], ids=file_of)


@pytest.mark.parametrize(("cause", "found"), FOUND, ids=[f.plant.__name__ for _, f in FOUND])
def test_a_planted_fault_is_named_first(world: World, project, cause: Cause, found) -> None:
    bundle = gather(world, found.plant(world), project, MANIFEST)
    explanation = explain(bundle.case, bundle.evidence)
    first = explanation.hypotheses[0]
    assert (first.cause, first.confidence) == (found.name, found.confidence)
    assert explanation.headline == found.headline
    assert explanation.recommendations
    assert set(first.evidence) <= {e.id for e in bundle.evidence}
    assert first.title in [h.title for h in cause.explain(View(bundle.case, bundle.evidence))]


@pytest.mark.parametrize(("cause", "plant"), QUIET, ids=[f"{file_of(c)}-{p.__name__}" for c, p in QUIET])
def test_a_cause_keeps_quiet_where_it_is_not_the_cause(world: World, project, cause: Cause, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    assert list(cause.explain(View(bundle.case, bundle.evidence))) == []


def test_the_order_of_causes_is_unique() -> None:
    assert len({type(cause) for cause in CAUSES}) == len(CAUSES)
    assert len({file_of(cause) for cause in CAUSES}) == len(CAUSES)


@each_cause
def test_a_cause_reads_kinds_that_some_source_makes(cause: Cause) -> None:
    assert cause.kinds
    assert set(cause.kinds) <= KINDS
    assert set(cause.faults) <= set(cause.kinds)
    assert len(set(cause.names)) == len(cause.names) > 0


@each_cause
def test_a_cause_and_its_names_are_in_the_docs(cause: Cause) -> None:
    row = next(line for line in DOCS.splitlines() if f'<a id="{file_of(cause)}"></a>' in line)
    assert set(cause.names) <= set(re.findall(r"`(\w+)`", row))


@pytest.mark.parametrize("cause", CAUSES, ids=file_of)
def test_the_cases_of_a_cause_cover_its_names_and_where_it_is_quiet(cause: Cause) -> None:
    cases = cases_of(cause)
    assert {found.name for found in cases.FOUND} == set(cause.names)
    assert cases.QUIET


def test_no_case_file_is_without_a_cause() -> None:
    files = {path.stem for path in (Path(__file__).parent / "cause_cases").glob("*.py")}
    assert files == {file_of(cause) for cause in CAUSES}


def test_what_bears_high_confidence_is_what_the_causes_say() -> None:
    assert {
        "status", "stale", "definition", "nulls", "mean", "distinct", "rows", "duplicate_keys", "null_keys",
        "column_missing", "column_retyped", "conversion_bucket", "bucket", "node", "model_changed", "recoded_value", "respelt_value", "swapped_values",
        "default_value", "scale", "flag", "slice_true", "dates_shifted", "dates_stand", "restated", "renamed_column", "reference_edited",
        "ladder_loss",
    } == MEASURED_FAULTS  # fmt: skip


@dataclass(frozen=True)
class Watched(View):
    """A view that remembers which kinds were asked for."""

    asked: set[str] = field(default_factory=set)

    def of(self, *kinds: str) -> list[Evidence]:
        self.asked.update(kinds)
        return super().of(*kinds)


@pytest.mark.parametrize("plant", PLANTS)
def test_causes_read_and_sources_make_only_the_kinds_that_they_declare(world: World, project, plant) -> None:
    bundle = gather(world, plant(world), project, MANIFEST)
    for cause in (*CAUSES, Unknown()):
        view = Watched(bundle.case, bundle.evidence)
        for hypothesis in cause.explain(view):
            assert hypothesis.cause in cause.names
            cause.in_headline(view, hypothesis)
        assert view.asked <= set(cause.kinds), file_of(cause)
    if bundle.case.segment_id:
        for source in SOURCES:
            assert kinds_of(source, Collector(bundle.case, world, project, MANIFEST)) <= set(source.kinds)


def kinds_of(source, collector: Collector) -> set[str]:
    source.gather(collector)
    return {e.kind for e in collector.found}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_evidence_has_one_source_and_is_in_the_docs(kind: str) -> None:
    assert sum(kind in source.kinds for source in SOURCES) == 1
    assert f"`{kind}`" in documented(("## Evidence", "## Hypotheses"))


def documented(between: Sequence[str]) -> str:
    return DOCS[DOCS.index(between[0]) : DOCS.index(between[1])]
