"""The modules of the walk, which are a script's: `make test-dbt`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
