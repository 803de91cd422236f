"""The commit that last touched a file, asked of git: nothing is written, and nobody's name or address is read."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pulse_runner.scrub import scrub

SECONDS = 5  # a repository on a slow disk must not hold a run up
MAX_SUBJECT = 120


@dataclass(frozen=True)
class Commit:
    """A commit: its short id, the day on which its author wrote it, and the first line of its message, made harmless."""

    commit_id: str
    authored_on: date
    subject: str


def last_commit(root: Path, path: str) -> Commit | None:
    """Return the last commit of a file; None without git or a checkout, for a file with edits that are not committed, and
    where a shallow clone ends at the commit that git names: it may be much older."""
    if not path or _git(root, "status", "--porcelain", "--", path) != "":
        return None
    said = _git(root, "log", "-1", "--no-show-signature", "--format=%H%x1f%as%x1f%s", "--", path) or ""
    parts = said.strip().split("\x1f")
    if len(parts) != 3:
        return None
    commit, day, subject = parts
    if commit in _boundary(root):
        return None
    return Commit(commit[:10], date.fromisoformat(day), scrub(subject, MAX_SUBJECT))


def _boundary(root: Path) -> set[str]:
    """Return the commits at which a shallow clone ends."""
    folder = (_git(root, "rev-parse", "--git-path", "shallow") or "").strip()
    file = root / folder
    return set(file.read_text(encoding="utf-8").split()) if folder and file.is_file() else set()


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None when it refuses or is not there."""
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    call = ["git", "--no-pager", "-c", "core.fsmonitor=false", "-C", str(root), *arguments]
    try:
        done = subprocess.run(
            call,
            capture_output=True,
            check=False,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            env=env,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
