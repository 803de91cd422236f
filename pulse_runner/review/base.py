"""The definitions at another commit, read from git: nothing is checked out, and nothing is written."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pulse_runner.errors import UsageError

FILES = (".yml", ".yaml")


@dataclass(frozen=True)
class Base:
    """The definition files of a commit by their path in the project, as git writes paths: `main:segments/rich.yml`."""

    ref: str
    commit: str
    texts: dict[str, str]

    @property
    def name(self) -> str:
        """Return how people call it."""
        return self.ref if self.commit.startswith(self.ref) else f"{self.ref} ({self.commit[:7]})"


def read_base(root: Path, ref: str) -> Base:
    """Return the definitions at the commit that the checkout and `ref` last had in common, which is what a pull request is compared with.

    Where the clone is too shallow to know that commit, it is `ref` itself. UsageError without git, a repository or the ref.
    """
    _require_repository(root)
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip().decode()
    if not found:
        raise _unknown(root, ref)
    commit = _git(root, "merge-base", "HEAD", found).strip().decode() or found
    # a folder of the repository: "" at its top, else with a slash at the end
    prefix = _git(root, "rev-parse", "--show-prefix").rstrip(b"\n").decode()
    listed = _git(root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{prefix}segments/").decode()
    blobs = {}
    for entry in filter(None, listed.split("\0")):
        about, path = entry.split("\t", 1)
        if path.endswith(FILES) and about.split()[1] == "blob":
            blobs[path.removeprefix(prefix)] = about.split()[2]
    texts = _read_blobs(root, list(blobs.values()))
    return Base(ref, commit, {f"{ref}:{path}": texts[blob] for path, blob in sorted(blobs.items())})


def _read_blobs(root: Path, blobs: list[str]) -> dict[str, str]:
    """Return the texts of blobs: one process, however many there are."""
    out, texts = _git(root, "cat-file", "--batch", given="".join(f"{b}\n" for b in blobs).encode()), {}
    for blob in blobs:
        head, _, rest = out.partition(b"\n")
        if b" blob " not in head:  # a partial clone that cannot fetch
            raise UsageError(
                f"This clone lacks a definition file of that commit (blob {blob[:7]}).",
                "`git fetch --refetch` brings it.",
            )
        size = int(head.split()[-1])
        texts[blob], out = rest[:size].decode("utf-8"), rest[size + 1 :]
    return texts


def _require_repository(root: Path) -> None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--is-inside-work-tree"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise UsageError(
            "The command git is not on the PATH.", "Install git: the definitions to compare with are read from it."
        ) from None
    if done.stdout.strip() != "true":
        said = " ".join(done.stderr.split("\n")[0].removeprefix("fatal: ").split())
        raise UsageError(
            f"git does not read {root}: {said or 'it is not in a work tree'}.",
            "`pulse segments diff` compares with a commit of the repository that the project is in.",
        )


def _unknown(root: Path, ref: str) -> UsageError:
    """Return the error for a ref that this clone does not know, with what to do about it."""
    what = f"git knows no commit {ref!r} in this clone."
    if _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"origin/{ref}^{{commit}}").strip():
        return UsageError(what, f"There is origin/{ref}: give --base origin/{ref}.")
    if _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        return UsageError(what, "The clone is shallow: `git fetch --unshallow`, or `fetch-depth: 0` in GitHub Actions.")
    return UsageError(
        what, f"Fetch it with `git fetch origin {ref}` and give --base FETCH_HEAD, or look at its spelling."
    )


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """Return what git prints, nothing when it refuses."""
    done = subprocess.run(["git", "-C", str(root), *arguments], input=given, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""
