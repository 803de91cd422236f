"""upstream_node: a model, seed, snapshot, test or source upstream failed, was skipped or is late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pulse_runner.explain import advice
from pulse_runner.explain.causes.base import EVERYTHING, Family, cited
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.view import View, ids


@dataclass(frozen=True)
class UpstreamNode:
    """Name the node through which segments cannot be seen: it says so itself, so nothing is inferred."""

    names: tuple[str, ...] = ("upstream_failed", "upstream_late")
    kinds: tuple[str, ...] = ("node", "run")
    faults: tuple[str, ...] = ("node",)
    families: tuple[Family, ...] = EVERYTHING
    directions: tuple[str, ...] = ("up", "down")

    def explain(self, view: View) -> Iterator[Hypothesis]:
        """Yield one hypothesis for the node that the incident is about, or for each where it is about none."""
        nodes = view.of("node")
        own = [e for e in nodes if e.values["node"] == view.case.attribute]
        for fact in own or nodes:
            yield _of_node(view, fact)

    def in_headline(self, view: View, hypothesis: Hypothesis) -> str:
        """Say what is wrong with which node."""
        fact = cited(view, hypothesis, "node")
        return f"{_named(fact)} {fact.values['state']}" if fact is not None else ""


def _of_node(view: View, fact: Evidence) -> Hypothesis:
    case, v = view.case, fact.values
    said = f"{_named(fact)} {v['state']}"
    late = v["state"] == "is late"
    owner = case.upstream_owners.get((str(v["node"]).rpartition(".")[2], str(v["path"] or "")), "")
    where = v["path"] or v["node"]
    what = f"Load {v['node']}, and see why it is late." if late else f"Open {where} and repair what its error says."
    step = "" if late else f"Try it: `dbt build --select {v['node']}+`."
    return Hypothesis(
        cause="upstream_late" if late else "upstream_failed",
        title=f"{said[0].upper()}{said[1:]}",
        confidence="high",
        reasoning=f"{fact.statement} dbt says so itself.",
        evidence=ids([fact], view.of("run")),
        owner_hint=owner,
        actions=tuple(a for a in (what, step, advice.rebuild(case)) if a),
        confirm=f"`dbt build --select {v['node']}` fails as it did."
        if not late
        else "The newest rows are of an earlier day.",
        refute="The node was built since; the next `pulse run` sees the segments again.",
    )


def _named(fact: Evidence) -> str:
    return f"{fact.values['node_kind']} {fact.values['node']}"
