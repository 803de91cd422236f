"""Counts of keys that the runner asks the warehouse for itself: a preview, the review of an edit, sizes over many days.

A Tally collects what is to be counted, from any number of rules over the same rows, and writes one statement that
reads the relation once. It counts as a snapshot does: of a key that stands twice the same row, conditions that are
never null, events up to the day.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pulse_runner.compile.days import SqlDay
from pulse_runner.compile.events import aggregate_column, sign
from pulse_runner.compile.sql import leaf_sql, literal, readable, readable_events, resolve_segments, rule_sql
from pulse_runner.errors import UsageError
from pulse_runner.segments.columns import rule_columns, source_column
from pulse_runner.segments.model import Entity, EventLeaf, EventSource, Rule, SqlLeaf, leaves

WIDEST = 800  # counts of one statement: Postgres takes 1,664 columns
TODAY = SqlDay("pulse_day")
RelationOf = Callable[[EventSource], str]


@dataclass(frozen=True)
class Statement:
    """One SELECT with a row per day: `pulse_day`, `everybody` (all keys), and a column for each name that was counted."""

    sql: str
    names: Mapping[str, Hashable]


class Tally:
    """What is to be counted over the rows of an entity from `first` to `last`.

    `relation` says how SQL names the entity's relation, `events` that of its events. `order` are the columns that
    choose the row of a duplicate key.
    """

    def __init__(
        self,
        entity: Entity,
        relation: str,
        dialect: str,
        first: date,
        last: date,
        order: Sequence[str],
        events: RelationOf,
    ) -> None:
        self._entity, self._relation, self._dialect = entity, relation, dialect
        self._first, self._last, self._order = first, last, tuple(order)
        self._event_relation = events
        self._columns = dict.fromkeys([entity.key, *order])
        self._clocks: dict[str, str] = {}
        self._flags: dict[str, str] = {}
        self._happened: dict[str, list[str]] = {}
        self._counts: dict[Hashable, tuple[str, ...]] = {}

    def flag(self, rule: Rule, entity: Entity, rules: Mapping[str, Rule]) -> str:
        """Return the name of the truth of a rule, the same for all that mean the same; `entity` says what its fields are."""
        whole = resolve_segments(rule, rules)
        for leaf in leaves(whole):
            if isinstance(leaf, SqlLeaf):
                self._read_clocks(leaf.fields, entity)
        columns = [c for c in rule_columns(whole, entity) if "." not in c]
        return self.expression(
            rule_sql(whole, entity, self._dialect, TODAY, {}, lambda leaf: self._event(leaf, entity)), columns, entity
        )

    def expression(self, sql: str, fields: Sequence[str], entity: Entity) -> str:
        """Return the name of the truth of a boolean that is never null, over fields of the entity."""
        self._read_clocks(fields, entity)
        self._columns |= dict.fromkeys(source_column(entity, f) for f in fields)
        # a base that differs in a column's real name is another relation: both cannot be read as one
        columns = {**entity.columns, **self._entity.columns}
        self._entity = replace(self._entity, fields={**entity.fields, **self._entity.fields}, columns=columns)
        return self._flags.setdefault(sql, f"f{len(self._flags)}")

    def count(self, name: Hashable, *conditions: str) -> None:
        """Count the keys for which all conditions hold, under a name: flags, or `not` and a flag."""
        self._counts[name] = conditions

    def statements(self) -> Iterator[Statement]:
        """Yield the statement; more than one where there is more to count than columns in one."""
        every = list(self._counts.items())
        for start in range(0, max(len(every), 1), WIDEST):
            yield self._statement(every[start : start + WIDEST])

    def judged(self) -> str:
        """Return SQL with one row per key and day: `entity_key`, `pulse_day` and all flags."""
        return f"{self._steps(list(self._flags.values()))} select * from judged"

    def rows_sql(self) -> str:
        """Return SQL for how many rows there are with a key, more than one for some keys perhaps: `all_rows`."""
        return f"with {self._dated()} select count(*) as all_rows from dated"

    def _statement(self, counts: Sequence[tuple[Hashable, tuple[str, ...]]]) -> Statement:
        used = dict.fromkeys(c.removeprefix("not ") for _, conditions in counts for c in conditions)
        columns, names = ["pulse_day", "count(*) as everybody"], {}
        for n, (name, conditions) in enumerate(counts):
            columns.append(f"count(case when {' and '.join(conditions) or 'true'} then 1 end) as c{n}")
            names[f"c{n}"] = name
        sql = f"{self._steps(list(used))} select {', '.join(columns)} from judged group by pulse_day order by pulse_day"
        return Statement(sql, names)

    def _steps(self, flags: Sequence[str]) -> str:
        key = self._entity.key
        order = ", ".join([*self._order, key])
        clocks = [f"{self._days_since(column)} as {clock}" for clock, column in self._clocks.items()]
        sql = {name: expression for expression, name in self._flags.items()}
        happened = list(self._happened.values())
        joins = [f" left join happened_{n} on h{n}_key = {key} and h{n}_day = pulse_day" for n in range(len(happened))]
        steps = [
            self._dated(),
            f"placed as (select dated.*, row_number() over (partition by pulse_day, {key} order by {order}) as pulse_copy from dated)",
            f"entity_rows as (select {', '.join([*self._columns, 'pulse_day', *clocks])} from placed where pulse_copy = 1)",
            *(self._happened_sql(n, shape, columns) for n, (shape, columns) in enumerate(self._happened.items())),
            f"judged as (select {', '.join([f'{key} as entity_key', 'pulse_day', *(f'{sql[f]} as {f}' for f in flags)])}"
            f" from entity_rows{''.join(joins)})",
        ]
        return "with " + ", ".join(steps)

    def _dated(self) -> str:
        """Return the rows with a key of each day."""
        h, relation = self._entity.history, readable(self._relation, self._entity, self._dialect)
        first, last = (f"cast('{day}' as date)" for day in (self._first, self._last))
        given = ", ".join(f"given.{c}" for c in self._columns)
        where = f"given.{self._entity.key} is not null"
        if h.kind == "as_of":
            day = f"cast(given.{h.as_of} as date)"
            # as a snapshot does, which asks for the day itself: a time after midnight is on no day
            where += f" and given.{h.as_of} >= {first} and given.{h.as_of} <= {last} and given.{h.as_of} = {day}"
            return f"dated as (select {given}, {day} as pulse_day from {relation} as given where {where})"
        count = (self._last - self._first).days + 1
        days = " union all ".join(
            f"select cast('{self._first + timedelta(days=n)}' as date) as pulse_day" for n in range(count)
        )
        if h.kind == "validity":
            begins, ends = f"cast(given.{h.valid_from} as date)", f"given.{h.valid_to}"
            where += f" and {begins} <= pulse_day and ({ends} is null or cast({ends} as date) > pulse_day)"
        return f"days as ({days}), dated as (select {given}, pulse_day from {relation} as given cross join days where {where})"

    def _read_clocks(self, fields: Sequence[str], entity: Entity) -> None:
        """Note the clocks that SQL reads by name; they are columns then."""
        for name in fields:
            declared = entity.fields.get(name)
            column = declared.days_since if declared else None
            if column and self._clocks.setdefault(name, column) != column:
                raise UsageError(
                    f"SQL reads {name}, which counts from {self._clocks[name]} in one definition and from {column} in the other.",
                    "Give the new clock a name of its own.",
                )

    def _days_since(self, column: str) -> str:
        if self._dialect == "bigquery":
            return f"date_diff(pulse_day, cast({column} as date), day)"
        if self._dialect in ("databricks", "spark"):
            return f"datediff(pulse_day, cast({column} as date))"
        return f"(pulse_day - cast({column} as date))"

    def _event(self, leaf: EventLeaf, entity: Entity) -> str:
        """Return a condition on events over the columns of their aggregation; a key without events has performed zero times."""
        source = entity.events[leaf.event]
        over = Entity(source.name, source.relation, source.key, entity.history, source.fields)
        at = f"cast({source.at} as date)"
        relation = readable_events(self._event_relation(source), source, self._dialect)
        where = [f"{source.key} is not null", f"{at} <= pulse_day"]
        if leaf.in_last is not None:
            where.append(f"{at} >= {TODAY.minus(leaf.in_last)}")
        where += [leaf_sql(w, over.fields, TODAY, self._dialect) for w in leaf.where]
        shape = f"from {relation} as event cross join (select distinct pulse_day from entity_rows) as seen where {' and '.join(where)}"
        columns = self._happened.setdefault(f"{source.key}|{shape}", ["count(*) as h{n}_count"])
        n = list(self._happened).index(f"{source.key}|{shape}")
        measure, test = f"coalesce(h{n}_count, 0)", "> 0"
        if leaf.aggregate is not None:
            a = leaf.aggregate
            column = f"{a.function}({a.field}) as h{{n}}_{aggregate_column(a)}"
            if column not in columns:
                columns.append(column)
            measure = f"h{n}_{aggregate_column(a)}"
            measure = f"coalesce({measure}, 0)" if a.function == "sum" else measure
            test = f"{sign(a.comparison.operator)} {literal(a.comparison.value)}"
        elif leaf.count is not None:
            test = f"{sign(leaf.count.operator)} {literal(leaf.count.value)}"
        found = f"coalesce({measure} {test}, false)"
        return f"not {found}" if leaf.operator == "not_performed" else found

    def _happened_sql(self, n: int, shape: str, columns: Sequence[str]) -> str:
        key, _, rest = shape.partition("|")
        listed = ", ".join([f"{key} as h{n}_key", f"pulse_day as h{n}_day", *(c.format(n=n) for c in columns)])
        return f"happened_{n} as (select {listed} {rest} group by {key}, pulse_day)"
