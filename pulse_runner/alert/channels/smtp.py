"""Mail through an SMTP server: TLS before any password, and a clear line between `not sent` and `perhaps sent`."""

from __future__ import annotations

import json
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from pulse_runner.alert.channels.base import LOOPBACK, Edge, Env, Outgoing, UncertainError, secret
from pulse_runner.alert.channels.recipients import redact
from pulse_runner.errors import ChannelError

PORTS = {"smtp": 587, "smtps": 465}
MEANINGS = {
    421: "it is closing the connection",
    450: "the mailbox is busy; it may take the mail later",
    451: "a fault on its side",
    452: "it has no room left",
    530: "it wants a user and a password",
    550: "it refuses the recipients or the sender",
    552: "the mail is too large for it",
    553: "it does not take this address",
    554: "it refuses the mail",
}


@dataclass(frozen=True, repr=False)
class Server:
    """An SMTP server from its URL; without a repr, so that the password cannot be printed."""

    host: str
    port: int
    user: str
    password: str
    implicit_tls: bool


def smtp_problem(url: str) -> str:
    """Say what is wrong with the URL in PULSE_SMTP_URL, without repeating it; '' when nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "PULSE_SMTP_URL is not a URL (a special character in the password must be written as %XX)"
    if parts.scheme not in PORTS or not parts.hostname:
        return "PULSE_SMTP_URL must look like smtp://user:password@host:587 or smtps://user:password@host:465"
    return ""


def server_of(url: str) -> str:
    """Return host and port of an SMTP URL, which may be shown."""
    server = _server(url)
    return f"{server.host}:{server.port}"


def _server(url: str) -> Server:
    parts = urlsplit(url)
    return Server(
        host=parts.hostname or "",
        port=parts.port or PORTS.get(parts.scheme, 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        implicit_tls=parts.scheme == "smtps",
    )


def send(url: str, sender: str, people: list[str], outgoing: Outgoing, env: Env, edge: Edge) -> str:
    """Send a frozen mail and return a remark about refused recipients; raise ChannelError.

    Until the body is on its way a failure is a failure; from then on it is an UncertainError, save for a clear refusal.
    """
    server = _server(url)
    mail = compose(sender, people, outgoing, env, edge)
    place = f"SMTP ({server.host}:{server.port})"
    phase, refused = "connect", dict[str, int]()
    failure: ChannelError | None = None
    client: smtplib.SMTP | None = None
    try:
        client = _connect(server, env, edge.smtp_timeout)
        phase = "sign in"
        if server.user:
            client.login(server.user, server.password)
        phase = "address"
        _accept(*client.mail(parseaddr(sender)[1]))
        for person in people:
            code, text = client.rcpt(person)
            if code not in (250, 251):
                refused[person] = code
        if len(refused) == len(people):
            raise smtplib.SMTPResponseException(code, text)
        phase = "body"
        _accept(*client.data(mail.as_bytes(policy=SMTP)))  # CRLF line ends, which smtplib does not add to bytes
    except smtplib.SMTPResponseException as error:
        failure = _refusal(place, phase, error)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        failure = _broken(place, phase, error)
    finally:
        if client is not None:
            client.close()
    if failure is not None:
        raise failure  # outside of the handlers: their errors can hold what the server said about the password
    if refused:
        names = ", ".join(f"{redact(p)} ({code})" for p, code in refused.items())
        return f"refused for {names}; sent to the others"
    return ""


def compose(sender: str, people: list[str], outgoing: Outgoing, env: Env, edge: Edge) -> EmailMessage:
    """Return the mail: a text part, an HTML part, and a Message-ID that is the same at every attempt."""
    parts = json.loads(outgoing.body)
    mail = EmailMessage()
    mail["Subject"] = parts["subject"]
    mail["From"] = sender
    mail["To"] = ", ".join(people)
    mail["Date"] = format_datetime(edge.now())
    mail["Message-ID"] = message_id(outgoing.key, sender)
    for name, value in headers_of(outgoing, parts.get("thread", outgoing.key), sender, env).items():
        mail[name] = value
    mail.set_content(parts["text"], cte="quoted-printable")
    mail.add_alternative(parts["html"], subtype="html", cte="quoted-printable")
    return mail


def headers_of(outgoing: Outgoing, first: str, sender: str, env: Env) -> dict[str, str]:
    """Return what a mail says to programs: its conversation, that nobody wrote it, and where to be taken off the list."""
    reply = {"In-Reply-To": message_id(first, sender), "References": message_id(first, sender)}
    return {
        **(reply if first != outgoing.key else {}),
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{unsubscribe(sender, env)}>",
    }


def unsubscribe(sender: str, env: Env) -> str:
    """Return where to be taken off (RFC 2369): PULSE_EMAIL_UNSUBSCRIBE, else a mail to the sender.

    >>> unsubscribe("Pulse <pulse@example.com>", {})
    'mailto:pulse@example.com?subject=Unsubscribe%20from%20Pulse'
    """
    given = secret(env, "PULSE_EMAIL_UNSUBSCRIBE")
    if given.startswith("https://"):
        return given
    return f"mailto:{given or parseaddr(sender)[1]}?subject=Unsubscribe%20from%20Pulse"


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID of the mail with a key.

    >>> message_id("pulse-1a", "Pulse <pulse@example.com>")
    '<pulse-1a@example.com>'
    """
    return f"<{key}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def _connect(server: Server, env: Env, timeout: float) -> smtplib.SMTP:
    """Open the connection with TLS; without TLS only on this machine or where no password is sent and none is offered."""
    trust = ssl.create_default_context(cafile=secret(env, "PULSE_SMTP_CA_FILE") or None)
    if server.implicit_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=trust)
    client = smtplib.SMTP(server.host, server.port, timeout=timeout)
    client.ehlo_or_helo_if_needed()
    if client.has_extn("starttls"):
        client.starttls(context=trust)
        client.ehlo()
    elif server.user and server.host not in LOOPBACK:
        client.close()
        raise smtplib.SMTPNotSupportedError("no STARTTLS")
    return client


def _accept(code: int, text: bytes) -> None:
    if code not in (250, 251):
        raise smtplib.SMTPResponseException(code, text)


def _refusal(place: str, phase: str, error: smtplib.SMTPResponseException) -> ChannelError:
    """Return the error for a refusal: its codes and our own words, for servers quote what they were given."""
    said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else str(error.smtp_error)
    extended = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)", said)  # RFC 2034: it begins the text
    hint = "check user and password in PULSE_SMTP_URL" if phase == "sign in" else MEANINGS.get(error.smtp_code, "")
    told = " ".join(t for t in (extended[0] if extended else "", hint) if t)
    # RFC 5321: 4yz may pass later; a refused sign-in does not
    passing = 400 <= error.smtp_code < 500 and phase != "sign in"
    return ChannelError(
        f"{place} answered {error.smtp_code} at {phase}{f': {told}' if told else ''}", retryable=passing
    )


def _broken(place: str, phase: str, error: Exception) -> ChannelError:
    name = type(error).__name__
    if phase == "body":
        return UncertainError(f"{place} was cut off while the mail went out ({name}); it may have arrived")
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"{place} has a certificate that is not trusted; PULSE_SMTP_CA_FILE can name your authority's file"
        return ChannelError(text, retryable=False)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        text = f"{place} offers no {'encryption' if phase == 'connect' else 'sign-in'}; use smtps:// or another port"
        return ChannelError(text, retryable=False)
    return ChannelError(
        f"{place} could not be used at {phase}: {name}",
        retryable=isinstance(error, OSError | smtplib.SMTPServerDisconnected),
    )
