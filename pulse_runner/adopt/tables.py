"""The tables in the warehouse, brought to the names, columns and marks of this version: planned from what stands there, then done at once.

A plan is made anew each time from the catalogue, and carried out in one transaction. So nothing has to be remembered: after a
crash the next plan is the same one, and after a success it is empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pulse_runner.adopt.landed import VERSION, VIEWS, is_landed, is_segment_view, old_name, plain
from pulse_runner.compile.write import layout_of
from pulse_runner.errors import WarehouseError
from pulse_runner.known_events.event import KnownEvent
from pulse_runner.known_events.seed import events_path, with_events, write_known_events
from pulse_runner.segments.model import Project, Segment
from pulse_runner.vocabulary import plural
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import PACKAGE, Manifest, Node, node_of, own_nodes, relation_name
from pulse_runner.warehouse.ownership import MARK, mark_of, require_own_relation
from pulse_runner.warehouse.project import read_project
from pulse_runner.warehouse.relations import Relation, can_be_read, literal, quoted, readers_of, relations_in

EVENTS = "pulse_known_events"
Place = tuple[str, str]  # database and schema


@dataclass(frozen=True)
class Step:
    """One thing to do: how it is told to a person, and its statements."""

    said: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class TablesPlan:
    """What an upgrade does to the tables; `notes` say what it leaves alone; `old` are the tables of 0.1.0 that it takes over."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    files: Mapping[Path, str] = field(
        default_factory=dict
    )  # the seed of known events, with the events of the old table

    @property
    def statements(self) -> list[str]:
        """Return all statements, in their order."""
        return [statement for step in self.steps for statement in step.statements]


@dataclass
class _Found:
    """What stands in the schemas that matter, by place and name, all in lower case; and who asks."""

    warehouse: Warehouse
    project: str
    places: Mapping[Place, Mapping[str, Relation]]
    old_places: Sequence[Place]
    columns: Mapping[str, Collection[str]] = field(default_factory=dict)

    def at(self, node: Node) -> Relation | None:
        return self.places[_place(node)].get(str(node["alias"]).lower())

    def landed(self, node: Node) -> Relation | None:
        """Return the relation of 0.1.0 that now is the node's; None where there is none, or where it is in its place already."""
        model = str(node["name"])
        for old in self._candidates(old_name(model)):
            if old is not self.at(node) and is_landed(old, model, self.columns.get(model, ())):
                return old
        return None

    def _candidates(self, name: str | None) -> Iterator[Relation]:
        for place in self.old_places if name else ():
            relation = self.places[place].get(str(name).lower())
            if relation and MARK not in relation.comment:
                yield relation


def plan_tables(
    warehouse: Warehouse, manifest: Manifest, project: Project, root: Path, from_schema: str | None = None
) -> TablesPlan:
    """Return what brings the tables of a dbt project to this version.

    Tables of 0.1.0 are looked for in `from_schema`, else in the target's schema and in those that Pulse's models have. Raises
    WarehouseError when old and new tables both have rows, or when somebody else's table stands where Pulse's is to be.
    """
    views_of = {f"{layout_of(root).prefix}{s.name}": s for s in project.segments.values()}
    # a model of the project may have the tag pulse too, so that it is built with the others
    nodes = [n for n in own_nodes(manifest) if relation_name(n) and (_is_made(n) or n["name"] in views_of)]
    if not can_be_read(warehouse):
        by_hand = f"stays    the tables: on {warehouse.dialect} they are renamed by hand, see docs/upgrade.md of Pulse."
        return TablesPlan(notes=(by_hand,))
    if not nodes:
        return TablesPlan()
    found = _look(warehouse, nodes, project, str(read_project(root).get("name")), from_schema)
    tables = [n for n in nodes if not _is_view(n)]
    landed = {str(n["name"]): relation for n in tables if (relation := found.landed(n))}
    _refuse_two_histories(found, tables, landed)
    views = list(_old_views(found, nodes)) if from_schema or landed else []
    steps = [
        Step(f"dropped  {view.label}, a view of {VERSION}; the build makes it anew", (f"drop view {view.sql}",))
        for view, kept in views
        if not kept
    ]
    steps += [step for n in tables if (step := _table_step(found, n, landed.get(str(n["name"]))))]
    steps += _view_marks(found, manifest, nodes, project, views_of)
    old = tuple(relation.label for relation in landed.values())
    notes = [
        f"stays    {view.label}: {', '.join(kept)} reads it. Drop it when nobody does." for view, kept in views if kept
    ]
    if landed:
        notes += _strangers(found, nodes, landed)
    files = _events_file(found, landed[EVENTS], root) if EVENTS in landed else {}
    return TablesPlan(tuple(steps), tuple(notes), old, files)


