"""Take secrets out of a text that somebody else wrote: a server, a driver, a language model.

A text is read in several ways (as it stands, its escapes undone once or more often, without white space), and each
secret is looked for in several spellings (plain, hex, base64 at its three alignments). Every run of eight characters
that a secret has too is taken out, so a secret that was cut is found as well.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html.entities import html5
from urllib.parse import urlsplit

SHORTEST = 4  # a secret of fewer characters cannot be told from the words around it
RUN = 8  # so many characters of a secret in a row are taken out; of a shorter secret, all
ROUNDS = 3  # how often escapes of escapes are undone
MARK = "…"

_PERCENT = r"%(?P<percent>[0-9a-f]{2})"
_BACKSLASH = r"\\u(?P<u>[0-9a-f]{4})|\\x(?P<x>[0-9a-f]{2})|\\(?P<one>[/\"'\\nrt])"
_HTML = r"&#x0*(?P<hex>[0-9a-f]{1,6});?|&#0*(?P<dec>[0-9]{1,7});?|&(?P<name>[a-z][a-z0-9]{1,20});"
_MAIL = r"=(?P<percent>[0-9a-f]{2})|=\r?\n"  # quoted-printable
# each alone, since a secret may hold what looks like an escape of another kind, and all of them together
_ESCAPES = tuple(
    re.compile(p, re.IGNORECASE) for p in (_PERCENT, _BACKSLASH, _HTML, _MAIL, f"{_PERCENT}|{_BACKSLASH}|{_HTML}")
)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[a-z]{1,12}")
_TAIL = re.compile(rf"{MARK}(?:[\w+/-]?={{1,2}}|{MARK}+)")  # what base64 adds at the end
_ONE = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class _View:
    """A text as bytes (one character each, in small letters), and where each of them stands in the text."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def swap(self, pattern: re.Pattern[str]) -> _View:
        """Return the view with each match replaced by the bytes that it stands for."""
        parts, starts, ends, last = list[str](), list[int](), list[int](), 0
        for match in pattern.finditer(self.text):
            parts.append(self.text[last : match.start()])
            starts += self.starts[last : match.start()]
            ends += self.ends[last : match.start()]
            made = _meant(match)
            parts.append(made)
            starts += [self.starts[match.start()]] * len(made)
            ends += [self.ends[match.end() - 1]] * len(made)
            last = match.end()
        parts.append(self.text[last:])
        return _View("".join(parts).lower(), (*starts, *self.starts[last:]), (*ends, *self.ends[last:]))


