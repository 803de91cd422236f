"""The edge to a model: one Chat Completions request, its tries, and what comes back as plain values.

Any server that speaks Chat Completions will do. Nothing that a server says about a failure is repeated, only its status
and a code of our own list: a provider's text may quote the key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pulse_runner.errors import ExplainError
from pulse_runner.explain.agent.settings import ModelSettings, model_settings
from pulse_runner.secrecy import Secrets
from pulse_runner.warehouse.secrets import known_secrets

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

TRIES = 3
LONGEST_WAIT = 20.0
Message = dict[str, Any]
# the codes of a refusal that are told on; any other text of a server is not
CODES = frozenset(
    {
        "billing_hard_limit_reached", "content_policy_violation", "context_length_exceeded", "insufficient_permissions",
        "insufficient_quota", "invalid_api_key", "invalid_prompt", "invalid_request_error", "invalid_type", "invalid_value",
        "missing_required_parameter", "model_not_found", "model_not_supported", "not_found_error", "overloaded_error",
        "rate_limit_exceeded", "server_error", "string_above_max_length", "unsupported_country_region_territory",
        "unsupported_parameter", "unsupported_value",
    }
)  # fmt: skip

# codes that say what is wrong, and that it is not the tools
NAMED = frozenset({"model_not_found", "context_length_exceeded", "content_policy_violation", "invalid_prompt"})


class ModelError(ExplainError):
    """The model gave no usable answer.

    `final` says that asking again in this run cannot help, `passing` that a later run may have more luck, `no_tools`
    that the server may do without tools what it refuses with them.
    """

    def __init__(self, message: str, *, final: bool, passing: bool = False, no_tools: bool = False) -> None:
        super().__init__(message)
        self.final, self.passing, self.no_tools = final, passing, no_tools


@dataclass(frozen=True)
class ToolCall:
    """What a model asks a tool: `arguments` is the JSON text that it wrote."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Turn:
    """One answer of a model: text, or calls of tools, and what it used."""

    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    request_tokens: int = 0
    answer_tokens: int = 0


class ChatModel(Protocol):
    """What an investigation needs of a model."""

    @property
    def name(self) -> str:
        """Return the model's name."""
        ...

    def ask(
        self, messages: Sequence[Message], form: Any, tools: Sequence[Any] = (), timeout: float | None = None
    ) -> Turn:
        """Return the model's turn; raise ModelError when there is none. `form` is the JSON schema of an answer in text."""
        ...


@dataclass
class LanguageModel:
    """A model behind an address; made once per run."""

    client: OpenAI
    settings: ModelSettings
    secrets: Secrets = field(default_factory=lambda: Secrets([]))

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self.settings.name

    def ask(
        self, messages: Sequence[Message], form: Any, tools: Sequence[Any] = (), timeout: float | None = None
    ) -> Turn:
        """Return the model's turn, after at most TRIES tries where a later try can help; raise ModelError otherwise.

        `timeout` are the seconds that are left for all tries together.
        """
        import openai
        from openai.types.chat import ChatCompletion

        begun, reason = time.monotonic(), ""
        more: dict[str, Any] = {"tools": list(tools)} if tools else {}
        for attempt in range(1, TRIES + 1):
            left = None if timeout is None else timeout - (time.monotonic() - begun)
            if left is not None and left <= 0:
                break
            try:
                completion: object = self.client.chat.completions.create(
                    model=self.name,
                    messages=list(messages),  # type: ignore[arg-type]
                    response_format=form,
                    max_completion_tokens=self.settings.max_tokens,
                    timeout=self.settings.timeout if left is None else min(left, self.settings.timeout),
                    **more,
                )
                if not isinstance(completion, ChatCompletion):  # the client gives a page of HTML back as text
                    raise ModelError("what answers at the model's address is no Chat Completions server", final=True)
                return turn_of(completion, self.secrets)
            except openai.APIStatusError as error:
                reason = _status_reason(error)
                retryable = error.status_code in (408, 409, 429) or error.status_code >= 500
                if error.code == "insufficient_quota" or not retryable:
                    no_tools = (
                        bool(tools) and error.status_code in (400, 404, 405, 415, 422) and error.code not in NAMED
                    )
                    # a key, a quota, an address or a name of a model can be mended; a request that was not understood cannot
                    mended = error.status_code in (401, 402, 403, 404, 429) or error.status_code < 400
                    raise ModelError(reason, final=True, passing=mended, no_tools=no_tools) from None
                asked = _retry_after(error)
            except openai.APIConnectionError as error:  # time-outs are one of these
                timed_out = isinstance(error, openai.APITimeoutError)
                reason = f"the model at its address {'did not answer in time' if timed_out else 'cannot be reached'}"
                asked = None
            except openai.OpenAIError as error:
                raise ModelError(f"the answer could not be read ({type(error).__name__})", final=False) from None
            if attempt < TRIES:
                wait(min(asked if asked is not None else 2.0 ** (attempt - 1), LONGEST_WAIT))
        tried = f", {TRIES} times" if timeout is None or time.monotonic() - begun < timeout else ""
        raise ModelError(f"{reason or 'the model did not answer in time'}{tried}", final=False, passing=True)


