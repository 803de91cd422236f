"""What the owner of the data needs: where to look, the commit, the query that shows it, the repair, the dates to rebuild. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from pulse_runner.explain.causes import is_data_fault
from pulse_runner.explain.explanation import Evidence, Hypothesis
from pulse_runner.explain.store import StoredExplanation
from pulse_runner.incidents.incident import Incident

QUERY = re.compile(r"`(select\b[^`]*)`", re.IGNORECASE)
REBUILD = "`pulse snapshot"
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


@dataclass(frozen=True)
class Repair:
    """A fault of the data as its owner reads it; what is not known is ''. `query` and `rebuild` run as pasted."""

    place: str = ""
    commit: str = ""
    query: str = ""
    steps: tuple[str, ...] = ()
    rebuild: str = ""
    owner: str = ""

    def lines(self) -> Iterator[str]:
        """Yield what is known, each with its word in front."""
        yield from (f"Where: {t}" for t in (self.place,) if t)
        yield from (f"Commit: {t}" for t in (self.commit,) if t)
        yield from (f"Owner: {t}" for t in (self.owner,) if t)
        yield from (f"See it: `{t}`" for t in (self.query,) if t)
        yield from (f"Repair: {t}" for t in self.steps)
        yield from (f"Then rebuild: `{t}`" for t in (self.rebuild,) if t)


@dataclass(frozen=True)
class Plan:
    """What to do about an incident: `first` by whoever reads it, `then` by the owner of the audience, `repair` by the owner of the data."""

    first: str = ""
    then: tuple[str, ...] = ()
    repair: Repair | None = None
    otherwise: tuple[str, ...] = ()


def plan_of(incident: Incident, stored: StoredExplanation, day: date) -> Plan:
    """Return the steps of the first hypothesis, parted by who takes them, and what to look at if it is another one."""
    told = stored.explanation
    leading = told.hypotheses[0] if told.hypotheses else None
    later = [a for h in told.hypotheses[1:] for a in h.actions]
    steps = [s for s in told.recommendations if s not in later or (leading and s in leading.actions)]
    first = first_step(steps)
    shown = next((s for s in steps if QUERY.search(s)), "")
    otherwise = tuple(f"{h.title} ({h.confidence} confidence)" for h in told.hypotheses[1:3])
    if leading is None or not is_data_fault(leading.cause):
        return Plan(first, tuple(s for s in steps if s != first), None, otherwise)
    place, commit = _place(leading, stored.evidence)
    if place:  # a file is for the owner of the data to open; whoever owns the audience asks
        first = f"Ask {leading.owner_hint or 'whoever owns the data'} about {place}; what to repair stands below."
    repair = Repair(
        place,
        commit,
        query="".join(QUERY.findall(shown)[:1]),
        steps=tuple(s for s in steps if s not in (first, shown) and REBUILD not in s),
        rebuild=_rebuild(incident, steps, day),
        owner=leading.owner_hint,
    )
    return Plan(first, (), repair, otherwise)


def first_step(steps: Sequence[str]) -> str:
    """Return the first step that needs no SQL, '' when all do."""
    return next((s for s in steps if not QUERY.search(s)), "")


def _place(leading: Hypothesis, evidence: Sequence[Evidence]) -> tuple[str, str]:
    """Return the column and the file that the first hypothesis cites, and the commit that edited it."""
    cited = [e for e in evidence if e.id in leading.evidence and e.kind in ("lineage", "model_changed")]
    if not cited:
        return "", ""
    fact = next((e for e in cited if e.kind == "model_changed"), cited[0]).values
    place = f"column {fact['column_name']} of {fact.get('path') or fact['node']}"
    if not fact.get("commit_id"):
        return place, ""
    return place, f"{fact['commit_id']} of {fact['authored_on']}: “{fact['subject']}”"


def _rebuild(incident: Incident, steps: Sequence[str], day: date) -> str:
    """Return the command that makes the dates again, up to the day of the message: a fault lasts until it is repaired."""
    asked = [s for s in steps if REBUILD in s]
    if not asked:
        return ""
    days = [date.fromisoformat(d) for s in asked for d in DATE.findall(s)]
    first, last = min([incident.started_on, *days]), incident.resolved_on or day
    return f"pulse snapshot --date {first}" if first >= last else f"pulse snapshot --from {first} --to {last}"
