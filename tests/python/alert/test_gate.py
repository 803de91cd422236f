"""The gate: a verdict of false alarm may hold a message back; never for a measured fault, a critical incident or an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace

import pytest

from pulse_runner.alert.gate import judged
from pulse_runner.alert.outbox import Address, Decision
from pulse_runner.errors import ExplainError
from pulse_runner.explain.agent.settings import gate_setting
from pulse_runner.explain.explanation import Evidence, Explanation, Hypothesis
from pulse_runner.explain.store import StoredExplanation

ADDRESS = Address("growth", "high", SimpleNamespace(channel="slack", address="x"))  # type: ignore[arg-type]
DUE = Decision("inc1", ADDRESS, "send", "it is seen for the first time")
INCIDENT = SimpleNamespace(severity="high", name="INC-1")
GUESS = Hypothesis("people_moved", "People moved", "medium", "r", ("E1",))
TOLD = StoredExplanation(
    "x1", "inc1", 1, date(2026, 5, 14), datetime(2026, 5, 14), Explanation("h", "s", (GUESS,), (), "openai", "m"),
    (Evidence("cause", "s", {}, "", 0.5, "", "E1"), Evidence("nulls", "s", {}, "", 0.5, "", "E2")), "",
)  # fmt: skip
MEASURED = replace(
    TOLD, explanation=replace(TOLD.explanation, hypotheses=(replace(GUESS, cause="null_burst", evidence=("E2",)),))
)
CALM = {"x1": "false_alarm"}


def after(gate="hold", decision=DUE, incident=INCIDENT, told=TOLD, verdicts=CALM) -> Decision:
    return judged(decision, incident, told, verdicts, gate)


def test_a_false_alarm_is_held_back_with_the_reason() -> None:
    held = after()
    assert held.choice == "skip"
    assert held.reason == (
        "held back by PULSE_MODEL_GATE: the verdict of m is false alarm; `pulse explain INC-1 --transcript` shows why"
    )


@pytest.mark.parametrize(
    "case",
    [
        {"told": MEASURED}, {"incident": SimpleNamespace(severity="critical", name="INC-1")}, {"verdicts": {}}, {"told": None},
        {"verdicts": {"x0": "false_alarm"}}, {"verdicts": {"x1": "expected"}}, {"decision": replace(DUE, notification="resolved")},
        {"decision": replace(DUE, choice="quiet")},
    ],
)  # fmt: skip
def test_everything_else_goes_out_as_it_would(case: dict) -> None:
    assert after(**case) == case.get("decision", DUE)


def test_downgrading_skips_only_where_the_route_begins_higher() -> None:
    assert after(gate="downgrade").reason.startswith("held back by PULSE_MODEL_GATE: taken for medium, because")
    low = replace(DUE, address=replace(ADDRESS, min_severity="low"))
    assert after(gate="downgrade", decision=low) == low


def test_it_is_off_by_default_and_a_wrong_word_is_named() -> None:
    assert gate_setting({}) == "off"
    with pytest.raises(ExplainError, match="PULSE_MODEL_GATE must be off, downgrade or hold, not 'always'"):
        gate_setting({"PULSE_MODEL_GATE": "always"})
