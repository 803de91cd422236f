"""The Python API on a built demo, and the notebook that shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from plain_dbt import LAST, Built

from pulse_runner import Pulse
from pulse_runner.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def pulse(built: Built) -> Pulse:
    """Give a reader of the demo with one incident, which `pulse detect` made."""
    pulse = ["-m", "pulse_runner", "--project-dir", str(built.root)]
    subprocess.run([sys.executable, *pulse, "detect", "--date", LAST], check=True, capture_output=True)
    return Pulse(built.root)


def test_frames_hold_the_rows_of_the_tables(pulse: Pulse) -> None:
    everything = pulse.snapshots()
    assert set(everything["segment_id"]) == set(pulse.project.segments)
    one = pulse.snapshots("students")
    assert one["snapshot_date"].is_monotonic_increasing
    assert one["size"].tolist() == everything[everything["segment_id"] == "students"]["size"].tolist()
    last = one["snapshot_date"].max().date()
    assert len(pulse.snapshots(first=last, last=last)) == len(pulse.project.segments)
    spread = pulse.distributions("students", first=last)
    assert spread[spread["attribute"] == "plan"]["members"].sum() == one["size"].iloc[-1]


def test_the_folder_must_hold_a_dbt_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No dbt_project\.yml in"):
        Pulse(tmp_path)


def test_an_unknown_incident_or_detector_is_named(pulse: Pulse) -> None:
    with pytest.raises(UsageError, match="No incident 'ffff'"):
        pulse.explain("ffff")
    with pytest.raises(UsageError, match=r"No detector size_jmp\. Detectors: "):
        Pulse.detect(pd.DataFrame(), only=["size_jmp"])


def frame(last: int) -> pd.DataFrame:
    days = pd.date_range("2026-03-02", periods=40)
    sizes = [1000 + 7 * (n % 3) for n in range(39)] + [last]
    return pd.DataFrame(
        {"segment_id": "s", "snapshot_date": days, "metric": "size", "numerator": sizes, "denominator": None}
    )


def test_detect_judges_a_frame_without_a_warehouse() -> None:
    found = Pulse.detect(frame(600))
    assert found[["detector", "started_on", "observed"]].values.tolist() == [["size_jump", date(2026, 4, 10), 600.0]]
    quiet = Pulse.detect(frame(1003))
    assert quiet.empty
    assert list(quiet.columns) == list(found.columns)
    assert Pulse.detect(frame(600), thresholds={"size_jump": 0.6}).empty
    assert Pulse.detect(frame(600), only=["reach_drop"]).empty


def test_the_notebook_runs_from_top_to_bottom(pulse: Pulse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo").symlink_to(pulse.root, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    cells = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    scope: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "the notebook is kept without outputs"
            exec(compile("".join(cell["source"]), "docs/notebook.ipynb", "exec"), scope)
    assert scope["found"]["segment_id"].tolist() == ["newsletter"]  # type: ignore[index]