class Secrets:
    """Values that no text may hold.

    >>> Secrets(["sk-live-42/abcdef"]).clean("401: c2stbGl2ZS00Mi9hYmNkZWY= and sk-live-42%2fabcdef are wrong")
    '401: … and … are wrong'
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(dict.fromkeys(v.strip() for v in values if v and v.strip()))

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} values)"

    def clean(self, text: str) -> str:
        """Return a text with `…` for every secret and every long part of one. Clean first, cut afterwards."""
        if not self._spellings or not text:
            return text
        spans = sorted(span for view in _views(text) for span in self._found(view))
        out, last = list[str](), 0
        for start, end in spans:
            if start >= last:
                out += [text[last:start], MARK]
            last = max(last, end)
        out.append(text[last:])
        return _TAIL.sub(MARK, "".join(out)) if spans else text

    @cached_property
    def _spellings(self) -> tuple[str, ...]:
        parts = dict.fromkeys(p for value in self._values for p in parts_of(value) if len(p) >= SHORTEST)
        return tuple(dict.fromkeys(s for part in parts for s in spellings(part)))

    @cached_property
    def _runs(self) -> dict[int, frozenset[str]]:
        """Return what is looked for, by its length."""
        runs: dict[int, set[str]] = {}
        for spelling in self._spellings:
            size = min(len(spelling), RUN)
            runs.setdefault(size, set()).update(spelling[i : i + size] for i in range(len(spelling) - size + 1))
        return {size: frozenset(found) for size, found in runs.items()}

    def _found(self, view: _View) -> Iterator[tuple[int, int]]:
        text = view.text
        for size, runs in self._runs.items():
            for i in range(len(text) - size + 1):
                if text[i : i + size] in runs:
                    yield view.starts[i], view.ends[i + size - 1]
        rest = text.rstrip(" .\"'\n\r\t")  # a secret that the end of the text cuts
        for spelling in self._spellings:
            size = next((n for n in range(min(len(spelling), RUN), 3, -1) if rest.endswith(spelling[:n])), 0)
            if size:
                yield view.starts[len(rest) - size], view.ends[len(rest) - 1]


def parts_of(value: str) -> Iterator[str]:
    """Yield what is secret in a value: all of it; of a URL what is not scheme and host; of a key file its long words."""
    if "://" in value:
        for url in value.split():  # a list of addresses is one value
            yield from _parts_of_url(url)
    elif "\n" in value or value.startswith("{"):
        yield from (word for word in re.split(r"[\s\"',{}:]+|\\+n", value) if len(word) >= 16)
    else:
        yield value


def _parts_of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url.split("://", 1)[1]
        return
    yield from (parts.password or "", parts.username or "")
    host = parts.hostname or ""
    pieces = [] if "." in host or ":" in host else [host]  # apprise's addresses have a token where others have a host
    pieces += [*parts.path.split("/"), *(p.split("=", 1)[-1] for p in parts.query.split("&")), parts.fragment]
    yield from (_undone(p) for p in pieces if len(p) >= 6 and not _WORD.fullmatch(p))


def spellings(secret: str) -> Iterator[str]:
    """Yield how a secret may be written, in small letters: plain, hex, base64 wherever it stands in what is encoded.

    >>> list(spellings("abcd"))[:3]
    ['abcd', '61626364', 'ywjjz']
    """
    yield from dict.fromkeys(_bytes(s) for s in (secret, _undone(secret), secret.replace(" ", "+")))
    for text in dict.fromkeys((secret, _undone(secret))):
        raw = text.encode()
        yield raw.hex()
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
            # the first characters hold bits of what stands before, the last one of what stands behind
            core = encoded[(8 * before + 5) // 6 : 8 * (before + len(raw)) // 6]
            if len(core) >= SHORTEST:
                yield from dict.fromkeys((core.lower(), core.replace("+", "-").replace("/", "_").lower()))


def _views(text: str) -> Iterator[_View]:
    raw = [(i, c.encode(errors="replace").decode("latin-1").lower()) for i, c in enumerate(text)]
    places = tuple(i for i, encoded in raw for _ in encoded)
    plain = _View("".join(encoded for _, encoded in raw), places, tuple(i + 1 for i in places))
    seen = set[str]()
    for start in (plain, plain.swap(_SPACE)):
        for pattern in _ESCAPES:
            view = start
            for _ in range(ROUNDS + 1):
                if view.text not in seen:
                    seen.add(view.text)
                    yield view
                view = view.swap(pattern)


def _meant(match: re.Match[str]) -> str:
    """Return the bytes that an escape stands for."""
    found = match.groupdict()
    if found.get("percent"):
        return chr(int(found["percent"], 16))
    if found.get("name"):
        return _bytes(html5.get(f"{found['name']};", match.group()))
    if found.get("one"):
        return _ONE.get(found["one"], found["one"])
    number = next(
        (int(found[k], base) for k, base in (("u", 16), ("x", 16), ("hex", 16), ("dec", 10)) if found.get(k)), 0
    )
    return _bytes(chr(number)) if 0 < number < 0x110000 else ""


def _undone(text: str) -> str:
    """Return a text with its percent signs undone."""
    return re.sub(
        r"(?:%[0-9a-fA-F]{2})+", lambda m: bytes.fromhex(m[0].replace("%", "")).decode(errors="replace"), text
    )


def _bytes(text: str) -> str:
    return text.encode(errors="replace").decode("latin-1").lower()
