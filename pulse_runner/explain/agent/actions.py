"""What a model may propose to do: one of five kinds of steps, whose arguments are looked up and never taken over as text.

The sentence that people read is Pulse's own. So no address, host or command of a model can stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pulse_runner.explain import advice
from pulse_runner.explain.case import Case
from pulse_runner.explain.explanation import Evidence

ActionKind = Literal["open_model", "run_query", "rebuild_dates", "hold_campaign", "ask_owner"]


@dataclass(frozen=True)
class Action:
    """A step as a model proposes it, unchecked.

    open_model      `target` is a model or source that the evidence names, `column` one of its columns or ''.
    run_query       `target` is the id of a piece of evidence, whose SQL is run again.
    rebuild_dates   from `first` to `last`, within the days of the incident.
    hold_campaign   `target` is the segment of the incident, or one that the evidence names.
    ask_owner       `target` is `segment` or `upstream`; `column` is what to ask about, or ''.
    `check` is the evidence whose query shows that the step worked, or ''.
    """

    kind: ActionKind
    target: str = ""
    column: str = ""
    first: str = ""
    last: str = ""
    check: str = ""


class NotAllowed(ValueError):  # noqa: N818  it reads as a reason
    """An argument that is not in the evidence."""


def sentence_of(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    """Return the step as people read it, with who does it and what shows that it worked; raise NotAllowed with the reason."""
    text = _STEPS[action.kind](action, case, known)
    if not action.check:
        return text
    fact = known.get(action.check)
    if fact is None:
        raise NotAllowed(f"is checked by {action.check}, which is not in the evidence")
    return f"{text} It worked when the query of {fact.id} gives what it gave before {case.first}."


def _open_model(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    fact = next(
        (e for e in known.values() if action.target and action.target in (e.values.get("node"), e.values.get("path"))),
        None,
    )
    if fact is None:
        raise NotAllowed(f"opens {action.target or 'nothing'}, which is no model or source of the evidence")
    what = f" in {_column(action, case, known)}" if action.column else ""
    owner = advice.upstream_owner(case, [fact])
    named = fact.values.get("path") or fact.values.get("node")
    return f"Open {named} and look at what changed{what} on or before {case.first}{_by(owner)}."


def _run_query(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    fact = known.get(action.target)
    if fact is None or not fact.sql:
        raise NotAllowed(f"runs the query of {action.target or 'nothing'}, which is no evidence with a query")
    return f"Run the query of {fact.id} again: `pulse explain {case.incident_id} --evidence` prints it."


def _rebuild_dates(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    try:
        first, last = date.fromisoformat(action.first), date.fromisoformat(action.last)
    except ValueError:
        raise NotAllowed("rebuilds dates that are none") from None
    if not case.first <= first <= last <= case.last:
        raise NotAllowed(f"rebuilds {first} to {last}, which are not within {case.first} to {case.last}")
    return advice.rebuild(case)


def _hold_campaign(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    named = {
        str(v) for e in known.values() for n, v in e.values.items() if n in ("segment_id", "to_segment", "from_segment")
    }
    if not action.target or action.target not in ({case.segment_id} | named) - {"", "(none)", "(any)"}:
        raise NotAllowed(f"holds campaigns of {action.target or 'nothing'}, which is no segment of the evidence")
    return f"Hold campaigns to {action.target} until the cause is settled{_by(case.owner)}."


def _ask_owner(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    about = _column(action, case, known) if action.column else case.subject
    if action.target == "segment":
        return f"Ask {case.owner or 'the owner of the segment'} whether {about} was meant to change on {case.first}."
    if action.target == "upstream":
        owner = advice.upstream_owner(case, [e for e in known.values() if e.kind == "lineage"])
        return f"Ask {owner or f'who owns {advice.relation(case)}'} what changed in {about} on or before {case.first}."
    raise NotAllowed(f"asks {action.target or 'nobody'}; the owner of the segment or of what is upstream can be asked")


def _column(action: Action, case: Case, known: Mapping[str, Evidence]) -> str:
    fields = set(case.definition.fields) if case.definition else set()
    columns = {str(e.values["column_name"]) for e in known.values() if "column_name" in e.values}
    if action.column not in fields | columns | set(case.columns):
        raise NotAllowed(f"speaks of column {action.column}, which is not in the evidence")
    return action.column


def _by(owner: str) -> str:
    return f" ({owner})" if owner else ""


_STEPS = {
    "open_model": _open_model,
    "run_query": _run_query,
    "rebuild_dates": _rebuild_dates,
    "hold_campaign": _hold_campaign,
    "ask_owner": _ask_owner,
}
