"""What a run remembers of the code above the entities: a version where it changed, and the data tests that failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from pulse_runner.explain.timeline.git import Commit, last_commit
from pulse_runner.segments.model import Project
from pulse_runner.warehouse.base import Warehouse
from pulse_runner.warehouse.manifest import Manifest, Node, is_own, node_of, owner_of, read_run_results

TABLE = "pulse_upstream_history"
MAX_CODE = 60_000  # characters; of longer code only the hash is kept
MAX_VERSIONS = 12  # of one node
MAX_COMMITS = 30  # asked of git in one run
TEST_DAYS = 90  # that failed tests are kept for
CODED = ("model", "snapshot")


@dataclass(frozen=True)
class Seen:
    """What is stored of a node already: the hash of its latest version and how many there are."""

    code_hash: str
    versions: int


def archive(
    warehouse: Warehouse, project: Project, manifest: Manifest | None, root: Path, day: date, now: datetime
) -> int:
    """Write the versions of code that are new since the last run, and the tests that failed in dbt's last build; return how many.

    `day` is the first date of the run, `now` its time (UTC). The same run twice writes the same rows.
    """
    if manifest is None:
        return 0
    nodes, known = relevant(manifest, project), _known(warehouse)
    commits = _Commits(root)
    rows = [
        _row(unique_id, node, manifest, day, now, commits.of(unique_id, node, known))
        for unique_id, node in nodes.items()
        if known.get(unique_id, Seen("", 0)).code_hash != code_hash(node)
    ]
    rows += list(_failed_tests(manifest, nodes, read_run_results(root), day, now))
    with warehouse.transaction():
        if rows:
            warehouse.replace(TABLE, ["entry_id"], rows)
        _prune(
            warehouse,
            [r["node_id"] for r in rows if known.get(str(r["node_id"]), Seen("", 0)).versions >= MAX_VERSIONS],
            day,
        )
    return len(rows)


def relevant(manifest: Manifest, project: Project) -> dict[str, Node]:
    """Return the models and snapshots from the entities' and events' relations up, and the project's macros that they use."""
    every, macros = manifest.get("nodes", {}), manifest.get("macros", {})
    relations = [r for e in project.entities.values() for r in (e.relation, *(s.relation for s in e.events.values()))]
    found = [node_of(manifest, r.function, *r.arguments) for r in relations]
    level = [u for u, n in every.items() if any(n is f for f in found)]
    out: dict[str, Node] = {}
    while level:
        unique_id = level.pop()
        node = every.get(unique_id) or macros.get(unique_id)
        if node is None or unique_id in out or is_own(node):
            continue
        is_macro = unique_id in macros
        if is_macro and str(node.get("package_name", "")).split("_")[0] == "dbt":
            continue  # of dbt, its adapters and its utilities
        if is_macro or node.get("resource_type") in CODED:
            out[unique_id] = node
        depends = node.get("depends_on", {})
        level += [*depends.get("nodes", ()), *depends.get("macros", ())]
    return out


def code_of(node: Node) -> str:
    """Return a node's code as people write it."""
    return str(node.get("raw_code") or node.get("macro_sql") or "")


def code_hash(node: Node) -> str:
    """Return the hash of a node's code and of how it is materialized."""
    text = code_of(node) + "\n" + str(node.get("config", {}).get("materialized") or "")
    return sha256(text.encode()).hexdigest()[:16]


def _known(warehouse: Warehouse) -> dict[str, Seen]:
    rows = warehouse.query(
        f"select node_id, code_hash, versions from (select node_id, code_hash, count(*) over (partition by node_id) as versions,"
        " row_number() over (partition by node_id order by seen_at desc, seen_on desc) as nth"
        f" from {warehouse.table(TABLE)} where kind = 'code') as t where nth = 1"
    )
    return {r["node_id"]: Seen(r["code_hash"], int(r["versions"])) for r in rows}


