"""A review as plain values, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pulse_runner.review.count import SIDES
from pulse_runner.review.review import Review, Reviewed
from pulse_runner.segments.text import rule_text


def data_of(review: Review) -> dict[str, Any]:
    """Return the review as JSON has it; dates are dates still."""
    return {
        "base": review.base,
        "commit": review.commit,
        "segments": [_segment(s) for s in review.segments],
        "entities": [asdict(e) for e in review.entities],
    }


def _segment(s: Reviewed) -> dict[str, Any]:
    change, c = s.change, s.counts
    now = change.now.segment
    versions = dict(zip(SIDES, (change.before, change.after), strict=True))
    return {
        "segment": change.name, "label": now.label, "entity": now.entity, "owner": now.owner, "edit": change.kind,
        "rule": {side: rule_text(v.rule) if v else None for side, v in versions.items()},
        "because": list(change.because), "settings": [asdict(x) for x in change.settings],
        "date": c.day, "everybody": c.everybody,
        "size": {"before": c.before, "after": c.after, "enter": c.enter, "leave": c.leave, "stay": c.stay},
        "funnel": [asdict(x) for x in c.funnel], "enter_by": [asdict(x) for x in c.enter_by],
        "leave_by": [asdict(x) for x in c.leave_by], "leaves": [asdict(x) for x in c.leaves],
        "overlaps": [asdict(x) for x in c.overlaps], "troubles": list(c.troubles),
        "fired": {side: asdict(f) for side, f in s.fired.items()},
    }  # fmt: skip
