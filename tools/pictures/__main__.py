"""Make the pictures that the docs name, from a demo that was run (`make demo`), with Chromium.    python -m tools.pictures"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from tests.python.browser import MISSING, Tab, browser, chromium
from tools.pictures import sent, slack, teams
from tools.pictures.parts import monospaced, terminal

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST, LARGEST_SET = 150_000, 1_500_000  # bytes
COLOURS = 96
COMMANDS = {
    "terminal-pulse": (),
    "terminal-incidents": ("incidents", "list"),
    "terminal-explain": ("explain", sent.INCIDENT),
    "terminal-run": ("run", "--date", sent.LAST_DAY),
}
INCIDENT = f"#incident-{sent.INCIDENT}"


def main() -> None:
    """Write every picture into docs/pictures; with names, only those that begin so."""
    if chromium() is None:
        raise SystemExit(f"Pictures need a browser: {MISSING}")
    wanted = tuple(sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    with sent.shop() as root, browser() as tab, TemporaryDirectory() as scratch:
        for name, take in _pictures(root, tab, Path(scratch), wanted):
            if name.startswith(wanted or ""):
                path = FOLDER / f"{name}.png"
                take(path)
                _make_small(path)
    sizes = {p.name: p.stat().st_size for p in FOLDER.glob("*.png")}
    too_large = {name: size for name, size in sizes.items() if size > LARGEST}
    if too_large or sum(sizes.values()) > LARGEST_SET:
        raise SystemExit(f"Too large for a repository: {too_large or sum(sizes.values())}")
    print(f"{len(sizes)} pictures, {sum(sizes.values()) // 1000} kB, in {FOLDER}")


Take = Callable[[Path], None]


def _pictures(root: Path, tab: Tab, scratch: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, Take]]:
    """Yield each picture's name and what takes it: the report and the terminal first, since sending changes the demo."""
    if not wanted or any(w.startswith("report") for w in wanted):
        sent.pulse(root, "report")
        yield from _of_report(root / "target" / "pulse-report.html", tab)
    for name, command in COMMANDS.items():
        if name.startswith(wanted or ""):
            said = sent.pulse(root, *command)
            page = terminal(" ".join(("pulse", *command)), said)
            yield name, _page(tab, scratch, page, 860)
    if wanted and all(w.startswith(("report", "terminal")) for w in wanted):
        return
    yield from _of_messages(sent.messages(root), tab, scratch)


def _of_report(report: Path, tab: Tab) -> Iterator[tuple[str, Take]]:
    for width in (1440, 390):
        for theme in ("light", "dark"):
            yield f"report-{width}-{theme}", _shot(tab, report, width, 1400 if width > 1000 else 1200, theme == "dark")
    for theme in ("light", "dark"):
        yield f"report-incident-390-{theme}", _shot(tab, report, 390, 1200, theme == "dark", INCIDENT)
    yield "report-incident-1440-light", _shot(tab, report, 1440, 1400, False, INCIDENT)


def _of_messages(got: dict[str, object], tab: Tab, scratch: Path) -> Iterator[tuple[str, Take]]:
    slack_payload, card, mail = got["slack"], got["teams"], got["emails"]
    assert isinstance(slack_payload, dict)
    assert isinstance(card, dict)
    assert isinstance(mail, dict)
    for width in (680, 390):
        yield f"slack-{width}", _page(tab, scratch, slack.drawn(slack_payload), width)
    yield "teams-680", _page(tab, scratch, teams.drawn(card, opened=True), 680)
    yield "teams-390", _page(tab, scratch, teams.drawn(card, opened=False), 390)
    plain = re.sub(r"<style>.*?</style>", "", mail["html"], flags=re.DOTALL)
    for width in (600, 375):
        for theme in ("light", "dark"):
            yield f"email-{width}-{theme}", _page(tab, scratch, mail["html"], width, theme == "dark")
        yield f"email-{width}-stripped", _page(tab, scratch, plain, width)
    for name in ("n8n", "v2"):
        text = json.dumps(got[name], indent=2, ensure_ascii=False)
        yield {"v2": "pagerduty"}.get(name, name), _page(tab, scratch, monospaced(text), 860)
    yield "console", _page(tab, scratch, terminal(f"pulse alert --incident {sent.INCIDENT}", str(got["console"])), 860)


def _page(tab: Tab, scratch: Path, html: str, width: int, dark: bool = False) -> Take:
    """Return what takes a picture of the whole of a page."""

    def take(path: Path) -> None:
        file = scratch / "page.html"
        file.write_text(html, encoding="utf-8")
        tab.shape(width, 100, dark)
        tab.open(file)
        tab.picture(path, whole=True)

    return take


def _shot(tab: Tab, file: Path, width: int, height: int, dark: bool, place: str = "") -> Take:
    """Return what takes a picture of the top of a page in a file, its charts drawn."""

    def take(path: Path) -> None:
        tab.shape(width, height, dark)
        tab.open(file, place)
        tab.js("new Promise(done => setTimeout(done, 800))")
        tab.picture(path)

    return take


def _make_small(path: Path) -> None:
    """Write a picture again with few colours, as small as it gets; the same picture gives the same bytes."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
