"""The connection of a profile read without dbt, where the profile says it in plain words.

Importing dbt takes more than a second, and most profiles hold nothing that needs it: values, and `env_var()`. What this
file does not know for certain it leaves to dbt (`pulse_runner/warehouse/adapter.py`) by returning None. So there is one
meaning of a profile, and dbt's own words for what is wrong in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_CALL = re.compile(
    r"""\{\{\s* env_var\( \s* (['"])(?P<name>\w+)\1 \s* (?:,\s*(?P<q>['"])(?P<default>[^'"{}]*)(?P=q)\s*)? \) \s*
    (?:\|\s*(?P<filter>int|as_number)\s*)? \}\}""",
    re.VERBOSE,
)
_JINJA = re.compile(r"\{\{|\{%|\{#")


def plain_output(
    path: Path, name: str, target: str | None, env: Mapping[str, str] = os.environ
) -> dict[str, Any] | None:
    """Return the settings of the target as dbt would read them, None where only dbt can say."""
    try:
        profile = _profile(path, name)
        output = profile["outputs"][_target(profile, target, env)]
        return {str(key): _rendered(value, env) for key, value in output.items()}
    except _NOT_PLAIN:
        return None


def plain_target(path: Path, name: str, target: str | None, env: Mapping[str, str] = os.environ) -> str | None:
    """Return the target that dbt would use: the one asked for, DBT_TARGET, else the profile's; None where only dbt can say."""
    try:
        found = _target(_profile(path, name), target, env)
    except _NOT_PLAIN:
        return None
    return found if isinstance(found, str) else None


def plain_kind(path: Path, name: str, target: str | None, env: Mapping[str, str] = os.environ) -> str | None:
    """Return the type of the target's warehouse; None where only dbt can say."""
    try:
        profile = _profile(path, name)
        kind = _rendered(profile["outputs"][_target(profile, target, env)]["type"], env)
    except _NOT_PLAIN:
        return None
    return kind if isinstance(kind, str) else None


class _OnlyDbtError(Exception):
    """A value needs more than this file knows."""


_NOT_PLAIN = (OSError, YAMLError, KeyError, TypeError, AttributeError, _OnlyDbtError)


def _profile(path: Path, name: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = "1.1"  # as dbt's parser reads it: `yes` is true
    return yaml.load(path.read_text(encoding="utf-8"))[name]


def _target(profile: Any, target: str | None, env: Mapping[str, str]) -> Any:
    return _rendered(target or env.get("DBT_TARGET") or profile.get("target", "default"), env)


def _rendered(value: Any, env: Mapping[str, str]) -> Any:
    """Return a value with its calls of env_var() carried out.

    >>> _rendered("{{ env_var('HOST', 'localhost') }}", {})
    'localhost'
    >>> _rendered("{{ env_var('PORT') | int }}", {"PORT": "5433"})
    5433
    """
    if not isinstance(value, str):
        return value
    if _JINJA.search(_CALL.sub("", value)):
        raise _OnlyDbtError
    whole = _CALL.fullmatch(value)
    if whole and whole["filter"]:
        text = _variable(whole, env)
        if not re.fullmatch(r"-?\d+", text):
            raise _OnlyDbtError
        return int(text)
    return _CALL.sub(lambda found: _variable(found, env), value)


def _variable(found: re.Match[str], env: Mapping[str, str]) -> str:
    value = env.get(found["name"], found["default"])
    if value is None:
        raise _OnlyDbtError  # dbt names the variable that is missing
    return value
