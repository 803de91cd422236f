from __future__ import annotations

from detector_case import series

METRIC = "reach:email"
FOUND, QUIET = series(METRIC, 0.5), series(METRIC)
