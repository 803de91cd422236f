"""stale_load: the relation was not refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import RELATION_CONTEXT, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.view import View


@dataclass(frozen=True)
class StaleLoad:
    """Name a relation that was not refreshed, with the members who aged out meanwhile."""

    names: tuple[str, ...] = ("stale_load",)
    kinds: tuple[str, ...] = ("node", "stale", "status", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("stale", "status")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it once, from the health of the relation or from the snapshot's status."""
        if view.of("node"):
            return  # the node says more: upstream_node tells it
        case = view.case
        stale = view.of("stale") or [e for e in view.of("status") if e.values["status"] == "stale"]
        for fact in stale[:1]:
            yield relation_fault(
                view, fact, "stale_load", f"{case.entity} was not refreshed",
                f"Look at the load of {advice.relation(case)} for {case.last}, and run it again.",
                view.moved_by("aged"), sure=True,
            )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which relation is stale; it begins with a name and stays as it is."""
        return hypothesis.title
