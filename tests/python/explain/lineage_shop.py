"""A dbt project of hard SQL, as a manifest and a catalog: what column lineage is tested on, ours and dbt-colibri's."""

from __future__ import annotations

from typing import Any

ADAPTER = "postgres"
SOURCES = {
    "orders": ["id", "customer_id", "amount_cents", "status", "Currency", "ordered_at", "_loaded_at"],
    "customers": ["id", "email", "country", "created_at"],
    "visits": ["customer_id", "visited_at", "device"],
    "rates": ["currency", "rate", "day"],
}
MODELS = {
    "stg_orders": """
        with source as (select * from {source:orders}),
        renamed as (
            select id as order_id, customer_id, amount_cents / 100.0 as amount, "Currency" as currency,
                cast(ordered_at as date) as ordered_on, lower(status) as status
            from source
        )
        select * from renamed where status <> 'test'
    """,
    "stg_customers": """
        select c.id as customer_id, upper(c.country) as country, c.created_at::date as joined_on, c.email is not null as has_email
        from {source:customers} as c
    """,
    "stg_rates": "select currency, rate, day from {source:rates}",
    "stg_visits": """
        select customer_id, max(visited_at) as last_visit, count(*) as visits
        from {source:visits} group by 1
    """,
    "int_orders": """
        with orders as (select * from {ref:stg_orders}), rates as (select * from {ref:stg_rates})
        select orders.*, orders.amount * coalesce(rates.rate, 1) as amount_eur,
            row_number() over (partition by orders.customer_id order by ordered_on) as nth
        from orders left join rates on rates.currency = orders.currency and rates.day = orders.ordered_on
    """,
    "int_refunds": """
        select order_id, customer_id, -amount_eur as amount_eur, ordered_on from {ref:int_orders} where status = 'refunded'
    """,
    "int_movements": """
        select order_id, customer_id, amount_eur, ordered_on from {ref:int_orders}
        union all
        select order_id, customer_id, amount_eur, ordered_on from {ref:int_refunds}
    """,
    "int_spend": """
        with paid as (
            select customer_id, sum(amount_eur) as spend, max(ordered_on) as last_order from {ref:int_movements} group by customer_id
        ), firsts as (
            select customer_id, amount_eur as first_amount from (select * from {ref:int_orders}) as o where nth = 1
        )
        select customer_id, paid.spend, paid.last_order, firsts.first_amount from paid left join firsts using (customer_id)
    """,
    "dim_customers": """
        with base as (select * from {ref:stg_customers}),
        joined as (
            select base.*, s.spend, s.last_order, s.first_amount, v.last_visit,
                (select max(rate) from {ref:stg_rates}) as best_rate
            from base
            left join {ref:int_spend} as s on s.customer_id = base.customer_id
            left join {ref:stg_visits} as v on v.customer_id = base.customer_id
        )
        select customer_id, country, joined_on, has_email,
            case when country = 'XX' then null else coalesce(spend, 0) end as ltv,
            last_order, first_amount, last_visit as "Last Visit", best_rate, spend > 1000 as "order"
        from joined
    """,
}
COLUMNS = {
    "stg_orders": ["order_id", "customer_id", "amount", "currency", "ordered_on", "status"],
    "stg_customers": ["customer_id", "country", "joined_on", "has_email"],
    "stg_rates": ["currency", "rate", "day"],
    "stg_visits": ["customer_id", "last_visit", "visits"],
    "int_orders": ["order_id", "customer_id", "amount", "currency", "ordered_on", "status", "amount_eur", "nth"],
    "int_refunds": ["order_id", "customer_id", "amount_eur", "ordered_on"],
    "int_movements": ["order_id", "customer_id", "amount_eur", "ordered_on"],
    "int_spend": ["customer_id", "spend", "last_order", "first_amount"],
    "dim_customers": [
        "customer_id", "country", "joined_on", "has_email", "ltv", "last_order", "first_amount", "Last Visit", "best_rate", "order",
    ],
}  # fmt: skip


