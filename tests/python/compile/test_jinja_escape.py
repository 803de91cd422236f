"""Whatever text a definition holds, dbt's Jinja gives it back as it is, and calls nothing.

The escaper has no marker of its own: what begins a tag is written as an expression, in one pass. A million drawn texts go through it
against a reader that shares nothing with it, thousands through dbt's own Jinja, and hundreds through whole compiled models.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator

import pytest
from dbt.clients.jinja import get_rendered
from dbt_common.clients.jinja import get_environment
from ruamel.yaml import YAML

from pulse_runner.compile.jinja import literal
from pulse_runner.compile.render import compile_project
from pulse_runner.compile.sql import in_jinja
from pulse_runner.errors import DefinitionError, PulseError
from pulse_runner.known_events.seed import COLUMNS, read_known_events
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project
from pulse_runner.segments.model import (
    All,
    AnyOf,
    Entity,
    Field,
    FieldLeaf,
    History,
    Not,
    Project,
    Relation,
    Segment,
    SqlLeaf,
)

# what the escaper writes, what Jinja, SQL, JSON and YAML read, the old escaper's marks, and a call that must never run
PIECES = [
    *"{}%#'\"\\-+~:()[] \n\t\x00\x01\x02u0n", "{{", "}}", "{%", "%}", "{#", "#}", "{{ '", "' }}", "{{ '{{' }}", "{%-", "-%}", "\\u007b",
    "{{ env_var('HOME') }}", "{% raw %}", "{% endraw %}", "endcall", "''", "\\'", "\r", "é", "\u2028", "💥", "-- ", "/*", "*/",
]  # fmt: skip
MILLION = 1_000_000


def texts(count: int, seed: int, pieces: list[str] = PIECES, longest: int = 6) -> Iterator[str]:
    drawn = random.Random(seed)
    lengths = drawn.choices(range(longest + 1), k=count)
    stream = iter(drawn.choices(pieces, k=sum(lengths)))
    return ("".join(itertools.islice(stream, length)) for length in lengths)


_READ = re.compile(r"\{\{ '(\{\{|\{%|\{#)' \}\}|(\{\{|\{%|\{#)")


def opened(found: re.Match[str]) -> str:
    if found[2]:
        raise AssertionError(f"{found[2]} opens a tag of Jinja in {found.string!r}")
    return found[1]


def as_jinja_reads(escaped: str) -> str:
    """A reader of its own: from left to right, data up to what opens a tag, which must be one text and nothing else."""
    return _READ.sub(opened, escaped)


def test_a_million_texts_come_out_of_the_escaper_as_they_went_in() -> None:
    count = 0
    for text in texts(MILLION, 1):
        if as_jinja_reads(in_jinja(text)) != text:
            raise AssertionError(repr(text))
        count += 1
    assert count == MILLION


def test_a_million_texts_come_out_of_a_literal_as_they_went_in() -> None:
    count = 0
    for text in texts(MILLION, 2):
        written = literal(text)
        inner = written[1:-1]
        # as Jinja's lexer does: the literal ends at the first quote without a backslash, and escapes are Python's
        if '"' in re.sub(r"\\.", "", inner) or "\n" in inner:
            raise AssertionError(repr(text))
        if (
            inner.encode("ascii", "backslashreplace")
            .decode("unicode-escape")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16")
            != text
        ):
            raise AssertionError(repr(text))
        count += 1
    assert count == MILLION


class Forbidden:
    """Stands in the place of env_var and of every other name: it notes that it was called."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, *given: object, **more: object) -> str:
        self.calls.append(given)
        return "SECRET"


BREAK = "\n<<<>>>\n"  # Jinja reads it as data; no piece can make one
# a template turns \r into a line break; no definition may hold it
READABLE = [p for p in PIECES if p != "\r"]


