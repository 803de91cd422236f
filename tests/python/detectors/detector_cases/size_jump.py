from __future__ import annotations

from detector_case import series

METRIC = "size"
FOUND, QUIET = series(METRIC, 0.6), series(METRIC)
