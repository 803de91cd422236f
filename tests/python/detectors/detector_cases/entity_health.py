from __future__ import annotations

import numpy as np
from detector_case import DAYS, START, ordinary

from pulse_runner.detectors import EntityPanel, Panels

METRIC = "converted"  # the flow whose collapse it watches
KEYS = (("customers", "(rows)"), ("customers", "ltv"))


def health(last_nulls: float) -> Panels:
    """Return ordinary days of a relation with 20 nulls a day in one column, the last day with as many as given."""
    nulls = np.full((2, DAYS), [[np.nan], [20.0]])
    nulls[1, -1] = last_nulls
    duplicates = np.full((2, DAYS), [[0.0], [np.nan]])
    types = np.full((2, DAYS), [[""], ["number"]], dtype=object)
    ok = np.full((2, DAYS), "ok", dtype=object)
    rows = np.vstack([ordinary(), ordinary()])
    return Panels(health=EntityPanel(KEYS, START + np.arange(DAYS), rows, nulls, duplicates, types, ok))


FOUND, QUIET = health(500.0), health(25.0)
