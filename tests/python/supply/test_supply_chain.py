"""What is installed is what is written down: hashes, direct dependencies with a reason, and a bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.lock import text_of
from tools.sbom import bill, installed

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements-hashed.txt").read_text(encoding="utf-8")
PIN = re.compile(
    r"^([a-z0-9-]+)(?:\[[a-z0-9,_-]+\])?==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_of_the_lock_is_a_pin_with_hashes_and_no_address() -> None:
    rest = PIN.sub("", LOCK)
    assert [line for line in rest.splitlines() if line and not line.startswith("#")] == []
    assert "://" not in LOCK
    assert "@" not in LOCK


def test_the_lock_has_the_versions_that_were_tested() -> None:
    tested = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split(";")[0].strip().split("==")
            tested[normal(name)] = version
    locked = {name: version for name, version, _ in PIN.findall(LOCK)}
    assert {n: v for n, v in locked.items() if tested.get(n) != v} == {}


def test_the_lock_holds_all_that_the_default_install_needs() -> None:
    locked = {name for name, _, _ in PIN.findall(LOCK)}
    assert {name for name, _ in installed("pulse-runner")} - {"pulse-runner"} <= locked


def test_each_direct_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=!~\[; ]", d)[0] for d in project["dependencies"]}
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("What Pulse depends on directly")[1].split("## ")[0]
    reasons = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE))
    assert set(reasons) == declared
    assert all(len(reason) > 10 for reason in reasons.values())


def test_the_lock_is_made_of_pips_report_without_its_addresses() -> None:
    item = {
        "metadata": {"name": "A.b", "version": "1"},
        "download_info": {"url": "https://index.example/x", "archive_info": {"hashes": {"sha256": "a" * 64}}},
    }
    needs = ["a_b[fast,c]>=1", "a.b[never]; extra == 'x'"]
    own = {
        "metadata": {"name": "pulse-runner", "version": "1", "requires_dist": needs},
        "download_info": {"dir_info": {}},
    }
    text = text_of({"install": [own, item]})
    assert PIN.findall(text) == [("a-b", "1", f"    --hash=sha256:{'a' * 64}\n")]
    assert "a-b[c,fast]==1 " in text
    assert "example" not in text


def test_the_bill_of_materials_is_cyclonedx_and_whole() -> None:
    command = [sys.executable, str(ROOT / "tools" / "sbom.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    made = json.loads(printed)
    assert made == bill(), "the same install gives the same bill"
    assert (made["bomFormat"], made["specVersion"], made["metadata"]["component"]["name"]) == (
        "CycloneDX", "1.6", "pulse-runner",
    )  # fmt: skip
    refs = {c["bom-ref"] for c in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    assert {d["ref"] for d in made["dependencies"]} == refs
    assert {n for d in made["dependencies"] for n in d["dependsOn"]} <= refs
    names = {c["name"] for c in made["components"]}
    assert names == {name for name, _ in installed("pulse-runner")} - {"pulse-runner"}
    assert {"click", "dbt-core", "psycopg2-binary"} <= names
