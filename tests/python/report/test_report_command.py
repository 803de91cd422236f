"""`pulse report` and `pulse` alone, as a person calls them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from click.testing import CliRunner, Result
from hostile_names import NAMES

from pulse_runner.cli import cli
from pulse_runner.cli.context import format_rows
from pulse_runner.cli.terminal import has_colours


def call(root: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--project-dir", str(root), *words])


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DBT_PROFILES_DIR", "DBT_TARGET", "PULSE_TARGET", "PULSE_PROJECT_DIR", "DBT_TARGET_PATH"):
        monkeypatch.delenv(variable, raising=False)


def test_the_page_is_written_into_the_target_folder_and_its_place_is_told(world: Path) -> None:
    done = call(world, "report")
    assert done.exit_code == 0, done.output
    path = world / "target" / "pulse-report.html"
    assert done.stdout.startswith(f"{path}  12 segments, 2 incidents, 2026-03-03 to 2026-05-31, ")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_report_of_an_owner_has_their_segments_and_incidents_only(world: Path, tmp_path: Path) -> None:
    done = call(world, "report", "--owner", "team-3", "--output", str(tmp_path / "sub" / "own.html"))
    assert done.exit_code == 0, done.output
    text = (tmp_path / "sub" / "own.html").read_text(encoding="utf-8")
    assert sorted(re.findall(r'id="segment-(s\d+)"', text)) == ["s10", "s3"]
    assert re.findall(r'class="page" id="incident-(INC-\d+)"', text) == ["INC-2"]


def test_a_picture_of_one_segment_is_well_formed_and_holds_its_name(world: Path, tmp_path: Path) -> None:
    done = call(world, "report", "--segment", "s0", "--output", str(tmp_path / "s0.svg"))
    assert done.exit_code == 0, done.output
    picture = ElementTree.fromstring((tmp_path / "s0.svg").read_text(encoding="utf-8"))
    assert picture.find("{http://www.w3.org/2000/svg}title").text == NAMES[0]  # type: ignore[union-attr]


def test_a_picture_as_png_is_twice_as_fine_and_has_words_and_a_line(world: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    done = call(world, "report", "--segment", "s0", "--from", "2026-05-01", "--output", str(tmp_path / "s0.png"))
    assert done.exit_code == 0, done.output
    picture = imread(tmp_path / "s0.png")
    assert picture.shape[:2] == (840, 1920)
    title, chart = picture[40:80, 48:600, :3], picture[180:740, 150:1860, :3]
    assert (title.min(axis=2) < 0.3).any()  # ink of words
    assert (abs(chart - (0.114, 0.361, 0.62)).max(axis=2) < 0.05).any()  # the blue line


def test_a_picture_as_png_without_the_renderer_or_a_font_says_what_to_do(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    done = call(world, "report", "--segment", "s0", "--format", "png")
    assert (done.exit_code, "pulse-runner[png]" in done.stderr) == (2, True)
    fontless = type(sys)("resvg_py")
    fontless.svg_to_bytes = lambda **given: b"the same"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resvg_py", fontless)
    done = call(world, "report", "--segment", "s0", "--format", "png")
    assert (done.exit_code, "no font" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "what", "do"),
    [
        (["--format", "svg"], "A picture shows one segment", "--segment NAME --format svg"),
        (["--segment", "s01"], "There is no segment 's01'; did you mean", "pulse segments list"),
        (["--owner", "team-33"], "No segment has the owner 'team-33'", "Owners are team-0"),
        (["--output", "report.gif"], "report.gif is neither .html nor .svg nor .png", "made from the .svg"),
        (["--format", "png"], "A picture shows one segment", "--segment NAME --format png"),
        (["--format", "text", "--owner", "team-1"], "The digest .* is of all segments", "Leave --segment"),
    ],
)
def test_what_cannot_be_made_is_said_in_two_lines(world: Path, words: list[str], what: str, do: str) -> None:
    done = call(world, "report", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert re.search(what, first)
    assert do in second


def test_pulse_alone_says_the_worst_first_and_what_to_do_next(world: Path) -> None:
    before = (world / "pulse.duckdb").read_bytes()
    done = call(world)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "Sunday, 31 May 2026: 2 things need attention; 10 of 12 segments as expected."
    assert [line.split()[1] for line in lines if line.startswith(("◆", "▲"))] == ["critical", "high"]
    assert "  pulse incidents show INC-2         all about the worst one" in lines
    assert (world / "pulse.duckdb").read_bytes() == before


def test_a_snoozed_incident_needs_no_attention_until_its_day(world: Path, tmp_path: Path) -> None:
    root = tmp_path / "snoozed"
    shutil.copytree(world, root)
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        c.execute("update pulse_incidents set until_on = date '2026-06-01' where number = 1")
        c.execute("update pulse_incidents set until_on = date '2026-05-31' where number = 2")
    text = call(root).stdout
    assert "1 thing needs attention" in text
    assert "Snoozed until 2026-06-01" in text
    call(root, "report")
    page = (root / "target" / "pulse-report.html").read_text(encoding="utf-8")
    assert re.findall(r'<li class="notice (\w+)">', page) == ["critical"]
    assert re.findall(r'data-status="(snoozed|critical|high)"', page) == ["critical", "snoozed"]


def test_pulse_alone_outside_of_a_project_says_how_to_begin(tmp_path: Path) -> None:
    done = call(tmp_path)
    assert done.exit_code == 0
    assert "There is no dbt project in this folder" in done.stdout
    assert "pulse demo" in done.stdout


def test_pulse_alone_before_the_first_run_names_it(world: Path, tmp_path: Path) -> None:
    root = tmp_path / "fresh"
    shutil.copytree(world, root)
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        c.execute("delete from pulse_segment_snapshots")
    assert "pulse run --yes" in call(root).stdout
    shutil.rmtree(root / "target")
    done = call(root)
    assert (done.exit_code, "no snapshot of any yet" in done.stdout) == (0, True)


def test_a_table_fits_the_terminal_and_says_what_it_leaves_out() -> None:
    rows = [
        {
            "incident": "INC-1",
            "segment_id": "high_value_active_users",
            "title": "a " * 60,
            "incident_id": "6b2804ee60448367",
        }
    ]
    text = format_rows(rows, ["incident", "segment_id", "title", "incident_id"], "table", 70)
    assert max(map(len, text.splitlines())) <= 70
    assert "(incident_id left out to fit; --format json has all)" in text
    assert text.count("a ") + text.count("a\n") >= 55
    whole = format_rows(rows, ["incident", "segment_id", "title", "incident_id"], "table")
    assert "6b2804ee60448367" in whole


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert has_colours({"TERM": "xterm"})
    assert not has_colours({"TERM": "xterm", "NO_COLOR": "1"})
    assert not has_colours({"TERM": "dumb"})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not has_colours({"TERM": "xterm"})


@pytest.mark.parametrize(
    ("words", "begun", "found"), [("report --segment", "s1", ["s1", "s10", "s11"]), ("segments show", "s0", ["s0"])]
)
def test_a_shell_completes_segments_by_name(world: Path, words: str, begun: str, found: list[str]) -> None:
    line = ["pulse", "--project-dir", str(world), *words.split(), begun]
    done = subprocess.run(
        [sys.executable, "-m", "pulse_runner"], capture_output=True, text=True, cwd=Path(__file__).parents[3],
        env={"_PULSE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(line), "COMP_CWORD": str(len(line) - 1), "PATH": "/usr/bin"},
    )  # fmt: skip
    assert [word.split(",")[1] for word in done.stdout.split()] == found


def test_pictures_of_the_docs_are_small() -> None:
    pictures = sorted((Path(__file__).parents[3] / "docs").rglob("*.png"))
    assert pictures
    assert [p.name for p in pictures if p.stat().st_size > 200_000] == []


def test_a_report_before_the_first_snapshot_says_so(world: Path, tmp_path: Path) -> None:
    root = tmp_path / "fresh"
    shutil.copytree(world, root)
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        for table in ("segment_snapshots", "segment_changes", "segment_distributions", "segment_reach", "segment_flows", "incidents",
                      "segments", "entity_health"):  # fmt: skip
            c.execute(f"delete from pulse_{table}")
    done = call(root, "report", "--to", "2026-05-31")
    assert done.exit_code == 0, done.output
    text = (root / "target" / "pulse-report.html").read_text(encoding="utf-8")
    assert "Nothing needs attention today" in text
    assert text.count("There are no snapshots of this period yet.") == 12
    assert "need 8 more days of snapshots" in text


def test_a_report_without_segments_says_how_to_begin(world: Path, tmp_path: Path) -> None:
    root = tmp_path / "empty"
    shutil.copytree(world, root)
    for file in (root / "segments").glob("*.yml"):
        file.unlink()
    done = call(root, "report")
    assert done.exit_code == 0, done.output
    text = (root / "target" / "pulse-report.html").read_text(encoding="utf-8")
    assert "2 things need attention today" in text  # incidents outlive the definitions that they are about
    assert 'href="#segment-' not in text
    with duckdb.connect(str(root / "pulse.duckdb")) as c:
        c.execute("delete from pulse_incidents")
    assert call(root, "report").exit_code == 0
    text = (root / "target" / "pulse-report.html").read_text(encoding="utf-8")
    assert "No segments yet" in text
    assert "<code>pulse compile</code>" in text
    assert "no segments yet." in call(root).stdout
