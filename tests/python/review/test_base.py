"""What is compared with: the commit that a branch left, read from git without touching the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from reviewed_shop import Repository
from strangers_shop import make_shop

from pulse_runner.review.base import read_base


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Give a repository whose project is in a folder; nothing here asks the warehouse."""
    made = Repository(make_shop(tmp_path, monkeypatch, "fields: {ltv: number}\n"))
    made.commit_as_it_is()
    return made


def test_main_has_moved_on_since_the_branch_left_it(repo: Repository) -> None:
    left = repo.git("rev-parse", "HEAD")
    repo.git("switch", "-qc", "edit")
    repo.git("switch", "-q", "main")
    repo.segment("of_somebody_else", "[{field: ltv, operator: is_null}]")
    repo.commit_as_it_is()
    repo.git("switch", "-q", "edit")
    found = read_base(repo.shop.root, "main")
    assert found.commit == left
    assert sorted(found.texts) == [
        "main:segments/entities/customers.yml", "main:segments/rich.yml", "main:segments/routes.yml",
    ]  # fmt: skip
    assert repo.diff().startswith("No segment differs from main (")


def test_the_checkout_is_left_alone(repo: Repository) -> None:
    repo.shop.write("segments/rich.yml", "not: [saved")
    repo.shop.write("segments/ä ö.yml", "segment: umlaut\n")
    before = repo.git("status", "--porcelain")
    assert "segment: rich" in read_base(repo.shop.root, "main").texts["main:segments/rich.yml"]
    assert repo.git("status", "--porcelain") == before


def test_names_of_files_with_letters_of_all_kinds(repo: Repository) -> None:
    repo.shop.write("segments/größe of it.yaml", "segment: größe\n")
    repo.commit_as_it_is()
    assert read_base(repo.shop.root, "HEAD").texts["HEAD:segments/größe of it.yaml"] == "segment: größe\n"


def two_lines(told: str, what: str, do: str) -> None:
    first, second = told.strip().splitlines()
    assert first.startswith("Error: ")
    assert what in first
    assert do in second


def test_a_ref_that_there_is_not(repo: Repository) -> None:
    two_lines(repo.diff(base="mian", code=2), "git knows no commit 'mian' in this clone.", "git fetch origin mian")


def test_a_ref_that_only_the_remote_has(repo: Repository, tmp_path: Path) -> None:
    repo.git("update-ref", "refs/remotes/origin/release", "HEAD")
    two_lines(
        repo.diff(base="release", code=2),
        "git knows no commit 'release'",
        "There is origin/release: give --base origin/release.",
    )
    assert repo.diff(base="origin/release").startswith("No segment differs")


def test_a_shallow_clone(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.segment("second", "[{field: ltv, operator: is_null}]")
    repo.commit_as_it_is()
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.folder}", str(tmp_path / "clone"))
    repo.shop.root = tmp_path / "clone" / "shop"
    two_lines(
        repo.diff(base=first, code=2), f"git knows no commit '{first}'", "The clone is shallow: `git fetch --unshallow`"
    )


def test_not_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Repository(make_shop(tmp_path, monkeypatch, "fields: {ltv: number}\n"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    two_lines(bare.diff(code=2), "not a git repository", "compares with a commit of the repository")


def test_no_git(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.folder / "nowhere"))
    two_lines(repo.diff(code=2), "The command git is not on the PATH.", "Install git")


def test_definitions_that_were_broken_at_the_base(repo: Repository) -> None:
    good = (repo.shop.root / "segments" / "rich.yml").read_text(encoding="utf-8")
    repo.shop.write("segments/rich.yml", good.replace("owner:", "onwer:"))
    repo.commit_as_it_is()
    repo.shop.write("segments/rich.yml", good)
    told = repo.diff(code=1)
    assert "main:segments/rich.yml:3: " in told
    assert "did you mean" in told.lower()


def test_before_there_were_segments(repo: Repository, tmp_path: Path) -> None:
    repo.git("switch", "-q", "--orphan", "empty")
    repo.git("commit", "-q", "--allow-empty", "-m", "nothing")
    assert read_base(repo.folder, "empty").texts == {}


def test_a_segment_that_neither_side_has(repo: Repository) -> None:
    two_lines(repo.diff("ritch", code=2), "There is no segment 'ritch'.", "Did you mean 'rich'?")
