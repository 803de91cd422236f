"""Secrets are found however they are written, and what is no secret stays."""

from __future__ import annotations

import json
import random
import string

import pytest

from pulse_runner.secrecy import Secrets
from tests.python.secrecy.spellings import ENCODINGS

ALPHABET = string.ascii_letters + string.digits + "+/=%&?#@:<>\"'\\ .-_~é漢"


def drawn(seed: int, size: int) -> str:
    """Return a secret that white space at its ends does not belong to, as no variable keeps it."""
    random_ = random.Random(seed)
    text = "".join(random_.choice(ALPHABET) for _ in range(size))
    return text if text.strip() == text else drawn(seed + 100_003, size)


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_secret_is_found_in_every_spelling(name: str) -> None:
    for seed in range(150):
        secret = drawn(seed, 12 + seed % 30)
        written = ENCODINGS[name](secret)
        cleaned = Secrets([secret]).clean(f"The key is ({written}) and it is wrong")
        left = cleaned.removeprefix("The key is (").removesuffix(") and it is wrong")
        # what stands before and behind the secret in the same base64 may stay, with some bits of its first and last byte
        assert "…" in left, (seed, secret, cleaned)
        assert len("".join(left.split())) <= 12, (seed, secret, cleaned)


@pytest.mark.parametrize("length", range(4, 30))
def test_a_secret_that_the_end_of_the_text_cuts_is_found(length: int) -> None:
    secret = "pl4nted-S3cret/with+signs%and&more"
    cleaned = Secrets([secret]).clean(f"401: the token {secret[:length]}")
    assert cleaned == "401: the token …"
    assert Secrets([secret]).clean(f"401: the token {secret[:length]}...") == "401: the token …..."


@pytest.mark.parametrize("start", range(24))
def test_a_secret_that_the_beginning_of_a_text_cuts_is_found(start: int) -> None:
    secret = "pl4nted-S3cret/with+signs%and&more"
    assert Secrets([secret]).clean(f"…{secret[start:]} is wrong") == "… is wrong"


def test_the_secret_parts_of_a_url_are_found_and_its_host_stays() -> None:
    secrets = Secrets(["https://pulse:p%40ss-w0rd@hooks.example.com/services/T0SECRET/B0SECRET?sig=abcDEF123456"])
    said = "POST hooks.example.com/services/T0SECRET/B0SECRET?sig=abcDEF123456 as pulse, p@ss-w0rd, T0SECRET"
    cleaned = secrets.clean(said)
    assert cleaned.startswith("POST hooks.example.com/services/…")
    for part in ("T0SECRET", "B0SECRET", "abcDEF", "p@ss", "w0rd"):
        assert part not in cleaned


def test_ordinary_words_of_a_url_are_no_secrets() -> None:
    text = "the relation services does not exist; see https://example.com/services"
    assert (
        Secrets(["https://example.com/services", "https://hooks.example.com/services/T0SECRET99"]).clean(text) == text
    )


def test_a_key_file_is_found_by_its_long_words() -> None:
    key = json.dumps(
        {"type": "service_account", "private_key": "-----BEGIN\\nMIIEvAIBADANBgkqhkiG9w0BAQEF\\nEND"}, indent=1
    )
    cleaned = Secrets([key]).clean('cannot read {"type": 1}: MIIEvAIBADANBgkqhkiG9w0BAQEF is no key')
    assert cleaned == 'cannot read {"type": 1}: … is no key'


def test_nothing_is_changed_where_there_is_no_secret() -> None:
    text = 'a % of b, 100%25, &amp; "c" \\u0041 =3D 日本語 …= …… d'
    assert Secrets(["pl4nted-S3cret", "", "  ", "ab"]).clean(text) == text
    assert Secrets([]).clean(text) == text


def test_secrets_have_no_repr_that_tells() -> None:
    assert repr(Secrets(["pl4nted-S3cret"])) == "Secrets(1 values)"
