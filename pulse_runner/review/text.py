"""A page as text for a terminal: aligned columns, everything about a segment indented below its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulse_runner.review.page import Block, Cell, Code, Edit, Line, Page, Table


def text_page(page: Page) -> str:
    """Return the page, without a line break at its end."""
    parts = [page.title, *("\n".join(_block(b)) for b in page.overview)]
    for section in page.sections:
        body = [("\n".join(f"  {line}".rstrip() for line in _block(b))) for b in section.blocks]
        parts.append("\n\n".join([f"{section.title}: {section.brief}", *body]))
    return "\n\n".join(parts)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Line):
        yield block.text
    elif isinstance(block, Edit):
        yield from (f"{sign} {text}" for sign, text in block.lines)
    else:
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    cells = [[cell_text(c) for c in row] for row in table.rows]
    right = [all(isinstance(row[i], int | None) for row in table.rows) for i in range(len(table.columns))]
    widths = [max(len(c), *(len(row[i]) for row in cells)) for i, c in enumerate(table.columns)]

    def line(values: Sequence[str]) -> str:
        parts = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)]
        return "  ".join(parts).rstrip()

    if table.title:
        yield f"{table.title}:"
    yield line(list(table.columns))
    yield "  ".join("-" * w for w in widths)
    yield from (line(row) for row in cells)


def cell_text(cell: Cell) -> str:
    """Return a cell as text.

    >>> cell_text(1200), cell_text(None), cell_text(Code("ltv > 5"))
    ('1,200', '-', 'ltv > 5')
    """
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell.text if isinstance(cell, Code) else cell
