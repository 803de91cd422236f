"""What detectors take and give: panels of history in, one verdict per test and date out.

An Assessment is the columnar result of one detector; Findings and Verdicts are made from it for the few tests that have something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import IntEnum
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from pulse_runner import metrics
from pulse_runner.arrays import Bools, Days, Floats
from pulse_runner.detectors.panel import Panels
from pulse_runner.vocabulary import SEVERITIES, Direction, Severity, percent, severity_rank

Key = tuple[str, str, str, str, str]  # entity, segment, detector, metric, attribute

# The stated false alarm rate: false alarms that one series may raise in a year, its own noise being as it was. The engine takes it as
# `false_alarms` (`assess_series` and `track`): one number, or one per series. Half of it halves the alarms that are nothing, and costs
# some that are something. It is before false discovery control and before the material threshold, which both take alarms away.
FALSE_ALARMS_A_YEAR = 1.0


PEOPLE = (5, 10, 20)  # people more or fewer than expected from which a finding may be medium, high, critical


def at_most(severity: Severity, people: float) -> Severity:
    """Return a severity, or the highest that so many people more or fewer allow.

    >>> at_most("critical", 3), at_most("critical", 12), at_most("medium", 500)
    ('low', 'high', 'medium')
    """
    return min(severity, SEVERITIES[int(np.searchsorted(PEOPLE, people, side="right"))], key=severity_rank)


class Outcome(IntEnum):
    """What a detector can say about one test on one date."""

    QUIET = 0
    FINDING = 1
    NEEDS_HISTORY = 2
    TOO_SMALL = 3
    MUTED = 4
    NO_DATA = 5
    DISABLED = 6

    @property
    def word(self) -> str:
        """Return the word that the findings table stores."""
        return self.name.lower()


@dataclass(frozen=True)
class Limits:
    """How one detector treats one segment; None takes the detector's default."""

    threshold: float | None = None
    direction: Direction | None = None
    enabled: bool = True
    false_alarms: float | None = None  # that a series may raise in a year: the sensitivity


@dataclass(frozen=True)
class Settings:
    """Thresholds by detector, by (segment, detector) and by (segment, detector, attribute); the narrowest one wins.

    `fdr` is the false discovery rate over all tests of one date, None to take each series on its own.
    """

    detectors: Mapping[str, Limits] = field(default_factory=dict)
    segments: Mapping[tuple[str, str], Limits] = field(default_factory=dict)
    attributes: Mapping[tuple[str, str, str], Limits] = field(default_factory=dict)
    fdr: float | None = 0.03
    min_history: int = 8

    def rule(self, detector: Detector, segment_id: str, attribute: str | None = None) -> Limits:
        """Return the threshold, direction, switch and sensitivity that hold for one test."""
        layers = [Limits(detector.default_threshold, detector.default_direction, True, FALSE_ALARMS_A_YEAR)]
        layers += [r for r in (self.detectors.get(detector.name), self.segments.get((segment_id, detector.name))) if r]
        if attribute is not None and (segment_id, detector.name, attribute) in self.attributes:
            layers.append(self.attributes[segment_id, detector.name, attribute])
        threshold = next(r.threshold for r in reversed(layers) if r.threshold is not None)
        direction = next(r.direction for r in reversed(layers) if r.direction is not None)
        alarms = next(r.false_alarms for r in reversed(layers) if r.false_alarms is not None)
        return Limits(threshold, direction, all(r.enabled for r in layers), alarms)

    def false_alarms(self, detector: Detector, segment_ids: Sequence[str], attribute: str | None = None) -> Floats:
        """Return the false alarms that each segment's series may raise in a year, as the engine takes them."""
        own = {s for s, d in self.segments if d == detector.name}
        usual = self.rule(detector, "").false_alarms
        rates = [self.rule(detector, s, attribute).false_alarms if s in own else usual for s in segment_ids]
        return np.array(rates, float)

    def vectors(
        self, detector: Detector, segment_ids: Sequence[str], attribute: str | None = None
    ) -> tuple[Floats, npt.NDArray[np.int8], Bools]:
        """Return thresholds, directions (-1 down, 0 both, 1 up) and switches, one per segment."""
        sign = {"down": -1, "both": 0, "up": 1}
        own = {s for s, d in self.segments if d == detector.name}
        own |= {s for s, d, a in self.attributes if d == detector.name and a == attribute}
        usual = self.rule(detector, "")
        rules = [self.rule(detector, s, attribute) if s in own else usual for s in segment_ids]
        return (
            np.array([r.threshold for r in rules], float),
            np.array([sign[r.direction or "both"] for r in rules], np.int8),
            np.array([r.enabled for r in rules], bool),
        )


