"""How a server may write a secret that it was given."""

from __future__ import annotations

import base64
import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def upper_percent(text: str) -> str:
    return "".join(f"%{b:02X}" for b in text.encode())


def at(before: int) -> Callable[[str], str]:
    """Return base64 of the text behind `before` other bytes, as in `user:password`."""
    return lambda text: base64.b64encode(b"u" * before + text.encode() + b"!").decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda t: t,
    "capitals": lambda t: t.upper() if t.isascii() else t,
    "percent": lambda t: quote(t, safe=""),
    "percent, slashes kept": quote,
    "percent, small letters": lambda t: upper_percent(t).lower(),
    "percent, every character": upper_percent,
    "percent twice": lambda t: quote(quote(t, safe=""), safe=""),
    "form": quote_plus,
    "base64": at(0),
    "base64, one byte before": at(1),
    "base64, two bytes before": at(2),
    "base64, wrapped": lambda t: "\n".join(at(1)(t)[i : i + 10] for i in range(0, 200, 10)),
    "base64, urlsafe": lambda t: base64.urlsafe_b64encode(b"x" + t.encode()).decode(),
    "base64, percent": lambda t: quote(at(2)(t), safe=""),
    "JSON": json.dumps,
    "JSON, every character": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "JSON in JSON": lambda t: json.dumps(json.dumps(t)),
    "HTML": html.escape,
    "HTML, numbers": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "HTML, hex": lambda t: "".join(f"&#x{ord(c):X};" for c in t),
    "hex": lambda t: t.encode().hex(),
    "mail": lambda t: quopri.encodestring(t.encode()).decode(),
}
