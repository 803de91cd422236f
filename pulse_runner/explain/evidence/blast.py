"""Evidence of the blast radius: who else reads the column (or the node), what moved there, and which exposures take it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pulse_runner.compile.properties import SEGMENT_EXPOSURE
from pulse_runner.explain.evidence.collector import Collector
from pulse_runner.explain.evidence.health import suspected_columns
from pulse_runner.explain.sql import listed, literal, sql_text
from pulse_runner.segments.columns import readers
from pulse_runner.vocabulary import count
from pulse_runner.warehouse.manifest import Manifest, node_of

MAX_READERS = 5
MAX_EXPOSURES = 5


@dataclass(frozen=True)
class Blast:
    """Name the segments that read what is suspected, with their change and incident, and the exposures behind them."""

    kinds: tuple[str, ...] = ("reader", "exposure")

    def gather(self, c: Collector) -> None:
        """Add the other readers, those that moved most first, and the exposures of all of them."""
        column = next(iter(suspected_columns(c)), "")
        nodes = [str(e.values["node"]) for e in c.found if e.kind == "node"]
        if not column and not nodes:
            return
        affected = [s.name for s in readers(c.project, c.case.entity, [column])]
        what = column or nodes[0]
        if column:  # of a node, the reason of the incident names who cannot be seen
            _add_readers(c, [s for s in affected if s != c.case.segment_id], what)
        for row in list(_exposures(c, affected, what))[:MAX_EXPOSURES]:
            owner = f" of {row['owner']}" if row["owner"] else ""
            text = f"Exposure {row['exposure']} ({row['type']}{owner}) reads {row['reads']}, which comes from {what}."
            c.add("exposure", text, row, list(row), "", source="target/manifest.json", weight=0.32)


def _add_readers(c: Collector, others: list[str], what: str) -> None:
    case = c.case
    if case.before is None or not others:
        return
    snapshots = c.table("pulse_segment_snapshots")
    sql = sql_text(f"""
        select d.segment_id, d.status, d.size, b.size as before_size, coalesce(i.incidents, 0) as incidents
        from {snapshots} as d
        join {snapshots} as b on b.segment_id = d.segment_id and b.snapshot_date = {literal(case.before)}
        left join (
          select segment_id, count(*) as incidents from {c.table("pulse_incidents")}
          where entity = {literal(case.entity)} and detected_on <= {literal(case.last)}
            and (resolved_on is null or resolved_on > {literal(case.last)})
          group by segment_id
        ) as i on i.segment_id = d.segment_id
        where d.snapshot_date = {literal(case.last)} and d.segment_id in ({listed(others)})
        order by coalesce(abs(1.0 * (d.size - b.size) / nullif(b.size, 0)), 1) desc, d.segment_id
        limit {MAX_READERS}
    """)
    for row in c.rows(sql, "segments that read it too"):
        beside = "it has an incident too" if row["incidents"] else "it has no incident"
        text = (
            f"{row['segment_id']} reads {what} too and {_moved(row)} between {case.before} and {case.last}; {beside}."
        )
        c.add("reader", text, row, list(row), sql, source="pulse_segment_snapshots", weight=0.28)


def _moved(row: Mapping[str, Any]) -> str:
    now, before = row["size"], row["before_size"]
    if now is None:
        return "cannot be seen"
    if not before or now == before:
        return f"has {count(now)} members as before" if before else f"has {count(now)} members"
    way = "fell" if now < before else "rose"
    return f"{way} from {count(before)} to {count(now)} members"


def _exposures(c: Collector, affected: list[str], what: str) -> Iterator[dict[str, str]]:
    """Yield the exposures of others that read a view of an affected segment, or the entity's relation past all views."""
    manifest, entity = c.manifest, c.case.definition
    if manifest is None or entity is None:
        return
    views = {view: segment for segment in sorted(c.project.segments) for view in _views(manifest, segment)}
    relation = node_of(manifest, entity.relation.function, *entity.relation.arguments)
    for name, exposure in sorted(_by_name(manifest).items()):
        if name.removeprefix(SEGMENT_EXPOSURE) in c.project.segments and name.startswith(SEGMENT_EXPOSURE):
            continue  # it says that Pulse watches the segment
        found = _above(manifest, exposure, set(views))
        read = sorted(views[i] for i in found if views.get(i) in affected)
        if not read and relation is not None and relation.get("unique_id") in found:
            read = [str(relation["name"])]
        if read:
            owner = exposure.get("owner") or {}
            yield {
                "exposure": name, "type": str(exposure.get("type") or "exposure"), "owner": str(owner.get("name") or ""),
                "reads": ", ".join(read[:3]), "column_or_node": what,
            }  # fmt: skip


def _by_name(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    return {str(e["name"]): e for e in manifest.get("exposures", {}).values()}


def _views(manifest: Manifest, segment: str) -> list[str]:
    """Return the id of a segment's view: what Pulse's own exposure of the segment reads beside the snapshots."""
    own = _by_name(manifest).get(f"{SEGMENT_EXPOSURE}{segment}", {})
    return [n for n in own.get("depends_on", {}).get("nodes", []) if not n.endswith(".pulse_segment_snapshots")]


def _above(manifest: Manifest, node: Mapping[str, Any], stop: set[str]) -> set[str]:
    """Return the ids of all that a node is made of; what lies behind those of `stop` is not looked at."""
    every = {**manifest.get("sources", {}), **manifest.get("nodes", {})}
    seen, waiting = set[str](), list(node.get("depends_on", {}).get("nodes", []))
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += [] if at in stop else every.get(at, {}).get("depends_on", {}).get("nodes", [])
    return seen
