"""Read segments/ into a checked Project, or report everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pulse_runner.errors import DefinitionError, Problem, UsageError
from pulse_runner.segments.complaints import validate
from pulse_runner.segments.expression import fields_of
from pulse_runner.segments.limits import LARGEST_FILE, SPLIT
from pulse_runner.segments.model import (
    OUTCOMES,
    Aggregate,
    All,
    AnyOf,
    Attribute,
    Comparison,
    Destination,
    DetectorSettings,
    Entity,
    EventLeaf,
    EventSource,
    Field,
    FieldLeaf,
    History,
    Not,
    Project,
    ReachSteps,
    Relation,
    Rule,
    Segment,
    SegmentLeaf,
    SqlLeaf,
)
from pulse_runner.segments.names import renamed, safe_name, safe_sql
from pulse_runner.segments.relations import CALL
from pulse_runner.segments.route_schema import routes_of
from pulse_runner.segments.schema import Schema
from pulse_runner.segments.semantics import check_all, columns_of
from pulse_runner.segments.source import Document, parse


def load_project(root: Path, schema: Schema) -> Project:
    """Return the definitions under `root`/segments; raise DefinitionError with every problem of every file."""
    return build_project(read_texts(root), schema)


def read_texts(root: Path) -> dict[str, str]:
    """Return the text of every definition file by its path in the project; DefinitionError for one that cannot be read as text."""
    folder = root / "segments"
    if not folder.is_dir():
        raise UsageError(f"There is no folder segments/ in {root.name}; `pulse init` makes one.")
    texts, problems = dict[str, str](), []
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        name = path.relative_to(root).as_posix()
        try:
            size = path.stat().st_size
            if size > LARGEST_FILE:
                problems.append(
                    Problem(name, 0, f"the file has {size:,} bytes; at most {LARGEST_FILE:,} are read", SPLIT)
                )
            elif path.is_file():
                texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(Problem(name, 0, "the file is not text in UTF-8", "Save it as UTF-8."))
        except OSError as error:
            problems.append(Problem(name, 0, f"the file cannot be read: {error.strerror}"))
    if problems:
        raise DefinitionError(problems)
    return texts


def build_project(texts: Mapping[str, str], schema: Schema) -> Project:
    """Return the project that definition files make; raise DefinitionError with every problem."""
    documents: list[tuple[str, Document, Any]] = []
    everything: list[Document] = []
    for file, text in texts.items():
        document = parse(file, text)
        everything.append(document)
        kind = _kind(PurePosixPath(file), document)
        spec = validate(document, schema, kind) if document.data is not None and not document.problems else None
        if spec is not None:
            documents.append((kind, document, spec))
    check_all(documents, schema)
    problems: list[Problem] = [p for d in everything for p in d.problems]
    if problems:
        raise DefinitionError(problems)
    entities = {s.entity: _entity(s) for kind, _, s in documents if kind == "entity"}
    fields = {s.entity: tuple(s.fields) for kind, _, s in documents if kind == "entity"}
    routes = {n: r for kind, _, s in documents if kind == "routes" for n, r in routes_of(s).items()}
    segments = {s.segment: _segment(s, d.file, fields[s.entity]) for kind, d, s in documents if kind == "segment"}
    defaults = next((_thresholds(s) for kind, _, s in documents if kind == "defaults"), {})
    return Project(entities, segments, routes, defaults, schema.functions)


def _kind(path: PurePosixPath, document: Document) -> str:
    keys: Mapping[str, Any] = document.data if isinstance(document.data, dict) else {}
    if path.name == "routes.yml" or "routes" in keys:
        return "routes"
    if path.name == "defaults.yml" or set(keys) == {"thresholds"}:
        return "defaults"
    return "entity" if path.parent.name == "entities" or ("segment" not in keys and "relation" in keys) else "segment"


def _relation(text: str) -> Relation:
    match = CALL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not ref('model') or source('source', 'table').")
    return Relation(match[1], tuple(a for a in match.groups()[1:] if a))  # type: ignore[arg-type]


def _entity(spec: Any) -> Entity:
    h = spec.history
    kind = "none" if h is None else "as_of" if h.as_of else "validity"
    fields = {
        safe_name(n): Field(safe_name(n), f.type or "number", _safe(f.days_since)) for n, f in spec.fields.items()
    }
    steps = {channel: _reach_steps(c, spec.fields) for channel, c in spec.reach.items()}
    return Entity(
        name=spec.entity, relation=_relation(spec.relation), key=safe_name(spec.key),
        history=History(kind, *(_safe(h and c) for c in ((h.as_of, h.valid_from, h.valid_to) if h else (None,) * 3))),  # type: ignore[arg-type]
        fields=fields,
        attributes=tuple(
            Attribute(a.name or safe_name(a.field), safe_name(a.field), tuple(a.bins or ()), a.top, a.values or '') for a in spec.attributes
        ),
        conversion_event_at=spec.conversion and safe_name(spec.conversion.event_at),
        amount=spec.revenue and safe_name(spec.revenue.amount),
        last_seen_at=spec.activity and safe_name(spec.activity.last_seen_at),
        inactive_after_days=spec.activity and spec.activity.inactive_after_days,
        reach={channel: s.sql for channel, s in steps.items()},
        reach_steps={channel: s for channel, s in steps.items() if s.has_steps},
        updated_at=spec.freshness and safe_name(spec.freshness.updated_at),
        max_age_days=spec.freshness.max_age_days if spec.freshness else 0,
        events={n: _events(n, e) for n, e in spec.events.items()},
        label=spec.label or "", description=spec.description or "", columns=renamed(columns_of(spec)),
    )  # fmt: skip


def _events(name: str, spec: Any) -> EventSource:
    fields = {safe_name(f): Field(safe_name(f), t) for f, t in spec.fields.items()}
    columns = renamed([spec.key, spec.at, *spec.fields])
    return EventSource(name, _relation(spec.relation), safe_name(spec.key), safe_name(spec.at), fields, columns)


def _reach_steps(spec: Any, fields: Mapping[str, Any]) -> ReachSteps:
    eligible, consented, addressable, reachable = (
        safe_sql(text or "", fields) for text in (spec.eligible, spec.consented, spec.addressable, spec.reachable)
    )
    destination = spec.destination and _destination(spec.destination)
    return ReachSteps(eligible, consented, addressable, reachable, destination, tuple(spec.segments))


def _destination(spec: Any) -> Destination:
    names = [c for c in (spec.key, spec.at, spec.status, spec.reason, spec.segment) if c]
    statuses = spec.statuses or {outcome: [outcome] for outcome in OUTCOMES}
    return Destination(
        _relation(spec.relation), safe_name(spec.key), safe_name(spec.at), safe_name(spec.status), _safe(spec.reason),
        _safe(spec.segment), spec.max_age_days, {o: tuple(words) for o, words in statuses.items()}, renamed(names),
    )  # fmt: skip


def _safe(column: str | None) -> str | None:
    return column and safe_name(column)


def _segment(spec: Any, file: str, fields: tuple[str, ...]) -> Segment:
    return Segment(
        spec.segment, spec.entity, _rule(spec.rules, fields), spec.owner, spec.label or "",
        spec.description or "", spec.enabled, _thresholds(spec), tuple(spec.alerts), file,
        spec.criticality, tuple(spec.tags),
    )  # fmt: skip


def _thresholds(spec: Any) -> dict[str, DetectorSettings]:
    return {
        n: DetectorSettings(
            t.threshold, t.direction, t.enabled, {a: None if v == "off" else v for a, v in t.attributes.items()},
            t.sensitivity,
        )
        for n, t in spec.thresholds.items()
    }  # fmt: skip


def _rule(spec: Any, fields: tuple[str, ...]) -> Rule:
    """Return a rule; `fields` are those of the entity, as its file names them."""
    match type(spec).__name__:
        case "AllSpec":
            return All(tuple(_rule(p, fields) for p in spec.all))
        case "AnySpec":
            return AnyOf(tuple(_rule(p, fields) for p in spec.any))
        case "NotSpec":
            return Not(_rule(spec.not_, fields))
        case "FieldLeafSpec":
            return _leaf(spec)
        case "EventLeafSpec":
            a = spec.aggregate
            return EventLeaf(
                spec.event, spec.operator, spec.count and Comparison(spec.count.operator, spec.count.value),
                a and Aggregate(a.function, safe_name(a.field), Comparison(a.operator, a.value)), spec.in_last,
                tuple(_leaf(w) for w in spec.where),
            )  # fmt: skip
        case "SegmentLeafSpec":
            return SegmentLeaf(spec.segment, spec.operator)
    read = fields_of(spec.sql, fields)
    return SqlLeaf(safe_sql(spec.sql, fields), tuple(sorted(map(safe_name, read))))


def _leaf(spec: Any) -> FieldLeaf:
    given = spec.value if spec.days is None else spec.days
    values = tuple(given) if isinstance(given, list) else () if given is None else (given,)
    return FieldLeaf(safe_name(spec.field), spec.operator, values)
