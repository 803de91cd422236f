"""The page as a file: whole without scripts, its policy exact, its names text, its links leading somewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_names import NAMES


class Parts(HTMLParser):
    """What a browser finds in a page: its elements with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self.words: list[str] = []
        self._in: tuple[str, dict[str, str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        self.elements.append((tag, found))
        if tag in ("script", "style"):
            self._in = (tag, found)
            self.raw.append((tag, found, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._in = None

    def handle_data(self, data: str) -> None:
        if self._in:
            tag, attrs, text = self.raw.pop()
            self.raw.append((tag, attrs, text + data))
        else:
            self.words.append(data)


@pytest.fixture(scope="module")
def parts(page: Path) -> Parts:
    return Parts(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(parts: Parts) -> dict[str, Any]:
    (packed,) = [text for _, attrs, text in parts.raw if attrs.get("id") == "data"]
    out: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return out


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_names_every_script_and_style_by_its_hash_and_nothing_else(parts: Parts) -> None:
    policy = next(a["content"] for _, a in parts.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(r.strip().split(" ", 1) for r in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe-inline" not in rules["script-src"]
    assert "unsafe-eval" not in policy
    running = [text for tag, attrs, text in parts.raw if tag == "script" and "type" not in attrs]
    (library,) = [text for _, attrs, text in parts.raw if attrs.get("id") == "library"]
    expected = {hashed(text) for text in [*running, gzip.decompress(base64.b64decode(library)).decode()]}
    assert set(rules["script-src"].split()) == expected
    assert {hashed(text) for tag, _, text in parts.raw if tag == "style"} == set(rules["style-src"].split())


def test_nothing_is_loaded_from_anywhere(parts: Parts) -> None:
    assert [(t, a) for t, a in parts.elements if "src" in a or (t == "link" and "href" in a) or "srcset" in a] == []
    assert [a["href"] for t, a in parts.elements if t == "a" and not a.get("href", "#").startswith("#")] == []
    css = next(text for tag, _, text in parts.raw if tag == "style")
    assert "url(" not in css
    assert "@import" not in css


def test_hostile_names_are_text_and_all_of_them_are_there(parts: Parts) -> None:
    tags = {t for t, _ in parts.elements}
    assert "img" not in tags
    assert not any(name.startswith("on") for _, a in parts.elements for name in a)
    assert [t for t, _, _ in parts.raw].count("script") == 4
    text = "".join(parts.words)
    for name in NAMES:
        assert name in text


def test_every_link_leads_to_a_page_and_every_id_is_there_once(parts: Parts) -> None:
    ids = [a["id"] for _, a in parts.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"][1:] for t, a in parts.elements if t == "a" and a.get("href", "").startswith("#")}
    assert links - set(ids) == set()


def test_every_chart_of_the_page_has_its_numbers_and_all_numbers_have_a_place(
    parts: Parts, data: dict[str, Any]
) -> None:
    places = {a["data-chart"] for _, a in parts.elements if "data-chart" in a}
    assert set(data["charts"]) <= places
    assert {p for p in places if p.startswith("s1--")} <= set(data["charts"])
    assert all(len(c["v"]) == 41 for c in data["charts"].values() if c["kind"] == "band")


def test_sizes_and_evidence_are_in_the_tables_themselves(parts: Parts, world: Path) -> None:
    import duckdb

    with duckdb.connect(str(world / "pulse.duckdb"), read_only=True) as c:
        sizes = c.execute(
            "select size from pulse_segment_snapshots where snapshot_date = date '2026-05-31' order by segment_id"
        ).fetchall()
    text = "".join(parts.words)
    for (size,) in sizes:
        assert f"{size:,}" in text
    assert "503 members of <script>" in text.replace("\n", " ")


def test_evidence_has_its_sql_once_a_script_asks_for_it(parts: Parts, data: dict[str, Any]) -> None:
    asked = {a["data-sql"] for _, a in parts.elements if "data-sql" in a}
    assert asked == set(data["sql"])
    assert all(text.startswith("select ") for text in data["sql"].values())


def test_what_needs_attention_comes_first_and_the_worst_before_the_rest(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<li class="notice (\w+)">', text)
    assert found == ["critical", "high"]
    assert text.index('class="notices"') < text.index('id="segments"')


def test_the_same_tables_give_the_same_page(page: Path, world: Path) -> None:
    from benchmarks.report import page_of

    assert page_of(world, 40) == page.read_text(encoding="utf-8")