def test_thousands_of_texts_come_out_of_dbts_own_jinja_as_they_went_in() -> None:
    env_var, batch = Forbidden(), 5_000
    for seed in range(4):
        given = list(texts(batch, 100 + seed, READABLE, 12))
        template = BREAK.join(map(in_jinja, given)) + "|"
        context = {"env_var": env_var, "var": env_var, "endcall": env_var, "HOME": env_var}
        assert get_environment(None).from_string(template).render(context) == BREAK.join(given) + "|"
        written = "{% set given = [" + ", ".join(map(literal, given)) + "] %}{{ given | tojson }}"
        seen: list[str] = []
        get_rendered(
            written.replace("{{ given | tojson }}", "{% do keep(given) %}"),
            {**context, "keep": seen.extend, "env_var": env_var},
        )
        assert seen == given
    assert env_var.calls == []


@pytest.mark.parametrize("native", [False, True])
def test_a_text_of_the_properties_comes_out_of_dbts_yaml_renderer_as_it_went_in(native: bool) -> None:
    env_var = Forbidden()
    for text in texts(1_500, 7, READABLE, 6):
        if text.strip() and not text.endswith("\n"):
            assert get_rendered(in_jinja(text), {"env_var": env_var}, native=native) == text
    assert env_var.calls == []


ENTITY = Entity(
    "people", Relation("ref", ("dim",)), "id", History("as_of", "day"),
    {"plan": Field("plan", "text"), "n": Field("n", "number")},
)  # fmt: skip


