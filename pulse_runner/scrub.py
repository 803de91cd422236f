"""Text from the data, made harmless before it is stored or sent."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e]+")


def scrub(text: str, limit: int = 80) -> str:
    """Return text as one line without control characters, addresses and links, cut at `limit`.

    >>> scrub("a\\nb jane.doe@example.com")
    'a b [address]'
    """
    one_line = _CONTROL.sub(" ", text).strip()
    clean = _URL.sub("[link]", _EMAIL.sub("[address]", one_line))
    return clip(clean, limit)


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters, the cut marked."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def has_address(text: str) -> bool:
    """Say whether a text holds an e-mail address or a link."""
    return bool(_EMAIL.search(text) or _URL.search(text))
