"""The files of a proposal: an entity, and one segment over it, as a person would write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pulse_runner.adopt.propose import Proposal
from pulse_runner.segments.names import safe_name

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def definition_files(p: Proposal) -> dict[str, str]:
    """Return the text of the entity's file and of its first segment's, by path."""
    return {f"segments/entities/{p.entity}.yml": entity_text(p), f"segments/{p.segment}.yml": segment_text(p)}


def entity_text(p: Proposal) -> str:
    """Return the file of the entity; what was not found stands there as a comment, with an example."""
    names = ("as_of",) if len(p.history) == 1 else ("valid_from", "valid_to")
    history = ", ".join(f"{n}: {scalar(c)}" for n, c in zip(names, p.history, strict=False))
    lines = [
        "# yaml-language-server: $schema=../schema/entity.json",
        f"entity: {p.entity}",
        f"relation: {p.call}",
        f"key: {scalar(p.key)}",
        f"history: {{{history}}}"
        if p.history
        else "# history: {as_of: snapshot_date}   # for one row per key and date; left out: today only",
        "fields: # what rules and attributes may use, each column as the table calls it; take out what they should not",
        *(f"  {scalar(name)}: {kind}" for name, kind in p.fields.items()),
        f"attributes: [{', '.join(map(_attribute, p.attributes.items()))}] # distributions that are watched",
        f"conversion: {{event_at: {scalar(p.conversion)}}} # members of the day before who convert"
        if p.conversion
        else "# conversion: {event_at: last_order_at}",
        f"activity: {{last_seen_at: {scalar(p.activity[0])}, inactive_after_days: {p.activity[1]}}}"
        if p.activity
        else "# activity: {last_seen_at: last_active_at, inactive_after_days: 30}",
        *_reach(p.reach),
    ]
    return "\n".join(lines) + "\n"


def segment_text(p: Proposal) -> str:
    """Return the file of the first segment."""
    field, operator, value = p.rule
    operand = {"in_last": f", days: {value}", "is_not_null": ""}.get(operator, f", value: {_value(value)}")
    label = p.label if re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ]*", p.label) else scalar(p.label)
    return (
        "# yaml-language-server: $schema=schema/segment.json\n"
        "# Drawn from the columns as they are today. Change it, or write your own beside it.\n"
        f"segment: {p.segment}\nlabel: {label}\nentity: {p.entity}\n"
        f"owner: {scalar(p.owner)} # who is told\n"
        f"rules:\n  - {{field: {scalar(field)}, operator: {scalar(operator)}{operand}}}\n"
    )


def sources_text(source: str, table: str) -> str:
    """Return the declaration of a source that the project does not declare itself."""
    return f"sources:\n  - name: {scalar(source)}\n    schema: {scalar(source)}\n    tables:\n      - name: {scalar(table)}\n"


def scalar(text: str) -> str:
    """Return text as a YAML scalar, quoted where it would be read as something else.

    >>> print(scalar("ltv"), scalar("Order Total"), scalar("no"))
    ltv "Order Total" "no"
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _attribute(given: tuple[str, str]) -> str:
    name, values = given
    return f"{{field: {scalar(name)}, values: {values}}}" if values else scalar(name)


def _value(value: object) -> str:
    return scalar(value) if isinstance(value, str) else str(value)


def _reach(reach: Mapping[str, str]) -> list[str]:
    if not reach:
        return ['# reach: {email: "email_opt_in"}']
    # SQL: a column that is not plain stands there in quotes
    sql = {channel: c if safe_name(c) == c else f'"{c}"' for channel, c in reach.items()}
    return ["reach:", *(f"  {channel}: {c if _PLAIN.fullmatch(c) else json.dumps(c)}" for channel, c in sql.items())]
