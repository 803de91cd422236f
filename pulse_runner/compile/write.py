"""Put compiled files into the project, or say which ones there are stale."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pulse_runner.compile.plan import plan_entity
from pulse_runner.compile.render import HEADER, YAML_HEADER, Layout, compile_project
from pulse_runner.compile.versions import Remembered, read_versions, remember
from pulse_runner.segments.model import Entity, Project
from pulse_runner.warehouse.project import first_folder, project_vars


@dataclass(frozen=True)
class Changes:
    """Paths, relative to the project, that a compile writes or removes; both empty when everything is current."""

    written: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """Return all of them, in order."""
        return sorted([*self.written, *self.removed])


def layout_of(root: Path) -> Layout:
    """Return the layout that the vars of the dbt project ask for: pulse_models_folder and pulse_segment_prefix.

    By default the folder is pulse/ in the first one that dbt reads models from.
    """
    declared, usual = project_vars(root), Layout()
    models = first_folder(root, "model-paths", "models")
    return Layout(
        str(declared.get("pulse_models_folder") or f"{models}/pulse").strip("/"),
        str(declared.get("pulse_segment_prefix") or usual.prefix),
    )


def unlisted_entities(project: Project, root: Path) -> list[str]:
    """Return the entities that the var pulse_entities does not list: their models exist, and no table is made from them."""
    listed = project_vars(root).get("pulse_entities") or ()
    return sorted(set(project.entities) - set(listed))


def pending(project: Project, root: Path) -> tuple[Changes, dict[str, str]]:
    """Return what a compile would change, and all compiled texts by path."""
    layout = layout_of(root)
    known = read_versions(_read(root / layout.versions), layout.versions)
    files = compile_project(project, known, layout)
    written = tuple(p for p, text in files.items() if _read(root / p) != text)
    there = [p for p in sorted((root / layout.folder).glob("*")) if p.is_file()]
    # only files that carry our header are ours to remove
    ours = [p for p in there if (_read(p) or "").startswith((HEADER, YAML_HEADER))]
    removed = tuple(str(p.relative_to(root)) for p in ours if str(p.relative_to(root)) not in files)
    return Changes(written, removed), files


def used_columns(project: Project, entity: Entity, root: Path) -> tuple[str, ...]:
    """Return the columns of an entity that anything compiled uses, in their order: of duplicate keys the first row by them counts."""
    layout = layout_of(root)
    known = read_versions(_read(root / layout.versions), layout.versions)
    return plan_entity(project, entity, Remembered(remember(project, known.versions), known.bits)).columns


def write_models(project: Project, root: Path) -> Changes:
    """Write the compiled files that changed, each whole or not at all, and remove those without a definition."""
    changes, files = pending(project, root)
    for path in changes.written:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.write_text(files[path], encoding="utf-8")
        os.replace(temporary, target)
    for path in changes.removed:
        (root / path).unlink()
    return changes


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
