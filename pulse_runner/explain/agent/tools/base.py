"""What a tool has to fill, what it may read, and how one is called. A tool reads aggregates; it writes nothing.

Whoever calls a tool, a model or a person's assistant over MCP, gets facts of which no group is smaller than `k` people.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pulse_runner.errors import DeniedError, PulseError
from pulse_runner.explain.evidence.collector import hidden, plain
from pulse_runner.explain.explanation import Evidence, Scalar
from pulse_runner.metrics import REACH, find
from pulse_runner.scrub import scrub
from pulse_runner.segments.model import Entity, Project, Segment
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest

MOST_BYTES = 12_000  # of one result, as JSON
MOST_FACTS = 40
SECONDS = 15.0  # for the statements of one call
WEIGHT = 0.5
Named = TypeVar("Named")


class Arguments(BaseModel):
    """The arguments of a tool: all of them given, none besides."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ToolRefused(ValueError):  # noqa: N818  it reads as a reason
    """The call cannot be answered; the text says why and what would do, and holds nothing of the data."""


@dataclass(frozen=True)
class Desk:
    """What tools read from: the warehouse, the definitions, dbt's manifest. Nothing later than `today` is told."""

    warehouse: Warehouse
    project: Project
    manifest: Manifest | None
    today: date
    k: int = 5
    root: Path | None = None

    def table(self, name: str) -> str:
        """Return the qualified name of one of Pulse's tables."""
        return self.warehouse.table(name)

    def segment(self, name: str) -> Segment:
        """Return a segment by name; raise ToolRefused with the nearest names."""
        return _known(name, self.project.segments, "segment")

    def entity(self, name: str) -> Entity:
        """Return an entity by name; raise ToolRefused with the nearest names."""
        return _known(name, self.project.entities, "entity")

    def day(self, text: str) -> date:
        """Return a day that has come; raise ToolRefused for other text."""
        try:
            found = date.fromisoformat(text)
        except ValueError:
            raise ToolRefused(f"{text[:40]!r} is no day: write YYYY-MM-DD") from None
        if found > self.today:
            raise ToolRefused(f"{found} has not come: the last day is {self.today}")
        return found


@dataclass(frozen=True)
class Result:
    """What a tool found, as facts; `note` says what a reader has to know of all of them."""

    facts: tuple[Evidence, ...] = ()
    note: str = ""


class Tool(Protocol):
    """A question that can be put to the warehouse; the whole surface that a new tool has to fill."""

    @property
    def name(self) -> str:
        """Return the tool's name, a verb or a noun in small letters."""
        ...

    @property
    def description(self) -> str:
        """Return what it answers, in one or two sentences for the caller."""
        ...

    @property
    def arguments(self) -> type[Arguments]:
        """Return the shape of its arguments."""
        ...

    def run(self, desk: Desk, given: Any) -> Result:
        """Answer one call, `given` being its checked arguments; raise ToolRefused when there is no answer."""
        ...


@dataclass(frozen=True)
class Answered:
    """A call with its answer: `result` or, where it was refused, `refusal`."""

    result: Result = field(default_factory=Result)
    refusal: str = ""


def call(tools: Iterable[Tool], desk: Desk, name: str, arguments: str | Mapping[str, Any]) -> Answered:
    """Return the answer of one call. Nothing that the caller writes makes it raise: it is refused with the reason."""
    by_name = {t.name: t for t in tools}
    tool = by_name.get(name)
    if tool is None:
        return Answered(refusal=f"there is no tool {scrub(str(name), 60)!r}; there are {', '.join(by_name)}")
    try:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, default=str)
        given = tool.arguments.model_validate_json(text or "{}")
    except (ValidationError, ValueError, RecursionError, TypeError) as error:
        return Answered(refusal=f"{name}: {_complaint(error)}")
    try:
        with desk.warehouse.within(SECONDS):
            return Answered(bounded(tool.run(desk, given)))
    except ToolRefused as error:
        return Answered(refusal=f"{name}: {scrub(str(error), 400)}")
    except DeniedError:
        return Answered(refusal=f"{name}: the warehouse's user may not read this")
    except PulseError:  # a statement that failed may quote data
        return Answered(
            refusal=f"{name}: the warehouse refused the statement, or took longer than {SECONDS:.0f} seconds"
        )


def bounded(result: Result) -> Result:
    """Return as many facts of a result as may be told at once, with a word when that is not all."""
    kept, size = list[Evidence](), 0
    for fact in result.facts[:MOST_FACTS]:
        size += len(json.dumps([fact.statement, dict(fact.values)], default=str, ensure_ascii=False).encode())
        if size > MOST_BYTES:
            break
        kept.append(fact)
    if len(kept) == len(result.facts):
        return result
    more = f"{len(kept)} of {len(result.facts)} facts are told; ask for less."
    return Result(tuple(kept), f"{result.note} {more}".strip())


def fact(
    tool: str, statement: str, values: Mapping[str, Any], sql: str, source: str, *, hide: Sequence[str] = (), k: int = 5
) -> Evidence:
    """Return one fact of a tool; numbers of people of `hide` below k are told as `<k`."""
    told: dict[str, Scalar] = {n: plain(v) for n, v in values.items()}
    for name in hide:
        told[name] = hidden(told[name], k)
    return Evidence(f"tool_{tool}", scrub(statement, 1000), told, sql, WEIGHT, source)


def schema_of(tool: Tool) -> dict[str, Any]:
    """Return the JSON schema of a tool's arguments: strict, every argument required."""
    schema = tool.arguments.model_json_schema()
    schema.setdefault("properties", {})
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False
    return {k: v for k, v in schema.items() if k != "title" and k != "description"}


def metric_of(desk: Desk, segment: str, name: str) -> Any:
    """Return the metric of a segment that is asked for; raise ToolRefused with those that there are."""
    metric = find(name)
    entity = desk.entity(desk.segment(segment).entity)
    known = ["size", "entered", "exited", *(["converted", "conversion_rate"] if entity.conversion_event_at else [])]
    known += ["inactive", "inactive_rate"] if entity.last_seen_at else []
    known += [f"{REACH}{channel}" for channel in entity.reach]
    if name not in known:
        raise ToolRefused(f"{segment} has no metric {name[:60]!r}; it has {', '.join(known)}")
    return metric


def floored(value: object, k: int) -> int:
    """Return a count in steps of k, rounded down: two counts that differ by one person cannot be told apart by it.

    >>> floored(823, 5), floored(4, 5)
    (820, 0)
    """
    return int(float(str(value))) // k * k if k > 1 else int(float(str(value)))


def _known(name: str, among: Mapping[str, Named], what: str) -> Named:
    if name in among:
        return among[name]
    near = difflib.get_close_matches(name, list(among), 3) or sorted(among)[:8]
    raise ToolRefused(f"there is no {what} {name[:60]!r}; there are {', '.join(near) or 'none'}")


def _complaint(error: Exception) -> str:
    """Say what is wrong with arguments by their names; what was given is not repeated."""
    if isinstance(error, ValidationError):
        wrong = {
            str(e["loc"][0]) if e["loc"] else "the arguments": e["type"].replace("_", " ") for e in error.errors()[:5]
        }
        return "; ".join(f"{scrub(n, 40)}: {why}" for n, why in wrong.items())
    return "the arguments are no JSON object"
