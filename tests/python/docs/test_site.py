"""The docs as a site: built offline, with every warning an error: a dead link is one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(out / ".cache"), str(ROOT / "docs"), str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_in_the_site_and_in_its_menu(site: Path) -> None:
    pages = {p.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    assert {p for p in pages if not (site / p).is_file()} == set()
    menu = set(re.findall(r'<a class="reference internal" href="([^"#]+)"', (site / "index.html").read_text()))
    assert pages - menu - {"index.html"} == set()


def test_nothing_of_the_site_is_fetched_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"'](?:https?:)?//[^\"']+")
    outside = {p.name: loaded.findall(p.read_text(encoding="utf-8")) for p in site.rglob("*.html")}
    assert {name: found for name, found in outside.items() if found} == {}


def test_the_quick_start_is_that_of_the_readme(site: Path) -> None:
    page = (site / "quickstart.html").read_text(encoding="utf-8")
    assert "pulse init --relation" in re.sub(r"<[^>]+>", "", page)
    assert 'href="review.html"' in page