def wait(seconds: float) -> None:
    """Wait between two tries."""
    time.sleep(seconds)


def make_model(env: Mapping[str, str], root: Path | None = None) -> LanguageModel | None:
    """Return the model that the environment names, None when it names none.

    Raise ExplainError on a bad setting. `root` is the dbt project's folder, whose secrets no answer may hold.
    """
    settings = model_settings(env)
    if settings is None:
        return None
    import openai

    client = openai.OpenAI(
        api_key=settings.key,
        http_client=openai.DefaultHttpxClient(follow_redirects=False),  # the evidence goes to no other address
        base_url=settings.url,
        timeout=settings.timeout,
        max_retries=0,  # the SDK also retries an empty quota, which is final
    )
    return LanguageModel(client, settings, known_secrets(root, env))


def turn_of(completion: ChatCompletion, secrets: Secrets) -> Turn:
    """Return a completion as a turn, without the secrets that its server may have put into it.

    Raise ModelError on a refusal or a cut answer.
    """
    if not completion.choices:
        raise ModelError("the model returned no choice", final=False)
    choice, used = completion.choices[0], completion.usage
    if choice.message.refusal:
        raise ModelError("the model refused to answer", final=False)
    if choice.finish_reason == "length":
        raise ModelError("the answer was cut at the token limit (PULSE_OPENAI_MAX_TOKENS)", final=False)
    if choice.finish_reason == "content_filter":
        raise ModelError("the answer was stopped by the provider's content filter", final=False)
    calls = tuple(
        ToolCall(
            secrets.clean(c.id or "")[:80],
            secrets.clean(c.function.name or "")[:80],
            secrets.clean(c.function.arguments or "")[:8000],
        )
        for c in choice.message.tool_calls or ()
        if c.type == "function"
    )
    return Turn(
        secrets.clean(choice.message.content or ""),
        calls,
        int((used.prompt_tokens if used else 0) or 0),
        int((used.completion_tokens if used else 0) or 0),
    )


def as_message(turn: Turn) -> Message:
    """Return a turn as the message that stands for it in the next request."""
    message: Message = {"role": "assistant", "content": turn.content or None}
    if turn.calls:
        message["tool_calls"] = [
            {"id": c.call_id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in turn.calls
        ]
    return message


def rough_tokens(messages: Sequence[Message]) -> int:
    """Return about how many tokens messages are, for servers that do not count: four characters each."""
    return len(json.dumps(list(messages), ensure_ascii=False)) // 4


def _status_reason(error: Any) -> str:
    """Name a refusal by its status, and its code where we know it."""
    if 300 <= error.status_code < 400:
        return f"the model's server answered {error.status_code}, a redirect, which is not followed (OPENAI_BASE_URL)"
    code = next((c for c in (error.code, error.type) if c in CODES), "")
    return f"the model's server answered {error.status_code}{f' ({code})' if code else ''}"


def _retry_after(error: Any) -> float | None:
    try:
        return max(float(error.response.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return None
