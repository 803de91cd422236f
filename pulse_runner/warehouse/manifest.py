"""What dbt's manifest knows: which relation a `ref` or a `source` is, and where dbt put each model.

Schemas, databases and aliases follow the project's dbt config, its own `generate_schema_name` among it. So nothing
here guesses a name: dbt has worked it out, for one target, and written it down.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pulse_runner.warehouse.project import read_project

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]

RELATIONS = ("model", "seed", "snapshot")
PACKAGE = "pulse"


def target_folder(root: Path) -> Path:
    """Return the folder that dbt writes its artifacts into."""
    return root / (os.environ.get("DBT_TARGET_PATH") or str(read_project(root).get("target-path") or "target"))


def read_manifest(root: Path | None, target: str | None = None) -> Manifest | None:
    """Return dbt's manifest of the project, None when there is none that can be read.

    With `target`, one that dbt wrote for another target is none either. `dbt parse` leaves no word of its target, so its
    manifest is taken as it is.
    """
    if root is None:
        return None
    found = _artifact(root, "manifest.json")
    if found is None or target is None:
        return found
    results = _artifact(root, "run_results.json") or {}
    if results.get("metadata", {}).get("invocation_id") != found.get("metadata", {}).get("invocation_id"):
        return found
    return found if results.get("args", {}).get("target") in (None, target) else None


def read_freshness(root: Path) -> Mapping[str, Any] | None:
    """Return what `dbt source freshness` found when it ran last, None when it never did."""
    return _artifact(root, "sources.json")


def read_run_results(root: Path) -> Mapping[str, Any]:
    """Return what dbt's last command did to each node; {} where it left no word."""
    return _artifact(root, "run_results.json") or {}


def node_of(manifest: Manifest | None, function: str, *arguments: str) -> Node | None:
    """Return the manifest's node of `ref('model')`, `ref('package', 'model')` or `source('source', 'table')`; None when it has none.

    A name that two packages have means the one of the project, as in dbt.
    """
    if manifest is None:
        return None
    if function == "source":
        every: Iterable[Node] = manifest.get("sources", {}).values()
        return next((n for n in every if (n.get("source_name"), n["name"]) == arguments), None)
    own = manifest.get("metadata", {}).get("project_name")
    package = arguments[0] if len(arguments) == 2 else None
    nodes = [
        n for n in manifest.get("nodes", {}).values() if n["name"] == arguments[-1] and n["resource_type"] in RELATIONS
    ]
    nodes = [n for n in nodes if package in (None, n.get("package_name"))]
    return min(nodes, key=lambda n: (n.get("package_name") != own, n.get("package_name") or ""), default=None)


def own_node(manifest: Manifest | None, name: str) -> Node | None:
    """Return the node of one of Pulse's own tables: of the package, else of the project (compiled models, known events)."""
    return node_of(manifest, "ref", PACKAGE, name) or node_of(manifest, "ref", name)


def own_nodes(manifest: Manifest) -> list[Node]:
    """Return every node that is a relation of Pulse: of the package, and what `pulse compile` wrote."""
    nodes = [n for n in manifest.get("nodes", {}).values() if n["resource_type"] in RELATIONS]
    return sorted(filter(is_own, nodes), key=lambda n: str(n["name"]))


def is_own(node: Node) -> bool:
    """Say whether a node is of the package, or has the tag of what `pulse compile` wrote."""
    return node.get("package_name") == PACKAGE or PACKAGE in node.get("config", {}).get("tags", ())


def relation_name(node: Node | None) -> str | None:
    """Return how SQL names the relation of a node, None where it has none in the warehouse."""
    name = node.get("relation_name") if node else None
    return str(name) if name else None


def owners_of(manifest: Manifest | None) -> dict[tuple[str, str], str]:
    """Return who owns the models and sources that have an owner, by name and path."""
    every = [*(manifest or {}).get("sources", {}).values(), *(manifest or {}).get("nodes", {}).values()]
    owners = {(str(n.get("name")), str(n.get("original_file_path") or "")): owner_of(manifest or {}, n) for n in every}
    return {node: owner for node, owner in owners.items() if owner}


def owner_of(manifest: Manifest, node: Node) -> str:
    """Return who owns a node by its `meta: {owner: ...}`, else by its dbt group; '' when nobody is named.

    >>> owner_of({}, {"config": {"meta": {"owner": "data-team"}}})
    'data-team'
    >>> owner_of({"groups": {"group.shop.crm": {"name": "crm", "owner": {"name": "Ada"}}}}, {"group": "crm"})
    'Ada'
    """
    config = node.get("config") or {}
    for meta in (config.get("meta"), node.get("meta"), node.get("source_meta")):
        if isinstance(meta, dict) and meta.get("owner"):
            return _owner_text(meta["owner"])
    group = config.get("group") or node.get("group")
    owners = [g.get("owner") for g in manifest.get("groups", {}).values() if group and g.get("name") == group]
    return _owner_text(owners[0]) if owners else ""


def _owner_text(owner: object) -> str:
    if isinstance(owner, dict):
        owner = owner.get("name") or owner.get("email") or ""
    return ", ".join(map(str, owner)) if isinstance(owner, list) else str(owner or "")


def _artifact(root: Path, name: str) -> dict[str, Any] | None:
    path = target_folder(root) / name
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> dict[str, Any] | None:
    """Read an artifact once for each time that it was written: that of a large project takes a while."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
