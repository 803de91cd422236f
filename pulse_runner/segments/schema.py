"""The shape of the files in segments/: the one source of both validation and the published JSON Schema.

What can be said about a file on its own is said here. What needs other files (fields, types,
references) is in `semantics.py`. What detectors and channels add comes in with a `Schema`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import BeforeValidator, Discriminator, Tag, WithJsonSchema, create_model
from pydantic import Field as PField

from pulse_runner.segments.functions import Functions
from pulse_runner.segments.limits import MOST_DAYS
from pulse_runner.segments.model import FieldType, Outcome
from pulse_runner.segments.operators import COMPARISONS, OPERATORS
from pulse_runner.segments.route_schema import RouteSpec, RoutesSpec
from pulse_runner.segments.strict import ChannelSettings, Column, Name, Spec, Text
from pulse_runner.vocabulary import SENSITIVITIES, Criticality, Direction

_Scalar: dict[str, Any] = {"type": ["string", "number", "boolean"]}
# operands are typed by the field that they meet, so semantics.py judges them
Operand = Annotated[Any, WithJsonSchema({"anyOf": [_Scalar, {"type": "array", "items": _Scalar, "minItems": 1}]})]
_Day: dict[str, Any] = {"type": "integer", "minimum": 0}
DaysOperand = Annotated[
    Any, WithJsonSchema({"anyOf": [_Day, {"type": "array", "items": _Day, "minItems": 2, "maxItems": 2}]})
]
FieldOperator = Annotated[
    str,
    WithJsonSchema(
        {"enum": list(OPERATORS), "description": "; ".join(f"{o.name}: {o.meaning}" for o in OPERATORS.values())}
    ),
]
ComparisonOperator = Annotated[str, WithJsonSchema({"enum": list(COMPARISONS)})]


def _short(key: str, kinds: type | tuple[type, ...]) -> Callable[[Any], Any]:
    """Return a function that spells out the short form of a mapping with one key."""
    return lambda given: {key: given} if isinstance(given, kinds) else given


class HistorySpec(Spec):
    """How the relation knows its past: `as_of` (rows per date), or `valid_from` and `valid_to` (intervals)."""

    as_of: Column | None = None
    valid_from: Column | None = None
    valid_to: Column | None = None


class FieldSpec(Spec):
    """A derived clock: whole days from a date or timestamp field to the snapshot date."""

    type: Annotated[FieldType | None, PField(description="The column's type; `name: type` is short for it.")] = None
    days_since: Column | None = None


class AttributeSpec(Spec):
    """A field whose distribution over the members is kept."""

    name: Annotated[Name | None, PField(description="The attribute's name; the field's when left out.")] = None
    field: Text
    bins: Annotated[
        list[float] | None, PField(min_length=1, max_length=1000, description="Ascending edges, for a number.")
    ] = None
    top: Annotated[int, PField(ge=1, le=1000, description="Largest buckets kept; the rest is `(other)`.")] = 50
    values: Annotated[
        Literal["shown", "hidden"] | None,
        PField(
            description="For values that look like people: `hidden` keeps a label in their place, `shown` keeps them."
        ),
    ] = None


class ConversionSpec(Spec):
    """What counts as a conversion: the day of this field falls between two snapshots."""

    event_at: Text


class RevenueSpec(Spec):
    """What members bring in: the sum of this field over the members of a date."""

    amount: Text


class ActivitySpec(Spec):
    """What counts as inactive: not seen for more than `inactive_after_days` days, or never."""

    last_seen_at: Text
    inactive_after_days: Annotated[int, PField(ge=1, le=MOST_DAYS)] = 30


class FreshnessSpec(Spec):
    """When the data of a date count as stale: the newest `updated_at` is more than `max_age_days` days before it."""

    updated_at: Text
    max_age_days: Annotated[int, PField(ge=0, le=MOST_DAYS)] = 0


FieldMap = Annotated[
    dict[
        Column, Annotated[FieldSpec, BeforeValidator(_short("type", str), json_schema_input_type=FieldType | FieldSpec)]
    ],
    PField(min_length=1),
]


class EventSpec(Spec):
    """A relation with one row per event of an entity key."""

    relation: Text
    key: Column
    at: Column
    fields: dict[Column, FieldType] = PField(default_factory=dict)


class DestinationSpec(Spec):
    """A relation with one row per key and what the destination did with it on a day."""

    relation: Text
    key: Column
    at: Annotated[Column, PField(description="When it happened: a date or a timestamp.")]
    status: Annotated[Column, PField(description="Column with the outcome: see `statuses`.")]
    reason: Annotated[Column | None, PField(description="Column that says why, for what was not accepted.")] = None
    segment: Annotated[
        Column | None, PField(description="Column with the segment; left out, a row counts for every segment.")
    ] = None
    max_age_days: Annotated[
        int,
        PField(ge=0, le=366, description="Days that the latest row of a key counts; 0 where all are sent each day."),
    ] = 0
    statuses: Annotated[
        dict[Outcome, list[str]] | None,
        PField(
            min_length=1, description="The destination's words for each outcome; the outcomes themselves when left out."
        ),
    ] = None


class ChannelSpec(Spec):
    """How members are reached through a channel: who may and can be sent to, and what its destination did."""

    eligible: Annotated[Text | None, PField(description="SQL that is true for a row that the channel is for.")] = None
    consented: Annotated[Text | None, PField(description="SQL that is true for a row that agreed.")] = None
    addressable: Annotated[Text | None, PField(description="SQL that is true for a row with an address.")] = None
    reachable: Annotated[Text | None, PField(description="SQL that is true for a row that can be reached.")] = None
    segments: Annotated[
        list[Name], PField(description="The segments that are sent to the destination; all when left out.")
    ] = PField(default_factory=list)
    destination: DestinationSpec | None = None


class EntitySpec(Spec):
    """The relation that segments select from."""

    entity: Name
    label: Text | None = None
    description: Text | None = None
    relation: Annotated[Text, PField(description="ref('model'), ref('package', 'model') or source('source', 'table').")]
    key: Column
    history: Annotated[HistorySpec | None, PField(description="Leave out when the relation knows today only.")] = None
    fields: Annotated[FieldMap, PField(description="Every column that rules and attributes may use, with its type.")]
    attributes: list[
        Annotated[AttributeSpec, BeforeValidator(_short("field", str), json_schema_input_type=str | AttributeSpec)]
    ] = PField(default_factory=list)
    conversion: ConversionSpec | None = None
    revenue: RevenueSpec | None = None
    activity: ActivitySpec | None = None
    reach: Annotated[
        dict[
            Name,
            Annotated[
                ChannelSpec, BeforeValidator(_short("reachable", str), json_schema_input_type=Text | ChannelSpec)
            ],
        ],
        PField(
            description="Channel: SQL that is true for a row that can be reached, or the steps on the way to the person."
        ),
    ] = PField(default_factory=dict)
    freshness: FreshnessSpec | None = None
    events: dict[Name, EventSpec] = PField(default_factory=dict)


class AllSpec(Spec):
    """True when every part is true."""

    all: Annotated[list[RuleSpec], PField(min_length=1)]


class AnySpec(Spec):
    """True when at least one part is true."""

    any: Annotated[list[RuleSpec], PField(min_length=1)]


class NotSpec(Spec):
    """The complement: true when the part is not true, nulls included."""

    not_: Annotated[RuleSpec, PField(alias="not")]


class FieldLeafSpec(Spec):
    """One condition on one field."""

    field: Text
    operator: FieldOperator
    value: Operand = None
    days: DaysOperand = None


class AggregateSpec(Spec):
    """sum, min, max or avg of a numeric field of the matching events, compared."""

    function: Literal["sum", "min", "max", "avg"]
    field: Text
    operator: ComparisonOperator
    value: float


class CountSpec(Spec):
    """The number of matching events, compared."""

    operator: ComparisonOperator
    value: Annotated[int, PField(ge=0)]


class EventLeafSpec(Spec):
    """A condition on the events of a key."""

    event: Text
    operator: Literal["performed", "not_performed"]
    count: CountSpec | None = None
    aggregate: AggregateSpec | None = None
    in_last: Annotated[
        int | None, PField(ge=0, le=MOST_DAYS, description="Days before the snapshot date; ever when left out.")
    ] = None
    where: list[FieldLeafSpec] = PField(default_factory=list)


class SegmentLeafSpec(Spec):
    """Membership of another segment of the same entity on the same date."""

    segment: Text
    operator: Literal["in_segment", "not_in_segment"]


class SqlLeafSpec(Spec):
    """One boolean SQL expression over the entity's fields."""

    sql: Text


