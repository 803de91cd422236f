"""What of a project cannot be seen because something upstream failed, was skipped or is late. Pure: dbt's words in, reasons out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from pulse_runner.segments.model import Entity, Relation
from pulse_runner.upstream import Trouble, reason_of
from pulse_runner.warehouse.dbt import NodeFailure
from pulse_runner.warehouse.manifest import Manifest, Node, is_own, node_of

NAMED = 3  # nodes that were skipped behind another, told by name
ERROR = 160  # characters of an error, so that the names after it fit


@dataclass(frozen=True)
class Blind:
    """Why an entity cannot be seen (from `since` on, None for every date), and which of its events relations and destinations cannot."""

    troubles: tuple[Trouble, ...] = ()
    since: date | None = None
    events: Mapping[str, tuple[Trouble, ...]] = field(default_factory=dict)

    def variable(self) -> dict[str, object]:
        """Return what the var pulse_blind says of the entity."""
        out: dict[str, object] = {}
        if self.troubles:
            out["reason"] = reason_of(self.troubles)
        if self.since:
            out["since"] = self.since.isoformat()
        if self.events:
            out["events"] = {name: reason_of(troubles) for name, troubles in self.events.items()}
        return out

    @property
    def every(self) -> tuple[Trouble, ...]:
        """Return all troubles, each once."""
        return tuple(dict.fromkeys([*self.troubles, *(t for found in self.events.values() for t in found)]))


def blind_entities(manifest: Manifest, failures: Sequence[NodeFailure], entities: Iterable[Entity]) -> dict[str, Blind]:
    """Return the entities whose counts dbt did not make because of a node of the project, with the nodes that are why."""
    upstream = _Upstream(manifest, failures)
    out = {}
    for entity in entities:
        if not {f"pulse_{entity.name}__facts", f"pulse_{entity.name}__health"} & upstream.skipped_names:
            continue
        relations = {e.name: e.relation for e in entity.events.values()}
        relations |= {f"reach.{c}": s.destination.relation for c, s in entity.reach_steps.items() if s.destination}
        events = {name: found for name, relation in relations.items() if (found := upstream.troubles_of(relation))}
        blind = Blind(upstream.troubles_of(entity.relation), events=events)
        if blind.every:
            out[entity.name] = blind
    return out


def late_entities(
    manifest: Manifest | None, freshness: Mapping[str, Any] | None, entities: Iterable[Entity], last: date
) -> dict[str, Blind]:
    """Return the entities that come from a source which dbt found too old, by `dbt source freshness` of `last` or later."""
    late = _late_sources(freshness, last)
    if manifest is None or not late:
        return {}
    upstream = _Upstream(manifest, [])
    out = {}
    for entity in entities:
        found = {s: loaded for s, loaded in late.items() if s in upstream.above(entity.relation)}
        loaded = min(found.values(), default=last)
        if loaded < last:
            troubles = [_late(manifest, s, at) for s, at in sorted(found.items()) if at < last]
            out[entity.name] = Blind(tuple(troubles), loaded + timedelta(days=1))
    return out


def made_anyway(manifest: Manifest, failures: Sequence[NodeFailure], blind: Collection[str]) -> list[str]:
    """Return the models of Pulse that were skipped and can be made all the same: those that read nothing that is not there.

    The counts of a blind entity are made too: they say that it is blind.
    """
    upstream = _Upstream(manifest, failures)
    told = {f"pulse_{entity}__{kind}" for entity in blind for kind in ("facts", "health")}
    left = {i: n for i, n in upstream.skipped.items() if is_own(n) and n["resource_type"] in ("model", "seed")}
    while True:
        missing = {i for i in upstream.unmade if i not in left}
        out = {
            i
            for i, n in left.items()
            if n["name"] not in told and missing & set(n.get("depends_on", {}).get("nodes", []))
        }
        if not out:
            return sorted(str(n["name"]) for n in left.values())
        left = {i: n for i, n in left.items() if i not in out}


class _Upstream:
    """What failed and what was skipped, by the ids of the manifest."""

    def __init__(self, manifest: Manifest, failures: Sequence[NodeFailure]) -> None:
        said = {f.node: f for f in failures}
        self.manifest = manifest
        self.every: dict[str, Node] = {**manifest.get("sources", {}), **manifest.get("nodes", {})}
        told = {i: (n, said[n["name"]]) for i, n in manifest.get("nodes", {}).items() if n["name"] in said}
        self.skipped: dict[str, Node] = {i: n for i, (n, f) in told.items() if f.status == "skipped"}
        self.failed: dict[str, NodeFailure] = {i: f for i, (_, f) in told.items() if f.status != "skipped"}
        self.unmade = {i for i in (*self.skipped, *self.failed) if self.every[i]["resource_type"] != "test"}
        self.skipped_names = {str(n["name"]) for n in self.skipped.values()}

    def above(self, relation: Relation) -> set[str]:
        """Return the ids of a relation's node and of all that it is made of."""
        node = node_of(self.manifest, relation.function, *relation.arguments)
        waiting = [str(node["unique_id"])] if node else []
        seen = set[str]()
        while waiting:
            at = waiting.pop()
            if at in seen or at not in self.every:
                continue
            seen.add(at)
            waiting += self._parents(at)
        return seen

    def troubles_of(self, relation: Relation) -> tuple[Trouble, ...]:
        """Return why a relation was not made: what failed above it, else what was skipped there with nothing before it."""
        above = self.above(relation)
        tests = {i for i in self.failed if self.every[i]["resource_type"] == "test" and above & set(self._parents(i))}
        failed = sorted(i for i in self.failed if i in above or i in tests)
        behind = sorted(str(self.every[i]["name"]) for i in self.skipped if i in above)
        if not failed:
            first = sorted(i for i in self.skipped if i in above and not set(self._parents(i)) & self.unmade)
            return tuple(self._trouble(i, "", behind) for i in first)
        return tuple(self._trouble(i, self.failed[i].message, behind) for i in failed)

    def _trouble(self, identity: str, message: str, behind: Sequence[str]) -> Trouble:
        node = self.every[identity]
        names = [n for n in behind if n != node["name"]]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        text = Trouble("", "", "failed", message).error[:ERROR]
        tail = f" (skipped behind it: {', '.join(names[:NAMED])}{more})" if names else ""
        return Trouble(
            str(node["resource_type"]),
            str(node["name"]),
            "failed" if identity in self.failed else "was skipped",
            text + tail,
        )

    def _parents(self, identity: str) -> list[str]:
        return list(self.every[identity].get("depends_on", {}).get("nodes", []))


def _late_sources(freshness: Mapping[str, Any] | None, last: date) -> dict[str, date]:
    """Return until which day each source is loaded that dbt calls too old, where dbt looked on `last` or later."""
    if not freshness or _day(freshness.get("metadata", {}).get("generated_at")) < last:
        return {}
    return {
        str(r["unique_id"]): _day(r["max_loaded_at"])
        for r in freshness.get("results", [])
        if r.get("status") == "error" and r.get("max_loaded_at")
    }


def _late(manifest: Manifest, identity: str, loaded: date) -> Trouble:
    source = manifest.get("sources", {})[identity]
    return Trouble("source", f"{source['source_name']}.{source['name']}", "is late", f"last loaded on {loaded}")


def _day(text: object) -> date:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).date()
    except ValueError:
        return date.min
