"""What a channel is, and the one way in which channels speak HTTP."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from pulse_runner.alert.message import AlertMessage
from pulse_runner.errors import ChannelError
from pulse_runner.segments.strict import ChannelSettings, Variable

if TYPE_CHECKING:
    import httpx

Env = Mapping[str, str]
S = TypeVar("S", bound=ChannelSettings, contravariant=True)
RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
REPEAT_WORD = "Possible repeat"
REPEAT = f"{REPEAT_WORD}: nobody could say whether this message arrived before."
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT_SECONDS = 15.0
MEANINGS = {
    400: "it does not take this body",
    401: "it does not know the key or the address",
    403: "it does not let this key or token in",
    404: "there is nothing at this address",
    405: "nothing takes messages at this address",
    408: "it took too long",
    409: "it has another message under this key",
    410: "the address is gone",
    413: "the message is too long for it",
    422: "it does not take this body",
    429: "too many messages",
}


class UncertainError(ChannelError):
    """The message may or may not have arrived, and the channel cannot tell a repeat from a new one: the next try says so."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class RefusedError(ChannelError):
    """The receiver answered no: the status of HTTP, and the code where it is one that the channel knows."""

    def __init__(
        self, message: str, status: int, code: str = "", *, retryable: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(message, retryable=retryable, retry_after=retry_after)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Frozen:
    """A rendered message, stored before it is sent; the same body goes out at every attempt."""

    subject: str
    body: str


@dataclass(frozen=True)
class Outgoing:
    """A frozen message on its way; `key` is the same at every attempt.

    `first` is the receipt that the channel gave for the first message of the conversation; '' where there is none.
    """

    key: str
    subject: str
    body: str
    first: str = ""


@dataclass(frozen=True)
class Sent:
    """What a channel says of a message that it took: a remark for people, and a receipt by which it finds it again."""

    remark: str = ""
    receipt: str = ""


@dataclass(frozen=True)
class Setup:
    """Whether a target can be used: variables that are missing, what is wrong with those that are set, what it goes by."""

    missing: tuple[str, ...] = ()
    problem: str = ""
    means: str = "is set"

    @property
    def is_ready(self) -> bool:
        """Say whether a message could be sent now."""
        return not self.missing and not self.problem


@dataclass(frozen=True)
class Edge:
    """The world as a channel sees it: HTTP, the screen, the clock (UTC)."""

    http: httpx.Client
    say: Callable[[str], None]
    now: Callable[[], datetime]
    smtp_timeout: float = TIMEOUT_SECONDS


class Webhook(ChannelSettings):
    """Settings of a channel that posts to a web address, which is kept in a variable: it is a secret."""

    url_env: Variable

    @property
    def address(self) -> str:
        """Return the name of the variable."""
        return self.url_env


class Channel(Protocol[S]):
    """A way to reach people. Secrets are read from `env` when needed and appear in nothing that is returned or raised.

    `settings` is what a route says about a target of this channel: its part of the definition files' schema.
    """

    @property
    def name(self) -> str:
        """Return the name that routes use."""
        ...

    @property
    def settings(self) -> type[ChannelSettings]:
        """Return the model of a target's settings."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variables that it reads always, or under the names that the docs give them."""
        ...

    def setup(self, settings: S, env: Env) -> Setup:
        """Say whether the target can be used, without sending anything."""
        ...

    def is_idempotent(self, env: Env) -> bool:
        """Say whether the receiver recognises a repeated message by its key, so that an interrupted one can be sent again."""
        ...

    def render(self, message: AlertMessage, key: str) -> Frozen:
        """Return the body to freeze, within the channel's limits."""
        ...

    def repeated(self, body: str) -> str:
        """Return a frozen body with the mark REPEAT, for a channel whose receiver does not recognise a repeat."""
        ...

    def send(self, outgoing: Outgoing, settings: S, env: Env, edge: Edge) -> Sent:
        """Deliver, and return what the channel said of it; raise ChannelError."""
        ...


def variables_of(channel: Channel[Any], settings: ChannelSettings) -> tuple[str, ...]:
    """Return every variable that a target may read: its channel's own, and those that its route names."""
    named = [value for name, value in settings if name.endswith("_env") and value]
    return tuple(dict.fromkeys([*named, *channel.variables]))


def secret(env: Env, name: str | None) -> str:
    """Return a variable's value without the white space that comes with pasting; '' when it is not set."""
    return env.get(name, "").strip() if name else ""


def web_setup(settings: Webhook, env: Env, *, plain_http: bool = False) -> Setup:
    """Check a webhook's variable: set, a URL with a host, and https unless on this machine or `plain_http`."""
    name = settings.url_env
    url = secret(env, name)
    if not url:
        return Setup(missing=(name,))
    return Setup(problem=url_problem(name, url, plain_http=plain_http))


def url_problem(name: str, url: str, *, plain_http: bool = False) -> str:
    """Say what is wrong with the URL in variable `name`, without repeating it; '' when nothing is."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return f"{name} is not a URL"
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() or not c.isprintable() for c in url):
        return f"{name} is not a web address; it must begin with https://"
    if parts.scheme == "http" and not plain_http and host not in LOOPBACK:
        return f"{name} must begin with https://, or its secret travels in the open"
    return ""


def host_of(url: str) -> str:
    """Return a URL as it may be shown.

    >>> host_of("https://hooks.slack.com/services/T0/B0/secret")
    'hooks.slack.com/…'
    """
    return f"{urlsplit(url).hostname}/…"


def post(
    edge: Edge,
    url: str,
    outgoing: Outgoing,
    headers: Mapping[str, str],
    *,
    who: str,
    idempotent: bool,
    codes: frozenset[str] = frozenset(),
) -> httpx.Response:
    """POST a JSON body and return the answer when it is 2xx; raise ChannelError otherwise.

    Of what the server says only the status is told, and the first of `codes` (the channel's own list) that is in it: any
    other text could hold a secret. A request that was written without an answer is retried where `idempotent`, and is an
    UncertainError elsewhere.
    """
    import httpx

    place = f"{who} ({host_of(url)})"
    failure: ChannelError | None = None
    response = None
    try:
        with quiet_logs():
            response = edge.http.post(
                url, content=outgoing.body.encode(), headers={"Content-Type": "application/json", **headers}
            )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        failure = ChannelError(f"{place} could not be reached: {type(error).__name__}", retryable=True)
    except httpx.HTTPError as error:
        text = f"{place} did not answer: {type(error).__name__}"
        failure = ChannelError(text, retryable=True) if idempotent else UncertainError(f"{text}; it may have arrived")
    except (httpx.InvalidURL, ValueError) as error:
        failure = ChannelError(f"{place} could not be asked: {type(error).__name__}", retryable=False)
    if failure is not None:
        raise failure  # outside of the handlers: an httpx error carries the request with its URL and headers
    assert response is not None
    if not response.is_success:
        raise refused(response, place, edge.now(), codes)
    return response


def refused(response: httpx.Response, place: str, now: datetime, codes: frozenset[str] = frozenset()) -> RefusedError:
    """Return the error for an answer that is not 2xx, in our own words."""
    status = response.status_code
    code = next((word for word in re.findall(r"\w+", response.text) if word in codes), "")
    told = code or meaning(status)
    return RefusedError(
        f"{place} answered {status}{f': {told}' if told else ''}",
        status,
        code,
        retryable=status in RETRY,
        retry_after=retry_after(response.headers, now),
    )


def meaning(status: int) -> str:
    """Say what a status means for a message.

    >>> meaning(404), meaning(503)
    ('there is nothing at this address', 'a fault on its side')
    """
    if status in MEANINGS:
        return MEANINGS[status]
    return (
        "it sends elsewhere; use the final address"
        if 300 <= status < 400
        else "a fault on its side"
        if status >= 500
        else ""
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a server asks to wait: Retry-After as a number or a date (RFC 9110), else ratelimit-reset."""
    value = headers.get("retry-after") or headers.get("ratelimit-reset") or ""
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max((then - now).total_seconds(), 0.0)


class _QuietLogs:
    """Keeps libraries from logging the URL of a request, which is a webhook's secret, while any thread sends."""

    names = (
        "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "apprise", "urllib3.connectionpool",
        "requests_oauthlib",
    )  # fmt: skip

    def __init__(self) -> None:
        self._lock, self._users, self._levels = threading.Lock(), 0, list[int]()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        loggers = [logging.getLogger(n) for n in self.names]
        with self._lock:
            if self._users == 0:
                self._levels = [logger.level for logger in loggers]
                for logger in loggers:
                    logger.setLevel(logging.CRITICAL)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    for logger, level in zip(loggers, self._levels, strict=True):
                        logger.setLevel(level)


quiet_logs = _QuietLogs()
