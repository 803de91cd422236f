"""What stands in the docs page about the generated models and their columns."""

from __future__ import annotations

from collections.abc import Iterable

from pulse_runner.compile.plan import EntityPlan

DEFINITION_COLUMNS = {
    "segment_id": "The segment.",
    "label": "Name for people.",
    "description": "What it is for.",
    "entity": "The entity.",
    "owner": "Who is told.",
    "enabled": "Whether it is snapshotted.",
    "rule_text": "The rule in words.",
    "definition_hash": "Hash of the rule; labels and owners do not change it.",
    "alerts": "Alert routes, as JSON.",
    "thresholds": "Exceptions to the default thresholds, as JSON.",
}
FACT_COLUMNS = {
    "snapshot_date": "The date; its state at the end of the day.",
    "previous_date": "The date compared with; null when there is none.",
    "entity": "The entity.",
    "segment_id": "The segment; '' for the fact `definitions`.",
    "fact": (
        "What is counted: members, previous_members, entered, exited, eligible, converted, inactive, reach, distribution, "
        "gained, lost, flow_to or flow_from; status and definitions count nothing."
    ),
    "item": "Which one: the channel, attribute, cause, other segment or status; '' where there is only one.",
    "bucket": "Bucket of an attribute, conditions that flipped, or reason of a status; '' otherwise.",
    "leaf_columns": "Columns that the flipped conditions read; '' otherwise.",
    "members": "Keys counted; null for status and definitions.",
}
HEALTH_COLUMNS = {
    "snapshot_date": "The date; its state at the end of the day.",
    "entity": "The entity.",
    "column_name": "The column; (rows) is the relation as a whole.",
    "data_type": "Its type now: number, text, boolean, date, timestamp or other; '' when it is missing.",
    "rows": "Rows as of the date.",
    "nulls": "Rows without a value.",
    "distinct_count": "Distinct values; of (rows), distinct keys.",
    "min_value": "Least value of a number or date.",
    "max_value": "Largest value of a number or date.",
    "mean_value": "Mean of a number.",
    "duplicate_keys": "Rows beyond the first of their key; only for (rows).",
    "null_keys": "Rows without a key; only for (rows).",
    "freshest_at": "Latest updated_at, where the entity has one; only for (rows).",
    "status": "ok, stale, broken or not_reconstructable.",
    "status_reason": "What is wrong; '' when ok.",
}


def described(columns: dict[str, str]) -> list[dict[str, str]]:
    """Return columns as dbt's YAML has them."""
    return [{"name": name, "description": text} for name, text in columns.items()]


def history_columns(plan: EntityPlan) -> dict[str, str]:
    """Describe the columns of `<entity>_history`."""
    entity = plan.entity
    used = {c: f"{c} of {entity.name}, as it was on the date." for c in plan.columns if c != entity.key}
    return {entity.key: f"Key of {entity.name}.", **used, "snapshot_date": "The date on which the row was kept."}


def facts_description(plan: EntityPlan) -> str:
    """Describe `<entity>_facts`, with the place of every condition in the bit words, as a Markdown list."""
    leaves = _bullets(f"word {b.word}, bit {b.mask.bit_length() - 1}: {code(b.text)}" for b in plan.bits)
    return (
        f"One row per snapshot date, {plan.entity.name} segment, fact, item and bucket: what the public tables are made from.\n\n"
        f"Conditions of the rules, each a bit of a word:\n\n{leaves}"
    )


def code(text: str) -> str:
    """Return text as Markdown code, so that no character of a rule formats the page.

    >>> code("a * b")
    '`a * b`'
    >>> code("a ` b")
    '`` a ` b ``'
    """
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- none"
