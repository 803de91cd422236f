"""A mail as a phone shows it: its first screen, both themes, and without the styles of its head."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.message import Trend
from tests.python.alert.store import NOW, D, explanation, incident
from tests.python.browser import MISSING, Tab, browser, chromium

pytestmark = [pytest.mark.browser, pytest.mark.skipif(chromium() is None, reason=MISSING)]
SCREEN = 667  # of a small phone
DARK, LIGHT = 80, 160  # brightness below which a colour is dark, above which it is light
COLOURS = """
[...document.querySelectorAll('.pulse-text, .pulse-quiet, .pulse-code')].map(e => {
  const bright = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number); return (r * 299 + g * 587 + b * 114) / 1000; };
  let ground = e, shade = 'rgba(0, 0, 0, 0)';
  while (ground && shade === 'rgba(0, 0, 0, 0)') { shade = getComputedStyle(ground).backgroundColor; ground = ground.parentElement; }
  return [bright(getComputedStyle(e).color), bright(shade)];
})
"""
BOTTOM = (
    "[...document.querySelectorAll('td')].find(e => e.innerText.startsWith('Do first')).getBoundingClientRect().bottom"
)


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    told = explanation(headline="x " * 80)
    trend = Trend((1000.0,) * 27 + (580.0,), D, low=940.0, high=1060.0, since=D)
    topic = Topic(incident(), "High-Value Active Users", "growth-team", "ltv > 1000", told, trend)
    made = build("opened", [topic], D, NOW, "it is new", "https://pulse.example.com/#{incident}")
    html = json.loads(CHANNELS["email"].render(made, "key").body)["html"]
    folder = tmp_path_factory.mktemp("mail")
    (folder / "whole.html").write_text(html, encoding="utf-8")
    (folder / "stripped.html").write_text(re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["whole", "stripped"])
@pytest.mark.parametrize("width", [375, 600])
def test_the_first_screen_holds_all_up_to_the_first_step_and_nothing_is_cut(
    tab: Tab, mail: Path, name: str, width: int
) -> None:
    tab.shape(width, SCREEN)
    tab.open(mail / f"{name}.html")
    assert tab.js(BOTTOM) < SCREEN - 90, "a mail client has a bar of its own"
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.complaints == []


@pytest.mark.parametrize(("name", "dark"), [("whole", False), ("whole", True), ("stripped", False), ("stripped", True)])
def test_text_stands_out_from_its_ground_in_both_themes(tab: Tab, mail: Path, name: str, dark: bool) -> None:
    tab.shape(375, SCREEN, dark)
    tab.open(mail / f"{name}.html")
    shades = tab.js(COLOURS)
    assert len(shades) > 8
    is_dark = dark and name == "whole"  # without its styles a mail brings its own light ground
    for text, ground in shades:
        assert abs(text - ground) > DARK
        assert (ground < DARK) if is_dark else (ground > LIGHT)
