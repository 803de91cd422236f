"""The scoreboard of benchmarks/agent: the rules are its first row, and a model that calls tools does no harm."""

from __future__ import annotations

import pytest

from benchmarks.agent.__main__ import HEAD, main


def cells(line: str) -> list[str]:
    return [c.strip() for c in line.strip("|").split("|")]


@pytest.mark.matrix
def test_the_rules_are_the_first_row_and_a_model_that_calls_tools_does_no_harm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--most", "3"]) == 0
    head, _, rules, scripted = capsys.readouterr().out.splitlines()
    assert head == HEAD.splitlines()[0]
    named = dict(zip(cells(head), cells(scripted), strict=True))
    assert cells(rules)[:3] == ["rules alone", "3", "100 %"]
    assert (named["who"], named["cause first"], named["harm"], named["answered"]) == ("scripted", "100 %", "0", "3")
    assert float(named["steps"]) >= 3.0, "it calls tools"
