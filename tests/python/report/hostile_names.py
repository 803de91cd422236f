"""Names that a page must show as they are: markup, quotes, templates, right to left, emoji, 200 characters."""

from __future__ import annotations

NAMES = [
    '<script>alert("1")</script>',
    '"onload="alert(2)" \'x\' {{ 7 * 7 }} {% raw %}',
    "</script><img src=x onerror=alert(3)>",
    "شريحة العملاء evil",
    "Pulse 🛍️ & Söhne <b>",
    "wide" * 50,
]