RULE_KEYS: dict[str, type[Spec]] = {
    "all": AllSpec, "any": AnySpec, "not": NotSpec, "field": FieldLeafSpec, "event": EventLeafSpec,
    "segment": SegmentLeafSpec, "sql": SqlLeafSpec,
}  # fmt: skip


def _rule_kind(given: Any) -> str | None:
    if isinstance(given, dict):
        # a leaf of an event may also filter on a `field`, so the order of RULE_KEYS does not decide between these two
        for key in ("all", "any", "not", "event", "field", "segment", "sql"):
            if key in given:
                return f"<{key}>"
    return "<all>" if isinstance(given, AllSpec) else None


RuleSpec = Annotated[
    Union[  # noqa: UP007  one line each reads better than a chain of |
        Annotated[AllSpec, Tag("<all>")],
        Annotated[AnySpec, Tag("<any>")],
        Annotated[NotSpec, Tag("<not>")],
        Annotated[FieldLeafSpec, Tag("<field>")],
        Annotated[EventLeafSpec, Tag("<event>")],
        Annotated[SegmentLeafSpec, Tag("<segment>")],
        Annotated[SqlLeafSpec, Tag("<sql>")],
    ],
    Discriminator(_rule_kind),
]

for _model in (AllSpec, AnySpec, NotSpec):
    _model.model_rebuild()


