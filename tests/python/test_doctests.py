"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import pulse_runner
from pulse_runner.detectors import DETECTORS

MODULES = [
    m.name for m in pkgutil.walk_packages(pulse_runner.__path__, "pulse_runner.") if not m.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("detector", [d.name for d in DETECTORS])
def test_a_detector_has_an_example_with_a_planted_change(detector: str) -> None:
    module = importlib.import_module(f"pulse_runner.detectors.{detector}")
    examples = [e for t in doctest.DocTestFinder().find(module) for e in t.examples if ".assess(" in e.source]
    assert examples
