"""Follow a column of a relation up to the sources: every model, column and source that feeds it, with the expression."""

from __future__ import annotations

import csv
import gc
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from pulse_runner.explain.lineage.code import EPHEMERAL, sql_of
from pulse_runner.explain.lineage.names import Key, Part, arg, dialect_of, folded, relation_key, written
from pulse_runner.explain.lineage.query import make_source
from pulse_runner.explain.lineage.sources import Names, Origin, Setting, Source
from pulse_runner.warehouse.manifest import Manifest, Node, target_folder

MAX_STEPS = 1000  # columns of one trace: a model of a thousand columns in one expression must not stop an explanation
MAX_SQL = 300_000  # characters; what is longer is generated, and takes seconds to parse
SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")


@dataclass(frozen=True)
class Step:
    """One column of one node that feeds the traced one, `steps` nodes above it (the traced one itself has 0).

    `expressions` says how the node makes it, outermost first, as (name, SQL); () where it is handed through. `reads`
    are the columns that it is made of, as (id of the node, column). `gaps` say what is not known.
    """

    node: str
    column: str
    steps: int
    expressions: tuple[tuple[str, str], ...] = ()
    reads: tuple[tuple[str, str], ...] = ()
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """What feeds one column, nearest first; `unread` are the ids of the nodes whose SQL could not be followed, and why.

    Of an unread node only its name is known to be above: which of its columns, and what is above it, is not. `possible`
    are the ids of the nodes above what is not known, which may feed the column or not.
    """

    steps: tuple[Step, ...]
    unread: tuple[tuple[str, str], ...] = ()
    possible: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Say whether every column that feeds the traced one is known."""
        return not self.unread and not any(s.gaps for s in self.steps)

    def nodes(self) -> dict[str, int]:
        """Return the nodes that feed the column, with how many steps above it they are."""
        out: dict[str, int] = {}
        for step in self.steps:
            out.setdefault(step.node, step.steps)
        return out


@dataclass
class Lineage:
    """The columns of a dbt project, read from its manifest; what was parsed once is kept.

    `root` is the project's folder (for the header lines of seeds) and `target` dbt's folder of artifacts.
    """

    manifest: Manifest
    adapter: str = ""
    root: Path | None = None
    target: Path | None = None
    _sources: dict[str, Source | str] = field(default_factory=dict)
    _names: dict[str, Names] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Index the relations of the project by name."""
        named = self.manifest.get("metadata", {}).get("adapter_type")
        self.dialect = dialect_of(str(named or self.adapter))
        self.nodes = {**self.manifest.get("sources", {}), **self.manifest.get("nodes", {})}
        self._by_key: dict[Key, list[str]] = {}
        for unique_id, node in self.nodes.items():
            key = relation_key(str(node.get("relation_name") or ""))
            if node.get("resource_type") == "source" and not key:
                key = (str(node.get("source_name")).lower(), str(node["name"]).lower())
            elif node.get("config", {}).get("materialized") == "ephemeral" or not key:
                key = (f"{EPHEMERAL}{node['name']}".lower(),)
            for n in range(len(key)):
                self._by_key.setdefault(key[n:], []).append(unique_id)

    def node(self, unique_id: str) -> Node:
        """Return a node of the manifest."""
        found: Node = self.nodes[unique_id]
        return found

    def id_of(self, node: Node) -> str:
        """Return the id of a node of the manifest."""
        return str(next(unique_id for unique_id, known in self.nodes.items() if known is node))

    def trace(self, unique_id: str, column: str) -> Trace:
        """Return what feeds a column of a node; the column is written as the relation calls it."""
        with _no_collection():
            return self._trace(unique_id, column)

    def _trace(self, unique_id: str, column: str) -> Trace:
        start = (unique_id, self._called(unique_id, column))
        steps, unread = list[Step](), dict[str, str]()
        level, seen = deque([(start, 0)]), {start}
        while level and len(steps) < MAX_STEPS:
            (node, name), depth = level.popleft()
            step = self._step(node, name, depth)
            steps.append(step)
            why = self.problem(node)
            if why:
                unread[node] = why
            for read in step.reads:
                if read not in seen:
                    seen.add(read)
                    level.append((read, depth + 1))
        shown = tuple(
            Step(
                s.node, written(s.column, self.dialect), s.steps, s.expressions,
                tuple((n, written(c, self.dialect)) for n, c in s.reads), s.gaps,
            )
            for s in steps
        )  # fmt: skip
        followed = {s.node for s in steps}
        doubtful = [s.node for s in steps if s.gaps or s.node in unread]
        above = dict.fromkeys(n for d in doubtful for n in self.above(d) if n not in followed)
        return Trace(shown, tuple(unread.items()), tuple(above))

    def origin(self, unique_id: str, column: str) -> Origin:
        """Return what one node's own SQL makes a column of; its relations are those of the SQL."""
        source = self._source(unique_id)
        if isinstance(source, str):
            return Origin()
        name = self._called(unique_id, column)
        if self.nodes[unique_id].get("resource_type") == "snapshot" and name.lower() in SNAPSHOT_COLUMNS:
            return Origin()
        try:
            return source.origin(name)
        except RecursionError:
            return Origin(gaps=(f"{name} is made of too many parts to follow",))

    def origin_in(self, unique_id: str, tree: Part, column: str) -> Origin:
        """Return what another version of a node's SQL makes a column of."""
        setting = Setting(self.dialect, lambda key: self._schema(key, unique_id))
        source = make_source(_without_ephemeral(tree), {}, setting)
        known = source.names()
        name = next((n for n in known.known if n.lower() == column.lower()), folded(column, False, self.dialect))
        try:
            return source.origin(name)
        except RecursionError:
            return Origin(gaps=(f"{name} is made of too many parts to follow",))

    def problem(self, unique_id: str) -> str:
        """Return why a node's SQL cannot be followed, '' where it can or where the node is where data come in."""
        source = self._source(unique_id)
        return source if isinstance(source, str) else ""

    def names(self, unique_id: str) -> Names:
        """Return the columns of a node, as far as its SQL, its file or its documentation tell them."""
        if unique_id in self._busy:  # a model that reads itself
            return Names()
        if unique_id not in self._names:
            self._busy.add(unique_id)
            try:
                self._names[unique_id] = self._columns(unique_id)
            finally:
                self._busy.discard(unique_id)
        return self._names[unique_id]

    def above(self, unique_id: str) -> list[str]:
        """Return every node above one, nearest first."""
        out, level = list[str](), [unique_id]
        seen = {unique_id}
        while level:
            parents = [p for n in level for p in self._parents(n) if p not in seen]
            level = list(dict.fromkeys(parents))
            seen.update(level)
            out += level
        return out

    def macros_of(self, unique_id: str) -> set[str]:
        """Return the macros that a node uses, by what dbt noted, and those that they use."""
        macros, seen = self.manifest.get("macros", {}), set[str]()
        level = list(self.nodes[unique_id].get("depends_on", {}).get("macros", ()))
        while level:
            macro = level.pop()
            if macro not in seen:
                seen.add(macro)
                level += macros.get(macro, {}).get("depends_on", {}).get("macros", ())
        return seen

    def _parents(self, unique_id: str) -> list[str]:
        return [p for p in self.nodes[unique_id].get("depends_on", {}).get("nodes", ()) if p in self.nodes]

    def _step(self, unique_id: str, name: str, depth: int) -> Step:
        found = self.origin(unique_id, name)
        reads, gaps = list[tuple[str, str]](), list(found.gaps)
        for key, column in found.refs:
            parent = self._node_of(key, unique_id)
            if parent == unique_id:
                continue  # an incremental model that keeps its own rows
            if parent is None:
                gaps.append(f"dbt does not know the relation {'.'.join(key)}, which {column} is read from")
            else:
                reads.append((parent, column))
        told = tuple((n, e.sql(dialect=self.dialect or None, comments=False)) for n, e in found.expressions)
        return Step(unique_id, name, depth, told, tuple(dict.fromkeys(reads)), tuple(dict.fromkeys(gaps)))

    def _node_of(self, key: Key, reader: str) -> str | None:
        """Return the node that is a relation: of those that dbt knows the reader to read, else of all."""
        found = self._by_key.get(key, [])
        if key[-1].startswith(EPHEMERAL) and not found:
            found = self._by_key.get(key[-1:], [])
        if reader in found and len(found) == 1:
            return reader
        read = [n for n in found if n in set(self._parents(reader))]
        if len(read) == 1:
            return read[0]
        return found[0] if len(found) == 1 else None

    def _called(self, unique_id: str, column: str) -> str:
        """Return how the column is compared: as it is written, else without regard to case, where one column only is so called."""
        for name in (folded(column, True, self.dialect), folded(column, False, self.dialect)):
            if self.names(unique_id).has(name):
                return name
        alike = [n for n in self.names(unique_id).known if n.lower() == column.lower()]
        return alike[0] if len(set(alike)) == 1 else folded(column, False, self.dialect)

    def _source(self, unique_id: str) -> Source | str:
        """Return a node's SQL as a source, or why it cannot be followed ('' for a seed or a source)."""
        if unique_id not in self._sources:
            self._sources[unique_id] = self._read(unique_id)
        return self._sources[unique_id]

    def _read(self, unique_id: str) -> Source | str:
        node = self.nodes[unique_id]
        if node.get("resource_type") not in ("model", "snapshot"):
            return ""
        if node.get("language", "sql") != "sql":
            return f"it is written in {node['language']}"
        sql = sql_of(self.manifest, node, self.target)
        if not sql:
            return "dbt has not compiled it (`dbt compile` does)"
        if len(sql) > MAX_SQL:
            return f"its SQL is longer than {MAX_SQL:,} characters"
        tree = parsed(sql, self.dialect)
        if tree is None:
            return "its SQL could not be parsed"
        setting = Setting(self.dialect, lambda key: self._schema(key, unique_id))
        ephemeral: dict[str, Source] = {}
        return make_source(_without_ephemeral(tree), ephemeral, setting)

    def _schema(self, key: Key, reader: str) -> Names:
        node = self._node_of(key, reader)
        return self.names(node) if node is not None else Names()

    def _columns(self, unique_id: str) -> Names:
        node, source = self.nodes[unique_id], self._source(unique_id)
        documented = tuple(self._documented(node))
        if not isinstance(source, str):
            try:
                found = source.names()
            except RecursionError:
                found = Names()
            if node.get("resource_type") == "snapshot":
                extra = tuple(folded(c, False, self.dialect) for c in SNAPSHOT_COLUMNS)
                found = Names(found.known + extra, found.whole)
            known = (n for n in (*found.known, *(() if found.whole else documented)) if n)
            return Names(tuple(dict.fromkeys(known)), found.whole and "" not in found.known)
        if node.get("resource_type") == "seed":
            header = seed_header(self.root, str(node.get("original_file_path") or ""))
            if header:
                return Names(tuple(folded(c, False, self.dialect) for c in header), whole=True)
        return Names(documented)

    def _documented(self, node: Node) -> Iterable[str]:
        for name, column in (node.get("columns") or {}).items():
            yield folded(str(name), bool((column or {}).get("quote")), self.dialect)


