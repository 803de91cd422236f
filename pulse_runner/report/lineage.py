"""The lineage of a column as a small graph: what feeds what, from the sources on the left to the watched relation on the right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pulse_runner.explain.explanation import Evidence

WIDE, HIGH, GAP_X, GAP_Y = 208, 46, 56, 14  # of a box, and between boxes
NAME, DETAIL = 25, 31  # characters that fit a box


@dataclass(frozen=True)
class Box:
    """One node: its columns that feed the traced one, its file, its distance, and the names of the nodes that read it."""

    name: str
    columns: str
    path: str
    steps: int
    feeds: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """What feeds one column, nearest first; `more` says what is farther away than the explanation looked."""

    column: str
    boxes: tuple[Box, ...]
    more: str = ""

    @property
    def svg(self) -> str:
        """Return the graph as SVG; '' where there is one node only, which says no more than its name."""
        return _svg(self) if len(self.boxes) > 1 else ""


def lineages_of(evidence: Sequence[Evidence]) -> tuple[Lineage, ...]:
    """Return the lineage of each column that an explanation followed."""
    found: defaultdict[str, list[Evidence]] = defaultdict(list)
    for fact in evidence:
        if fact.kind == "lineage" and fact.values.get("column_name"):
            found[str(fact.values["column_name"])].append(fact)
    out = []
    for column, facts in found.items():
        boxes = [_box(f) for f in facts if f.values.get("steps") is not None]
        more = next((f.statement for f in facts if f.values.get("steps") is None), "")
        out.append(Lineage(column, tuple(sorted(boxes, key=lambda b: b.steps)), more))
    return tuple(out)


def _box(fact: Evidence) -> Box:
    values = fact.values
    return Box(
        name=str(values.get("node") or ""),
        columns=str(values.get("columns") or ""),
        path=str(values.get("path") or ""),
        steps=int(str(values["steps"])),
        feeds=tuple(n for n in str(values.get("feeds") or "").split(", ") if n),
    )


def _svg(lineage: Lineage) -> str:
    layers: defaultdict[int, list[Box]] = defaultdict(list)
    for box in lineage.boxes:
        layers[box.steps].append(box)
    depth, tallest = max(layers), max(map(len, layers.values()))
    width, height = (depth + 1) * (WIDE + GAP_X) - GAP_X + 2, tallest * (HIGH + GAP_Y) - GAP_Y + 2
    at: dict[str, tuple[int, int]] = {}
    for steps, boxes in layers.items():
        top = (height - len(boxes) * (HIGH + GAP_Y) + GAP_Y) // 2
        for n, box in enumerate(boxes):
            at[box.name] = ((depth - steps) * (WIDE + GAP_X) + 1, top + n * (HIGH + GAP_Y))
    lines = [_line(at[b.name], at[f]) for b in lineage.boxes for f in b.feeds if f in at and f != b.name]
    drawn = [_drawn(b, at[b.name]) for b in lineage.boxes]
    # no label here: the page has the same as a list
    return (
        f'<svg class="graph" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
        f"{''.join(lines)}{''.join(drawn)}</svg>"
    )


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + WIDE, start[1] + HIGH // 2, end[0], end[1] + HIGH // 2
    bend = max((x2 - x1) // 2, 24)
    return f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _drawn(box: Box, at: tuple[int, int]) -> str:
    x, y = at
    kind = ' class="end"' if box.steps == 0 else ""
    return (
        f"<g{kind}><title>{escape(box.path or box.name)}: {escape(box.columns)}</title>"
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="7"/>'
        f'<text x="{x + 10}" y="{y + 20}">{escape(_cut(box.name, NAME))}</text>'
        f'<text class="soft" x="{x + 10}" y="{y + 36}">{escape(_cut(box.columns, DETAIL))}</text></g>'
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