def upgrade_tables(warehouse: Warehouse, plan: TablesPlan) -> None:
    """Carry out a plan: first its files, then all of its statements in one transaction."""
    for path, text in plan.files.items():
        write_known_events(path, text)
    warehouse.change(plan.statements)


def _look(warehouse: Warehouse, nodes: Sequence[Node], project: Project, name: str, from_schema: str | None) -> _Found:
    now = list(dict.fromkeys(_place(n) for n in nodes))
    old = [(now[0][0], (from_schema or warehouse.schema).lower())] + ([] if from_schema else now)
    places = {(d, s): relations_in(warehouse, d, s) for d, s in dict.fromkeys([*now, *old])}
    columns = {
        f"pulse_{e.name}__history": {e.key, *(e.column(f) for f in e.fields), *e.fields}
        for e in project.entities.values()
    }
    return _Found(warehouse, name, places, list(dict.fromkeys(old)), columns)


def _refuse_two_histories(found: _Found, nodes: Sequence[Node], landed: Mapping[str, Relation]) -> None:
    both = [
        f"{old.name} has {plural(rows, 'row')}, {there.name} {plural(new, 'row')}"
        for node in nodes
        if node["name"] != EVENTS and (old := landed.get(str(node["name"]))) and (there := found.at(node))
        if (rows := _rows(found, old)) and (new := _rows(found, there))
    ]
    if both:
        raise WarehouseError(
            f"Both versions of Pulse have run here, and each has a history of its own: {'; '.join(both)}. Nothing was changed.",
            "To go on with the older one, drop the newer tables (`pulse uninstall --dry-run` prints how), run `pulse upgrade`, and make "
            "the days since anew with `pulse snapshot`. To go on with the newer one, drop or rename the older tables.",
        )


def _table_step(found: _Found, node: Node, old: Relation | None) -> Step | None:
    """Return what brings a table to its name, columns and mark; None when all is well."""
    there, target = found.at(node), _target(node)
    if there:
        require_own_relation(there, node, found.project)
    done, statements = list[str](), list[str]()
    if old and there:  # the one in its place stays: views may read it
        # both have rows only of known events, and those are in the seed's file
        rows = 0 if _rows(found, there) else _rows(found, old)
        if rows:
            listed = ", ".join(map(quoted, old.columns))
            statements.append(f"insert into {target} ({listed}) select {listed} from {old.sql}")
        statements.append(f"drop table {old.sql}")
        done.append(f"from {old.label} with {plural(rows, 'row')}")
    elif old:
        statements += _move(found, old, node)
        done.append(f"from {old.label} with {plural(_rows(found, old), 'row')}")
        there = old
    if there:
        missing = _missing_columns(there, node)
        statements += [f"alter table {target} add column {quoted(name)} {type_}" for name, type_ in missing.items()]
        done += [f"added {', '.join(missing)}"] if missing else []
        if mark_of(found.project) not in there.comment:
            statements.append(f"comment on table {target} is {literal(_comment(node, found.project))}")
            done += ["marked as Pulse's" if MARK not in there.comment else "marked with its schema version"]
    label = f"{node['schema']}.{node['alias']}"
    return Step(f"upgraded {label}: {'; '.join(done)}", tuple(statements)) if statements else None


def _move(found: _Found, old: Relation, node: Node) -> list[str]:
    """Return the statements that give a table its new name, and its new schema where that is another."""
    alias = str(node["alias"])
    if (old.database.lower(), old.schema.lower()) == _place(node):
        return [f"alter table {old.sql} rename to {quoted(alias)}"]
    if found.warehouse.dialect == "postgres":
        make = f"create schema if not exists {quoted(node['schema'])}"
        renamed = [f"alter table {old.sql} rename to {quoted(alias)}"] if old.name != alias else []
        return [make, *renamed, f"alter table {quoted(old.schema, alias)} set schema {quoted(node['schema'])}"]
    make = f"create schema if not exists {quoted(node['database'], node['schema'])}"
    return [make, f"create table {_target(node)} as select * from {old.sql}", f"drop table {old.sql}"]


def _missing_columns(there: Relation, node: Node) -> dict[str, str]:
    """Return the columns of the model's contract that a table has not, with their types."""
    known = {c.lower() for c in there.columns}
    listed = {str(name): about.get("data_type") for name, about in node.get("columns", {}).items()}
    return {name: str(type_) for name, type_ in listed.items() if type_ and name.lower() not in known}


