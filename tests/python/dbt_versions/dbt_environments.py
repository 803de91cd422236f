"""The versions of dbt that Pulse is tried on, each in an environment of its own under .dbt-envs/."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".dbt-envs"
CONSTRAINTS = Path(__file__).parent / "constraints"
VERSIONS = ("1.10", "1.11", "1.12", "2.0")
REFERENCE = "1.11"
# dbt v2 fetches its DuckDB driver from a server of its own; this package carries the same library
DUCKDB = "@duckdb/node-bindings-linux-x64@1.5.6-r.1"
DRIVER = """\
name = "DuckDB"
version = "1.5.6"

[ADBC]
version = "1.1.0"

[Driver]
entrypoint = "duckdb_adbc_init"

[Driver.shared]
linux_amd64 = "{library}"
"""
LAST_LINES = 4


class CannotMakeError(Exception):
    """An environment is not there and cannot be made; the text says why."""


@dataclass(frozen=True)
class Environment:
    """A version of dbt that can be started. `python` has the runner beside it, except for dbt v2, which has no Python."""

    version: str
    dbt: Path
    python: Path | None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_v2(self) -> bool:
        return self.python is None

    def environ(self) -> dict[str, str]:
        """Return the environment to start it in: nothing of the caller's dbt or Pulse settings."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "PULSE_", "PYTHON"))}
        return kept | {"DO_NOT_TRACK": "1"} | self.variables


def prepare(version: str) -> Environment:
    """Return the environment of a version; make it where it is not there, raise CannotMakeError where that fails."""
    folder = FOLDER / version
    made = folder / ".made"
    wanted = _wanted(version)
    if not made.is_file() or made.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        if version == "2.0":
            _install_v2(folder)
        else:
            _install(folder, wanted)
        made.write_text(wanted, encoding="utf-8")
    if version == "2.0":
        return Environment(version, folder / "bin/dbt", None, {"ADBC_DRIVER_PATH": str(folder / "drivers")})
    return Environment(version, folder / "bin/dbt", folder / "bin/python")


def _wanted(version: str) -> str:
    """Return the constraints of a version: the repository's, but for what its own small file names."""
    own = (CONSTRAINTS / f"{version}.txt").read_text(encoding="utf-8")
    if version == "2.0":
        return own
    named = {line.split("==")[0] for line in own.splitlines() if "==" in line}
    shared = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join([line for line in shared if line.split("==")[0] not in named] + own.splitlines()) + "\n"


def _install(folder: Path, constraints: str) -> None:
    """Install Pulse from this repository, in editable form, with what the constraints pin."""
    path = folder / "constraints.txt"
    path.write_text(constraints, encoding="utf-8")
    parser = re.findall(r"^dbt-core-experimental-parser==\S+", constraints, re.MULTILINE)
    _pip(folder, "-c", str(path), "-e", str(ROOT), *parser)  # a pre-release has to be asked for by name


def _install_v2(folder: Path) -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise CannotMakeError(
            f"the driver for dbt v2 is a library for Linux on x86_64, this is {sys.platform} on {platform.machine()}"
        )
    npm = shutil.which("npm")
    if npm is None:
        raise CannotMakeError("npm is not installed; it fetches the DuckDB library for dbt v2")
    _pip(folder, "--no-deps", "--only-binary", ":all:", "-r", str(CONSTRAINTS / "2.0.txt"))
    _call([npm, "pack", "--silent", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", DUCKDB], folder)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as files:
        files.extract("package/libduckdb.so", folder, filter="data")
    archive.unlink()
    (folder / "drivers").mkdir()
    text = DRIVER.format(library=folder / "package/libduckdb.so")
    (folder / "drivers/duckdb.toml").write_text(text, encoding="utf-8")


def _pip(folder: Path, *args: str) -> None:
    pip = [
        str(folder / "bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "1",
    ]
    _call([*pip, *args], folder)


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip() and "ignored" not in line]
        raise CannotMakeError(f"`{' '.join(command[:4])} ...` failed: {' '.join(said[-LAST_LINES:])}")
