"""What a program may ask for: four verbs, and nothing else. The JSON Schema is published as docs/listen-request.json."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic import Field as PField

VERSION = "1.0"
NEEDS_INCIDENTS = ("acknowledge", "resolve", "ignore")
Line = Annotated[str, PField(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Request(BaseModel):
    """One request. `id` is the delivery id: the same one is carried out once, however often it arrives."""

    model_config = ConfigDict(extra="forbid", frozen=True, title=f"Request to pulse listen, version {VERSION}")

    specversion: Literal["1.0"]
    id: Annotated[str, PField(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{7,99}$", description="The same at every try.")]
    verb: Literal["acknowledge", "resolve", "ignore", "snapshot"]
    by: Annotated[Line, PField(min_length=1, description="Who asks, for the history.")]
    note: Annotated[Line, PField(description="Why, for the history.")] = ""
    incidents: Annotated[
        tuple[Annotated[str, PField(pattern=r"^[A-Za-z0-9-]{1,64}$")], ...],
        PField(max_length=50, description="INC-42, or the starts of ids; all are handled, or none."),
    ] = ()
    group: Annotated[bool, PField(strict=True, description="Also those with the same cause.")] = False
    until: Annotated[dt.date | None, PField(description="`ignore` only: open again on this date.")] = None
    as_new_normal: Annotated[bool, PField(strict=True, description="`resolve` only: the level is right.")] = False
    date: Annotated[dt.date | None, PField(description="`snapshot` only: which date is to be made again.")] = None

    @model_validator(mode="after")
    def _fits(self) -> Request:
        """Refuse what a verb does not take, and what it lacks."""
        if (self.verb in NEEDS_INCIDENTS) is not bool(self.incidents):
            raise ValueError("incidents are for acknowledge, resolve and ignore, which need them")
        if self.until is not None and self.verb != "ignore":
            raise ValueError("until is for ignore")
        if self.as_new_normal and self.verb != "resolve":
            raise ValueError("as_new_normal is for resolve")
        if (self.verb == "snapshot") is not (self.date is not None):
            raise ValueError("date is for snapshot, which needs it")
        if self.verb == "snapshot" and self.group:
            raise ValueError("group is for incidents")
        return self


class BadRequestError(Exception):
    """The body is no request; the text names fields and rules, and repeats nothing of the body."""


def read_request(body: bytes) -> Request:
    """Return the request in a body; raise BadRequestError."""
    problem = ""
    try:
        return Request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        known = [str(part) for part in first["loc"] if part in Request.model_fields or isinstance(part, int)]
        where = ".".join(known)
        said = {"extra_forbidden": "there is a field that no request has", "json_invalid": "it is no JSON"}
        problem = said.get(first["type"], first["msg"].removeprefix("Value error, "))
        problem = f"{where}: {problem}" if where else problem
    raise BadRequestError(problem)  # outside of the handler: a ValidationError holds the body


def request_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a request."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Request.model_json_schema()}