_last: list[Lineage] = []


def lineage_of(manifest: Manifest, adapter: str, root: Path | None) -> Lineage:
    """Return the columns of a manifest; incidents of one run share what was parsed."""
    if not _last or _last[0].manifest is not manifest or (_last[0].adapter, _last[0].root) != (adapter, root):
        _last[:] = [Lineage(manifest, adapter, root, target_folder(root) if root else None)]
    return _last[0]


def seed_header(root: Path | None, path: str) -> list[str]:
    """Return the columns of a seed's file; [] where it is not there, as that of a package's seed."""
    if root is None or not path:
        return []
    try:
        with (root / path).open(encoding="utf-8-sig", newline="") as file:
            return [c.strip() for c in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking over parsed queries again and again while more are made: a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@lru_cache(maxsize=2048)
def parsed(sql: str, dialect: str) -> Part | None:
    """Return the one query that a text is, None where it cannot be parsed or is something else."""
    try:
        statements = [s for s in sqlglot.parse(sql, read=dialect or None) if s is not None]
    except (SqlglotError, RecursionError):
        return None
    found = statements[0] if len(statements) == 1 else None
    return found if isinstance(found, exp.Query) else None


def _without_ephemeral(tree: Part) -> Part:
    """Take out the expressions that dbt puts in for ephemeral models: these are nodes with SQL of their own."""
    clause = arg(tree, "with")
    if clause is None or not any(c.alias.startswith(EPHEMERAL) for c in clause.expressions):
        return tree
    tree = tree.copy()
    clause = arg(tree, "with")
    for cte in [c for c in clause.expressions if c.alias.startswith(EPHEMERAL)]:
        cte.pop()
    if not clause.expressions:
        clause.pop()
    return tree
