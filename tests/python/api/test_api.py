"""The Python API on a built demo, and the notebook that shows it."""

from __future__ import annotations

import json
import shutil
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

pytestmark = pytest.mark.postgres_in_matrix


@pytest.fixture(scope="module")
def pulse(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Pulse:
    """Give a reader of the demo; on DuckDB of a copy that was judged, because others read the built one as it is."""
    if not (built.root / "pulse.duckdb").is_file():
        return Pulse(built.root)
    root = tmp_path_factory.mktemp("api") / "demo"
    shutil.copytree(built.root, root, symlinks=True)
    profile = root / "profiles.yml"
    profile.write_text(profile.read_text(encoding="utf-8").replace(str(built.root), str(root)), encoding="utf-8")
    judge = ["-m", "pulse_runner", "--project-dir", str(root), "detect", "--date", LAST]
    subprocess.run([sys.executable, *judge], check=True, capture_output=True)
    return Pulse(root)


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


def test_findings_are_there_after_a_day_was_judged(pulse: Pulse) -> None:
    found = pulse.findings(first=date.fromisoformat(LAST))
    assert set(found["snapshot_date"].dt.date) <= {date.fromisoformat(LAST)}
    if (pulse.root / "pulse.duckdb").is_file():
        assert len(found)


def test_an_unknown_incident_or_detector_is_named(pulse: Pulse) -> None:
    with pytest.raises(UsageError, match="There is no incident 'ffff'"):
        pulse.explain("ffff")
    with pytest.raises(UsageError, match="'size_jmp' is not a detector; did you mean `size_jump`"):
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
