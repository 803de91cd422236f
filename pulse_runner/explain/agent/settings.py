"""What the environment says about a model: where it is, how much of it may be used, whether it may hold messages back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from pulse_runner.errors import ExplainError

DEFAULT_MODEL = "gpt-5.4-mini"
DEFAULT_URL = "https://api.openai.com/v1"
OFF = ("off", "0", "false", "no")
Gate = Literal["off", "downgrade", "hold"]


@dataclass(frozen=True)
class Budget:
    """What may be used: model calls and tool calls (`steps`), tokens, seconds, and money in the unit of the price."""

    steps: int = 8
    tokens: int = 60_000
    seconds: float = 120.0
    cost: float = 0.0  # 0 is no limit
    run_tokens: int = 500_000
    run_cost: float = 0.0
    day_tokens: int = 2_000_000
    day_cost: float = 0.0


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, of the request and of the answer; zero where nobody said."""

    request: float = 0.0
    answer: float = 0.0

    def of(self, request_tokens: int, answer_tokens: int) -> float:
        """Return what so many tokens cost.

        >>> Price(0.25, 2.0).of(10_000, 1_000)
        0.0045
        """
        return round((request_tokens * self.request + answer_tokens * self.answer) / 1e6, 6)


@dataclass(frozen=True)
class ModelSettings:
    """Where a model is and how it is used; `uses_tools` says whether it may investigate."""

    key: str
    url: str
    name: str
    timeout: float
    max_tokens: int
    uses_tools: bool
    budget: Budget
    price: Price


def model_settings(env: Mapping[str, str]) -> ModelSettings | None:
    """Return what the environment says, None without a model or with PULSE_LLM=off; raise ExplainError on a bad setting.

    A model is one with a key, or one at an address and with a name of its own, which many local servers give no key.
    """
    mode = env.get("PULSE_LLM", "").strip().lower()
    key, url, name = (env.get(n, "").strip() for n in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PULSE_OPENAI_MODEL"))
    if mode in OFF or not (key or (url and name)):
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ExplainError(
            "OPENAI_API_KEY holds a character that no key has: a letter outside ASCII, a space or a line break.",
            "Copy the key anew, or set PULSE_LLM=off to do without a model.",
        )
    if mode not in ("", "on", "tools", "single"):
        raise ExplainError(f"PULSE_LLM must be tools, single or off, not {mode!r}.")
    return ModelSettings(
        key=key or "none",
        url=url or DEFAULT_URL,
        name=name or DEFAULT_MODEL,
        timeout=_number(env, "PULSE_OPENAI_TIMEOUT", 60.0),
        max_tokens=int(_number(env, "PULSE_OPENAI_MAX_TOKENS", 6000)),  # reasoning models count their reasoning too
        uses_tools=mode != "single",
        budget=_budget(env),
        price=_price(env.get("PULSE_MODEL_PRICE", "")),
    )


def gate_setting(env: Mapping[str, str]) -> Gate:
    """Return what a verdict may do to a message, from PULSE_MODEL_GATE; raise ExplainError on another word."""
    text = env.get("PULSE_MODEL_GATE", "").strip().lower() or "off"
    if text not in ("off", "downgrade", "hold"):
        raise ExplainError(f"PULSE_MODEL_GATE must be off, downgrade or hold, not {text!r}.")
    return cast(Gate, text)


def _budget(env: Mapping[str, str]) -> Budget:
    own = Budget()
    budget = Budget(
        steps=int(_number(env, "PULSE_MODEL_STEPS", own.steps)),
        tokens=int(_number(env, "PULSE_MODEL_TOKENS", own.tokens)),
        seconds=_number(env, "PULSE_MODEL_SECONDS", own.seconds),
        cost=_number(env, "PULSE_MODEL_COST", own.cost),
        run_tokens=int(_number(env, "PULSE_MODEL_RUN_TOKENS", own.run_tokens)),
        run_cost=_number(env, "PULSE_MODEL_RUN_COST", own.run_cost),
        day_tokens=int(_number(env, "PULSE_MODEL_DAY_TOKENS", own.day_tokens)),
        day_cost=_number(env, "PULSE_MODEL_DAY_COST", own.day_cost),
    )
    if (budget.cost or budget.run_cost or budget.day_cost) and not env.get("PULSE_MODEL_PRICE", "").strip():
        raise ExplainError(
            "A budget of money needs a price.",
            "Set PULSE_MODEL_PRICE to what a million tokens cost, of the request and of the answer, such as 0.25/2.00.",
        )
    return budget


def _price(text: str) -> Price:
    if not text.strip():
        return Price()
    parts = text.split("/")
    try:
        request, answer = (float(p) for p in parts)
    except ValueError:
        request = answer = -1.0
    if not (0 <= request < 1e6 and 0 <= answer < 1e6):
        raise ExplainError(f"PULSE_MODEL_PRICE must be two numbers such as 0.25/2.00, not {text!r}.")
    return Price(request, answer)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or ""
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not (0 < value < 1e9 or (not text and value == 0)):
        raise ExplainError(f"{name} must be a positive number, not {text!r}.")
    return value
