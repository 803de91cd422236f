"""The pictures of the docs are there, small, and drawn from all of what is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulse_runner.alert.channels import CHANNELS
from pulse_runner.alert.compose import Topic, build
from pulse_runner.alert.message import Trend
from tests.python.alert.store import NOW, D, explanation, incident
from tools.pictures import slack, teams
from tools.pictures.parts import UnknownPartError, terminal

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "pictures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"|srcset=\"([^\"]+)\"")


def opened_card(card: dict[str, Any]) -> str:
    return teams.drawn(card, opened=True)


def pictures(page: Path) -> set[Path]:
    """Return the files of the pictures that a page shows."""
    found = NAMED.findall(page.read_text(encoding="utf-8"))
    return {(page.parent / next(p for p in paths if p)).resolve() for paths in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_picture_that_a_page_names_exists(page: Path) -> None:
    assert {p for p in pictures(page) if not p.is_file()} == set()


def test_every_picture_is_shown_and_the_set_is_small() -> None:
    made = set(FOLDER.glob("*.png"))
    assert made - {p for page in PAGES for p in pictures(page)} == set()
    assert all(p.stat().st_size < 150_000 for p in made)
    assert sum(p.stat().st_size for p in made) < 1_500_000


def payload(name: str, kind: str = "opened") -> dict[str, Any]:
    """Return what a channel sends about an incident."""
    topic = Topic(incident(), "VIP <b>", "growth-team", "ltv > 1000", explanation(), Trend((1000.0, 580.0), D))
    message = build(kind, [topic], D, NOW, "it is new", "https://pulse.example.com/#{incident}")  # type: ignore[arg-type]
    made: dict[str, Any] = json.loads(CHANNELS[name].render(message, "key").body)
    return made


@pytest.mark.parametrize("kind", ["opened", "acknowledged", "resolved"])
@pytest.mark.parametrize(("name", "drawn"), [("slack", slack.drawn), ("teams", opened_card)], ids=["slack", "teams"])
def test_a_drawing_shows_every_text_of_what_is_sent(name: str, drawn: Callable[[Any], str], kind: str) -> None:
    sent = payload(name, kind)
    shown = re.sub(r"<[^>]+>|\s", "", drawn(sent))
    body = sent["blocks"] if name == "slack" else sent["attachments"][0]["content"]["body"]
    texts = re.findall(r'"(?:text|title)": "((?:[^"\\]|\\.)*)"', json.dumps(body, ensure_ascii=False))
    assert len(texts) > 3
    for text in texts:
        plain = re.sub(r"[*`\s]", "", json.loads(f'"{text}"'))
        escaped = plain if name == "slack" else plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert escaped.replace('"', "&quot;") in shown or plain.replace("<", "&lt;") in shown, text


@pytest.mark.parametrize(
    ("name", "drawn", "place", "part"),
    [
        ("slack", slack.drawn, "blocks", {"type": "video", "title": "x"}),
        ("slack", slack.drawn, "blocks", {"type": "actions", "elements": [{"type": "datepicker"}]}),
        ("slack", slack.drawn, "blocks", {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": {}}),
        ("teams", opened_card, "body", {"type": "Chart.Gauge"}),
        ("teams", opened_card, "body", {"type": "ActionSet", "actions": [{"type": "Action.Submit", "title": "x"}]}),
        ("teams", opened_card, "body", {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "highlight": True}]}),
    ],
    ids=["block", "element", "field of a block", "element of a card", "action", "field of a run"],
)  # fmt: skip
def test_a_part_that_a_drawing_does_not_know_is_refused(
    name: str, drawn: Callable[[Any], str], place: str, part: dict[str, Any]
) -> None:
    sent = payload(name)
    drawn(sent)
    (sent if name == "slack" else sent["attachments"][0]["content"])[place].append(part)
    with pytest.raises(UnknownPartError):
        drawn(sent)


def test_a_terminal_is_drawn_with_its_colours_and_no_other_code() -> None:
    page = terminal("pulse", "\x1b[31m\x1b[1mHIGH\x1b[0m <b>\r\n10 %\r100 %\x1b[K\r\n")
    assert '<span style="font-weight:700;color:#ff7b72">HIGH</span>' in page
    assert "&lt;b&gt;\n100 %" in page
    assert "10 %\r" not in page
    with pytest.raises(UnknownPartError, match="48"):
        terminal("pulse", "\x1b[48;5;1mx")
