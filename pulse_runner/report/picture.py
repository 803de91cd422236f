"""A picture of a report as PNG, for chats that take no SVG. The renderer, which comes with the extra `png`, draws the SVG."""

from __future__ import annotations

import re

from pulse_runner.errors import UsageError

SCALE = 2.0  # a chat shows pictures on screens with two dots per point


def png_of(svg: str) -> bytes:
    """Return an SVG as PNG; raise UsageError without the renderer, or on a machine without a font, which would lose every word."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise UsageError(
            "A picture as PNG needs a renderer that is not installed.",
            "pip install 'pulse-runner[png]', or use --format svg.",
        ) from None

    def drawn(text: str) -> bytes:
        return bytes(svg_to_bytes(svg_string=text, zoom=SCALE))

    picture = drawn(svg)
    if "<text" in svg and drawn(re.sub(r"<text.*?</text>", "", svg, flags=re.DOTALL)) == picture:
        raise UsageError(
            "This machine has no font, so a picture would have no words.",
            "Install one, such as the package fonts-dejavu-core, or use --format svg.",
        )
    return picture