@dataclass
class _Commits:
    """Asks git for the commits of nodes that changed: not of those that are seen for the first time, and not without end."""

    root: Path
    asked: int = 0

    def of(self, unique_id: str, node: Node, known: Mapping[str, Seen]) -> Commit | None:
        installed = str(node.get("original_file_path") or "").startswith(("dbt_packages", "../"))
        if unique_id not in known or installed or self.asked >= MAX_COMMITS:
            return None
        self.asked += 1
        return last_commit(self.root, str(node.get("original_file_path") or ""))


def _row(
    unique_id: str, node: Node, manifest: Manifest, day: date, now: datetime, commit: Commit | None
) -> dict[str, Any]:
    code, mark = code_of(node), code_hash(node)
    about = {
        "materialized": node.get("config", {}).get("materialized"),
        "columns": {n: (c or {}).get("data_type") for n, c in (node.get("columns") or {}).items()},
        "tests": sorted(_tests_of(manifest, unique_id)),
        "owner": owner_of(manifest, node),
    }
    return {
        "entry_id": _hash("code", unique_id, mark, day),
        "kind": "code",
        "node_id": unique_id,
        "node": str(node["name"]),
        "resource_type": str(node.get("resource_type") or "macro"),
        "path": str(node.get("original_file_path") or ""),
        "seen_on": day,
        "seen_at": now.replace(tzinfo=None),
        "code_hash": mark,
        "code": code if len(code) <= MAX_CODE else "",
        "about": json.dumps(about, sort_keys=True)[:MAX_CODE],
        "commit_id": commit.commit_id if commit else "",
        "authored_on": commit.authored_on if commit else None,
        "subject": commit.subject if commit else "",
    }


def _tests_of(manifest: Manifest, unique_id: str) -> Iterator[str]:
    for node in manifest.get("nodes", {}).values():
        if node.get("resource_type") == "test" and unique_id in node.get("depends_on", {}).get("nodes", ()):
            yield str(node["name"])


def _failed_tests(
    manifest: Manifest, nodes: Mapping[str, Node], results: Mapping[str, Any], day: date, now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield a row for each data test above an entity that failed or warned; of its message nothing is kept, it may hold values."""
    for result in results.get("results", ()):
        test = manifest.get("nodes", {}).get(result.get("unique_id"), {})
        if test.get("resource_type") != "test" or result.get("status") not in ("fail", "warn", "error"):
            continue
        tested = [
            n for n in test.get("depends_on", {}).get("nodes", ()) if n in nodes or n.startswith(("source.", "seed."))
        ]
        for unique_id in tested[:1]:
            about = {
                "status": result["status"],
                "column": test.get("column_name") or "",
                "failures": result.get("failures"),
            }
            yield {
                "entry_id": _hash("test", unique_id, str(test["name"]), day),
                "kind": "test",
                "node_id": unique_id,
                "node": str(test["name"]),
                "resource_type": "test",
                "path": str(test.get("original_file_path") or ""),
                "seen_on": day,
                "seen_at": now.replace(tzinfo=None),
                "code_hash": "",
                "code": "",
                "about": json.dumps(about, sort_keys=True),
                "commit_id": "",
                "authored_on": None,
                "subject": "",
            }


def _prune(warehouse: Warehouse, full: Sequence[str], day: date) -> None:
    """Delete the oldest versions of nodes that have more than are kept, and tests that failed long ago."""
    table = warehouse.table(TABLE)
    old = [
        r["entry_id"]
        for r in warehouse.query(
            f"select entry_id from {table} where kind = 'test' and seen_on < ?", [day - timedelta(days=TEST_DAYS)]
        )
    ]
    for node_id in dict.fromkeys(full):
        rows = warehouse.query(
            f"select entry_id from {table} where kind = 'code' and node_id = ? order by seen_at desc, seen_on desc",
            [node_id],
        )
        old += [r["entry_id"] for r in rows[MAX_VERSIONS:]]
    for entry_id in old:
        warehouse.delete(TABLE, "entry_id", entry_id)


def archive_or_say(write: Callable[[], int], say: Callable[[str], None]) -> None:
    """Archive; what fails is said and stops nothing: no snapshot and no alert depends on it."""
    from pulse_runner.errors import PulseError

    try:
        write()
    except PulseError as error:
        say(f"history of models: not kept: {error}")


def _hash(*parts: object) -> str:
    return sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]
