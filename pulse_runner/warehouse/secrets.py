"""Which values of a project are secret: what its profile, its routes, its `.env` and its model read from the environment.

The files are read as text, line by line, so that a file that is broken gives its names too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pulse_runner.errors import UsageError
from pulse_runner.secrecy import Secrets
from pulse_runner.warehouse.project import profiles_dir

ALWAYS = frozenset(
    {
        "OPENAI_API_KEY", "OPENAI_BASE_URL", "PULSE_APPRISE_URLS", "PULSE_LISTEN_SECRET", "PULSE_SLACK_BOT_TOKEN",
        "PULSE_SMTP_URL", "RESEND_API_KEY", "RESEND_API_URL",
    }
)  # fmt: skip
SECRET_OF_DBT = re.compile(r"^DBT_ENV_SECRET")
# settings of a profile that say where something is, and who asks
PLAIN_KEYS = frozenset(
    {
        "account", "catalog", "database", "dataset", "dbname", "host", "http_path", "keyfile", "location", "method", "name",
        "path", "port", "project", "region", "role", "schema", "search_path", "server", "target", "threads", "type", "user",
        "username", "warehouse",
    }
)  # fmt: skip
# variables of .env that are settings
PLAIN_NAMES = re.compile(
    r"PULSE_(PROJECT_DIR|TARGET|DBT|LLM|OPENAI_\w+|SMALLEST_BUCKET|EMAIL_FROM|EMAIL_UNSUBSCRIBE|SMTP_CA_FILE|REPEAT_DAYS)|DBT_(PROFILES_DIR|TARGET\w*)"
)
_NAMED = re.compile(r"env_var\(\s*['\"](\w+)")
_ROUTE = re.compile(r"\b\w+_env\s*:\s*['\"]?([A-Z][A-Z0-9_]*)")
_SETTING = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=")
_LINE = re.compile(r"^\s*(?:-\s*)?['\"]?(\w+)['\"]?\s*:\s*(.*)$")
_PASSWORD = re.compile(r"^(pass(word)?|\w*(token|secret|private_key|passphrase|api_key))$")


def known_secrets(root: Path | None, env: Mapping[str, str] = os.environ) -> Secrets:
    """Return the secrets of a dbt project's folder; without one, those of the environment that Pulse itself names."""
    names = {*ALWAYS, *(n for n in env if SECRET_OF_DBT.match(n))}
    values: list[str] = []
    if root is not None:
        profiles = _text(_profiles_file(root))
        plain = set(_variables(profiles, secret=False))
        names |= set(_variables(profiles, secret=True))
        names |= {m for path in sorted((root / "segments").rglob("*.y*ml")) for m in _ROUTE.findall(_text(path))}
        settings = (m[1] for line in _text(root / ".env").splitlines() if (m := _SETTING.match(line)))
        names |= {n for n in settings if n not in plain and not PLAIN_NAMES.fullmatch(n)}
        values += _passwords(profiles)
    return Secrets([*(env[n] for n in sorted(names) if env.get(n)), *values])


def profile_variables(text: str) -> set[str]:
    """Return the names of the variables that a profiles.yml reads."""
    return set(_NAMED.findall(text))


def _variables(profiles: str, *, secret: bool) -> Iterator[str]:
    for line in profiles.splitlines():
        match = _LINE.match(line)
        is_plain = bool(match) and match[1] in PLAIN_KEYS  # type: ignore[index]
        if is_plain is not secret:
            yield from _NAMED.findall(line)


def _passwords(profiles: str) -> Iterator[str]:
    """Yield the passwords that stand in the file itself."""
    for line in profiles.splitlines():
        match = _LINE.match(line)
        if match and _PASSWORD.match(match[1]) and "env_var" not in match[2]:
            yield match[2].strip().strip("'\"")


def _profiles_file(root: Path) -> Path:
    try:
        return profiles_dir(root) / "profiles.yml"
    except UsageError:
        return root / "profiles.yml"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
