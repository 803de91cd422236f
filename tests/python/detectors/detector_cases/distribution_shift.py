from __future__ import annotations

import numpy as np
from detector_case import DAYS, START

from pulse_runner.detectors import Panels
from pulse_runner.detectors.engine.distribution_baseline import DistributionHistory

BUCKETS = ("AT", "DE", "FR")


def shares(moved: float) -> Panels:
    """Return ordinary days of three countries; on the last day a part of the second is counted as the third."""
    members = np.random.default_rng(0).multinomial(3000, (0.2, 0.5, 0.3), DAYS).astype(float)
    part = np.round(members[-1, 1] * moved)
    members[-1] += (0.0, -part, part)
    days = START + np.arange(DAYS)
    kept = DistributionHistory("country", ("vip",), BUCKETS, days, members[None], np.ones((1, DAYS), bool))
    return Panels(distributions={"country": kept.panel(DAYS - 1, np.ones((1, DAYS), bool))})


FOUND, QUIET = shares(0.6), shares(0.0)