def _old_views(found: _Found, nodes: Sequence[Node]) -> Iterator[tuple[Relation, list[str]]]:
    """Yield the views of 0.1.0, those that read others first, each with the views of other people that read it."""
    models = {old_name(str(n["name"])): str(n["name"]) for n in nodes}
    views = [
        relation
        for name in VIEWS
        for place in found.old_places
        if (relation := found.places[place].get(name))
        and relation.is_view
        and is_landed(relation, models.get(name) or "")
    ]
    going = {view.label for view in views}
    for view in views:
        kept = [reader for reader in readers_of(found.warehouse, view) if reader not in going]
        if kept:
            going.discard(view.label)
        yield view, kept


def _view_marks(
    found: _Found, manifest: Manifest, nodes: Sequence[Node], project: Project, views_of: Mapping[str, Segment]
) -> list[Step]:
    """Return the marks for segment views of 0.1.0, which keep their names; the next build makes them anew."""
    steps = []
    for node in [n for n in nodes if n["name"] in views_of]:
        segment = views_of[str(node["name"])]
        entity, view = project.entities[segment.entity], found.at(node)
        read = node_of(manifest, entity.relation.function, *entity.relation.arguments)
        if view is None or MARK in view.comment or read is None:
            continue
        if is_segment_view(view, entity.column(entity.key), str(read.get("alias") or read.get("identifier"))):
            mark = f"comment on view {view.sql} is {literal(_comment(node, found.project))}"
            steps.append(Step(f"upgraded {view.label}: marked as Pulse's", (mark,)))
    return steps


def _strangers(found: _Found, nodes: Sequence[Node], landed: Mapping[str, Relation]) -> Iterator[str]:
    """Yield what stands under an old name and is not of 0.1.0, is of an entity that is not here, or reads an old name."""
    names = {old_name(str(n["name"])) for n in nodes} - {None, "pulse_runs"}
    moved = [r.name.lower() for r in landed.values() if r.name != "pulse_runs"]
    for relation in [r for place in found.old_places for r in found.places[place].values()]:
        entity, _, kind = relation.name.lower().rpartition("_")
        if relation in landed.values() or MARK in relation.comment:
            continue
        if relation.is_view:
            if (
                relation.name in VIEWS or found.warehouse.dialect != "duckdb"
            ):  # Postgres changes the names in views by itself
                continue
            text = plain(relation.text).replace('"', "")
            read = [name for name in moved if re.search(rf"\b(from|join) \(*([\w]+\.)*{name}\b", text)]
            if read:
                yield f"stays    {relation.label}: it reads {', '.join(read)}. Write the new names there."
        elif relation.name.lower() in names:
            yield f"stays    {relation.label}: {VERSION} did not make it, its columns are others."
        elif kind in ("facts", "health") and is_landed(relation, f"pulse_{entity}__{kind}"):
            yield f"stays    {relation.label}: segments/ has no entity {entity}. Add it, `pulse compile`, and upgrade again."


def _place(node: Node) -> Place:
    return str(node["database"]).lower(), str(node["schema"]).lower()


def _target(node: Node) -> str:
    return quoted(node["database"], node["schema"], node["alias"])


def _events_file(found: _Found, old: Relation, root: Path) -> dict[Path, str]:
    """Return the seed's file with the events that only the old table has: the next build fills the table from the file."""
    rows = found.warehouse.query(
        f"select starts_on, ends_on, scope, scope_value, reason from {old.sql} order by 1, 2, 3, 4, 5"
    )
    events = [
        KnownEvent(r["starts_on"], r["ends_on"], r["scope"], r["scope_value"] or "", r["reason"] or "") for r in rows
    ]
    fresh, text = with_events(events_path(root), events)
    return {events_path(root): text} if fresh else {}


def _comment(node: Node, project: str) -> str:
    text = str(node.get("description") or "")
    return f"{text}\n\n{mark_of(project)}" if text else mark_of(project)


def _rows(found: _Found, relation: Relation) -> int:
    rows = found.warehouse.query(f"select count(*) as n from {relation.sql}")
    return int(rows[0]["n"])


def _is_made(node: Node) -> bool:
    """Say whether a node is of the package, or a table that `pulse compile` and `pulse init` write."""
    return node["package_name"] == PACKAGE or old_name(str(node["name"])) is not None


def _is_view(node: Node) -> bool:
    return bool(node.get("config", {}).get("materialized") == "view")