class Macros:
    """The macros of the package, as far as a compiled file calls them: they keep what they are given."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def __getattr__(self, name: str) -> object:
        def call(*given: object, caller: object = None, **more: object) -> str:
            self.seen.append((name, given))
            return caller() if callable(caller) else "true"

        return call


def flat(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        yield from flat(list(data.items()))
    elif isinstance(data, list | tuple):
        for part in data:
            yield from flat(part)
    elif isinstance(data, str):
        yield data


def test_no_compiled_file_calls_what_a_value_says() -> None:
    env_var = Forbidden()
    allowed = [p for p in READABLE if p not in ("\x00", "\x01", "\x02", "\u2028")]
    drawn = iter(texts(8 * 60, 11, allowed, 10))
    for _ in range(60):
        a, b, c, d, label, description, owner, sql = itertools.islice(drawn, 8)
        rule = All((
            FieldLeaf("plan", "=", (a,)), FieldLeaf("plan", "in", (a, b)), Not(AnyOf((FieldLeaf("plan", "contains", (c,)),))),
            FieldLeaf("plan", "matches", (d,)), SqlLeaf("plan = '" + sql.replace("'", "''") + "'", ("plan",)),
        ))  # fmt: skip
        segment = Segment("odd", "people", rule, owner, label=label, description=description)
        files = compile_project(Project({"people": ENTITY}, {"odd": segment}, {}))
        macros = Macros()
        context = {
            "pulse": macros,
            "env_var": env_var,
            "ref": lambda *n: n[-1],
            "config": lambda **k: "",
            "adapter": macros,
        }
        context["dbt"] = macros
        rendered = {
            path: get_environment(None).from_string(text).render(context)
            for path, text in files.items()
            if path.endswith(".sql")
        }
        view = rendered["models/pulse/seg_odd.sql"]
        for text in (a, b, c):
            quoted = "'" + text.replace("'", "''") + "'"
            assert all(line in view for line in quoted.split("\n")), text
        known = {s for _, given in macros.seen for s in flat(given)}
        assert {owner, label or "odd", description} <= known
        properties = YAML(typ="safe").load(files["models/pulse/_pulse__models.yml"])
        exposure = properties["exposures"][0]
        assert get_environment(None).from_string(exposure["label"] + "|").render(context) == f"{label or 'odd'}|"
    assert env_var.calls == []


DEFINITIONS = {
    "segments/entities/people.yml": "entity: people\nrelation: ref('dim')\nkey: id\nfields: {plan: text}\nlabel: @\n",
    "segments/s.yml": (
        "segment: s\nentity: people\nlabel: @\ndescription: @\nowner: @\nrules:\n  - {field: plan, operator: '=', value: @}\n"
        "  - {field: plan, operator: in, value: [a, @]}\n  - {sql: @}\n"
    ),
    "segments/routes.yml": "routes: {growth: {channels: [{channel: email, to: [@]}]}}\n",
}
PLACES = [(file, n) for file, text in DEFINITIONS.items() for n in range(text.count("@"))]
HIDDEN = [
    "\x00",
    "\x01",
    "\x07",
    "\x0b",
    "\r",
    "\x1b",
    "\x1f",
    "\x7f",
    "\x85",
    "\x9f",
    "\u2028",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\ud800",
]


@pytest.mark.parametrize("character", HIDDEN, ids=lambda c: f"U+{ord(c):04X}")
def test_a_control_character_is_refused_in_every_text_of_a_definition(character: str) -> None:
    usual = {"segments/s.yml": ["a", "b", "c", "d", "e", "plan = 'x'"], "segments/routes.yml": ["a@example.com"]}
    for file, n in PLACES:
        made = {}
        for name, text in DEFINITIONS.items():
            parts, values = text.split("@"), usual.get(name, ["a"])
            written = [f'"{v}"' for v in values]
            if name == file:
                written[n] = f'"x\\u{ord(character):04x}y"'
            made[name] = "".join(itertools.chain.from_iterable(itertools.zip_longest(parts, written, fillvalue="")))
        with pytest.raises(DefinitionError) as error:
            build_project(made, SCHEMA)
        (problem,) = (p for p in error.value.problems if p.file == file)
        assert problem.message == f"the text holds the control character U+{ord(character):04X}"
        assert problem.do


@pytest.mark.parametrize("value", ["x\\", "\\' or true --", "a\\\nb", "\\\\'"])
def test_a_backslash_that_some_warehouse_would_read_as_the_escape_of_a_quote_is_refused(value: str) -> None:
    entity = "entity: people\nrelation: ref('dim')\nkey: id\nfields: {plan: text}\n"
    rule = f"segment: s\nentity: people\nowner: me\nrules:\n  - {{field: plan, operator: '=', value: {json.dumps(value)}}}\n"
    with pytest.raises(
        DefinitionError, match=r"s\.yml:5: the text holds a backslash before a quote or at the end of a line"
    ):
        build_project({"segments/entities/people.yml": entity, "segments/s.yml": rule}, SCHEMA)
    kept = rule.replace(json.dumps(value), "'^\\d+\\.$'").replace("operator: '='", "operator: matches")
    assert build_project({"segments/entities/people.yml": entity, "segments/s.yml": kept}, SCHEMA).segments


def test_a_control_character_that_stands_in_the_file_itself_is_refused_at_its_line() -> None:
    with pytest.raises(DefinitionError, match=r"segments/s\.yml:3: the file holds the control character U\+0001"):
        build_project({"segments/s.yml": "segment: s\r\nentity: people\r\nlabel: a\x01b\r\n"}, SCHEMA)
    with pytest.raises(DefinitionError, match=r"segments/s\.yml:2: a key holds the control character U\+0002"):
        build_project({"segments/s.yml": 'segment: s\n"a\\x02": people\n'}, SCHEMA)


@pytest.mark.parametrize("column", ["scope_value", "reason"])
def test_a_control_character_is_refused_in_a_known_event(tmp_path, column: str) -> None:  # type: ignore[no-untyped-def]
    values = {
        "starts_on": "2026-01-01",
        "ends_on": "2026-01-02",
        "scope": "owner",
        "scope_value": "me",
        "reason": "sale",
    }
    values[column] += "\x01"
    path = tmp_path / "events.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(values[c] for c in COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(PulseError, match=rf"line 2: {column} holds the control character U\+0001"):
        read_known_events(path)
