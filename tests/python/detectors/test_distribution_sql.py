"""The warehouse's aggregates of a distribution's baseline are those that a replay computes from the days themselves."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pytest

from pulse_runner.detectors import DistributionShift, Panels, Settings
from pulse_runner.detectors.distribution_baseline import DistributionHistory
from pulse_runner.detectors.distribution_sql import baseline_sql, panels

BUCKETS = ("(null)", "AT", "DE", "FR")
FIRST = np.datetime64("2026-01-01")


def history(days: int = 80) -> DistributionHistory:
    rng = np.random.default_rng(3)
    members = np.stack([rng.multinomial(500 * (s + 1), [0.05, 0.15, 0.5, 0.3], days) for s in range(2)]).astype(float)
    members[0, -1] = [25, 75, 80, 320]  # 170 members of DE are FR today
    return DistributionHistory(
        "country", ("big", "small"), BUCKETS, FIRST + np.arange(days), members, np.ones((2, days), bool)
    )


def load(h: DistributionHistory) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create table d (segment_id text, snapshot_date date, attribute text, bucket text, members bigint)")
    con.execute("create table s (segment_id text, snapshot_date date, size bigint, status text)")
    con.execute("create table e (segment_id text, attribute text, from_date date, to_date date)")
    for i, segment in enumerate(h.segment_ids):
        for t, day in enumerate(h.dates):
            con.execute("insert into s values (?, ?, ?, 'ok')", [segment, day.item(), int(h.members[i, t].sum())])
            for k, bucket in enumerate(BUCKETS):
                if h.members[i, t, k]:  # an empty bucket has no row, as in the snapshot
                    row = [segment, day.item(), bucket, int(h.members[i, t, k])]
                    con.execute("insert into d values (?, ?, 'country', ?, ?)", row)
    return con


def rows(con: duckdb.DuckDBPyConnection, day: date) -> list[dict[str, object]]:
    result = con.execute(baseline_sql(day, "d", "s", "e"))
    names = [c[0] for c in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.mark.parametrize("excluded", [False, True])
def test_sql_and_replay_agree_on_every_aggregate(excluded: bool) -> None:
    h = history()
    con, learnable = load(h), np.ones((2, 80), bool)
    if excluded:
        learnable[0, 40:50] = False
        con.execute("insert into e values ('big', 'country', '2026-02-10', '2026-02-19')")
    day = h.dates[-1].item()
    ours, theirs = h.panel(79, learnable), panels(rows(con, day), day)["country"]
    assert theirs.buckets == ours.buckets
    assert ours.days[0] == (46 if excluded else 56)
    for name in ("members", "recent", "offset", "noise", "inverse_total", "weight", "days", "weekday_days"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_recoded_country_is_found_from_the_aggregates_alone() -> None:
    h = history()
    day = h.dates[-1].item()
    panel = panels(rows(load(h), day), day)["country"]
    (result,) = DistributionShift().assess(
        Panels(distributions={"country": panel}), Settings(), h.dates[-1], h.dates[-1]
    )
    assert result.eligible[:, 0].tolist() == [True, False]
    assert result.effect[0, 0] == pytest.approx(0.34, abs=0.03)
    assert result.bucket(0, 0) in ("DE", "FR")
