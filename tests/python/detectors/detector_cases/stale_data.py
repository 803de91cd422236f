from __future__ import annotations

from detector_case import status

FOUND, QUIET = status("stale"), status("not_reconstructable")
