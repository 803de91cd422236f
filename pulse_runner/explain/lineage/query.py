"""Which columns of other relations make a column of a query: read from the parsed SQL, asked for one column at a time.

Nothing is guessed. Where two relations could have a column and it is not known which, the answer holds neither, and a
sentence that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

from sqlglot import exp

from pulse_runner.explain.lineage.computed import Computed
from pulse_runner.explain.lineage.items import Item, item_of
from pulse_runner.explain.lineage.names import LATERAL_ALIASES, Part, arg, table_key
from pulse_runner.explain.lineage.sources import (
    Later,
    Names,
    Origin,
    Renamed,
    Setting,
    Source,
    Table,
    Unreadable,
    found_at,
    pick,
    place_of,
)

# of extract() and date_trunc()
UNITS = frozenset(
    [
        "year",
        "quarter",
        "month",
        "week",
        "day",
        "dow",
        "doy",
        "hour",
        "minute",
        "second",
        "epoch",
        "isoweek",
        "dayofweek",
    ]
)

Env = Mapping[str, Source]  # the common table expressions in sight


def make_source(node: Part, env: Env, setting: Setting, outer: Select | None = None) -> Source:
    """Return a parsed query, or a part of FROM, as a source."""
    if isinstance(node, exp.Subquery):
        env = with_ctes(node, env, setting, outer)
        if node.args.get("joins") or not isinstance(node.this, exp.Query):
            return Unreadable("a join in parentheses that has a name")
        return _pivoted(node, _named(node, make_source(node.this, env, setting, outer), setting), setting)
    if isinstance(node, exp.SetOperation):
        return Union(node, with_ctes(node, env, setting, outer), setting, outer)
    if isinstance(node, exp.Select):
        return Select(node, env, setting, outer)
    if isinstance(node, exp.Table):
        key = table_key(node)
        cte = env.get(setting.name(node.this)) if len(key) == 1 else None
        found = cte or (Table(key, setting) if key else Computed(node, setting, outer))
        return _pivoted(node, _named(node, found, setting), setting)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        return _named(node, make_source(node.this, env, setting, outer), setting)
    return Computed(node, setting, outer)


def with_ctes(node: Part, env: Env, setting: Setting, outer: Select | None) -> dict[str, Source]:
    """Return the common table expressions in sight below a node: each sees those before it, a recursive one itself."""
    seen, clause = dict(env), arg(node, "with")
    if not isinstance(clause, exp.With):
        return seen
    for cte in clause.expressions:
        name = setting.name(cte.args["alias"].this)
        before = dict(seen)
        later = Later()
        if clause.args.get("recursive"):
            before[name] = later
        later.made_by(partial(_expression, cte, before, setting, outer))
        seen[name] = later
    return seen


def _expression(cte: Part, env: Env, setting: Setting, outer: Select | None) -> Source:
    return _named(cte, make_source(cte.this, env, setting, outer), setting)


def _named(node: Part, source: Source, setting: Setting) -> Source:
    alias = node.args.get("alias")
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return Renamed(source, tuple(setting.name(c) for c in columns)) if columns else source


def _pivoted(node: Part, source: Source, setting: Setting) -> Source:
    return Unreadable("a pivot") if node.args.get("pivots") else source


class Union:
    """UNION, INTERSECT or EXCEPT: columns are matched by their place."""

    def __init__(self, node: exp.SetOperation, env: Env, setting: Setting, outer: Select | None) -> None:
        self._left = make_source(node.this, env, setting, outer)
        self._right = make_source(node.expression, env, setting, outer)
        self._only_left = isinstance(node, exp.Except)
        self._by_name = bool(node.args.get("by_name"))
        self._busy: set[str] = set()

    def names(self) -> Names:
        """Return the columns of the first side: they name the whole."""
        if "" in self._busy:  # a recursive expression asks for itself
            return Names()
        self._busy.add("")
        try:
            return self._left.names()
        finally:
            self._busy.discard("")

    def origin(self, name: str) -> Origin:
        """Return what the column is made of on both sides."""
        if name in self._busy:
            return Origin()
        self._busy.add(name)
        try:
            left = self._left.origin(name)
            return left if self._only_left else left + self._other(name)
        finally:
            self._busy.discard(name)

    def prefix(self) -> Iterator[str | None]:
        """Yield the columns of the first side."""
        return self._left.prefix()

    def at(self, place: int) -> Origin | None:
        """Return what the columns at a place are made of on both sides."""
        return found_at(self, place)

    def _other(self, name: str) -> Origin:
        if self._by_name:
            return Origin() if self._right.names().has(name) is False else self._right.origin(name)
        place = place_of(self._left, name)
        found = self._right.at(place) if place is not None else None
        if found is not None:
            return found
        if self._right.names().has(name) is False:
            return Origin(gaps=(f"which column of the other side of a union is {name}",))
        return self._right.origin(name) + Origin(gaps=(f"{name} is matched by name over a union of stars",))


class Select:
    """One SELECT."""

    def __init__(self, node: exp.Select, env: Env, setting: Setting, outer: Select | None) -> None:
        self._node, self._setting, self._outer = node, setting, outer
        self._env = with_ctes(node, env, setting, outer)
        self._known: dict[str, Origin] = {}
        self._busy: set[str] = set()

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Return what FROM and the joins name, in order."""
        out: dict[str, Source] = {}
        for n, part in enumerate(self._parts()):
            alias = part.args.get("alias")
            known_as = alias.this if isinstance(alias, exp.TableAlias) and alias.this is not None else None
            if known_as is None and isinstance(part, exp.Table):
                known_as = part.this
            name = self._setting.name(known_as) if known_as is not None else f"({n})"
            out.setdefault(name or f"({n})", make_source(part, self._env, self._setting, self))
        return out

    def _parts(self) -> Iterator[Part]:
        begin = arg(self._node, "from")
        if isinstance(begin, exp.From):
            yield from _members(begin.this)
        yield from _joined(self._node)
        yield from self._node.args.get("laterals") or ()

    @cached_property
    def _using(self) -> dict[str, str]:
        """Return the columns that joins have in common, with the side that gives the value."""
        out = {}
        for join in self._node.args.get("joins") or ():
            for column in join.args.get("using") or ():
                out[self._setting.name(column)] = join.side or ""
        return out

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Return the entries of the SELECT list."""
        return tuple(item_of(e, self._setting, tuple(self.sources)) for e in self._node.expressions)

    def names(self) -> Names:
        """Return the columns in order, as far as the stars are known."""
        known, whole = list[str](), True
        for item in self.items:
            part = self._names_of(item)
            known, whole = [*known, *part.known], whole and part.whole
        return Names(tuple(known), whole)

    def _names_of(self, item: Item) -> Names:
        """Return the columns that one entry of the list gives."""
        if item.expression is not None:
            return Names((item.name,), whole=True)
        seen, whole = list[str](), True
        for name in item.over:
            inner = self.sources[name].names() if name in self.sources else Names()
            whole = whole and inner.whole
            seen += [n for n in inner.known if n not in self._using or n not in seen]
        new = {before: after for after, before in (item.renamed or {}).items()}
        return Names(tuple(new.get(n, n) for n in seen if n not in item.without), whole)

    def prefix(self) -> Iterator[str | None]:
        """Yield the columns in order up to the first star that is not known; None ends it."""
        for item in self.items:
            part = self._names_of(item)
            if not part.whole:
                yield None
                return
            yield from part.known

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of, one without a name too."""
        for n, known in enumerate(self.prefix()):
            if known is None:
                return None
            if n == place:
                item = self.items[n] if not known and n < len(self.items) else None
                if known:
                    return self.origin(known)
                return self.expression(item.expression, n) if item and item.expression is not None else None
        return None

    def origin(self, name: str) -> Origin:
        """Return what a column of the result is made of."""
        if name in self._busy:
            return Origin()
        if name not in self._known:
            self._busy.add(name)
            try:
                self._known[name] = self._origin(name)
            finally:
                self._busy.discard(name)
        return self._known[name]

    def _origin(self, name: str) -> Origin:
        for n, item in enumerate(self.items):
            if item.expression is not None and item.name == name:
                return self._made(name, item.expression, n)
        candidates = list[tuple[Source, str]]()
        for item in self.items:
            if item.expression is None:
                if item.instead and name in item.instead:
                    return self._made(name, item.instead[name], 0)
                old = (item.renamed or {}).get(name, name)
                if old in item.without or (old == name and name in (item.renamed or {}).values()):
                    continue
                if old in self._using and len(item.over) > 1:
                    return self._shared(old)
                candidates += [(self.sources[o], old) for o in item.over if o in self.sources]
        found = pick(name, candidates)
        if found is None:
            nameless = any(i.expression is not None and not i.name for i in self.items)
            why = "may be one of the columns without a name" if nameless else "is not a column of the query"
            return Origin(gaps=(f"{name} {why}",))
        return found

    def _made(self, name: str, expression: Part, n: int) -> Origin:
        found = self.expression(expression, n)
        if isinstance(expression, exp.Column):
            return found
        return Origin(expressions=((name, expression),)) + found

    def expression(self, node: Part, place: int = 0) -> Origin:
        """Return what an expression of this SELECT is made of; `place` is that of its entry in the list."""
        found, parts = Origin(), [node]
        while parts:
            part = parts.pop()
            if isinstance(part, exp.Column):
                found += self._column(part, place)
                continue
            if isinstance(part, exp.Query):
                inner = make_source(part, self._env, self._setting, self)
                for name in inner.names().known:
                    found += inner.origin(name)
                if isinstance(part.parent, exp.Exists | exp.In) and isinstance(inner, Select):
                    found += inner.condition()
                continue
            if isinstance(part, exp.Window) and part.args.get("alias") is not None:
                parts += [w for w in self._node.args.get("windows") or () if w.name == part.args["alias"].name]
            if isinstance(part, exp.Lambda):
                bound = {self._setting.name(p) for p in part.expressions}
                parts += [c for c in part.this.find_all(exp.Column) if self._setting.name(c.this) not in bound]
                continue
            parts += list(part.iter_expressions())
        return found

    def condition(self) -> Origin:
        """Return what WHERE reads."""
        where = self._node.args.get("where")
        return self.expression(where.this) if where is not None else Origin()

    def _column(self, node: exp.Column, place: int) -> Origin:
        if isinstance(node.this, exp.Star):
            return Origin()
        name, table = self._setting.name(node.this), node.args.get("table")
        if table is None:
            return self._plain(name, place, is_unit=node.name.lower() in UNITS and isinstance(node.parent, exp.Func))
        scope: Select | None = self
        while scope is not None:
            source = scope.sources.get(self._setting.name(table))
            if source is not None:
                if source.names().has(name) is False:
                    return Origin(gaps=(f"{table.name} is not known to have a column {name}",))
                return source.origin(name)
            scope = scope._outer
        # a field of a struct: the first part is the column
        first = next(p for p in (node.args.get("catalog"), node.args.get("db"), table) if p is not None)
        return self._plain(self._setting.name(first), place)

    def _plain(self, name: str, place: int, is_unit: bool = False) -> Origin:
        """Return what a column without a relation's name is made of."""
        if name in self._using:
            return self._shared(name)
        has = [(s, s.names().has(name)) for s in self.sources.values()]
        earlier = next(
            (n for n, i in enumerate(self.items[:place]) if i.expression is not None and i.name == name), None
        )
        sure = any(known for _, known in has)
        maybe = any(known is None for _, known in has)
        if is_unit and not sure:
            return Origin()
        if earlier is not None and not sure and self._setting.dialect in LATERAL_ALIASES:
            alias = self.origin(name)
            if not maybe:
                return alias
            column = pick(name, [(s, name) for s in self.sources.values()])
            if column is not None and set(column.refs) == set(alias.refs):
                return column
            return Origin(gaps=(f"{name} is a column or the name of an expression before it",))
        found = pick(name, [(s, name) for s in self.sources.values()])
        if found is not None:
            return found
        if self._outer is not None:
            return self._outer._plain(name, 0)
        return Origin(gaps=(f"{name} is not a column of what the query reads",))

    def _shared(self, name: str) -> Origin:
        """Return what a column of USING is made of: of the side that keeps its rows, of both in a full join."""
        having = [s for s in self.sources.values() if s.names().has(name) is not False]
        side = self._using[name]
        if not having:
            return Origin(gaps=(f"{name} is not a column of what the query reads",))
        if side == "FULL":
            found = Origin()
            for source in having:
                found += source.origin(name)
            return found
        return having[-1 if side == "RIGHT" else 0].origin(name)


def _members(part: Part) -> Iterator[Part]:
    """Yield the relations of a part of FROM: those of a join in parentheses have names of their own outside it."""
    if isinstance(part, exp.Subquery) and not part.alias and not isinstance(part.this, exp.Query):
        yield from _members(part.this)
        yield from _joined(part)
        return
    yield part
    if isinstance(part, exp.Table):
        yield from _joined(part)


def _joined(node: Part) -> Iterator[Part]:
    for join in node.args.get("joins") or ():
        if "SEMI" not in (join.kind, join.side) and "ANTI" not in (join.kind, join.side):
            yield from _members(join.this)
