"""What the free text of a model may not hold: addresses, hosts, commands, and names that no evidence has.

Steps to take are typed (`actions.py`). So no sentence of a model needs an address or a command, and none gets through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from pulse_runner.explain.agent.claims import Finding
from pulse_runner.explain.agent.facts import Known, runs
from pulse_runner.explain.agent.reading import evidence_ids, identifiers, named_after, split_days, words_of
from pulse_runner.explain.agent.words import ORDINARY, TOOLS
from pulse_runner.scrub import has_address

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e007f]"
)
_DOTTED = re.compile(r"(?<![\w.])[^\W_][\w-]*(?:\.[\w-]+)+(?::\d+)?(?:/\S*)?")
_HOST_WORDS = re.compile(
    r"\[\s*\.\s*\]|\(\s*(?:\.|dot)\s*\)|\[\s*dot\s*\]|\bdot\s+(?:com|net|org|io|co|dev|app|info|ru|me)\b|\blocalhost\b|\b\w+://|\b0x[0-9a-f]{4,}"
    r"|(?<![\w.])@\w|\bbit\s*ly\b|(?<!\w)/(?:bin|etc|tmp|usr|dev|home|var)\b|\\\\\w+",
    re.IGNORECASE,
)
_COMMANDS = re.compile(
    r"\b(?:drop|truncate|alter|create|grant|revoke|vacuum|attach|copy)\s+(?:\w+\s+){0,2}?"
    r"(?:table|schema|view|database|user|role|column|index|all|on|privileges?)s?\b"
    r"|\b(?:delete|select|insert|merge)\s+(?:\S+\s+){0,12}?(?:from|into)\b|\bupdate\s+\S+\s+set\b"
    r"|\bunion\s+(?:all\s+)?select\b|\brm\s+-|\bpip\s+install\b|\bdbt\s+(?:run|build|seed)\b"
    r"|\b(?:sudo|curl|wget|chmod|chown|kubectl|powershell|bash|ssh|scp|netcat|eval|exec|xp_cmdshell)\b"
    r"|\bgit\s+(?:push|reset|revert|clean|checkout|rebase)\b"
    r"|\bpulse\s+(?:incidents|alert|uninstall|prune|segments|silences|run)\b|--[a-z]{3,}|\$\(|&&|\|\||;\s*--",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:disable|mute|silence|switch off|turn off|stop|ignore|suppress|delete|remove|dismiss|unsubscribe from|bypass|skip"
    r"|pause)\s+(?:\w+\s+){0,3}?(?:alerts?|alerting|monitoring|detectors?|notifications?|checks?|incidents?|tests?"
    r"|instructions?|rules|evidence|pulse|logging|security)\b"
    r"|\b(?:log|sign)\s*-?in\s+(?:at|to|with|on|here|via|using)\b"
    r"|\b(?:click|tap|scan|download|install|phone|dial|wire|transfer)\b"
    r"|\b(?:password|passcode|credential|api key|secret key|access token|credit card|gift card|bank account|qr code"
    r"|captcha)s?\b"
    r"|\b(?:reply|respond|write|send|forward|export|upload|post|mail|email)\s+(?:\w+\s+){0,6}?(?:to|at)\s+"
    r"(?:me|us|him|her|them|this|the following|support|admin|attacker)\b"
    r"|\b(?:previous|prior|above|earlier|all)\s+instructions\b|\bsystem prompt\b|\bjailbreak\b|\bnothing to see\b"
    r"|\b(?:approve|authorise|authorize)\s+(?:the|this|it|at|now|here)\b",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<![\w`'’.@/-])([^\W\d_a-zà-ÿ][\w’'-]*)")
_LIKE_A_NAME = re.compile(r"[a-z][A-Z]|\d")


def plain_text(text: str) -> str:
    """Return a text as one line in its usual letters: nothing invisible, no full-width look-alikes.

    >>> plain_text("e\\u200bvil\\uff0ecom")
    'evil.com'
    """
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).split())


def check_wording(text: str, known: Known, cited: Sequence[str]) -> Finding:
    """Return why a text cannot stand, whatever it claims, and which evidence its names need beside what it cites."""
    if has_address(text) or _HOST_WORDS.search(text):
        return Finding("holds an address or a link")
    for found in _DOTTED.findall(text):
        if _is_host(found, known):
            return Finding(f"holds an address, a host or a file ({found[:60]})")
    for pattern, what in ((_COMMANDS, "a command"), (_ORDERS, "an order that no evidence gives")):
        match = pattern.search(text)
        if match:
            return Finding(f"holds {what} ({' '.join(match.group().split())[:60]})")
    if runs(text) & known.sentences:
        return Finding("repeats a sentence of the data")
    if _mixed_letters(text, known):
        return Finding("mixes letters of several alphabets")
    missing = [i for i in evidence_ids(text) if i not in known.days]
    if missing:
        return Finding(f"speaks of {', '.join(missing)}, which is not in the evidence")
    needs = [i for i in dict.fromkeys(evidence_ids(text)) if i not in cited]
    for token in _names(text, known):
        homes = [e for e, names in known.names.items() if token.lower() in names]
        if not homes:
            return Finding(f"the name {token} is in no evidence")
        if "" not in homes and not any(h in cited or h in needs for h in homes):
            needs.append(homes[0])
    return Finding("", tuple(needs))


def _is_host(token: str, known: Known) -> bool:
    """Say whether a word with dots in it is more than a column of a known table or a file that the evidence names."""
    if re.fullmatch(r"[\d.,]+[km]?", token):
        return token.count(".") > 1  # an address of four numbers
    return not words_of(token) <= known.every_name or any(c in token for c in ":?#@") or "://" in token


def _names(text: str, known: Known) -> list[str]:
    """Return the words of a text that can only be names."""
    rest, _ = split_days(text)
    out = identifiers(text)
    out += [w for w in named_after(text) if w.lower() in known.columns]
    for match in _CAPITAL.finditer(rest):
        word = re.sub(r"['’]s$", "", match.group(1))
        parts = [p for p in re.split(r"[-’']", word) if p]
        ordinary = all(p.lower() in ORDINARY or re.fullmatch(r"E\d+", p) for p in parts)
        if not ordinary and (
            _LIKE_A_NAME.search(word) or not _begins_sentence(rest, match.start()) or _acts(rest, match.end(), word)
        ):
            out += [word]
    out += [w for w in re.findall(r"[^\W\d_]+", rest) if w.lower() in TOOLS]
    return out


def _begins_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \"'“‘(")
    return not before or before[-1] in ".!?:;"


def _acts(text: str, end: int, word: str) -> bool:
    """Say whether a first word that is not an ordinary one is the doer of its sentence, or the first of two names."""
    after = text[end:]
    if re.match(r"\s+[^\W\d_a-zà-ÿ][a-zà-ÿ]+", after):
        return True
    if re.search(r"(?:s|ing|ed|ion|ions|ity|ment|ness|ly|ence|ance)$", word.lower()):
        return False
    verbs = r"(?:has|had|is|was|did|does|will|can|must|should|\w+ed|\w{3,}s|broke|sent|went|ran|lost|took|made|put|lured|stole)"
    return bool(re.match(rf"(?:['’]s\b|\s+(?:\w+ly\s+)?{verbs}\b)", after))


def _mixed_letters(text: str, known: Known) -> bool:
    """Say whether a word mixes Latin letters with those that look like them, and is in no evidence."""
    for word in re.findall(r"[^\W\d_]{2,}", text):
        alphabets = {unicodedata.name(c, "").split(" ")[0] for c in word if c.isalpha()}
        if (
            "LATIN" in alphabets
            and alphabets & {"CYRILLIC", "GREEK", "ARMENIAN"}
            and word.lower() not in known.every_name
        ):
            return True
    return False
