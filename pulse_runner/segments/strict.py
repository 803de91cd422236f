"""What all mappings of definition files have in common, and the base of what a channel adds to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as PField

NAME = r"^[a-z][a-z0-9_]{0,49}$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
VARIABLE = r"^[A-Z][A-Z0-9_]*$"

Name = Annotated[str, PField(pattern=NAME)]
Variable = Annotated[str, PField(pattern=VARIABLE, description="The name of an environment variable, never its value.")]
Column = Annotated[
    str, PField(min_length=1, max_length=128, description="A column, written exactly as the relation calls it.")
]
Text = Annotated[str, PField(min_length=1)]


class Spec(BaseModel):
    """A mapping of a definition file: unknown keys are errors, and nothing is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ChannelSettings(Spec):
    """One target of a route. Each channel has its own subclass, which narrows `channel` to the channel's name."""

    channel: str

    @property
    def address(self) -> str:
        """Return what tells the target from others of its route: no secret, no person; '' when there is only one."""
        return ""

    @property
    def service(self) -> str:
        """Return what takes the messages: targets of one service get them one after the other, others at the same time."""
        return f"{self.channel} {self.address}"
