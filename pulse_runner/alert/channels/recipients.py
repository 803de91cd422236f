"""Recipients of mail as they may be shown."""

from __future__ import annotations


def redact(address: str) -> str:
    """Shorten an e-mail address.

    >>> redact("growth@example.com")
    'g…@example.com'
    """
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
