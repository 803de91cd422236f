"""Do the counts that facts state add up? What is counted anew since it was told has to be said, or two sentences contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_runner.explain.explanation import Evidence, Scalar


def contradictions(evidence: Sequence[Evidence]) -> list[str]:
    """Return what does not add up in the counts that facts state, nothing when all does.

    Who came and left is the change of the size, or, where the day before was restated, the change from the size that it has now.

    >>> change = Evidence("change", "", {"size": 400, "before_size": 1000, "change": -600}, "", 1.0, "")
    >>> balance = Evidence("balance", "", {"gained": 10, "lost": 20, "net": -10}, "", 1.0, "")
    >>> contradictions([change, balance])
    ['the movement of -10 does not add up to the change of -600']
    >>> restated = Evidence("restated", "", {"told_size": 1000, "previous_size": 410, "size": 400}, "", 1.0, "")
    >>> contradictions([change, balance, restated])
    []
    """
    changes = [
        c
        for e in evidence
        if e.kind == "change" and "size" in e.values and (c := _whole(e.values["change"])) is not None
    ]
    again = [_moved(e) for e in evidence if e.kind == "restated"]
    out = []
    for fact in evidence:
        net = _whole(fact.values.get("net")) if fact.kind == "balance" else None
        if net is not None and changes and net != changes[0] and net not in again:
            out.append(f"the movement of {net:+,} does not add up to the change of {changes[0]:+,}")
    return out


def _moved(restated: Evidence) -> int | None:
    size, before = _whole(restated.values.get("size")), _whole(restated.values.get("previous_size"))
    return None if size is None or before is None else size - before


def _whole(value: Scalar) -> int | None:
    return int(value) if isinstance(value, int | float) else None
