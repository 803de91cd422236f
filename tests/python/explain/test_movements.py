"""Movements of members are told in words, also those by a cause that Pulse has no words for yet."""

from __future__ import annotations

import pytest
from explain_world import NOW, D, World

from pulse_runner.explain.movement_words import words_of
from pulse_runner.explain.stage import explain_incidents


@pytest.mark.parametrize(
    ("cause", "detail", "lost", "sentence", "headline"),
    [
        ("leaf", "ltv > 1000", True, "because `ltv > 1000` stopped being true", "by `ltv > 1000`"),
        ("leaf", "ltv > 1000", False, "because `ltv > 1000` became true", "by `ltv > 1000`"),
        ("aged", "days <= 7", True, "as time passed `days <= 7`", "by ageing past `days <= 7`"),
        ("aged", "", True, "as time passed a relative date", "by ageing"),
        ("edited", "was: ltv > 2", True, "because the definition was edited", "by the edited rule"),
        ("row_gone", "", True, "because their rows are gone from the relation", "with rows that are gone"),
        ("row_new", "", False, "with rows that are new in the relation", "with new rows"),
        ("merged_away", "x", True, "by merged_away", "by merged_away"),
        ("jane@example.com", "", True, "by [address]", "by [address]"),
    ],
)
def test_each_cause_of_a_movement_has_its_words(cause, detail, lost, sentence, headline) -> None:
    words = words_of(cause)
    assert (words.sentence(detail, lost), words.headline(detail, lost)) == (sentence, headline)


def test_an_unknown_cause_of_a_movement_is_told_by_its_name(world: World, project) -> None:
    world.resize(579)
    world.changes(("lost", "merged_away", "other_segment", "", 421))
    world.incident()
    (stored,) = explain_incidents(world, project, D, NOW, {})
    told = stored.explanation
    assert told.headline == "42 % fewer members since 14 May: 421 of 421 leavers left by merged_away."
    assert [h.cause for h in told.hypotheses] == ["unknown"]
    (fact,) = [e for e in stored.evidence if e.values.get("cause") == "merged_away"]
    assert fact.statement == "421 of 421 members who left by merged_away (0 usual)."
    assert fact.id in told.hypotheses[0].evidence
