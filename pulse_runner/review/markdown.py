"""A page as Markdown for the comment of a pull request: the overview, and a foldable section for each segment."""

from __future__ import annotations

import html
from collections.abc import Iterator

from pulse_runner.review.page import Block, Cell, Code, Edit, Line, Page, Section, Table
from pulse_runner.review.text import cell_text
from pulse_runner.vocabulary import plural

MARK = "<!-- pulse segments diff -->"  # by which the comment is found again
LONGEST = 60_000  # GitHub takes 65,536 characters
OPEN = 3  # sections that are unfolded


def markdown_page(page: Page) -> str:
    """Return the page, no longer than a comment may be."""
    parts = [MARK, f"### Pulse: {_plain(page.title)}", *(_block(b) for b in page.overview)]
    length = sum(len(p) + 2 for p in parts)
    for n, section in enumerate(page.sections):
        text = _section(section, n < OPEN)
        length += len(text) + 2
        if length > LONGEST:
            rest = plural(len(page.sections) - n, "section")
            parts.append(f"{rest} more than a comment can hold: `pulse segments diff` prints all of them.")
            break
        parts.append(text)
    return "\n\n".join(parts)


def _section(section: Section, is_open: bool) -> str:
    head = (
        f"<details{' open' if is_open else ''}><summary><b>{html.escape(section.title)}</b>: {section.brief}</summary>"
    )
    return "\n\n".join([head, *(_block(b) for b in section.blocks), "</details>"])


def _block(block: Block) -> str:
    if isinstance(block, Line):
        return _plain(block.text)
    if isinstance(block, Edit):
        lines = [f"{sign} {text}" for sign, text in block.lines]
        fence = "`" * max(3, *(_ticks(line) + 1 for line in lines))
        return "\n".join([f"{fence}diff", *lines, fence])
    return "\n".join(_table(block))


def _table(table: Table) -> Iterator[str]:
    right = [all(isinstance(row[i], int | None) for row in table.rows) for i in range(len(table.columns))]
    if table.title:
        yield f"**{table.title}**\n"
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'|'.join('---:' if r else '---' for r in right)}|"
    for row in table.rows:
        yield f"| {' | '.join(_cell(c) for c in row)} |"


def _cell(cell: Cell) -> str:
    if not isinstance(cell, Code):
        return _plain(cell_text(cell)).replace("|", "\\|")
    fence = "`" * (_ticks(cell.text) + 1)
    gap = " " if cell.text.startswith("`") or cell.text.endswith("`") else ""
    return f"{fence}{gap}{cell.text}{gap}{fence}".replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text of which nothing is read as HTML; what stands between backticks stays.

    >>> _plain("a <b> & `c`")
    'a &lt;b&gt; &amp; `c`'
    """
    parts = text.split("`")
    return "`".join(p if n % 2 else html.escape(p, quote=False) for n, p in enumerate(parts))


def _ticks(text: str) -> int:
    """Return the length of the longest run of backticks."""
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
