"""The benchmark of detection counts what it says it counts, and its peers are the formulas that they cite."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.faults import CREEPS, DROPS, Case, plant
from benchmarks.detection.ours import alarms
from benchmarks.detection.peers import PEERS, Peer, bocpd, elementary, fifteen, first_days, re_data
from benchmarks.detection.score import Tally, add
from benchmarks.detection.sources import Background


def background(days: int = 220, rows: int = 3) -> Background:
    rng = np.random.default_rng(4)
    counts = rng.poisson(5000, (rows, days)).astype(float)
    dates = np.datetime64("2024-01-01") + np.arange(days)
    events = np.zeros(days, bool)
    events[150] = True
    return Background("made", tuple("abc"[:rows]), dates, counts, None, events)


def test_the_z_scores_are_those_of_their_windows() -> None:
    values = background().values
    t = 200
    weekdays, month = values[0, t - 91 : t + 1 : 7], values[0, t - 29 : t + 1]
    assert elementary(values)[0, t] == pytest.approx(abs(values[0, t] - weekdays.mean()) / weekdays.std(ddof=1))
    assert re_data(values)[0, t] == pytest.approx(abs(values[0, t] - month.mean()) / month.std(ddof=1))
    before = values[0, t - 7 : t].mean()
    assert fifteen(values)[0, t] == pytest.approx(abs(values[0, t] - before) / before)


def test_bocpd_sees_a_level_that_changed_and_nothing_before() -> None:
    values = background().values
    values[:, 100:] *= 0.8
    scores = bocpd(values)
    assert float(scores[:, 40:100].max()) < 0.5
    assert (scores[:, 100:106].max(1) > 0.9).all()


@pytest.mark.parametrize("peer", PEERS, ids=lambda p: p.name)
def test_no_peer_uses_later_days(peer: Peer) -> None:
    values = background().values
    changed = values.copy()
    changed[:, 180:] *= 3
    np.testing.assert_allclose(peer.score(values)[:, :180], peer.score(changed)[:, :180])


def test_faults_are_planted_on_ordinary_days_and_leave_what_they_say() -> None:
    clean = background()
    cases, planted = plant(clean)
    assert len(cases) == len(clean.names) * (len(DROPS) + len(CREEPS)) * 4
    for n, case in enumerate(cases):
        assert case.onset >= 120
        assert not clean.events[case.onset]
        left = planted.numerator[n] / clean.numerator[case.row]
        assert (left[: case.onset] == 1).all()
        if case.fault.creep == 0:
            assert left[case.onset] == pytest.approx(case.fault.left, abs=0.05)
            assert (left[case.onset + case.fault.days :] == 1).all()


def test_alarms_on_events_and_those_that_were_there_before_count_for_nobody() -> None:
    clean = background()
    quiet = np.zeros(clean.numerator.shape, bool)
    quiet[0, [100, 150, 151, 160]] = True  # before the warm-up's end, an event, the day after it, an alarm
    faulty = quiet[:1].copy()
    tally = Tally()
    add(tally, clean, [Case(0, DROPS[0], 160)], quiet, faulty)
    assert tally.false == 1
    assert tally.share() == 0.0
    faulty[0, 170] = True
    add(tally, clean, [Case(0, DROPS[0], 170)], quiet, faulty)
    assert tally.share() == 0.5


def test_an_alarm_is_told_once_in_its_gap() -> None:
    hit = np.zeros((1, 20), bool)
    hit[0, [2, 5, 11]] = True
    assert np.flatnonzero(first_days(hit, 7)[0]).tolist() == [2, 11]


def test_pulse_finds_a_large_drop_on_its_day_and_tells_it_once() -> None:
    clean = background()
    clean.numerator[:, 180:] *= 0.6
    found = alarms(clean, 1.0)
    assert found[:, 180].all()
    assert found[:, 181:].sum() == 0
