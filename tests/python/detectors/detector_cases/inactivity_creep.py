from __future__ import annotations

from detector_case import series

METRIC = "inactive_rate"
FOUND, QUIET = series(METRIC, 1.9), series(METRIC, 0.4)
