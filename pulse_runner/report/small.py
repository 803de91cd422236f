"""Numbers of people as they may stand in a report: parts of fewer than k people are not told, nor what would give them away."""

from __future__ import annotations

import numpy as np

from pulse_runner.arrays import Floats
from pulse_runner.explain.explanation import Scalar
from pulse_runner.vocabulary import percent


def told_shares(part: Floats, whole: Floats, k: int) -> Floats:
    """Return part / whole, NaN where it is not known or where the part, or what it leaves over, is of 1 to k - 1 people.

    >>> told_shares(np.array([50.0, 3.0, 0.0, 99.0]), np.array([100.0] * 4), 5).tolist()
    [0.5, nan, 0.0, nan]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        hidden = ((part > 0) & (part < k)) | ((whole - part > 0) & (whole - part < k))
        return np.where(hidden | ~(whole > 0), np.nan, part / whole)


def share_words(part: float | None, whole: float | None, k: int) -> str:
    """Write a share of people; where few stand behind it, only on which side of a bound it lies.

    >>> share_words(50, 100, 5), share_words(2, 100, 5), share_words(98, 100, 5), share_words(0, 100, 5), share_words(1, 0, 5)
    ('50.0 %', '< 5.0 %', '> 95.0 %', '0.0 %', '–')
    """
    if part is None or whole is None or not np.isfinite(part) or not np.isfinite(whole) or whole <= 0:
        return "–"
    if 0 < part < k:
        return f"< {percent(min(k / whole, 1.0), 1)}"
    if 0 < whole - part < k:
        return f"> {percent(max((whole - k) / whole, 0.0), 1)}"
    return percent(part / whole, 1)


def told_share(members: Scalar, total: int) -> float | None:
    """Return the share of a part as it may be told; of a lower bound the share of that, None of what is hidden.

    >>> told_share(50, 200), told_share(">40", 200), told_share("<5", 200)
    (0.25, 0.2, None)
    """
    if isinstance(members, str) and members.startswith(">"):
        members = int(members[1:])
    return round(members / total, 4) if isinstance(members, int) and total else None