_Rate = Annotated[float, PField(gt=0, le=52)]
Sensitivity = Annotated[
    _Rate,
    BeforeValidator(
        lambda given: SENSITIVITIES.get(given, given) if isinstance(given, str) else given,
        json_schema_input_type=_Rate | Literal["low", "normal", "high"],
    ),
    PField(
        description="False alarms that a series may raise in a year: "
        + ", ".join(f"{word} is {rate:g}" for word, rate in SENSITIVITIES.items())
        + ", or a number."
    ),
]


class ThresholdSpec(Spec):
    """Exceptions to a detector's defaults; a number alone is the threshold, `off` switches it off."""

    threshold: Annotated[float | None, PField(gt=0)] = None
    direction: Direction | None = None
    enabled: bool | None = None
    sensitivity: Sensitivity | None = None
    attributes: Annotated[
        dict[Name, Annotated[float, PField(gt=0)] | Literal["off"]],
        PField(description="For a detector that judges each attribute."),
    ] = PField(default_factory=dict)


def _threshold(given: Any) -> Any:
    if given == "off" or given is False:
        return {"enabled": False}
    return {"threshold": given} if isinstance(given, int | float) and not isinstance(given, bool) else given


Threshold = Annotated[
    ThresholdSpec, BeforeValidator(_threshold, json_schema_input_type=float | Literal["off"] | ThresholdSpec)
]


class SegmentSpec(Spec):
    """A named rule over one entity, with an owner, thresholds and alert routes."""

    segment: Name
    label: Text | None = None
    description: Text | None = None
    entity: Text
    owner: Text
    enabled: bool = True
    rules: Annotated[
        RuleSpec,
        BeforeValidator(
            _short("all", list), json_schema_input_type=Annotated[list[RuleSpec], PField(min_length=1)] | RuleSpec
        ),
        PField(description="A list means all of it; or one all / any / not / condition."),
    ]
    thresholds: dict[str, Threshold] = PField(default_factory=dict)
    alerts: Annotated[list[Text], PField(description="Routes of routes.yml.")] = PField(default_factory=list)
    criticality: Annotated[
        Criticality, PField(description="`high` raises the severity of its incidents by a step, `critical` by two.")
    ] = "normal"
    tags: Annotated[list[Name], PField(description="Words that routes and silences can match.")] = PField(
        default_factory=list
    )


class DefaultsSpec(Spec):
    """What holds for every segment that does not say otherwise."""

    thresholds: dict[str, Threshold] = PField(default_factory=dict)


@dataclass(frozen=True)
class Schema:
    """The shape of all files, with what the registries of detectors and channels, and the project, add to it.

    `detectors` maps a detector's name to whether it takes a threshold per attribute; `channels`
    maps a channel's name to its settings. `functions` are what SQL may use, `causes` what explanations can name.
    """

    detectors: Mapping[str, bool]
    channels: Mapping[str, type[ChannelSettings]]
    functions: Functions = Functions()  # noqa: RUF009  frozen
    causes: tuple[str, ...] = ()

    @cached_property
    def specs(self) -> Mapping[str, type[Spec]]:
        """Return the model of an `entity`, a `segment`, a `routes` and a `defaults` file."""
        names = Literal[tuple(self.detectors)]  # type: ignore[valid-type]
        targets: Any = Annotated[Union[tuple(self.channels.values())], PField(discriminator="channel")]  # noqa: UP007
        thresholds: Any = (dict[names, Threshold], PField(default_factory=dict))  # type: ignore[valid-type]
        channels: Any = (Annotated[list[targets], PField(min_length=1)], ...)
        segment = create_model("SegmentSpec", __base__=SegmentSpec, __doc__=SegmentSpec.__doc__, thresholds=thresholds)
        defaults = create_model(
            "DefaultsSpec", __base__=DefaultsSpec, __doc__=DefaultsSpec.__doc__, thresholds=thresholds
        )
        route = create_model("RouteSpec", __base__=RouteSpec, __doc__=RouteSpec.__doc__, channels=channels)
        routes: Any = (dict[Name, route], ...)  # type: ignore[valid-type]
        every = create_model("RoutesSpec", __base__=RoutesSpec, __doc__=RoutesSpec.__doc__, routes=routes)
        return {"entity": EntitySpec, "segment": segment, "routes": every, "defaults": defaults}

    def json_schema(self, kind: str) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of an `entity`, `segment`, `routes` or `defaults` file."""
        schema = self.specs[kind].model_json_schema(mode="validation", by_alias=True)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def keys_at(self, kind: str, loc: tuple[int | str, ...]) -> list[str]:
        """Return the keys that the mapping at a pydantic error location of a file of `kind` may have.

        At ("history", "as_off") of an entity these are as_of, valid_from and valid_to.
        """
        here: list[type[Spec]] = [self.specs[kind]]
        tags = {f"<{key}>": model for key, model in RULE_KEYS.items()} | dict(self.channels)
        for part in loc[:-1]:
            tagged = tags.get(str(part))
            if tagged in here:
                here = [tagged]
                continue
            annotations = [
                f.annotation for model in here for k, f in model.model_fields.items() if (f.alias or k) == part
            ]
            here = [m for a in annotations for m in _models(a)] or here
        return [f.alias or key for model in here for key, f in model.model_fields.items()]


def _models(annotation: Any) -> list[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
