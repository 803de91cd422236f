"""What a query selects from, as sources of columns: relations outside it, renamed ones, and what cannot be followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pulse_runner.explain.lineage.names import Key, Part, name_of

Ref = tuple[Key, str]  # a relation outside the query, and its column


@dataclass(frozen=True)
class Names:
    """The columns of a relation in order; not `whole` where it may have others too."""

    known: tuple[str, ...] = ()
    whole: bool = False

    def has(self, name: str) -> bool | None:
        """Say whether a column is there; None where that is not known."""
        return True if name in self.known else False if self.whole else None


@dataclass(frozen=True)
class Origin:
    """What a column is made of: columns of other relations, the expressions on the way (outermost first), what is not known."""

    refs: tuple[Ref, ...] = ()
    expressions: tuple[tuple[str, Part], ...] = ()
    gaps: tuple[str, ...] = ()

    def __add__(self, other: Origin) -> Origin:
        return Origin(
            tuple(dict.fromkeys(self.refs + other.refs)),
            self.expressions + tuple(e for e in other.expressions if e not in self.expressions),
            tuple(dict.fromkeys(self.gaps + other.gaps)),
        )


Schema = Callable[[Key], Names]


@dataclass(frozen=True)
class Setting:
    """What all parts of one query share: the dialect, and which columns relations outside it have."""

    dialect: str
    schema: Schema

    def name(self, identifier: object) -> str:
        """Return a name as the warehouse compares it."""
        return name_of(identifier, self.dialect)


class Source(Protocol):
    """Something that a query selects from."""

    def names(self) -> Names:
        """Return its columns."""
        ...

    def origin(self, name: str) -> Origin:
        """Return what a column of it is made of."""
        ...

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order; None ends them where a star is not known."""
        ...

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of, None where that is not known."""
        ...


class Later:
    """A source that is made when it is asked for, so that what no column needs is never looked at."""

    def __init__(self) -> None:
        self._make: Callable[[], Source] | None = None
        self._made: Source | None = None

    def made_by(self, make: Callable[[], Source]) -> None:
        """Say how it is made."""
        self._make = make

    def _source(self) -> Source:
        if self._made is None:
            assert self._make is not None
            self._made = self._make()
        return self._made

    def names(self) -> Names:
        """Return its columns."""
        return self._source().names()

    def origin(self, name: str) -> Origin:
        """Return what a column of it is made of."""
        return self._source().origin(name)

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order."""
        return self._source().prefix()

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of."""
        return self._source().at(place)


@dataclass(frozen=True)
class Table:
    """A relation outside the query."""

    key: Key
    setting: Setting

    def names(self) -> Names:
        """Return the columns that are known of it."""
        return self.setting.schema(self.key)

    def origin(self, name: str) -> Origin:
        """Return the column itself."""
        return Origin(refs=((self.key, name),))

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order."""
        return ordered(self.names())

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of."""
        return found_at(self, place)


@dataclass(frozen=True)
class Unreadable:
    """Something whose columns cannot be followed."""

    what: str

    def names(self) -> Names:
        """Return that nothing is known."""
        return Names()

    def origin(self, name: str) -> Origin:
        """Return that it is not known."""
        return Origin(gaps=(f"{name} comes from {self.what}",))

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order."""
        return ordered(self.names())

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of."""
        return found_at(self, place)


@dataclass(frozen=True)
class Renamed:
    """A source whose columns are named anew, in order: `t(a, b)`."""

    source: Source
    columns: tuple[str, ...]

    def names(self) -> Names:
        """Return the new names, and the rest as they are."""
        inner = self.source.names()
        return Names(self.columns + inner.known[len(self.columns) :], inner.whole or not inner.known)

    def origin(self, name: str) -> Origin:
        """Return what the column at the name's place is made of."""
        if name not in self.columns:
            return self.source.origin(name)
        place = self.columns.index(name)
        found = self.source.at(place)
        return found if found is not None else Origin(gaps=(f"{name} is the column at place {place + 1} of a star",))

    def prefix(self) -> Iterator[str | None]:
        """Yield its columns in order."""
        return ordered(self.names())

    def at(self, place: int) -> Origin | None:
        """Return what the column at a place is made of."""
        return found_at(self, place)


def pick(name: str, candidates: Sequence[tuple[Source, str]]) -> Origin | None:
    """Return the origin of a column that one of the candidates has, by its name there; None where none can have it.

    One that is known to have it wins: SQL refuses a name that two have. Else it is the only one whose columns are not
    all known.
    """
    has = [(source, column, source.names().has(column)) for source, column in candidates]
    sure = [(s, c) for s, c, known in has if known]
    maybe = [(s, c) for s, c, known in has if known is None]
    if sure:
        return sure[0][0].origin(sure[0][1])
    if len(maybe) == 1:
        return maybe[0][0].origin(maybe[0][1])
    if maybe:
        return Origin(gaps=(f"which of {len(maybe)} joined relations has {name}",))
    return None


def ordered(names: Names) -> Iterator[str | None]:
    """Yield columns in order; None alone where not all are known."""
    if names.whole:
        yield from names.known
    else:
        yield None


def place_of(source: Source, name: str) -> int | None:
    """Return at which place a column stands, None where a star before it is not known."""
    for n, known in enumerate(source.prefix()):
        if known is None:
            return None
        if known == name:
            return n
    return None


def found_at(source: Source, place: int) -> Origin | None:
    """Return what the column at a place is made of by its name there, None where that is not known."""
    for n, known in enumerate(source.prefix()):
        if known is None:
            return None
        if n == place:
            return source.origin(known)
    return None
