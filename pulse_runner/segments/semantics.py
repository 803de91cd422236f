"""What one file alone cannot tell: fields, types, operators and references, every problem at its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pulse_runner.errors import did_you_mean
from pulse_runner.segments.complaints import describe
from pulse_runner.segments.expression import check_expression
from pulse_runner.segments.functions import Functions
from pulse_runner.segments.limits import MOST_DAYS, is_day
from pulse_runner.segments.names import safe_name
from pulse_runner.segments.operators import COMPARISONS, OPERATORS, fitting
from pulse_runner.segments.pattern import DO as SHORTER
from pulse_runner.segments.pattern import pattern_problem
from pulse_runner.segments.people import looks_like_people
from pulse_runner.segments.reach import check_reach
from pulse_runner.segments.references import check_references
from pulse_runner.segments.relations import check_relation, same_names
from pulse_runner.segments.route_schema import check_routes
from pulse_runner.segments.schema import Schema
from pulse_runner.segments.source import Document, Path

Checked = tuple[str, Document, Any]  # kind, document, spec
TIMES = ("date", "timestamp")
SLIPS = {"=>": ">=", "=<": "<=", "==": "=", "<>": "!="}


def check_all(documents: Sequence[Checked], schema: Schema) -> None:
    """Add every problem that needs more than one file, or the types of fields, to the documents."""
    entities = {s.entity: s for kind, _, s in documents if kind == "entity"}
    segments = {s.segment: s for kind, _, s in documents if kind == "segment"}
    routes = {name for kind, _, s in documents if kind == "routes" for name in s.routes}
    _duplicates(documents)
    for kind, document, spec in documents:
        with document.some():
            if kind == "entity":
                _entity(document, spec, schema, segments)
            elif kind == "segment":
                _segment(document, spec, entities, segments, routes, schema)
                if spec.entity in entities:
                    _thresholds(document, spec, entities[spec.entity], schema)
            elif kind == "routes":
                check_routes(document, spec, _names(entities, segments, schema))
            elif kind == "defaults":
                for detector, settings in spec.thresholds.items():
                    if settings.attributes:
                        where: Path = ("thresholds", detector, "attributes")
                        document.complain(where, "attributes are of an entity; give them in the segment's own file")
    check_references(documents, segments)


def _names(entities: Mapping[str, Any], segments: Mapping[str, Any], schema: Schema) -> dict[str, list[str]]:
    """Return what routes can match by name."""
    return {
        "owner": sorted({s.owner for s in segments.values()}), "tag": sorted({t for s in segments.values() for t in s.tags}),
        "entity": list(entities), "segment": list(segments), "detector": list(schema.detectors),
        **({"cause": list(schema.causes)} if schema.causes else {}),
    }  # fmt: skip


def _duplicates(documents: Sequence[Checked]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for kind, document, spec in documents:
        if kind == "defaults":
            names, word = ["thresholds"], "project"
        else:
            names, word = (list(spec.routes), "route") if kind == "routes" else ([getattr(spec, kind)], kind)
        for name in names:
            first = seen.setdefault((kind, name), document.file)
            if first != document.file:
                path = ("thresholds",) if kind == "defaults" else (kind,)
                what = "there are defaults of the project" if kind == "defaults" else f"{word} `{name}` is defined"
                document.complain(path, f"{what} twice; the first is in {first}")


def _entity(document: Document, spec: Any, schema: Schema, segments: Mapping[str, Any]) -> None:
    fields = {n: f.type or ("number" if f.days_since else None) for n, f in spec.fields.items()}
    check_relation(document, ("relation",), spec.relation)
    for name, field in spec.fields.items():
        path: Path = ("fields", name)
        if (field.type is None) == (field.days_since is None):
            document.complain(path, f"field `{name}` needs either a type or `days_since`")
        elif field.days_since is not None:
            _field(document, (*path, "days_since"), field.days_since, fields, TIMES)
    same_names(document, ("fields",), [*columns_of(spec), *(n for n, f in spec.fields.items() if f.days_since)])
    history = spec.history
    if history is not None and (history.as_of is None) == (history.valid_from is None or history.valid_to is None):
        document.complain(
            ("history",), "`history` needs `as_of`, or both `valid_from` and `valid_to`; leave it out for today only"
        )
    names: set[str] = set()
    for n, a in enumerate(spec.attributes):
        path = ("attributes", n)
        if (a.name or safe_name(a.field)) in names:
            document.complain(path, f"attribute `{a.name or safe_name(a.field)}` stands twice")
        names.add(a.name or safe_name(a.field))
        _field(document, path, a.field, fields, ("number",) if a.bins else None)
        if a.bins and any(x >= y for x, y in zip(a.bins, a.bins[1:], strict=False)):
            document.complain((*path, "bins"), "`bins` must ascend")
        if a.bins and a.values:
            document.complain((*path, "values"), "`values` is for values; ranges (`bins`) are always shown")
        if not a.bins and not a.values and fields.get(a.field) == "text" and (why := looks_like_people(a.field)):
            say = "say `values: hidden` (watched, told as a label) or `values: shown` at the attribute"
            document.complain(path, f"attribute `{a.name or a.field}` is not watched as it is: {why}; {say}")
    if spec.conversion:
        _field(document, ("conversion", "event_at"), spec.conversion.event_at, fields, TIMES)
    if spec.revenue:
        columns = {n: f.type for n, f in spec.fields.items() if f.days_since is None}
        _field(document, ("revenue", "amount"), spec.revenue.amount, columns, ("number",))
    if spec.activity:
        _field(document, ("activity", "last_seen_at"), spec.activity.last_seen_at, fields, TIMES)
    if spec.freshness:
        _field(document, ("freshness", "updated_at"), spec.freshness.updated_at, fields, TIMES)
    check_reach(document, spec, types_of(spec), schema.functions, segments)
    for name, event in spec.events.items():
        check_relation(document, ("events", name, "relation"), event.relation)
        same_names(document, ("events", name), [event.key, event.at, *event.fields])


def types_of(spec: Any) -> dict[str, str]:
    """Return the fields of an entity file with their types; a clock is a number."""
    return {n: "number" if f.days_since else f.type or "" for n, f in spec.fields.items()}


def columns_of(spec: Any) -> list[str]:
    """Return the columns of the relation that an entity file names, each once, as the relation calls them."""
    h = spec.history
    named = [spec.key, *((h.as_of, h.valid_from, h.valid_to) if h else ())]
    named += [n for n, f in spec.fields.items() if f.days_since is None]
    return list(dict.fromkeys(c for c in named if c))


def _field(document: Document, path: Path, name: str, fields: Mapping[str, Any], types: Sequence[str] | None) -> None:
    if name not in fields:
        document.complain(path, f"unknown field `{name}`{did_you_mean(name, list(fields)) or _known(fields)}")
    elif types and fields[name] not in types:
        document.complain(path, f"field `{name}` is {fields[name]}; it must be {' or '.join(types)}")


def _known(fields: Mapping[str, Any]) -> str:
    return f"; known are {', '.join(fields)}" if len(fields) <= 12 else ""


def _segment(
    document: Document,
    spec: Any,
    entities: Mapping[str, Any],
    segments: Mapping[str, Any],
    routes: set[str],
    schema: Schema,
) -> None:
    for n, route in enumerate(spec.alerts):
        if route not in routes:
            document.complain(
                ("alerts", n),
                f"unknown alert route `{route}`{did_you_mean(route, sorted(routes)) or '; define it in segments/routes.yml'}",
            )
    entity = entities.get(spec.entity)
    if entity is None:
        document.complain(
            ("entity",),
            f"unknown entity `{spec.entity}`{did_you_mean(spec.entity, list(entities)) or '; define it in segments/entities/'}",
        )
        return
    clocks = frozenset(n for n, f in entity.fields.items() if f.days_since)
    known = Known(entity, types_of(entity), clocks, segments, schema.functions)
    start: Path = ("rules",)
    _rule(document, start, document.data["rules"], spec.rules, known)


def _thresholds(document: Document, spec: Any, entity: Any, schema: Schema) -> None:
    known = [a.name or safe_name(a.field) for a in entity.attributes]
    for detector, settings in spec.thresholds.items():
        path: Path = ("thresholds", detector, "attributes")
        if settings.attributes and not schema.detectors[detector]:
            document.complain(path, f"`{detector}` takes no `attributes`: it does not judge them one by one")
            continue
        for name in settings.attributes:
            if name not in known:
                document.complain((*path, name), f"unknown attribute `{name}`{did_you_mean(name, known)}")


@dataclass(frozen=True)
class Known:
    """What a rule may name: fields with their types, the clocks among them, segments, and functions of SQL."""

    entity: Any
    types: Mapping[str, str]
    clocks: frozenset[str]
    segments: Mapping[str, Any]
    functions: Functions


def _rule(document: Document, path: Path, raw: Any, spec: Any, known: Known) -> None:
    kind = type(spec).__name__
    if kind in ("AllSpec", "AnySpec"):
        key = "all" if kind == "AllSpec" else "any"
        inside, parts = (path, spec.all) if isinstance(raw, list) else ((*path, key), getattr(spec, key))
        for n, part in enumerate(parts):
            source = raw if isinstance(raw, list) else raw[key]
            _rule(document, (*inside, n), source[n], part, known)
    elif kind == "NotSpec":
        _rule(document, (*path, "not"), raw["not"], spec.not_, known)
    elif kind == "FieldLeafSpec":
        _leaf(document, path, spec, known.types, known.clocks)
    elif kind == "SqlLeafSpec":
        for refusal in check_expression(spec.sql, known.types, known.functions)[0]:
            document.complain((*path, "sql"), *refusal)
    elif kind == "SegmentLeafSpec":
        other = known.segments.get(spec.segment)
        if other is None:
            document.complain(
                (*path, "segment"),
                f"unknown segment `{spec.segment}`{did_you_mean(spec.segment, list(known.segments))}",
            )
        elif other.entity != known.entity.entity:
            document.complain(
                (*path, "segment"),
                f"segment `{spec.segment}` is over entity `{other.entity}`, not `{known.entity.entity}`",
            )
    else:
        _event(document, path, spec, known.entity)


def _event(document: Document, path: Path, spec: Any, entity: Any) -> None:
    event = entity.events.get(spec.event)
    if event is None:
        hint = did_you_mean(spec.event, list(entity.events)) or f"; define it under `events` of {entity.entity}"
        document.complain((*path, "event"), f"unknown event `{spec.event}`{hint}")
        return
    if spec.count and spec.aggregate:
        document.complain(path, "give `count` or `aggregate`, not both")
    if spec.count and spec.count.operator not in COMPARISONS:
        document.complain(
            (*path, "count", "operator"),
            f"unknown operator `{spec.count.operator}`; possible are {', '.join(COMPARISONS)}",
        )
    if spec.aggregate:
        _field(document, (*path, "aggregate", "field"), spec.aggregate.field, event.fields, ("number",))
        if spec.aggregate.operator not in COMPARISONS:
            document.complain(
                (*path, "aggregate", "operator"),
                f"unknown operator `{spec.aggregate.operator}`; possible are {', '.join(COMPARISONS)}",
            )
    for n, leaf in enumerate(spec.where):
        _leaf(document, (*path, "where", n), leaf, event.fields)


def _leaf(
    document: Document, path: Path, spec: Any, fields: Mapping[str, Any], clocks: frozenset[str] = frozenset()
) -> None:
    operator = OPERATORS.get(spec.operator)
    if operator is None:
        meant = SLIPS.get(spec.operator)
        near = f"; did you mean `{meant}`?" if meant else did_you_mean(spec.operator, list(OPERATORS))
        hint = near or f"; known are {', '.join(OPERATORS)}"
        document.complain((*path, "operator"), f"unknown operator `{spec.operator}`{hint}")
    if spec.field not in fields:
        document.complain(
            (*path, "field"), f"unknown field `{spec.field}`{did_you_mean(spec.field, list(fields)) or _known(fields)}"
        )
        return
    kind = fields[spec.field]
    if operator is None or not kind:
        return
    if kind not in operator.fits:
        fits = ", ".join(fitting(kind))
        document.complain(
            (*path, "operator"), f"`{operator.name}` does not fit `{spec.field}`, which is {kind}; these do: {fits}"
        )
        return
    days = operator.operand.startswith("days")
    given, key = (spec.days, "days") if days else (spec.value, "value")
    extra = "value" if days else "days"
    if getattr(spec, extra) is not None:
        document.complain((*path, extra), f"`{operator.name}` takes no `{extra}`")
    _operand(
        document, (*path, key), operator.name, operator.operand, given, "number" if days else kind, key, whole=days
    )
    counted = [v for v in (given if isinstance(given, list) else [given]) if isinstance(v, int | float)]
    if (days or spec.field in clocks) and any(abs(v) > MOST_DAYS for v in counted):
        document.complain(
            (*path, key), f"`{operator.name}` counts at most {MOST_DAYS:,} days, not {max(counted, key=abs)}"
        )


def _operand(
    document: Document, path: Path, name: str, operand: str, given: Any, kind: str, key: str, whole: bool
) -> None:
    if operand == "none":
        if given is not None:
            document.complain(path, f"`{name}` takes no value")
        return
    if given is None:
        document.complain(path, f"`{name}` needs `{key}`")
        return
    many = operand in ("list", "pair", "days pair")
    if many != isinstance(given, list):
        document.complain(path, f"`{name}` takes {'a list' if many else 'one value'}, not {describe(given)}")
        return
    values = given if many else [given]
    if operand == "list" and not values:
        document.complain(path, f"`{name}` has an empty list: nobody would be in it")
    if operand.endswith("pair") and len(values) != 2:
        document.complain(path, f"`{name}` takes two values, not {len(values)}")
        return
    wrong = [v for v in values if not _is(v, kind) or (whole and (not isinstance(v, int) or v < 0))]
    for value in wrong:
        what = (
            "a whole number of days"
            if whole
            else {"number": "a number", "text": "text", "boolean": "true or false"}.get(kind, "a day, YYYY-MM-DD")
        )
        document.complain(path, f"`{name}` needs {what}, not {describe(value)}")
    if name == "matches" and not wrong and (problem := pattern_problem(given)):
        document.complain(path, f"the pattern of `matches` {problem}", SHORTER)
    if operand.endswith("pair") and not wrong and values[0] > values[1]:
        document.complain(path, f"`{name}`: {values[0]} is more than {values[1]}; nobody would be between them")


def _is(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    try:
        return isinstance(value, str) and is_day(value) and bool(date.fromisoformat(value))
    except ValueError:
        return False
