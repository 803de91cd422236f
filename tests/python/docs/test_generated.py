"""Files that are made from the code are as the code says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SAY = "import json, pathlib, pulse_runner.publish as p; print(json.dumps(p.texts(pathlib.Path())))"


def test_generated_files_are_current() -> None:
    # in a process of its own: click remembers help options of commands that other tests called
    made = subprocess.run([sys.executable, "-c", SAY], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = json.loads(made.stdout)
    assert len(texts) == 9
    stale = [path for path, text in texts.items() if (ROOT / path).read_text(encoding="utf-8") != text]
    assert not stale, f"stale: {', '.join(stale)}; run `make docs`"
