"""stale_load: the relation was not refreshed, or was made anew from sources that stand still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, RELATION_CONTEXT, Family, relation_fault
from pulse_runner.explain.explanation import Hypothesis
from pulse_runner.explain.view import View


@dataclass(frozen=True)
class StaleLoad:
    """Name a relation that was not refreshed, with the members who aged out meanwhile; or a source that brought nothing new."""

    names: tuple[str, ...] = ("stale_load", "stale_source")
    kinds: tuple[str, ...] = ("node", "stale", "status", "dates_stand", *RELATION_CONTEXT)
    faults: tuple[str, ...] = ("stale", "status", "dates_stand")
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield it once, from the health of the relation, from the snapshot's status, or from dates that stand."""
        if view.of("node"):
            return  # the node says more: upstream_node tells it
        case = view.case
        stale = view.of("stale") or [e for e in view.of("status") if e.values["status"] == "stale"]
        for fact in stale[:1]:
            yield relation_fault(
                view, fact, "stale_load", f"{case.entity} was not refreshed",
                f"Look at the load of {advice.relation(case)} for {case.last}, and run it again.",
                view.moved_by("aged"), sure=True,
                confirm=f"The load of {case.last} is missing or failed in the scheduler.",
                refute=f"{advice.relation(case)} has rows of {case.last}.",
            )  # fmt: skip
        standing = view.of("dates_stand")
        if stale or not standing:
            return
        own = [e for e in standing if e.values["column_name"] in case.columns]
        columns = ", ".join(str(e.values["column_name"]) for e in standing)
        yield relation_fault(
            view, (own or standing)[0], "stale_source",
            f"The source of {columns} stands still: {case.entity} was made anew without anything new",
            f"Look at the load of the source that {columns} comes from, for {case.last}.",
            view.moved_by("aged"), sure=bool(own),
            confirm=f"The newest row of the source is of {case.before}.",
            refute=f"The source has events of {case.last} that did not arrive in {advice.relation(case)}.",
        )  # fmt: skip

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say which relation is stale; it begins with a name and stays as it is."""
        return (
            hypothesis.title if hypothesis.cause == "stale_load" else hypothesis.title[0].lower() + hypothesis.title[1:]
        )
