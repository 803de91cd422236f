"""What Pulse writes into a dbt project, and what it takes out again.

Nothing of the owner's is overwritten: a file that exists is kept, and the two YAML files that everybody has get
lines of ours (`yaml_lines`), which go again without a trace.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pulse_runner.adopt.yaml_lines import with_entity, with_item, with_key, without_item, without_key
from pulse_runner.compile.render import HEADER, YAML_HEADER
from pulse_runner.compile.versions import FILE as VERSIONS
from pulse_runner.compile.write import layout_of
from pulse_runner.errors import UsageError
from pulse_runner.known_events.seed import events_path
from pulse_runner.package import COPY, DEFAULTS, KNOWN_EVENTS, KNOWN_EVENTS_CONFIG, ROUTES, package_files
from pulse_runner.segments.publish import schema_texts
from pulse_runner.segments.schema import Schema
from pulse_runner.warehouse.manifest import Manifest, own_nodes, relation_name
from pulse_runner.warehouse.project import first_folder, package_folder, read_project

ITEM = f"local: {COPY}"
ENTITIES = ("vars", "pulse_entities")
PACKAGE_SEED = ("seeds", "pulse", "pulse_known_events")  # switched off: the project has a file of its own


@dataclass(frozen=True)
class Removal:
    """What an uninstall does: files to delete (relative paths; a folder ends with /), and files to edit with their new text."""

    deleted: tuple[str, ...]
    edited: Mapping[str, str]


def new_files(root: Path, schema: Schema) -> dict[str, str]:
    """Return the files that Pulse adds to a dbt project, by path."""
    files = package_files() | schema_texts(schema) | {"segments/routes.yml": ROUTES, "segments/defaults.yml": DEFAULTS}
    return files | {events_path(root).relative_to(root).as_posix(): KNOWN_EVENTS}


def config_edits(root: Path, entities: Sequence[str] = ()) -> dict[str, str]:
    """Return the new texts of packages.yml and dbt_project.yml, where they change.

    The owner of a project that uses git has named the package already.
    """
    edits = {}
    packages = _packages_file(root)
    if not uses_git(root):
        edits[packages] = with_item(_text(root / packages), "packages", ITEM, packages)
    text = _text(root / "dbt_project.yml")
    text = with_key(text, ENTITIES, "[]", "dbt_project.yml")
    for entity in entities:
        text = with_entity(text, entity)
    text = with_key(text, PACKAGE_SEED, "{+enabled: false}", "dbt_project.yml")
    edits["dbt_project.yml"] = with_key(text, _own_seed(root), KNOWN_EVENTS_CONFIG, "dbt_project.yml")
    return {path: text for path, text in edits.items() if text != _text(root / path)}


def uses_git(root: Path) -> bool:
    """Say whether the package is installed, and not from a copy: its owner named it by git."""
    installed = (package_folder(root) / "dbt_project.yml").is_file()
    return installed and not (root / COPY / "dbt_project.yml").is_file()


def require_installed(root: Path) -> None:
    """Raise UsageError when packages.yml names more packages than are installed: dbt could not parse the project."""
    path, folder = root / _packages_file(root), package_folder(root).parent
    data = YAML(typ="safe", pure=True).load(_text(path)) if path.is_file() else None
    named = (data.get("packages") or []) if isinstance(data, dict) else []
    others = [entry for entry in named if entry != {"local": COPY}]
    there = [p for p in folder.iterdir() if p.name != "pulse" or uses_git(root)] if folder.is_dir() else []
    if len(others) > len(there):
        raise UsageError(
            f"{path.name} names packages that are not installed in {folder.name}/. Nothing was written.",
            "Run `dbt deps`, then `pulse init` again.",
        )


def plan_removal(root: Path) -> Removal:
    """Return what takes Pulse out of a project again; the tables in the warehouse stay."""
    edited = {}
    packages = _packages_file(root)
    for path, text in {
        packages: without_item(_text(root / packages), "packages", ITEM, packages),
        "dbt_project.yml": _without_config(root),
    }.items():
        if text != _text(root / path):
            edited[path] = text
    deleted = [f"{COPY}/"] if (root / COPY).is_dir() else []
    deleted += [f"{name}/" for name in ("segments",) if (root / name).is_dir()]
    folder = root / layout_of(root).folder
    compiled = sorted(p for p in folder.glob("*") if p.is_file() and _is_compiled(p))
    deleted += [p.relative_to(root).as_posix() for p in compiled]
    events = events_path(root)
    ours = [events, root / sources_path(root)]
    deleted += [p.relative_to(root).as_posix() for p in ours if p.is_file()]
    if edited.get(packages) == "":
        deleted.append(packages)
        del edited[packages]
    return Removal(tuple(deleted), edited)


def remove(root: Path, removal: Removal) -> None:
    """Take Pulse out of the project, as planned; folders that are empty then go too."""
    link = package_folder(root)
    if link.is_symlink():
        link.unlink()
    elif (root / COPY).is_dir() and link.is_dir():
        shutil.rmtree(link)
    for path, text in removal.edited.items():
        write(root / path, text)
    for path in removal.deleted:
        target = root / path
        shutil.rmtree(target) if path.endswith("/") else target.unlink()
        for folder in target.parents:
            if folder == root or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()


def drop_statements(manifest: Manifest | None) -> list[str]:
    """Return the statements that drop what Pulse made in the warehouse, what reads others before what it reads."""
    nodes = {n["unique_id"]: n for n in own_nodes(manifest)} if manifest else {}
    depth: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max((level(p) for p in _parents(nodes[name]) if p in nodes), default=0)
        return depth[name]

    ordered = sorted(nodes, key=lambda name: (-level(name), name))
    return [
        f"drop {'view' if nodes[n]['config'].get('materialized') == 'view' else 'table'} if exists {relation_name(nodes[n])};"
        for n in ordered
        if relation_name(nodes[n])
    ]


def sources_path(root: Path) -> str:
    """Return where Pulse declares a source that the project does not declare itself."""
    return f"{first_folder(root, 'model-paths', 'models')}/pulse_sources.yml"


def write(path: Path, text: str) -> None:
    """Write a whole file or nothing, with the line ends that its text has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()  # a link stays a link
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(text.encode("utf-8"))
    if path.exists():
        shutil.copymode(path, temporary)
    os.replace(temporary, path)


def _own_seed(root: Path) -> tuple[str, ...]:
    return "seeds", str(read_project(root).get("name")), "pulse_known_events"


def _without_config(root: Path) -> str:
    text = _text(root / "dbt_project.yml")
    for path in (_own_seed(root), PACKAGE_SEED, ENTITIES):
        text = without_key(text, path, "dbt_project.yml")
    return text


def _parents(node: Mapping[str, Any]) -> list[str]:
    found: list[str] = node.get("depends_on", {}).get("nodes", [])
    return found


def _packages_file(root: Path) -> str:
    """Return the file that names the project's packages: dependencies.yml where that one does."""
    other = root / "dependencies.yml"
    if not (root / "packages.yml").is_file() and other.is_file() and "packages:" in _text(other):
        return other.name
    return "packages.yml"


def _is_compiled(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return text.startswith((HEADER, YAML_HEADER)) or path.name == VERSIONS


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8") if path.is_file() else ""
