"""Put compiled files into the project, or say which ones there are stale."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pulse_runner.compile.render import GENERATED, HEADER, YAML_HEADER, compile_project
from pulse_runner.compile.versions import PATH, read_versions
from pulse_runner.segments.model import Project


@dataclass(frozen=True)
class Changes:
    """Paths, relative to the project, that a compile writes or removes; both empty when everything is current."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def pending(project: Project, root: Path) -> tuple[Changes, dict[str, str]]:
    """Return what a compile would change, and all compiled texts by path."""
    files = compile_project(project, read_versions(_read(root / PATH)))
    written = tuple(p for p, text in files.items() if _read(root / p) != text)
    there = [p for folder in GENERATED for p in sorted((root / folder).glob("*")) if p.is_file()]
    # only files that carry our header are ours to remove
    ours = [p for p in there if (_read(p) or "").startswith((HEADER, YAML_HEADER))]
    removed = tuple(str(p.relative_to(root)) for p in ours if str(p.relative_to(root)) not in files)
    return Changes(written, removed), files


def stale_files(project: Project, root: Path) -> list[str]:
    """Return the compiled files that are not what the definitions say, in order; empty when all are current."""
    changes, _ = pending(project, root)
    return sorted([*changes.written, *changes.removed])


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
