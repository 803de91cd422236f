"""Every detector is a file, a line, a page of the docs and a case file, and all of them hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from detector_case import case_of

from pulse_runner.detectors import DETECTORS, Finding, Limits, Panels, Settings, evaluate
from pulse_runner.detectors.base import Detector
from pulse_runner.plugins import SCHEMA
from pulse_runner.vocabulary import SEVERITIES

DOCS = Path(__file__).parents[3] / "docs" / "detectors"
HEADINGS = ("## What it flags", "## Example", "## When it misleads", "## How to tune")
each_detector = pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: d.name)


def last_day(panels: Panels) -> date:
    days = panels.health.dates if panels.health is not None else panels.dates
    return days[-1].item()  # type: ignore[no-any-return]


def findings(detector: Detector, panels: Panels, settings: Settings | None = None) -> list[Finding]:
    day = last_day(panels)
    return [f for report in evaluate(panels, settings or Settings(), [detector], day, day) for f in report.findings]


@each_detector
def test_the_planted_fault_is_found_and_told(detector: Detector) -> None:
    panels = case_of(detector).FOUND
    found = findings(detector, panels)
    assert found
    for finding in found:
        assert (finding.detector, finding.snapshot_date) == (detector.name, last_day(panels))
        assert finding.reason.endswith(".")
        assert detector.headline(finding)
        assert finding.severity in SEVERITIES
    assert repr(findings(detector, panels)) == repr(found), "the same panels give the same findings"


@each_detector
def test_it_is_quiet_where_nothing_is_its_own(detector: Detector) -> None:
    assert findings(detector, case_of(detector).QUIET) == []


@each_detector
def test_it_can_be_tuned_and_switched_off_in_a_definition(detector: Detector) -> None:
    assert SCHEMA.detectors[detector.name] is detector.per_attribute
    panels = case_of(detector).FOUND
    assert findings(detector, panels, Settings({detector.name: Limits(enabled=False)})) == []


@each_detector
def test_it_has_a_page_with_the_fixed_headings(detector: Detector) -> None:
    page = (DOCS / f"{detector.name}.md").read_text(encoding="utf-8")
    assert [h for h in HEADINGS if h not in page] == []
    assert f"({detector.name}.md)" in (DOCS / "README.md").read_text(encoding="utf-8")


def test_ranks_are_unique() -> None:
    assert len({d.rank for d in DETECTORS}) == len(DETECTORS)
