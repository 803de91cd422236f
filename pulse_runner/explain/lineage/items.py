"""The entries of a SELECT list: expressions with their names, and stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from pulse_runner.explain.lineage.names import Part, arg
from pulse_runner.explain.lineage.sources import Setting


@dataclass(frozen=True)
class Item:
    """One entry of a SELECT list: an expression with its name, or a star (`expression` None) over some sources."""

    name: str
    expression: Part | None
    over: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    instead: Mapping[str, Part] | None = None
    renamed: Mapping[str, str] | None = None  # the new name -> the old one


def item_of(e: Part, setting: Setting, sources: Sequence[str]) -> Item:
    """Return an entry of a SELECT over the sources of these names."""
    star = _star_of(e)
    if star is not None:
        over = (setting.name(e.args["table"]),) if isinstance(e, exp.Column) else tuple(sources)
        return _star(star, over, setting)
    if isinstance(e, exp.Alias):
        return Item(setting.name(e.args["alias"]), e.this)
    if isinstance(e, exp.Column):
        return Item(setting.name(e.this), e)
    if isinstance(e, exp.Dot):
        return Item(setting.name(e.expression), e)
    return Item("", e)


def _star_of(e: Part) -> Part | None:
    if isinstance(e, exp.Star):
        return e
    return e.this if isinstance(e, exp.Column) and isinstance(e.this, exp.Star) else None


def _star(star: Part, over: tuple[str, ...], setting: Setting) -> Item:
    """Return a star with what its EXCEPT, REPLACE and RENAME say."""

    def plainly(node: Part) -> str:
        return setting.name(node.this if isinstance(node, exp.Column) else node)

    replaced = [x for x in arg(star, "replace") or () if isinstance(x, exp.Alias)]
    renamed = [x for x in arg(star, "rename") or () if isinstance(x, exp.Alias)]
    return Item(
        "",
        None,
        over,
        without=frozenset(plainly(x) for x in arg(star, "except") or ()),
        instead={setting.name(x.args["alias"]): x.this for x in replaced},
        renamed={setting.name(x.args["alias"]): plainly(x.this) for x in renamed},
    )
