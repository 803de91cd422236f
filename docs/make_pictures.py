"""Make the picture of the report from the demo, as README.md shows it.    python docs/make_pictures.py

It needs a demo that was run (`make demo`) and Chromium (`apt-get install chromium`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "python"))

from browser import browser  # noqa: E402  where the tests have it

LARGEST = 200_000  # bytes of one picture


def main() -> None:
    """Write docs/report.png."""
    demo = HERE.parent / "demo"
    subprocess.run([sys.executable, "-m", "pulse_runner", "--project-dir", str(demo), "report"], check=True)
    with browser() as tab:
        tab.shape(1280, 900)
        tab.open(demo / "target" / "pulse-report.html")
        tab.picture(HERE / "report.png", height=1420, scale=0.75)
    assert (HERE / "report.png").stat().st_size < LARGEST


if __name__ == "__main__":
    main()
