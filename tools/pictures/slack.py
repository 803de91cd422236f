"""Draw a Slack payload: a rendition of the blocks that were sent, not a screenshot of the client."""

from __future__ import annotations

import re
from typing import Any

from tools.pictures.parts import UnknownPartError, known, page

STYLE = """
body{max-width:680px;font-family:Lato,'DejaVu Sans',sans-serif;color:#1d1c1d}
.who{font-weight:700;margin-bottom:2px}
.who small{font-weight:400;color:#616061;background:#e8e8e8;border-radius:3px;padding:1px 4px;font-size:10px}
.header{font-size:18px;font-weight:700;line-height:1.3;margin:4px 0 8px}
.section{margin:8px 0;overflow-wrap:anywhere}
.context{color:#616061;font-size:12px;margin-top:8px;overflow-wrap:anywhere}
hr{border:0;border-top:1px solid #ddd;margin:14px 0}
pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre,code{font-family:'DejaVu Sans Mono',monospace;font-size:12px}
code{background:#f8f8f8;border:1px solid #ddd;border-radius:3px;padding:1px 3px;color:#c01343}
.button{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:6px 12px;font-weight:700;font-size:14px;margin-right:8px}
.primary{background:#007a5a;border-color:#007a5a;color:#fff}
.danger{background:#e01e5a;border-color:#e01e5a;color:#fff}
"""


def drawn(payload: dict[str, Any]) -> str:
    """Return the page of a payload; raise UnknownPartError for a block that it does not know."""
    known("the payload", payload, "text", "blocks")
    body = "".join(_block(block) for block in payload["blocks"])
    return page(f'<div class="who">Pulse <small>APP</small></div>{body}', STYLE)


def _block(block: dict[str, Any]) -> str:
    kind = block["type"]
    match kind:
        case "header":
            known(kind, block, "type", "text", "block_id")
            return f'<div class="header">{_text(block["text"])}</div>'
        case "section":
            known(kind, block, "type", "text", "fields", "block_id")
            parts = [block["text"]] if "text" in block else []
            return "".join(f'<div class="section">{_text(t)}</div>' for t in [*parts, *block.get("fields", [])])
        case "context":
            known(kind, block, "type", "elements", "block_id")
            return f'<div class="context">{" ".join(_text(e) for e in block["elements"])}</div>'
        case "actions":
            known(kind, block, "type", "elements", "block_id")
            return f'<div class="section">{"".join(_button(e) for e in block["elements"])}</div>'
        case "divider":
            known(kind, block, "type", "block_id")
            return "<hr>"
    raise UnknownPartError(f"a block of type {kind!r} is not drawn")


def _button(element: dict[str, Any]) -> str:
    if element["type"] != "button":
        raise UnknownPartError(f"an element of type {element['type']!r} is not drawn")
    known("button", element, "type", "text", "url", "action_id", "style", "value")
    return f'<span class="button {element.get("style", "")}">{_text(element["text"])}</span>'


def _text(text: dict[str, Any]) -> str:
    """Return text with its marks; Slack's own escapes of & < > are those of HTML."""
    if text["type"] == "plain_text":
        return str(text["text"]).replace("&", "&amp;").replace("<", "&lt;")
    if text["type"] != "mrkdwn":
        raise UnknownPartError(f"text of type {text['type']!r} is not drawn")
    out = []
    for place, part in enumerate(str(text["text"]).split("```")):
        if place % 2:
            out.append(f"<pre>{part}</pre>")
            continue
        part = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", part.strip("\n"))
        out.append(re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", part).replace("\n", "<br>"))
    return "".join(out)
