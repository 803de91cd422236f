"""The SQL of a dbt node: compiled where dbt left it, else its Jinja with the few calls that have one meaning filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pulse_runner.warehouse.manifest import Manifest, Node

EPHEMERAL = "__dbt__cte__"
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_CONFIG = re.compile(r"\{\{-?\s*config\s*\(.*?\)\s*-?\}\}", re.DOTALL)
# such a block chooses rows, never columns; one with an `else` may be more
_INCREMENTAL = re.compile(r"\{%-?\s*if\s+is_incremental\(\)\s*-?%\}(?:(?!\{%).)*?\{%-?\s*endif\s*-?%\}", re.DOTALL)
_REF = re.compile(
    r"""\{\{-?\s*ref\(\s*((?:['"][^'"]*['"]\s*,?\s*){1,2})(?:(?:v|version)\s*=\s*['"]?[\w.]+['"]?\s*)?\)\s*-?\}\}"""
)
_SOURCE = re.compile(r"""\{\{-?\s*source\(\s*['"]([^'"]*)['"]\s*,\s*['"]([^'"]*)['"]\s*\)\s*-?\}\}""")
_THIS = re.compile(r"\{\{-?\s*this\s*-?\}\}")
_TEXT = re.compile(r"""['"]([^'"]*)['"]""")


def sql_of(manifest: Manifest, node: Node, target: Path | None) -> str:
    """Return the SQL of a node, '' where there is none that can be read.

    Compiled SQL is in the manifest after `dbt build`, `run` or `compile`; after `dbt parse` it may still stand as a file
    in the `target` folder, which is taken when it is of this very code.
    """
    if node.get("language", "sql") != "sql":
        return ""
    return str(node.get("compiled_code") or "") or filled_in(manifest, node) or _compiled_file(node, target)


def filled_in(manifest: Manifest, node: Node) -> str:
    """Return a node's code with `ref`, `source` and `this` as the names of their relations; '' where it has other Jinja.

    `config` says nothing about columns, and a block of `is_incremental()` only chooses rows: both are left out.
    """
    text = _COMMENT.sub("", str(node.get("raw_code") or ""))
    text = _INCREMENTAL.sub("", _CONFIG.sub("", text))
    text = _REF.sub(lambda m: _relation_of_ref(manifest, node, _TEXT.findall(m[1])), text)
    text = _SOURCE.sub(lambda m: _relation_of_source(manifest, m[1], m[2]), text)
    text = _THIS.sub(lambda _: str(node.get("relation_name") or "pulse_this"), text)
    return "" if "{{" in text or "{%" in text else text.strip()


def _relation_of_ref(manifest: Manifest, node: Node, words: list[str]) -> str:
    every = manifest.get("nodes", {})
    mine = [every[p] for p in node.get("depends_on", {}).get("nodes", ()) if p in every]
    found = _named(mine, words) or _named(every.values(), words)
    if found is None:
        return f'"{words[-1]}"'
    return str(found.get("relation_name") or f'"{EPHEMERAL}{found["name"]}"')


def _named(nodes: Iterable[Mapping[str, Any]], words: list[str]) -> Mapping[str, Any] | None:
    return next(
        (
            n
            for n in nodes
            if n.get("name") == words[-1]
            and n.get("resource_type") in ("model", "seed", "snapshot")
            and (len(words) == 1 or n.get("package_name") in (None, words[0]))
        ),
        None,
    )


def _relation_of_source(manifest: Manifest, source: str, table: str) -> str:
    for node in manifest.get("sources", {}).values():
        if (node.get("source_name"), node.get("name")) == (source, table):
            return str(node.get("relation_name") or f'"{source}"."{table}"')
    return f'"{source}"."{table}"'


def _compiled_file(node: Node, target: Path | None) -> str:
    """Return what an earlier build compiled, where the file is younger than the code that it is of."""
    path = node.get("original_file_path")
    if target is None or not path or not str(path).endswith(".sql"):
        return ""
    file = target / "compiled" / str(node.get("package_name") or "") / str(path)
    code = Path(str(node.get("root_path") or target.parent)) / str(path)
    if not file.is_file() or not code.is_file() or file.stat().st_mtime < code.stat().st_mtime:
        return ""
    return file.read_text(encoding="utf-8", errors="replace")
