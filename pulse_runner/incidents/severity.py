"""How severe an incident is. Pure.

A detector grades a finding by its own threshold. A share of the members whose value of an attribute changed is graded like the
same share of the size as well: whoever selects by that value loses them.
"""

from __future__ import annotations

from pulse_runner import metrics
from pulse_runner.detectors.base import Finding
from pulse_runner.detectors.size_jump import SizeJump
from pulse_runner.vocabulary import Severity, severity_rank


def severity_of(finding: Finding) -> Severity:
    """Return the severity of a finding; a shift of a mix counts at least as much as a fall of the size by as many members."""
    if not metrics.find(finding.metric).is_distribution:
        return finding.severity
    as_size = SizeJump()
    alike = as_size.severity(abs(finding.effect), as_size.default_threshold)
    return max(finding.severity, alike, key=severity_rank)
