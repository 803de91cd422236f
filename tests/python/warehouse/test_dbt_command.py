"""dbt as a command of its own (PULSE_DBT) does what dbt in this process does, and fails in the same words."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

from pulse_runner.errors import BusyError, UsageError, WarehouseError
from pulse_runner.warehouse.adapter import NO_PYTHON, open_by_dbt
from pulse_runner.warehouse.dbt import DbtResult, Progress, run_dbt
from pulse_runner.warehouse.dbt_command import command_version
from pulse_runner.warehouse.project import profiles_dir

DBT = Path(sys.executable).parent / "dbt"
MODELS = """\
models:
  - name: good
    columns: [{name: n, data_tests: [unique, not_null]}]
  - name: doubled
    columns: [{name: n, data_tests: [unique]}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    root = tmp_path / "shop"
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\nflags: {send_anonymous_usage_stats: false}\n")
    (root / "models/good.sql").write_text(
        "{% if execute %}{% do log('pulse: customers 2026-05-30 (2 of 5)', info=true) %}{% endif %}select 1 as n"
    )
    (root / "models/doubled.sql").write_text("select n from {{ ref('good') }} union all select 1")
    (root / "models/broken.sql").write_text("select nothing from {{ ref('good') }}")
    (root / "models/models.yml").write_text(MODELS)
    return root


def build(root: Path, *args: str) -> tuple[DbtResult, list[Progress]]:
    steps: list[Progress] = []
    return run_dbt(root, [*(args or ["build"])], on_progress=steps.append), steps


def test_a_command_gives_the_counts_failures_and_days_of_dbt_in_this_process(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, steps = build(project)
    monkeypatch.setenv("PULSE_DBT", str(DBT))
    there, their_steps = build(project)
    assert dict(here.counts) == {"success": 2, "pass": 2, "fail": 1, "error": 1}
    assert dict(there.counts) == dict(here.counts)
    assert [(f.node, f.status) for f in here.failures] == [("broken", "error"), ("unique_doubled_n", "fail")]
    assert sorted(f.node for f in there.failures) == ["broken", "unique_doubled_n"]
    assert "nothing" in next(f.message for f in there.failures if f.node == "broken")
    days = [s for s in steps if s.day]
    assert days
    assert set(days) == {Progress("customers", 2, 5, date(2026, 5, 30))}
    assert [s for s in their_steps if s.day] == days
    assert {s.what for s in their_steps} == {s.what for s in steps}


def test_a_project_that_does_not_parse_is_said_and_old_results_are_not_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(project, "run", "--select", "good")
    (project / "models/good.sql").write_text("select {{ nonsense( }}")
    monkeypatch.setenv("PULSE_DBT", str(DBT))
    with pytest.raises(WarehouseError, match=r"`dbt build` did not run: [\s\S]*good"):
        build(project)


def test_a_file_that_another_process_holds_is_a_busy_warehouse(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = project / "pulse.duckdb"
    code = f"import duckdb; c = duckdb.connect({str(file)!r}); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        monkeypatch.setenv("PULSE_DBT", str(DBT))
        with pytest.raises(BusyError, match="held by another process"):
            build(project)
    finally:
        holder.communicate("\n")


def test_a_command_is_found_from_the_callers_folder_and_its_results_where_dbt_wrote_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DBT.parent)
    monkeypatch.setenv("PULSE_DBT", f".{os.sep}dbt")
    monkeypatch.setenv("DBT_TARGET_PATH", "elsewhere")
    assert dict(build(project, "run", "--select", "good")[0].counts) == {"success": 1}


def test_a_command_that_is_not_there_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_DBT", "dbt-of-nobody")
    with pytest.raises(UsageError, match="PULSE_DBT names 'dbt-of-nobody', which is no command here"):
        build(project)


def test_doctor_says_which_dbt_builds() -> None:
    assert command_version(str(DBT)) == f"dbt-core {version('dbt-core')} (PULSE_DBT)"
    with pytest.raises(UsageError, match="does not answer `--version` as dbt does"):
        command_version(sys.executable)


def test_a_dbt_without_python_is_said_in_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dbt.cli.main", None)
    with pytest.raises(UsageError) as refused:
        build(project)
    assert all(sentence in str(refused.value) for sentence in NO_PYTHON)
    monkeypatch.setitem(sys.modules, "dbt.adapters.factory", None)
    with pytest.raises(WarehouseError) as unopened:
        open_by_dbt(project, profiles_dir(project), "pulse", None)
    assert all(sentence in str(unopened.value) for sentence in NO_PYTHON)
