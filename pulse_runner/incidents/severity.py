"""How severe an incident is: by its effect, how sure it is, and how many people it is about. Pure.

A detector grades a finding by its own threshold: that is the effect. A share of the members whose value of an attribute changed is
graded like the same share of the size as well: whoever selects by that value loses them. What is less than sure, or about few
people, is at most so severe; what is about very many is at least so severe. A segment's `criticality` raises, and never lowers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from pulse_runner import metrics
from pulse_runner.detectors.base import Finding
from pulse_runner.detectors.evaluate import DayReport
from pulse_runner.detectors.size_jump import SizeJump
from pulse_runner.incidents.incident import About
from pulse_runner.vocabulary import CRITICALITIES, SEVERITIES, Criticality, Severity, severity_rank

Certainty = Literal["sure", "likely", "weak"]
# certainty -> the largest p-value, and the most that such a finding can be
SURE: tuple[tuple[Certainty, float, Severity], ...] = (
    ("sure", 1e-6, "critical"),
    ("likely", 1e-3, "high"),
    ("weak", 1.0, "medium"),
)
FEW = 30  # an audience of fewer people is never more than medium
MANY: tuple[tuple[int, Severity], ...] = ((1_000_000, "high"), (100_000, "medium"))  # at least so severe


@dataclass(frozen=True)
class Grade:
    """The parts of a severity. `audience` is the members of the segment, or the rows of the entity; None where nobody knows."""

    effect: Severity
    certainty: Certainty
    audience: int | None = None
    criticality: Criticality = "normal"

    @property
    def severity(self) -> Severity:
        """Return what the parts come to.

        >>> Grade("critical", "sure", 5_000).severity, Grade("critical", "likely", 5_000).severity
        ('critical', 'high')
        >>> Grade("critical", "sure", 12).severity, Grade("low", "sure", 2_000_000).severity
        ('medium', 'high')
        >>> Grade("low", "sure", 5_000, "critical").severity
        'high'
        """
        most = severity_rank(next(top for name, _, top in SURE if name == self.certainty))
        if self.audience is not None and self.audience < FEW:
            most = min(most, severity_rank("medium"))
        least = 0
        if self.audience is not None and self.certainty != "weak":
            least = next((severity_rank(s) for people, s in MANY if self.audience >= people), 0)
        rank = max(min(severity_rank(self.effect), most), least) + CRITICALITIES.index(self.criticality)
        return SEVERITIES[min(rank, len(SEVERITIES) - 1)]

    def text(self) -> str:
        """Return it as the table keeps it."""
        return json.dumps(asdict(self), sort_keys=True)


def graded(report: DayReport, subjects: Mapping[str, About]) -> DayReport:
    """Return the report with the severity of each finding and its parts."""
    verdicts = []
    for verdict in report.verdicts:
        finding = verdict.finding
        if finding is not None:
            grade = grade_of(finding, report.audience, subjects.get(finding.segment_id or finding.entity))
            finding = replace(finding, severity=grade.severity, parts=grade.text())
            verdict = replace(verdict, finding=finding)
        verdicts.append(verdict)
    return replace(report, verdicts=tuple(verdicts))


def grade_of(finding: Finding, audience: Mapping[str, int], subject: About | None) -> Grade:
    """Return the parts of the severity of a finding. What is a fact and no estimate (no p-value, or zero) is sure."""
    p = finding.p_value
    certainty = next(name for name, limit, _ in SURE if not math.isfinite(p) or p <= limit)
    people = audience.get(finding.segment_id or finding.entity)
    if metrics.find(finding.metric).name == "size" and finding.segment_id:
        known = [x for x in (finding.observed, finding.expected) if x is not None and math.isfinite(x)]
        people = round(max(known)) if known else people  # who left was of the audience too
    return Grade(_effect(finding), certainty, people, subject.criticality if subject else "normal")


def _effect(finding: Finding) -> Severity:
    """Return the detector's grade; a shift of a mix counts at least as much as a fall of the size by as many members."""
    if not metrics.find(finding.metric).is_distribution:
        return finding.severity
    as_size = SizeJump()
    alike = as_size.severity(abs(finding.effect), as_size.default_threshold)
    return max(finding.severity, alike, key=severity_rank)
