"""The Python API: what Pulse stored and what its detectors say, as pandas frames, for notebooks and other programs.

from pulse_runner import Pulse

Pulse("audiences").incidents(active=True)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pulse_runner import detectors
from pulse_runner.backtest.read import recording_of
from pulse_runner.backtest.replay import replay
from pulse_runner.backtest.report import incident_rows
from pulse_runner.detectors.base import Limits, Settings
from pulse_runner.errors import UsageError
from pulse_runner.explain.stage import explain_incidents
from pulse_runner.explain.store import StoredExplanation, latest_explanations
from pulse_runner.incidents.handle import Asked, handle
from pulse_runner.incidents.incident import Incident
from pulse_runner.incidents.store import find_incident, incident_row, list_incidents
from pulse_runner.plugins import schema_of
from pulse_runner.segments.load import load_project
from pulse_runner.vocabulary import ACTIVE
from pulse_runner.warehouse.connection import connect
from pulse_runner.warehouse.project import time_zone

if TYPE_CHECKING:
    from pulse_runner.segments.model import Project
    from pulse_runner.warehouse.base import Warehouse


INCIDENT_COLUMNS = (
    "segment_id", "detector", "metric", "attribute", "bucket", "detected_on", "started_on", "ended_on", "severity",
    "direction", "observed", "expected", "lower", "upper", "effect", "p_value", "reason", "resolution", "owner", "entity",
    "incident_id", "related",
)  # fmt: skip


class Pulse:
    """A dbt project that uses Pulse: for reading, and for handling incidents.

    `project` is the folder with dbt_project.yml, `target` a target of its profile. Every call opens the
    warehouse and gives it back, so that a notebook does not hold a DuckDB file. Only aggregates are returned.
    """

    def __init__(
        self, project: str | Path = ".", target: str | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """Raise UsageError when the folder holds no dbt project."""
        self.root = Path(project).resolve()
        self.target = target
        self.env = os.environ if env is None else env
        if not (self.root / "dbt_project.yml").is_file():
            raise UsageError(f"No dbt_project.yml in {self.root.name}. Name the folder of your dbt project.")

    @property
    def project(self) -> Project:
        """Return the definitions; raise DefinitionError with every problem of every file."""
        return load_project(self.root, schema_of(self.root, self.target))

    def snapshots(
        self, segment: str | None = None, first: date | None = None, last: date | None = None
    ) -> pd.DataFrame:
        """Return rows of pulse_segment_snapshots by segment and date: all, or those of one segment or of some dates."""
        return self._dated("pulse_segment_snapshots", segment, first, last)

    def distributions(
        self, segment: str | None = None, first: date | None = None, last: date | None = None
    ) -> pd.DataFrame:
        """Return rows of pulse_segment_distributions by segment and date."""
        return self._dated("pulse_segment_distributions", segment, first, last)

    def findings(self, segment: str | None = None, first: date | None = None, last: date | None = None) -> pd.DataFrame:
        """Return rows of pulse_findings by segment and date: the verdicts that are not quiet."""
        return self._dated("pulse_findings", segment, first, last)

    def incidents(self, active: bool = False, segment: str | None = None) -> pd.DataFrame:
        """Return incidents, the active ones first: all, or the `active` ones (open or acknowledged)."""
        with self._warehouse() as warehouse:
            found = list_incidents(warehouse, statuses=ACTIVE if active else (), segment=segment)
        columns = [f.name for f in fields(Incident)]
        return pd.DataFrame([incident_row(i) for i in found], columns=columns)

    def explain(self, incident: str) -> StoredExplanation:
        """Return the newest explanation of an incident, made now and not stored when there is none yet.

        The start of the id is enough. Raise UsageError when no incident, or several, have it.
        """
        with self._warehouse() as warehouse:
            found = find_incident(warehouse, incident)
            stored = latest_explanations(warehouse, [found.incident_id]).get(found.incident_id)
            if stored is not None:
                return stored
            made = explain_incidents(
                warehouse, self.project, found.last_seen_on, datetime.now(UTC), self.env,
                incident_ids=[found.incident_id], force=True, dry_run=True, root=self.root,
            )  # fmt: skip
        return made[0]

    def handle(
        self,
        verb: str,
        *incidents: str,
        by: str,
        note: str = "",
        group: bool = False,
        to: str = "",
        until: date | None = None,
        as_new_normal: bool = False,
        today: date | None = None,
    ) -> pd.DataFrame:
        """Do with incidents what the command of that name under `pulse incidents` does, and return them as they are now.

        `verb` is acknowledge, assign (`to`), comment (`note`), snooze (`until`), resolve, false-alarm (`note`), ignore or reopen;
        `incidents` are names (INC-42) or starts of ids. All of them change, or none; a repeat changes nothing. `today` is
        the current day in the project's time zone when left out. Raise UsageError where the verb makes no sense.
        """
        asked = Asked(verb, incidents, by, note, group, to, until, as_new_normal)
        now = datetime.now(UTC).replace(microsecond=0)
        with self._warehouse() as warehouse:
            done = handle(warehouse, asked, today or now.astimezone(time_zone(self.root)).date(), now)
        return pd.DataFrame([incident_row(h.after) for h in done], columns=[f.name for f in fields(Incident)])

    @staticmethod
    def detect(
        frame: pd.DataFrame,
        only: Sequence[str] = (),
        thresholds: Mapping[str, float] | None = None,
        *,
        first: date | None = None,
        last: date | None = None,
        fdr: float | None = 0.03,
    ) -> pd.DataFrame:
        """Run the detectors over a frame and return the incidents that there would have been; no warehouse is needed.

        The frame holds metrics (segment_id, snapshot_date, metric, numerator, denominator) or distributions
        (segment_id, snapshot_date, attribute, bucket, members), like the files of `pulse backtest --input`. `only`
        names detectors, `thresholds` gives material thresholds by detector, `fdr` is the false discovery rate of a
        date. Raise UsageError for a frame or a name that cannot be used.

        >>> days = pd.date_range("2026-03-02", periods=40)
        >>> sizes = [1000 + 7 * (n % 3) for n in range(39)] + [600]
        >>> frame = pd.DataFrame({"segment_id": "vip", "snapshot_date": days, "metric": "size", "numerator": sizes})
        >>> found = Pulse.detect(frame.assign(denominator=None))
        >>> found[["segment_id", "detector", "started_on", "observed"]].values.tolist()
        [['vip', 'size_jump', datetime.date(2026, 4, 10), 600.0]]
        """
        known = {d.name: d for d in detectors.DETECTORS}
        for complaint in map(detectors.unknown_detector, (*only, *(thresholds or {}))):
            if complaint:
                raise UsageError(complaint)
        chosen = [d for name, d in known.items() if not only or name in only]
        settings = Settings({name: Limits(value) for name, value in (thresholds or {}).items()}, fdr=fdr)
        found = replay(recording_of(frame, "the frame"), settings, chosen, first, last).incidents
        return pd.DataFrame(incident_rows(found), columns=list(INCIDENT_COLUMNS))

    def _dated(self, table: str, segment: str | None, first: date | None, last: date | None) -> pd.DataFrame:
        given = (("segment_id = ?", segment), ("snapshot_date >= ?", first), ("snapshot_date <= ?", last))
        where = [(condition, x) for condition, x in given if x is not None]
        with self._warehouse() as warehouse:
            return warehouse.frame(
                f"select * from {warehouse.table(table)}"
                f"{' where ' if where else ''}{' and '.join(c for c, _ in where)} order by segment_id, snapshot_date",
                [x for _, x in where],
            )

    @contextmanager
    def _warehouse(self) -> Iterator[Warehouse]:
        warehouse = connect(self.root, target=self.target)
        try:
            yield warehouse
        finally:
            warehouse.close()
