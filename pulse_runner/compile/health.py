"""The health of an entity's relation on one date: rows, keys, and every used column, in one pass."""

from __future__ import annotations

from pulse_runner.compile.days import LoopDay
from pulse_runner.compile.plan import EntityPlan
from pulse_runner.compile.rows import as_of_condition
from pulse_runner.compile.sql import SQL_TYPES, literal

DAY = LoopDay("pulse_day")


def health_sql(plan: EntityPlan) -> str:
    """Return the body of `<entity>_health.sql`: one row per column and one for the rows as a whole."""
    entity = plan.entity
    stats = ["count(*) as row_count", f"count({entity.key}) as keyed", f"count(distinct {entity.key}) as keys"]
    updated = f"cast(max({entity.updated_at}) as varchar)" if entity.updated_at else "cast(null as varchar)"
    stats.append(f"{updated} as freshest_at")
    for c in plan.columns:
        kind = entity.fields[c].type
        stats += [f"count({c}) as {c}__filled", f"count(distinct {c}) as {c}__distinct"]
        if kind in ("number", "date", "timestamp"):
            stats += [f"cast(min({c}) as varchar) as {c}__min", f"cast(max({c}) as varchar) as {c}__max"]
        if kind == "number":
            stats.append(f"avg(cast({c} as double precision)) as {c}__mean")
    columns = ", ".join(
        [
            entity.key,
            *(
                f"{{{{ pulse_column('{c}', '{SQL_TYPES[entity.fields[c].type]}', broken) }}}}"
                for c in plan.columns
                if c != entity.key
            ),
        ]
    )
    parts = [
        "select '(rows)' as column_name, '' as data_type, row_count as rows, cast(null as bigint) as nulls, keys as distinct_count,"
        " cast(null as varchar) as min_value, cast(null as varchar) as max_value, cast(null as double precision) as mean_value,"
        " keyed - keys as duplicate_keys, row_count - keyed as null_keys, freshest_at, 'ok' as status, '' as status_reason from stats"
    ]
    for c in plan.columns:
        kind = entity.fields[c].type
        low = f"{c}__min, {c}__max" if kind in ("number", "date", "timestamp") else "null, null"
        mean = f"{c}__mean" if kind == "number" else "null"
        parts.append(
            f"select {literal(c)}, {{{{ pulse_type_now('{c}', '{kind}', types) }}}}, row_count, row_count - {c}__filled, {c}__distinct,"
            f" {low}, {mean}, null, null, null, {{{{ pulse_column_status('{c}', broken) }}}}, {{{{ pulse_broken_reason(broken, ['{c}']) }}}} from stats"
        )
    union = "\n    union all\n    ".join(parts)
    return (
        f"with\n\nday_rows as (\n\n    select {columns}\n    from {{{{ relation }}}}\n    where {as_of_condition(entity, DAY)}\n\n),\n\n"
        "stats as (\n\n    select\n        " + ",\n        ".join(stats) + "\n    from day_rows\n\n),\n\nhealth as (\n\n    " + union
        + f"\n\n)\n\nselect\n    {DAY.minus(0)} as snapshot_date,\n    {literal(entity.name)} as entity,\n    column_name,\n    cast(data_type as varchar)"
        " as data_type,\n    rows,\n    nulls,\n    distinct_count,\n    min_value,\n    max_value,\n    mean_value,\n    duplicate_keys,\n"
        "    null_keys,\n    freshest_at,\n    cast(status as varchar) as status,\n    cast(status_reason as varchar) as status_reason\nfrom health\n"
    )  # fmt: skip
