"""Pulse installed from a wheel, in an environment and a project of its own, once for all tests of this folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from installed_place import Place

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("schedules"))
    place.home.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place.folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    libraries = place.folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if (
            not entry.name.startswith(("pulse_runner", "_pulse_runner", "__editable__", "pip", "setuptools"))
            and entry.suffix != ".pth"
        ):
            (libraries / entry.name).symlink_to(entry)
    env = place.environment("env")
    place.run(str(env / "bin" / "python"), "-m", "pip", "install", "--quiet", "pulse-runner", **place.pip())
    place.pulse("init", str(place.project))
    place.forget()
    place.pulse("init", ".", "--relation", "source('shop', 'customers')", "--key", "customer_id", "--history", "day")
    place.pulse("segments", "delete", "customers_high_ltv")  # the first segment that init writes
    rule = '{field: ltv, operator: ">", value: 500}'
    place.pulse("segments", "create", "rich", "--entity", "customers", "--owner", "me", "--rule", rule)
    place.pulse("compile")
    return place


@pytest.fixture
def place(installed: Place) -> Place:
    """Give the place with a warehouse in which Pulse has not run."""
    installed.forget()
    return installed
