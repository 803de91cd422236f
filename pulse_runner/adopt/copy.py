"""A project's copy of the dbt package: which version it is, what somebody edited in it, and how it is brought up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulse_runner import __version__
from pulse_runner.adopt.project import write
from pulse_runner.errors import UsageError
from pulse_runner.package import COPY, STATE, package_files, text_hash


@dataclass(frozen=True)
class Copy:
    """The copy as it stands: the version that wrote it (None: it does not say), and the files that somebody edited or removed since."""

    version: str | None
    edited: tuple[str, ...]
    current: bool  # the files are those that this runner would write


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade of the copy changes: paths below the copy's folder, and what the changelog says of it."""

    before: str | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    notes: str

    @property
    def paths(self) -> list[str]:
        """Return all of them, in order."""
        return sorted([*self.added, *self.changed, *self.removed])


def read_copy(root: Path) -> Copy | None:
    """Return the state of a project's copy, None when it has none (it may use the package through git)."""
    if not (root / COPY / "dbt_project.yml").is_file():
        return None
    state = _state(root)
    return Copy(state["version"] if state else None, edited_files(root), _pending(root) == ({}, ()))


def edited_files(root: Path) -> tuple[str, ...]:
    """Return the files of the copy that are not as the runner wrote them; all is well in a copy that does not say how that was."""
    state = _state(root)
    written: Mapping[str, str] = state["files"] if state else {}
    return tuple(sorted(name for name, before in written.items() if _hash(root / COPY / name) != before))


def plan_upgrade(root: Path, force: bool = False) -> Upgrade:
    """Return what brings the copy to the runner's version.

    Raises UsageError when the project has no copy, or when that would overwrite what somebody edited (unless `force`).
    """
    copy = read_copy(root)
    if copy is None:
        raise UsageError(
            f"There is no {COPY}/ in {root.name}.", "`pulse init` makes one. With git, change the revision."
        )
    if copy.version is None and not copy.current and not force:
        raise UsageError(
            f"{COPY}/ has no {STATE}, so nobody can tell an edit from an older version.",
            "Look at it with git, then run `pulse upgrade --force`.",
        )
    texts, removed = _pending(root)
    lost = [name for name in copy.edited if f"{COPY}/{name}" in texts or name in removed]
    if lost and not force:
        listed = "\n".join(f"  {COPY}/{name}" for name in lost)
        raise UsageError(
            f"Somebody edited the copy of the package; nothing was written:\n{listed}",
            "Put the edits elsewhere (a var, a config, a macro of your own), then run `pulse upgrade --force`.",
        )
    names = {path.removeprefix(f"{COPY}/") for path in texts}
    there = {name for name in names if (root / COPY / name).is_file()}
    return Upgrade(
        copy.version, tuple(sorted(names - there)), tuple(sorted(there)), removed, changes_since(copy.version)
    )


def write_upgrade(root: Path, upgrade: Upgrade) -> None:
    """Bring the copy to the runner's version, as planned.

    What the copy says of itself is written last. So an upgrade that was stopped halfway is no edit, and the next one ends it.
    """
    files = package_files()
    for name in sorted((*upgrade.added, *upgrade.changed), key=lambda name: name == STATE):
        if name == STATE:
            for gone in upgrade.removed:
                (root / COPY / gone).unlink()
        write(root / COPY / name, files[f"{COPY}/{name}"])


def changes_since(version: str | None) -> str:
    """Return the sections of the changelog that are newer than a version; '' for the runner's own."""
    if version == __version__:
        return ""
    sections = re.split(r"(?m)^(?=## \[)", package_files()[f"{COPY}/CHANGELOG.md"])[1:]
    newer = []
    for section in sections:
        if version is not None and section.startswith(f"## [{version}]"):
            break
        newer.append(section)
    return "".join(newer).strip()


def _pending(root: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the texts that the copy lacks or has otherwise, and the files that the package no longer has."""
    files = package_files()
    texts = {path: text for path, text in files.items() if _hash(root / path) != text_hash(text)}
    state = _state(root)
    gone = {name for name in (state["files"] if state else ()) if f"{COPY}/{name}" not in files}
    return texts, tuple(sorted(name for name in gone if (root / COPY / name).is_file()))


def _state(root: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((root / COPY / STATE).read_text(encoding="utf-8"))
        return found if {"version", "files"} <= set(found) else None
    except (OSError, ValueError, TypeError):
        return None


def _hash(path: Path) -> str | None:
    return text_hash(path.read_bytes().decode("utf-8", "replace")) if path.is_file() else None
