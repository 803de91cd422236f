"""Pydantic's findings in the words of a person who edits YAML, each at its line."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pulse_runner.errors import did_you_mean
from pulse_runner.segments.schema import RULE_KEYS, Schema
from pulse_runner.segments.source import Document, Path
from pulse_runner.segments.strict import Spec

KINDS = {
    "string_type": "text", "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false",
    "list_type": "a list", "tuple_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
}  # fmt: skip


def validate(document: Document, schema: Schema, kind: str) -> Spec | None:
    """Return the document as a spec of `kind`; None when it is not one, with each problem added to the document."""
    try:
        return schema.specs[kind].model_validate(document.data)
    except ValidationError as error:
        with document.some():
            for found in error.errors(include_url=False):
                path = _yaml_path(document.data, found["loc"])
                document.complain(path, _message(schema, kind, found, path))
        return None


def _yaml_path(data: Any, loc: tuple[int | str, ...]) -> Path:
    """Return the part of a pydantic location that exists in the file: tags and short forms are left out."""
    path: Path = ()
    for part in loc:
        inside_mapping = isinstance(data, dict) and part in data and not (isinstance(part, str) and part == "[key]")
        inside_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if inside_mapping or inside_list:
            data = data[part]
            path = (*path, part)
    return path


def _message(schema: Schema, file_kind: str, found: ErrorDetails, path: Path) -> str:
    kind, given, ctx = found["type"], found["input"], found.get("ctx", {})
    loc = found["loc"]
    key = str(path[-1]) if path else "the file"
    if kind == "extra_forbidden":
        known = schema.keys_at(file_kind, loc)
        return f"unknown key `{loc[-1]}`{did_you_mean(str(loc[-1]), known) or f'; known are {_listed(known)}'}"
    if kind == "missing":
        return f"`{loc[-1]}` is missing" + (f" in `{_word(path)}`" if path else "")
    if kind == "union_tag_not_found" and "channel" not in str(ctx.get("discriminator")):
        return _no_rule(given)
    if kind == "union_tag_not_found":
        return "`channel` is missing"
    if kind == "union_tag_invalid":
        return f"unknown channel `{ctx['tag']}`; known are {str(ctx['expected_tags']).replace(chr(39), '')}"
    if kind in KINDS:
        return f"`{_word(path)}` must be {KINDS[kind]}, not {describe(given)}"
    if kind == "literal_error":
        wanted = [w.strip(" '") for w in str(ctx["expected"]).replace(" or ", ", ").split(",")]
        what = f"`{given}`" if isinstance(given, str) else describe(given)
        near = did_you_mean(given, wanted) if isinstance(given, str) else ""
        return f"{what} is not possible for `{_word(path)}`{near or f'; possible are {_listed(wanted)}'}"
    if kind == "too_long":
        return f"`{_word(path)}` has too many items: at most {ctx['max_length']:,} are read"
    if kind == "too_short":
        rule = key in ("rules", "all", "any")
        return "the rule is empty: it would take every row" if rule else f"`{_word(path)}` is empty"
    if kind == "string_too_short":
        return f"`{_word(path)}` is empty"
    if kind == "string_pattern_mismatch":
        return _pattern(str(ctx["pattern"]), given, path)
    if kind in ("greater_than", "greater_than_equal", "less_than_equal"):
        limit = {"gt": "more than {}", "ge": "at least {}", "le": "at most {}"}
        name, value = next((k, v) for k, v in ctx.items() if k in limit)
        return f"`{_word(path)}` must be {limit[name].format(f'{value:g}')}, not {given}"
    if kind == "recursion_loop":
        return f"`{_word(path)}` is nested too deeply"
    return f"`{_word(path)}`: {found['msg'][0].lower()}{found['msg'][1:]}"


def _pattern(pattern: str, given: str, path: Path) -> str:
    if pattern.startswith("^[A-Z]"):  # never repeat what was given: it may be the secret itself
        return f"`{_word(path)}` must be the name of an environment variable (capitals, digits, _), never a value or address"
    if pattern.startswith("^([01]"):
        return f"`{_word(path)}` must be a time of day such as 08:00, not `{given}`"
    if "@" in pattern:
        return f"`{given}` is not an email address"
    if len(given) > 50:
        return f"the name `{given}` has {len(given)} characters; at most 50 fit into every warehouse"
    return f"`{given}` is not a name: lower-case letters, digits and _, beginning with a letter, at most 50 characters"


def _no_rule(given: Any) -> str:
    if not isinstance(given, dict):
        return f"a rule must be a mapping such as {{field: ltv, operator: '>', value: 1000}}, not {describe(given)}"
    if not given:
        return "the rule is empty: it would take every row"
    near = next((hint for key in given if (hint := did_you_mean(str(key), list(RULE_KEYS)))), "")
    return f"a rule needs one of {_listed(list(RULE_KEYS))}; found {_listed([str(k) for k in given])}{near}"


def _word(path: Path) -> str:
    names = [part for part in path if isinstance(part, str)]
    return names[-1] if names else "file"


def _listed(words: list[str]) -> str:
    return ", ".join(words)


def describe(given: Any) -> str:
    """Return a value with its kind, as a person would call it.

    >>> describe(True), describe("7"), describe(None)
    ('true (true or false)', "'7' (text)", 'nothing')
    """
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return f"{str(given).lower()} (true or false)"
    if isinstance(given, int | float):
        return f"{given} (a number)"
    if isinstance(given, str):
        return f"{given!r} (text)"
    return "a list" if isinstance(given, list) else "a mapping"
