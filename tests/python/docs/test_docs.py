"""The docs name what is there: paths, links and tables; and their lines are short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_runner.package import COPY

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = ROOT / "docs" / "cli.md"
SUFFIXES = (".py", ".sql", ".yml", ".md", ".json", ".csv", ".svg", ".toml", "/")
# a path is one of the repository, of a project (the demo is one), or of the runner
BASES = (ROOT, ROOT / "demo", ROOT / "pulse_runner")
MADE = ("target/", f"{COPY}/")  # there only after a run
OLD_NAMES = {
    "segment_snapshots", "segment_reach", "segment_distributions", "segment_changes", "segment_flows", "segment_facts",
    "column_facts", "segment_definitions", "findings", "incident_events", "incident_explanations", "alert_deliveries",
    "known_events", "open_incidents", "segment_health", "rule_versions.json", "segment_flows_balance",
    "segment_changes_add_up", "<entity>_facts", "<entity>_health", "<entity>_history",
}  # fmt: skip
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def code_spans(page: Path) -> list[str]:
    """Return what stands between backticks, a line break in it as a space."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]


def paths(page: Path) -> list[str]:
    """Return the code spans that are paths; one with a placeholder names no file."""
    spans = [s for s in code_spans(page) if "/" in s and s.endswith(SUFFIXES)]
    return [s for s in spans if re.fullmatch(r"[\w.\-/]+", s) and not s.startswith(("/", *MADE))]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: of its headings as GitHub makes them, and those that it names itself."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', page.read_text(encoding="utf-8")))


@each_page
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in paths(page) if not any((base / path).exists() for base in BASES)] == []


def test_paths_are_recognised() -> None:
    assert "pulse_runner/segments/operators.py" in paths(ROOT / "CONTRIBUTING.md")
    assert "segments/routes.yml" in paths(ROOT / "docs" / "alerts.md")


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    broken = []
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def known_names() -> Iterator[str]:
    """Yield every name that begins with `pulse_` and that the package, the demo or the runner gives to something."""
    for folder in ("models", "seeds", "semantics", "tests", "demo/models", "demo/seeds"):
        yield from (p.stem for p in (ROOT / folder).rglob("*") if p.suffix in (".sql", ".csv", ".json"))
    for path in (ROOT / "macros").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        yield path.stem  # a file with a group of steps
        yield from re.findall(r"{% (?:macro|materialization) (\w+)", text)
        yield from re.findall(r"\b(?:var|pulse_told)\(['\"](\w+)['\"]", text)
    for path in (ROOT / "models").rglob("*.yml"):
        yield from re.findall(r"\bvar\('(\w+)'", path.read_text(encoding="utf-8"))
    settings = (ROOT / "dbt_project.yml").read_text(encoding="utf-8")
    yield from re.findall(r"^  (pulse_\w+):", settings, re.MULTILINE)
    yield from re.findall(r"\bvar\('(\w+)'", settings)
    for reader in ("compile/write.py", "plugins.py"):
        text = (ROOT / "pulse_runner" / reader).read_text(encoding="utf-8")
        yield from re.findall(r"\.get\(\"(pulse_\w+)\"\)", text)  # vars that only the runner reads
    yield from ("pulse_runner", COPY)


@each_page
def test_every_pulse_name_is_a_model_seed_macro_var_or_compiled_model(page: Path) -> None:
    known = set(known_names())
    named = set(re.findall(r"\bpulse_\w+", page.read_text(encoding="utf-8")))
    compiled = {n for n in named if re.fullmatch(r"pulse_[a-z0-9_]+__(facts|health|current|segments|history)", n)}
    assert named - compiled - known == set()


@each_page
def test_no_table_is_called_by_its_old_name(page: Path) -> None:
    assert set(code_spans(page)) & OLD_NAMES == set()


@pytest.mark.parametrize("page", [p for p in [*PAGES, ROOT / "CHANGELOG.md"] if p != GENERATED], ids=lambda p: p.name)
def test_lines_of_prose_are_short(page: Path) -> None:
    lines = prose(page).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("|", "!["))] == []
