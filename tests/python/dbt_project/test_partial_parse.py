"""A build of another date does not make dbt parse the whole project anew."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbt.cli import main as dbt_main

from pulse_runner.snapshot.build import build_snapshots
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.dbt import install_packages

ALL_ANEW = {"UnableToPartialParse", "PartialParsingNotEnabled"}


@pytest.mark.matrix
def test_the_next_date_parses_only_what_reads_the_dates(plain_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[list[str]] = []

    class Listening(dbt_main.dbtRunner):
        def __init__(self, manifest: Any = None, callbacks: Any = None) -> None:
            parsed.append([])
            super().__init__(manifest, [*(callbacks or []), lambda event: parsed[-1].append(event.info.name)])

    install_packages(plain_project)
    monkeypatch.setattr(dbt_main, "dbtRunner", Listening)
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(3)]
    for day in days:
        build_snapshots(plain_project, day, day, {}, present=day)
    assert ALL_ANEW & set(parsed[0])  # nothing was there yet
    assert [ALL_ANEW & set(names) for names in parsed[1:]] == [set(), set()]
    warehouse = connect(plain_project)
    try:
        rows = warehouse.query("select distinct snapshot_date from pulse_segment_snapshots order by 1")
    finally:
        warehouse.close()
    assert [str(row["snapshot_date"])[:10] for row in rows] == [str(day) for day in days]