def model(name: str) -> str:
    """Return the id of a model."""
    return f"model.shop.{name}"


def source(name: str) -> str:
    """Return the id of a source."""
    return f"source.shop.raw.{name}"


def relation(schema: str, name: str) -> str:
    """Return how SQL names a relation."""
    return f'"db"."{schema}"."{name}"'


def manifest() -> dict[str, Any]:
    """Return the manifest as `dbt build` leaves it, with compiled SQL."""
    return {
        "metadata": {
            "adapter_type": ADAPTER, "project_name": "shop", "dbt_version": "1.11.0", "generated_at": "2026-05-14T06:00:00Z",
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        },
        "sources": {
            source(n): {
                "unique_id": source(n), "name": n, "source_name": "raw", "resource_type": "source", "package_name": "shop",
                "database": "db", "schema": "raw", "identifier": n, "relation_name": relation("raw", n),
                "original_file_path": "models/_sources.yml", "path": "models/_sources.yml", "description": "", "tags": [],
                "columns": {c: {"name": c, "quote": c != c.lower()} for c in columns}, "config": {}, "meta": {},
            }
            for n, columns in SOURCES.items()
        },
        "nodes": {model(n): node(n, sql) for n, sql in MODELS.items()},
        "parent_map": {model(n): parents(sql) for n, sql in MODELS.items()},
        "child_map": {}, "exposures": {}, "metrics": {}, "macros": {}, "groups": {}, "docs": {}, "disabled": {}, "selectors": {},
        "semantic_models": {}, "saved_queries": {}, "unit_tests": {},
    }  # fmt: skip


def node(name: str, sql: str) -> dict[str, Any]:
    """Return the node of a model."""
    compiled, raw = sql, sql
    for parent in MODELS:
        compiled = compiled.replace(f"{{ref:{parent}}}", relation("marts", parent))
        raw = raw.replace(f"{{ref:{parent}}}", f"{{{{ ref('{parent}') }}}}")
    for parent in SOURCES:
        compiled = compiled.replace(f"{{source:{parent}}}", relation("raw", parent))
        raw = raw.replace(f"{{source:{parent}}}", f"{{{{ source('raw', '{parent}') }}}}")
    return {
        "unique_id": model(name), "name": name, "alias": name, "resource_type": "model", "package_name": "shop", "database": "db",
        "schema": "marts", "relation_name": relation("marts", name), "original_file_path": f"models/{name}.sql",
        "path": f"{name}.sql", "language": "sql", "raw_code": raw, "compiled_code": compiled, "compiled": True,
        "depends_on": {"nodes": parents(sql), "macros": []}, "config": {"materialized": "table"}, "columns": {}, "tags": [],
        "meta": {}, "description": "", "refs": [], "fqn": ["shop", name],
    }  # fmt: skip


def parents(sql: str) -> list[str]:
    """Return the ids of what a model reads."""
    return [model(n) for n in MODELS if f"{{ref:{n}}}" in sql] + [
        source(n) for n in SOURCES if f"{{source:{n}}}" in sql
    ]


def catalog() -> dict[str, Any]:
    """Return the catalog that `dbt docs generate` would write."""

    def entry(unique_id: str, schema: str, name: str, columns: list[str]) -> dict[str, Any]:
        listed = {c: {"name": c, "type": "text", "index": n, "comment": None} for n, c in enumerate(columns, start=1)}
        about = {"type": "BASE TABLE", "schema": schema, "name": name, "database": "db", "comment": None, "owner": None}
        return {"unique_id": unique_id, "metadata": about, "columns": listed, "stats": {}}

    return {
        "metadata": {"generated_at": "2026-05-14T06:00:00Z", "dbt_version": "1.11.0", "dbt_schema_version": ""},
        "nodes": {model(n): entry(model(n), "marts", n, c) for n, c in COLUMNS.items()},
        "sources": {source(n): entry(source(n), "raw", n, c) for n, c in SOURCES.items()},
    }
