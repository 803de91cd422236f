"""The definitions of the year: one entity, thirty audiences of seven owners, and where each owner is told."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

Leaf = tuple[str, str, object]

ENTITY = {
    "entity": "buyers",
    "label": "Buyers",
    "description": "Customers of a real shop, as of the end of each day.",
    "relation": "ref('dim_buyers_daily')",
    "key": "customer_id",
    "history": {"as_of": "snapshot_date"},
    "fields": {
        "country": "text", "first_order_on": "date", "last_order_on": "date", "orders": "number", "ltv": "number",
        "spend_30d": "number", "spend_90d": "number", "returns": "number", "email_opt_in": "boolean",
        "recency": {"days_since": "last_order_on"}, "tenure": {"days_since": "first_order_on"},
    },
    "attributes": [
        {"name": "country", "field": "country", "top": 10}, {"name": "ltv_band", "field": "ltv", "bins": [0, 250, 1000, 5000]}
    ],
    "conversion": {"event_at": "last_order_on"},
    "activity": {"last_seen_at": "last_order_on", "inactive_after_days": 60},
    "reach": {"email": "email_opt_in"},
}  # fmt: skip

NEAR = ["France", "Belgium", "Netherlands", "Germany", "Channel Islands", "EIRE"]
# owner -> segments; a rule is a list of (field, operator, value)
SEGMENTS: dict[str, dict[str, list[Leaf]]] = {
    "sales": {
        "valuable_recent": [("ltv", ">", 1000), ("recency", "<=", 7)],
        "quarter_spenders": [("spend_90d", ">", 500), ("recency", "<=", 30)],
        "big_month": [("spend_30d", ">", 1000)],
        "steady_buyers": [("orders", ">=", 5), ("recency", "<=", 45)],
        "whales": [("ltv", ">", 5000)],
    },
    "crm": {
        "new_buyers": [("tenure", "<=", 30)],
        "second_order_due": [("orders", "=", 1), ("tenure", "between", [14, 60])],
        "lapsing_regulars": [("orders", ">=", 3), ("recency", "between", [60, 120])],
        "lapsed": [("recency", ">", 120)],
        "mail_actives": [("email_opt_in", "is_true", None), ("recency", "<=", 60)],
        "mail_lapsing": [("email_opt_in", "is_true", None), ("recency", "between", [45, 90])],
    },
    "export": {
        "european_actives": [("country", "in", [*NEAR, "Spain", "Portugal", "Italy", "Sweden"]), ("recency", "<=", 90)],
        "german_buyers": [("country", "=", "Germany")],
        "french_buyers": [("country", "=", "France")],
        "export_spenders": [("country", "!=", "United Kingdom"), ("spend_90d", ">", 250)],
    },
    "finance": {
        "credit_candidates": [("ltv", ">", 2500), ("orders", ">=", 4)],
        "returners": [("returns", ">=", 2)],
        "heavy_returners": [("returns", ">=", 4), ("recency", "<=", 90)],
        "small_accounts": [("ltv", "<", 250)],
    },
    "growth": {
        "welcome_series": [("tenure", "<=", 14)],
        "home_new": [("country", "=", "United Kingdom"), ("tenure", "<=", 45)],
        "one_timers": [("orders", "=", 1), ("recency", ">", 60)],
        "rising_spend": [("spend_30d", ">", 300), ("orders", "<=", 3)],
        "home_actives": [("country", "=", "United Kingdom"), ("recency", "<=", 30)],
    },
    "care": {
        "regulars": [("orders", ">=", 3)],
        "quiet_valuable": [("ltv", ">", 1000), ("recency", ">", 45)],
        "returning_recent": [("returns", ">=", 1), ("recency", "<=", 30)],
    },
    "retail": {
        "mid_value": [("ltv", "between", [250, 1000])],
        "month_actives": [("recency", "<=", 30)],
        "season_actives": [("recency", "<=", 90), ("spend_90d", ">", 100)],
    },
}
# where each owner is told; the name of a variable per target, so that nobody shares one
CHANNELS: dict[str, tuple[str, ...]] = {
    "sales": ("slack",), "crm": ("slack",), "export": ("n8n",), "finance": ("slack",), "growth": ("slack", "n8n"),
    "care": ("console",), "retail": ("slack",),
}  # fmt: skip
DIGESTS = {"finance": {"every": "week", "weekday": "mon", "at": "06:00", "always": "critical"}}


def files() -> Iterator[tuple[str, str]]:
    """Yield the definition files: path in the project, text."""
    yield "segments/entities/buyers.yml", yaml.safe_dump(ENTITY, sort_keys=False)
    for owner, segments in SEGMENTS.items():
        for name, rule in segments.items():
            yield f"segments/{name}.yml", segment(owner, name, rule)
    routes = {owner: _route(owner) for owner in SEGMENTS}
    yield "segments/routes.yml", yaml.safe_dump({"routes": routes}, sort_keys=False)


def segment(owner: str, name: str, rule: list[Leaf]) -> str:
    """Return the file of a segment."""
    leaves = [{"field": f, "operator": o} | ({} if v is None else {"value": v}) for f, o, v in rule]
    said = {"segment": name, "entity": "buyers", "owner": owner, "rules": leaves, "alerts": [owner]}
    return yaml.safe_dump(said, sort_keys=False)


def variables() -> dict[str, str]:
    """Return the variable of each target that has an address, with the path on the server."""
    return {variable(o, c): f"/{c}/{o}" for o, channels in CHANNELS.items() for c in channels if c != "console"}


def variable(owner: str, channel: str) -> str:
    """Return the variable that holds the address of a target."""
    return f"PULSE_{channel}_{owner}_URL".upper()


def _route(owner: str) -> dict[str, object]:
    targets = [{"channel": c} | ({} if c == "console" else {"url_env": variable(owner, c)}) for c in CHANNELS[owner]]
    return {**({"digest": DIGESTS[owner]} if owner in DIGESTS else {}), "channels": targets}
