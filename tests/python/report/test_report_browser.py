"""The page in a real Chromium: quiet, drawn, found by keyboard and screen reader, and narrow enough for a phone."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from browser import Tab
from hostile_names import NAMES

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("report")]  # one browser, in one worker
AXE = "axe-core@4.14.1"
DRAWN = "[...document.querySelectorAll('.page.open .chart')].every(c => c.querySelector('svg') || c.classList.contains('none'))"
PAGES = ("overview", "incidents", "health", "segment-s0", "segment-s1", "incident-INC-1")
each_page = pytest.mark.parametrize("fragment", PAGES)


def look(tab: Tab, page: Path, fragment: str, width: int = 1440, dark: bool = False) -> None:
    """Open a page of the report, tall enough that all charts come into view, and wait for them."""
    tab.complaints.clear()
    tab.shape(width, 7000, dark)
    tab.open(page, f"#{fragment}")
    tab.until(DRAWN)


@each_page
def test_each_page_is_drawn_without_a_word_on_the_console_or_the_network(shown: Tab, page: Path, fragment: str) -> None:
    look(shown, page, fragment)
    assert shown.js("document.querySelector('.page.open').id") == fragment
    assert shown.complaints == []


def test_charts_are_drawn_with_their_numbers_and_only_when_they_come_into_view(shown: Tab, page: Path) -> None:
    shown.shape(1440, 600)
    shown.open(page, "#segment-s1")
    shown.until("document.querySelector('[data-chart=\"s1--size\"] svg')")
    assert shown.js("document.querySelector('[data-chart=\"s1--flows\"] svg') === null")
    shown.js("document.querySelector('[data-chart=\"s1--flows\"]').scrollIntoView()")
    shown.until("document.querySelector('[data-chart=\"s1--flows\"] svg')")
    assert shown.js("document.querySelectorAll('[data-chart=\"s1--flows\"] svg path').length") > 0


def test_the_overview_needs_no_library(shown: Tab, page: Path) -> None:
    shown.open(page)
    assert shown.js("typeof window.echarts") == "undefined"


def test_hostile_names_are_shown_as_they_are(shown: Tab, page: Path) -> None:
    look(shown, page, "segment-s0")
    assert shown.js("document.querySelector('.page.open h1 bdi').textContent") == NAMES[0]
    assert shown.js("document.title").startswith(f"Pulse · {NAMES[0]}")
    look(shown, page, "incident-INC-1")
    assert NAMES[0] in shown.js("document.querySelector('.page.open').textContent")
    assert shown.complaints == []


def test_search_filter_and_sort_are_in_the_address_and_come_back_from_it(shown: Tab, page: Path) -> None:
    shown.shape(1440, 900)
    shown.open(page)
    visible = "[...document.querySelectorAll('#segments tbody tr')].filter(r => !r.hidden).map(r => r.dataset.size)"
    assert len(shown.js(visible)) == 12
    shown.js(
        "document.getElementById('f-owner').value = 'team-2'; document.getElementById('f-owner').dispatchEvent(new Event('change'))"
    )
    assert len(shown.js(visible)) == 2
    shown.js("document.querySelector('th[data-sort=size] button').click()")
    assert shown.js("location.hash") == "#overview?owner=team-2&sort=-size"
    sizes = shown.js(visible)
    assert [int(s) for s in sizes] == sorted(map(int, sizes), reverse=True)
    shown.open(page, "#overview?owner=team-2&sort=size")
    assert shown.js(visible) == sizes[::-1]
    shown.open(page, "#overview?q=söhne")
    assert len(shown.js(visible)) == 1
    shown.open(page, "#overview?q=nobody")
    assert shown.js("document.getElementById('f-none').hidden") is False


def test_sql_of_evidence_unfolds_and_can_be_copied(shown: Tab, page: Path) -> None:
    look(shown, page, "incident-INC-1")
    shown.js("document.querySelector('.page.open [data-sql]').open = true")
    shown.until("document.querySelector('.page.open [data-sql] pre')")
    assert shown.js("document.querySelector('.page.open [data-sql] pre').textContent").startswith(
        "select snapshot_date"
    )
    shown.js("document.querySelector('.page.open .copy').click()")
    shown.until("['Copied', 'Selected'].includes(document.querySelector('.page.open .copy').textContent)")


def test_without_scripts_every_segment_and_incident_can_be_read(shown: Tab, page: Path) -> None:
    shown.scripts(False)
    try:
        shown.shape(1440, 900)
        shown.open(page)
    finally:
        shown.scripts(True)
    hidden = "[...document.querySelectorAll('.page')].filter(p => getComputedStyle(p).display === 'none').length"
    assert shown.js(hidden) == 0
    assert shown.js("document.querySelectorAll('#segments svg').length") == 12
    assert shown.js("document.querySelectorAll('.chart').length") > 0
    assert shown.js("[...document.querySelectorAll('.chart')].every(c => getComputedStyle(c).display === 'none')")


@each_page
def test_a_phone_needs_no_sideways_scrolling(shown: Tab, page: Path, fragment: str) -> None:
    look(shown, page, fragment, width=390)
    assert shown.js("document.documentElement.scrollWidth") <= 390


def test_the_theme_follows_the_system_and_can_be_switched(shown: Tab, page: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    look(shown, page, "segment-s1", dark=True)
    dark = shown.js(paper)
    shown.js("document.getElementById('theme').click()")
    light = shown.js(paper)
    assert dark != light
    look(shown, page, "segment-s1")
    assert shown.js(paper) == light


def test_the_keyboard_reaches_content_filters_and_rows(shown: Tab, page: Path) -> None:
    shown.shape(1440, 900)
    shown.open(page)
    reached = []
    for _ in range(20):
        shown.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        shown.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(
            shown.js("document.activeElement.id || document.activeElement.className || document.activeElement.tagName")
        )
    assert reached[0] == "skip"
    assert "f-search" in reached
    assert "f-status" in reached


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the text of axe-core, fetched by npm."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("axe-core comes from npm, which is not on this machine")
    done = subprocess.run([npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {done.stderr[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as packed:
        found = packed.extractfile("package/axe.min.js")
        assert found is not None
        return found.read().decode()


@pytest.mark.matrix
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@each_page
def test_axe_finds_no_serious_fault(shown: Tab, page: Path, axe: str, fragment: str, dark: bool) -> None:
    look(shown, page, fragment, dark=dark)
    shown.js(f"{axe};0")
    found = shown.js("axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))")
    faults = [
        (v["id"], v["impact"], v["nodes"][0]["html"][:200], v["nodes"][0].get("failureSummary", "")[:300])
        for v in json.loads(found)
        if v["impact"] in ("serious", "critical")
    ]
    assert faults == []
