"""What the drawings of messages share: the frame of a page, and the refusal of what they do not know."""

from __future__ import annotations

import html
import re


class UnknownPartError(Exception):
    """A payload has a part that its drawing does not know: draw it too, or the docs show less than what is sent."""


def known(kind: str, part: dict[str, object], *allowed: str) -> None:
    """Raise UnknownPartError for a field that a drawing would leave out."""
    left_out = sorted(set(part) - set(allowed))
    if left_out:
        raise UnknownPartError(f"{kind} has {', '.join(left_out)}, which the drawing does not show")


def page(body: str, style: str, background: str = "#ffffff") -> str:
    """Return a page for one picture."""
    frame = f"html{{background:{background}}}*{{box-sizing:border-box}}"
    frame += "body{margin:0;padding:12px;font:15px/1.45 'DejaVu Sans',sans-serif}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{frame}{style}</style></head>'
        f"<body>{body}</body></html>"
    )


def monospaced(text: str) -> str:
    """Return text as it stands, on light ground: a body of JSON."""
    style = "pre{margin:0;font:12px/1.45 'DejaVu Sans Mono',monospace;color:#1f2328;white-space:pre-wrap;overflow-wrap:anywhere}"
    return page(f"<pre>{html.escape(text)}</pre>", style, "#f6f8fa")


PAINT = re.compile(r"\x1b\[([\d;]*)m")
MOVES = re.compile(r"\x1b\[[\d;?]*[A-LN-Za-ln-z]|\x1b\][^\x07]*\x07|\x1b[=>]")
SHADES = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea", 90: "#9198a1",
          91: "#ffa198", 92: "#7ee787", 93: "#e3b341", 94: "#79c0ff", 95: "#d2a8ff", 96: "#76e3ea"}  # fmt: skip


def terminal(command: str, said: str) -> str:
    """Return what a command said as a terminal shows it: colours and weight of ANSI sequences, moves of the cursor dropped."""
    text = MOVES.sub("", said.replace("\r\n", "\n"))
    text = "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))
    out, weight, shade = [], "", ""
    for place, part in enumerate(PAINT.split(text)):
        if place % 2 == 0:
            out.append(f'<span style="{weight}{shade}">{html.escape(part)}</span>' if part else "")
            continue
        codes = [int(c) for c in part.split(";") if c] or [0]
        for code in codes:
            if code == 0:
                weight = shade = ""
            elif code == 1:
                weight = "font-weight:700;"
            elif code in (2, 22, 39):
                weight, shade = ("" if code == 22 else weight), ("" if code == 39 else shade)
            elif code in SHADES:
                shade = f"color:{SHADES[code]}"
            else:
                raise UnknownPartError(f"the terminal's code {code} is not drawn")
    style = "pre{margin:0;font:13px/1.4 'DejaVu Sans Mono',monospace;color:#e6edf3;width:102ch;white-space:pre-wrap;overflow-wrap:anywhere}"
    style += "b{color:#7ee787}"
    return page(f"<pre><b>$</b> {html.escape(command)}\n{''.join(out).rstrip()}</pre>", style, "#0d1117")
