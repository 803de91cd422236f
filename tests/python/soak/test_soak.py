"""A short soak on each warehouse; `make soak` does 200 days."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("warehouse", ["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_days_with_troubles_end_as_days_without(warehouse: str) -> None:
    command = [sys.executable, str(Path(__file__).with_name("soak.py")), "--days", "6", "--customers", "400"]
    done = subprocess.run([*command, "--warehouse", warehouse], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All tables and messages of 6 days" in done.stdout
