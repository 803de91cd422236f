from __future__ import annotations

from detector_case import series

METRIC = "conversion_rate"
FOUND, QUIET = series(METRIC, 0.4), series(METRIC)