@dataclass(frozen=True)
class Finding:
    """One detector's statement about one date: a material and real change, with the numbers behind it.

    `effect` is relative (-0.42 is 42 % down) for counts and rates, and a distance from 0 to 1 for distributions.
    `lower` and `upper` bound what the baseline expects on 19 of 20 ordinary days. `segment_id` is '' for an entity's own finding;
    `symptoms` are then the segments that it is about, none where it is about all of them.
    """

    segment_id: str
    detector: str
    metric: str
    attribute: str | None
    bucket: str | None
    snapshot_date: date
    started_on: date
    direction: Literal["up", "down"]
    severity: Severity
    observed: float
    expected: float
    lower: float
    upper: float
    effect: float
    p_value: float
    threshold: float
    reason: str
    entity: str = ""
    q_value: float | None = None
    parts: str = ""  # what its severity is made of, as JSON; '' while only the detector has graded it
    symptoms: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Return what stays the same while one fault lasts: entity, segment, detector, metric, attribute."""
        return (self.entity, self.segment_id, self.detector, self.metric, self.attribute or "")


@dataclass(frozen=True)
class Verdict:
    """What became of one test on one date, with a sentence that says why.

    `abnormal_since` is set while the series has not come back, also on days that are quiet for lack of size or evidence.
    `rebased` says that a persisting level has become the baseline. `needs` is the number of days still missing
    (needs_history) or the size from which the test could tell (too_small).
    """

    segment_id: str
    detector: str
    metric: str
    attribute: str | None
    snapshot_date: date
    kind: Outcome
    reason: str
    finding: Finding | None = None
    abnormal_since: date | None = None
    rebased: bool = False
    needs: float | None = None
    entity: str = ""

    @property
    def key(self) -> Key:
        """Return the key that a Finding of the same test has."""
        return (self.entity, self.segment_id, self.detector, self.metric, self.attribute or "")


@dataclass(frozen=True)
class Assessment:
    """The columnar result of one detector on one metric: S tests x D dates.

    `eligible` marks tests whose series is out of its expected state in a watched direction; `candidates` are those that
    are also material; false discovery control then decides on `p_value`. `fresh` marks days on which the series was not yet known
    to be out of its state: only these count as tests of the date. `started` holds days, NaT when there is none.
    `sentence(s, d)` gives the reason, `grade(effect, threshold)` the severity of a finding.
    """

    detector: str
    metric: str
    attribute: str | None
    segment_ids: tuple[str, ...]
    entities: tuple[str, ...]
    dates: Days
    kind: npt.NDArray[np.int8]
    eligible: Bools
    fresh: Bools
    p_value: Floats
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    effect: Floats
    started: Days
    abnormal: Bools
    rebased: Bools
    needs: Floats
    threshold: Floats
    sentence: Callable[[int, int], str]
    grade: Callable[[float, float], Severity]
    bucket: Callable[[int, int], str | None] = lambda s, d: None
    attributes: tuple[str | None, ...] | None = None  # per test, where they differ
    symptoms: Callable[[int, int], tuple[str, ...]] = lambda s, d: ()  # what an entity's finding does to which segments
    people: Floats | None = (
        None  # more or fewer than expected over the episode, where a finding is about what people do
    )

    def severity(self, s: int, d: int) -> Severity:
        """Return how severe a finding is: by its effect, and at most what the people behind it allow."""
        severity = self.grade(float(self.effect[s, d]), float(self.threshold[s]))
        return severity if self.people is None else at_most(severity, float(self.people[s, d]))

    def since(self, day: int) -> Assessment:
        """Return the assessment without its first `day` days."""
        if day == 0:
            return self
        sentence, bucket, symptoms = self.sentence, self.bucket, self.symptoms
        cut = {
            f.name: getattr(self, f.name)[:, day:]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray) and getattr(self, f.name).ndim == 2
        }
        return replace(
            self, **cut, dates=self.dates[day:], sentence=lambda s, d: sentence(s, d + day),
            bucket=lambda s, d: bucket(s, d + day), symptoms=lambda s, d: symptoms(s, d + day),
        )  # fmt: skip

    def candidates(self, d: int) -> Bools:
        """Return (S,) for one day: eligible and at or above the threshold."""
        with np.errstate(invalid="ignore"):
            material: Bools = np.abs(self.effect[:, d]) >= self.threshold
        return self.eligible[:, d] & material

    def family(self, d: int) -> Floats:
        """Return the p-values of the tests of one day, as false discovery control takes them: 1 for what could be no finding.

        A change that is too small to matter is no discovery, however sure it is: it must not make others pass.
        """
        told: Floats = np.where(self.candidates(d), self.p_value[:, d], 1.0)[self.fresh[:, d]]
        return told

    def attribute_of(self, s: int) -> str | None:
        """Return the attribute or column that test `s` is about."""
        return self.attribute if self.attributes is None else self.attributes[s]


class Detector(Protocol):
    """One rule about what counts as a fault; the whole surface that a new detector has to fill.

    A detector that derives from `Usual` states only its name, threshold, direction and rank, and `assess`.
    """

    @property
    def name(self) -> str:
        """Name the detector as definitions and tables do."""
        ...

    @property
    def default_threshold(self) -> float:
        """Return the smallest effect that is material by default."""
        ...

    @property
    def default_direction(self) -> Direction:
        """Return the direction that is watched by default."""
        ...

    @property
    def rank(self) -> int:
        """Return the place among findings of one cause: the lowest is what the incident is about."""
        ...

    @property
    def is_graded(self) -> bool:
        """Say whether the effect is a share, so that other thresholds are worth a look; a fact has none."""
        ...

    @property
    def is_daily(self) -> bool:
        """Say whether it judges panels of one date (distributions) rather than series."""
        ...

    @property
    def per_attribute(self) -> bool:
        """Say whether definitions may give it a threshold per attribute."""
        ...

    @property
    def needs_history(self) -> bool:
        """Say whether it keeps quiet until there are Settings.min_history days."""
        ...

    @property
    def tells_sight(self) -> bool:
        """Say whether it tells why there is no snapshot: of such a day too it knows whether its fault is over."""
        ...

    @property
    def accepts_by_date(self) -> bool:
        """Say whether a level that lasts becomes the new normal after a number of days; the series engine says so itself."""
        ...

    def assess(self, panels: Panels, settings: Settings, first: np.datetime64, last: np.datetime64) -> list[Assessment]:
        """Judge every test of every day from `first` to `last`; day d uses nothing later than d."""
        ...

    def severity(self, effect: float, threshold: float) -> Severity:
        """Grade a finding."""
        ...

    def headline(self, finding: Finding) -> str:
        """Return the finding in a few words, for the title of an incident."""
        ...


@dataclass(frozen=True)
class Usual:
    """What most detectors have in common: graded effects, on series, told as a metric that fell or rose."""

    rank: int = 99
    is_graded: bool = True
    is_daily: bool = False
    per_attribute: bool = False
    accepts_by_date: bool = False
    needs_history: bool = True
    tells_sight: bool = False

    def severity(self, effect: float, threshold: float) -> Severity:
        """Grade a finding by how many times its threshold the effect is: low, medium from 1.5, high from 2.5, critical from 5.

        A size or rate that all but vanishes (90 % down) is critical.
        """
        if effect <= -0.9:
            return "critical"
        times = abs(effect) / max(threshold, 1e-9)
        return SEVERITIES[int(np.searchsorted([1.5, 2.5, 5.0], times, side="right"))]

    def headline(self, finding: Finding) -> str:
        """Return the metric with how far it fell or rose."""
        way = "fell" if finding.direction == "down" else "rose"
        return f"{metrics.words(finding.metric)} {way} {percent(abs(finding.effect), 0)}"
