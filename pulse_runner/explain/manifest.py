"""What dbt's manifest knows of the relations that a segment is built on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_runner.segments.model import Relation

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]


def read_manifest(root: Path | None) -> Manifest | None:
    """Return dbt's manifest of the project, None when there is none that can be read."""
    if root is None:
        return None
    try:
        found = json.loads((root / "target" / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def node_of(manifest: Manifest | None, relation: Relation) -> Node | None:
    """Return the manifest's node of a relation, None when it is not there."""
    if manifest is None:
        return None
    pool = manifest.get("sources" if relation.function == "source" else "nodes", {})
    for node in pool.values():
        if node.get("name") != relation.arguments[-1] or node.get("resource_type") == "test":
            continue
        if relation.function == "source" and node.get("source_name") != relation.arguments[0]:
            continue
        found: Node = node
        return found
    return None


def relation_name(manifest: Manifest | None, relation: Relation) -> str:
    """Return how SQL names a relation: as dbt built it, else as the Jinja call."""
    node = node_of(manifest, relation)
    return str(node["relation_name"]) if node and node.get("relation_name") else f"{{{{ {relation.jinja()} }}}}"


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


def nodes_that_name(manifest: Manifest, node: Node, column: str, most: int) -> list[Node]:
    """Return the node and those ancestors whose SQL or documented columns name the column.

    Nearest first, at most `most` of them.
    """
    every = {**manifest.get("sources", {}), **manifest.get("nodes", {})}
    word = re.compile(rf"\b{re.escape(column)}\b", re.IGNORECASE)
    out, level, seen = [node], [node], set[str]()
    while level and len(out) < most:
        parents = [p for n in level for p in n.get("depends_on", {}).get("nodes", []) if p in every and p not in seen]
        seen.update(parents)
        level = [every[p] for p in dict.fromkeys(parents)]
        out += [n for n in level if word.search(str(n.get("raw_code") or "")) or column in n.get("columns", {})]
    return out[:most]
