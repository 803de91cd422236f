"""From a look at a table to an entity: what the columns say by themselves, and what a person has to say.

Pure: nothing here reads a table. What cannot be known is never guessed in silence; it is a `note` for the person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulse_runner.adopt.facts import Column, Table
from pulse_runner.errors import UsageError
from pulse_runner.segments.people import PEOPLE, looks_like_people, plain_name

MAX_ATTRIBUTES = 8
MAX_VALUES = 50
IDENTIFIER = re.compile(r"(^|_)(id|key|uuid|guid|code|number|nr|no)$", re.IGNORECASE)
AS_OF = re.compile(
    r"^(snapshot_date|as_of(_date)?|report_date|date_day|snapshot_day|calendar_date|day|ds|dt|date)$", re.IGNORECASE
)
PAIRS = (
    ("dbt_valid_from", "dbt_valid_to"),
    ("valid_from", "valid_to"),
    ("effective_from", "effective_to"),
    ("validfrom", "validto"),
    ("valid_from_date", "valid_to_date"),
    ("effective_start_date", "effective_end_date"),
)
DBT_COLUMNS = re.compile(r"^dbt_(scd_id|updated_at|valid_from|valid_to|is_deleted)$", re.IGNORECASE)
SEEN = re.compile(r"last_?(active|seen|login|visit|session|activity)|(active|seen|activity)_(at|on)$", re.IGNORECASE)
CONVERTED = re.compile(
    r"last_?(order|purchase|payment|conversion|booking)|(converted|purchased|ordered|paid)_(at|on)$", re.IGNORECASE
)
REACH = re.compile(
    r"^(?:has_|is_|can_)?(e?mail|push|sms|phone|newsletter|whatsapp|post)_?(?:opt_?in|consent|subscribed|enabled|allowed)?$",
    re.IGNORECASE,
)
WORTH = re.compile(
    r"ltv|lifetime|revenue|spend|amount|total|value|gmv|balance|score|points|orders|sessions|visits", re.IGNORECASE
)


@dataclass(frozen=True)
class Answers:
    """What the person said; None where nothing was said."""

    key: str | None = None
    history: str | None = None  # none, one column (a row per key and date), or two (valid from, valid to)
    attributes: Sequence[str] | None = None
    conversion: str | None = None
    activity: str | None = None  # a column, with `:days` where other than 30
    reach: Sequence[str] | None = None  # channel=column
    owner: str | None = None
    entity: str | None = None


@dataclass(frozen=True)
class Proposal:
    """An entity as it will be written, and the first segment over it."""

    entity: str
    call: str
    key: str
    history: tuple[str, ...]
    fields: Mapping[str, str]
    attributes: Mapping[str, str]  # column -> what becomes of its values: '' where nothing need be said
    conversion: str | None
    activity: tuple[str, int] | None
    reach: Mapping[str, str]
    segment: str
    label: str
    rule: tuple[str, str, object]
    owner: str
    notes: tuple[str, ...] = field(default_factory=tuple)


def key_candidates(table: Table) -> list[str]:
    """Return the columns that could be the key, the likeliest first: those whose values are all there and all different."""
    single = _singular(entity_name(table.name))
    usable = [c for c in table.columns if c.type in ("text", "number") and c.filled and not DBT_COLUMNS.match(c.name)]
    whole = [c for c in usable if c.filled == table.rows and c.distinct == table.rows]

    def rank(c: Column) -> tuple[bool, bool, bool, int]:
        name = c.name.lower().replace(" ", "_").replace("-", "_")
        return (
            name not in (f"{single}_id", f"{single}id", "id", single),
            not IDENTIFIER.search(name),
            bool(PEOPLE.search(name)),
            table.columns.index(c),
        )

    named = [c for c in usable if c not in whole and rank(c)[0] is False]
    return [
        c.name
        for c in [*sorted(whole, key=rank), *named]
        if IDENTIFIER.search(plain_name(c.name)) or c in named or rank(c)[0] is False
    ]


def named_key(table: str, columns: Sequence[str]) -> str | None:
    """Return the column that is the key of a table by its name alone; None where no name says so.

    >>> named_key("dim_customers", ["id", "customer_id", "ltv"]), named_key("orders", ["total"])
    ('customer_id', None)
    """
    single = _singular(entity_name(table))
    wanted = (f"{single}_id", f"{single}_key", "id", single, "key", "uuid")
    plain = {plain_name(c): c for c in reversed(columns)}
    return next((plain[n] for n in wanted if n in plain), None)


def history_columns(table: Table) -> tuple[str, ...] | None:
    """Return the columns that say how the table keeps its past, as their names tell; None where they do not."""
    lower = {c.name.lower(): c for c in table.columns}
    for first, last in PAIRS:
        if first in lower and last in lower and all(lower[n].type in ("date", "timestamp") for n in (first, last)):
            return lower[first].name, lower[last].name
    return None


def date_columns(table: Table) -> list[str]:
    """Return the columns that could be the date of a row, the likeliest first."""
    dates = [c.name for c in table.columns if c.type in ("date", "timestamp") and not DBT_COLUMNS.match(c.name)]
    return sorted(dates, key=lambda n: (not AS_OF.match(n), [c.name for c in table.columns].index(n)))


def answered_history(table: Table, text: str) -> tuple[str, ...]:
    """Return the columns of an answer about history: none, one column, or two; raise UsageError for another."""
    if text.strip().lower() == "none":
        return ()
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(names) <= 2:
        raise UsageError(
            f"--history {text} names {len(names)} columns.",
            "Write none, one date column, or two (valid from,valid to).",
        )
    found = [table.column(n) for n in names]
    for column in found:
        if column.type not in ("date", "timestamp"):
            raise UsageError(
                f"--history: {column.name} of {table.name} is {column.raw}, not a date.",
                f"Dates of it: {', '.join(date_columns(table)) or 'none'}.",
            )
    return tuple(c.name for c in found)


def propose(table: Table, key: str, history: tuple[str, ...], answers: Answers, notes: Sequence[str] = ()) -> Proposal:
    """Return the entity and its first segment; raise UsageError for an answer that the table does not bear out."""
    used = {key, *history}
    usable = [c for c in table.columns if c.type and c.name not in used and not DBT_COLUMNS.match(c.name)]
    left = [c.name for c in table.columns if c.type is None and c.name not in used]
    said = [*notes, *([f"Left out, because rules cannot use their types: {', '.join(left)}."] if left else [])]
    if not usable:
        raise UsageError(
            f"{table.name} has no column besides its key that a rule could use.", "Take another --relation."
        )
    entity = answers.entity or entity_name(table.name)
    activity = _activity(table, answers.activity, usable)
    segment, label, rule = _example(entity, usable, activity)
    attributes = _attributes(table, answers.attributes, usable)
    if concealed := [n for n, values in attributes.items() if values]:
        said.append(f"Values that look like people are hidden: {', '.join(concealed)}. `values: shown` shows them.")
    return Proposal(
        entity, table.call, key, history, {c.name: str(c.type) for c in usable}, attributes,
        _clock(table, answers.conversion, usable, CONVERTED, "--conversion"), activity, _reach(table, answers.reach, usable),
        segment, label, rule, answers.owner or "data-team", tuple(said),
    )  # fmt: skip


def entity_name(table: str) -> str:
    """Return the name of an entity after its table.

    >>> [entity_name(t) for t in ("dim_customers", "stg_shop__Accounts", "customers_snapshot", "42")]
    ['customers', 'accounts', 'customers', 'entity_42']
    """
    name = re.sub(r"\W+", "_", table.lower()).strip("_").split("__")[-1]
    name = re.sub(r"^(dim|fct|fact|stg|int|mart|raw|snap|snp)_", "", name)
    name = re.sub(r"_(snapshot|snapshots|daily|history|current|scd2?)$", "", name)[:40]
    return name if re.match(r"[a-z]", name) else f"entity_{name}"


def _attributes(table: Table, given: Sequence[str] | None, usable: Sequence[Column]) -> dict[str, str]:
    if given is not None:
        named = [table.column(n) for n in given]
        people = {c.name for c in named if c.type == "text" and looks_like_people(c.name, c.distinct, table.rows)}
        return {c.name: "hidden" if c.name in people else "" for c in named}
    fit = [c for c in usable if _is_attribute(c, table.rows)]
    return {c.name: "" for c in fit[:MAX_ATTRIBUTES]}


def _is_attribute(column: Column, rows: int) -> bool:
    """Say whether members can be counted by a column: few values, each of many rows, and nothing about a person."""
    return (
        column.type in ("text", "boolean")
        and 2 <= column.distinct <= MAX_VALUES
        and not looks_like_people(column.name, column.distinct, rows)
        and not _is_identifier(column)
    )


def _is_identifier(column: Column) -> bool:
    return bool(re.search(r"(^|_)(id|key|uuid|guid)$", plain_name(column.name), re.IGNORECASE))


def _clock(
    table: Table, given: str | None, usable: Sequence[Column], pattern: re.Pattern[str], flag: str
) -> str | None:
    if given is not None:
        column = table.column(given)
        if column.type not in ("date", "timestamp"):
            raise UsageError(
                f"{flag}: {column.name} of {table.name} is {column.raw}, not a date or a timestamp.",
                f"Such columns of it: {', '.join(date_columns(table)) or 'none'}.",
            )
        return column.name
    fit = [
        c.name for c in usable if c.type in ("date", "timestamp") and c.filled and pattern.search(plain_name(c.name))
    ]
    return fit[0] if fit else None


def _activity(table: Table, given: str | None, usable: Sequence[Column]) -> tuple[str, int] | None:
    name, _, days = (given or "").partition(":")
    if days and not (days.isdigit() and int(days)):
        raise UsageError(f"--activity {given} does not say how many days.", "Write COLUMN or COLUMN:DAYS.")
    column = _clock(table, name or None, usable, SEEN, "--activity")
    return (column, int(days or 30)) if column else None


def _reach(table: Table, given: Sequence[str] | None, usable: Sequence[Column]) -> dict[str, str]:
    if given is None:
        booleans = {c.name: REACH.match(plain_name(c.name)) for c in usable if c.type == "boolean"}
        return {plain_name(found[1]).lower(): name for name, found in booleans.items() if found}
    out = {}
    for pair in given:
        channel, _, name = pair.partition("=")
        column = table.column(name or channel)
        if column.type != "boolean":
            raise UsageError(
                f"--reach: {column.name} of {table.name} is {column.raw}, not true or false.",
                "Name a boolean column, or leave the channel out.",
            )
        out[re.sub(r"\W+", "_", channel.lower()).strip("_")] = column.name
    return out


def _example(
    entity: str, usable: Sequence[Column], activity: tuple[str, int] | None
) -> tuple[str, str, tuple[str, str, object]]:
    """Return the name, the label and the one condition of a segment that has members, drawn from the columns that are there."""
    numbers = [
        c for c in usable if c.type == "number" and c.mean is not None and c.distinct > 2 and not _is_identifier(c)
    ]
    numbers.sort(key=lambda c: (not WORTH.search(plain_name(c.name)), usable.index(c)))
    texts = [c for c in usable if c.most is not None and not PEOPLE.search(plain_name(c.name))]
    if numbers:
        c = numbers[0]
        return (
            _named(entity, "high", c),
            f"{entity.capitalize()} with high {c.name}",
            (c.name, ">", _round(c.mean or 0.0)),
        )
    if texts:
        c = texts[0]
        return _named(entity, "main", c), f"{entity.capitalize()} of the most common {c.name}", (c.name, "=", c.most)
    if activity:
        column = next(c for c in usable if c.name == activity[0])
        return _named(entity, "recent", column), f"{entity.capitalize()} seen lately", (column.name, "in_last", 30)
    c = usable[0]
    return _named(entity, "with", c), f"{entity.capitalize()} with {c.name}", (c.name, "is_not_null", None)


def _named(entity: str, word: str, column: Column) -> str:
    return f"{entity}_{word}_{plain_name(column.name).lower()}"[:50].rstrip("_")


def _round(value: float) -> float | int:
    """Round to two digits, as a person would set a threshold.

    >>> [_round(v) for v in (1234.5, 0.0372, 7.0)]
    [1200, 0.037, 7]
    """
    rounded = float(f"{value:.2g}")
    return int(rounded) if rounded == int(rounded) else rounded


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
