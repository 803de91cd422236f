"""Draw a Teams message: a rendition of the Adaptive Card that was sent, not a screenshot of the client."""

from __future__ import annotations

import html
from typing import Any

from tools.pictures.parts import UnknownPartError, known, page

STYLE = """
html{background:#f5f5f5}
body{max-width:720px;font-family:'Segoe UI','DejaVu Sans',sans-serif;font-size:14px;color:#242424}
.card{background:#fff;border:1px solid #d1d1d1;border-radius:6px;padding:12px;overflow:hidden}
.bleed{margin:-12px -12px 8px;padding:12px}
.warning{background:#fdf3e2}
.attention{background:#fde7e9}
.good{background:#e7f2e7}
.emphasis{background:#f0f0f0}
.block{overflow-wrap:anywhere}
.Small{margin-top:6px}
.Medium{margin-top:12px}
.Default{margin-top:8px}
.None{margin-top:0}
.line{border-top:1px solid #d1d1d1;padding-top:8px;margin-top:10px}
.Bolder{font-weight:700}
.size-Medium{font-size:17px;line-height:1.35}
.size-Small{font-size:12px}
.subtle{color:#616161}
.Monospace{font-family:'DejaVu Sans Mono',monospace;font-size:12px}
.color-Warning{color:#8a5300}
.color-Attention{color:#b10e1c}
.color-Good{color:#0e700e}
.button{display:inline-block;border:1px solid #c7c7c7;border-radius:4px;padding:5px 12px;margin:10px 8px 0 0;font-weight:600}
"""


def drawn(payload: dict[str, Any], opened: bool) -> str:
    """Return the page of a message, its folded part shown or not; raise UnknownPartError for an element that it does not know."""
    (attachment,) = payload["attachments"]
    card = attachment["content"]
    known("the card", card, "$schema", "type", "version", "fallbackText", "msteams", "body")
    return page(f'<div class="card">{"".join(_element(e, opened) for e in card["body"])}</div>', STYLE, "#f5f5f5")


def _element(element: dict[str, Any], opened: bool) -> str:
    kind = element["type"]
    match kind:
        case "Container":
            known(kind, element, "type", "items", "style", "bleed", "id", "isVisible")
            if element.get("isVisible") is False and not opened:
                return ""
            inner = "".join(_element(e, opened) for e in element["items"])
            return f'<div class="{element.get("style", "")} {"bleed" if element.get("bleed") else ""}">{inner}</div>'
        case "RichTextBlock":
            known(kind, element, "type", "inlines", "spacing", "separator")
            line = " line" if element.get("separator") else ""
            inner = "".join(_run(r) for r in element["inlines"])
            return f'<div class="block {element.get("spacing", "Default")}{line}">{inner}</div>'
        case "ActionSet":
            known(kind, element, "type", "actions")
            return f"<div>{''.join(_action(a) for a in element['actions'])}</div>"
    raise UnknownPartError(f"an element of type {kind!r} is not drawn")


def _action(action: dict[str, Any]) -> str:
    if action["type"] not in ("Action.OpenUrl", "Action.ToggleVisibility"):
        raise UnknownPartError(f"an action of type {action['type']!r} is not drawn")
    return f'<span class="button">{html.escape(action["title"])}</span>'


def _run(run: dict[str, Any]) -> str:
    if run["type"] != "TextRun":
        raise UnknownPartError(f"an inline of type {run['type']!r} is not drawn")
    known("TextRun", run, "type", "text", "weight", "size", "color", "fontType", "isSubtle")
    looks = [
        run.get("weight", ""),
        run.get("fontType", ""),
        f"size-{run.get('size', 'Default')}",
        f"color-{run.get('color', 'Default')}",
    ]
    if run.get("isSubtle"):
        looks.append("subtle")
    return f'<span class="{" ".join(looks)}">{html.escape(run["text"])}</span>'
