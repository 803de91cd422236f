"""What an explanation is made of: evidence, hypotheses that cite it, what was thrown out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool | None
Confidence = Literal["high", "medium", "low"]
CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Evidence:
    """One numbered fact: `values` are columns of one row of `sql`, `statement` says them.

    `sql` runs as pasted and is '' only where the fact comes from a file (`source` names it).
    `weight` runs from 0 to 1 and orders the facts of an incident. `contribution` is the fact's
    signed part of the size change in members, where it has one.
    """

    kind: str
    statement: str
    values: Mapping[str, Scalar]
    sql: str
    weight: float
    source: str
    id: str = ""
    contribution: float | None = None


@dataclass(frozen=True)
class Hypothesis:
    """One possible cause: what is believed, on what evidence, who can act, what would settle it."""

    cause: str
    title: str
    confidence: Confidence
    reasoning: str
    evidence: tuple[str, ...]
    owner_hint: str = ""
    actions: tuple[str, ...] = ()
    confirm: str = ""
    refute: str = ""
    against: str = ""  # what speaks against it


@dataclass(frozen=True)
class Rejection:
    """A part that a check threw out of a model's answer, with the reason."""

    part: str
    text: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """Hypotheses in order of belief under a headline and a summary, and what was thrown out."""

    headline: str
    summary: str
    hypotheses: tuple[Hypothesis, ...]
    recommendations: tuple[str, ...]
    source: Literal["rules", "openai"] = "rules"
    model: str = ""
    rejected: tuple[Rejection, ...] = ()
