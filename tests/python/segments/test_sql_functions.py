"""SQL in a definition may call what is on the list, and nothing else: no file, no clock, no setting, no table has a way in."""

from __future__ import annotations

import random
import re
from pathlib import Path

import duckdb
import psycopg2
import pytest

from pulse_runner.errors import DefinitionError, UsageError
from pulse_runner.plugins import SCHEMA, schema_of
from pulse_runner.segments.expression import check_expression, fields_of
from pulse_runner.segments.functions import EVERYWHERE, FUNCTIONS, Functions
from pulse_runner.segments.load import build_project
from pulse_runner.segments.model import SqlLeaf
from pulse_runner.segments.pattern import pattern_problem

FIELDS = {"ltv": "number", "country": "text", "vip": "boolean", "seen_at": "timestamp", "Order Total": "number"}
ENTITY = """entity: customers
relation: ref('dim')
key: id
history: {as_of: day}
fields: {ltv: number, country: text, vip: boolean, seen_at: timestamp}
"""
UNLISTED = "docs/segments.md lists what is allowed; the var pulse_sql_functions of dbt_project.yml adds names."


def refusal(sql: str, warehouse: str | None = None) -> str:
    """What `pulse compile` says of a segment with this SQL: the problem and, on a second line, what to do."""
    rule = (
        "segment: s\nentity: customers\nowner: me\nrules:\n  - sql: |-\n      " + sql.replace("\n", "\n      ") + "\n"
    )
    functions = Functions(warehouse)
    schema = type(SCHEMA)(SCHEMA.detectors, SCHEMA.channels, functions)
    try:
        build_project({"segments/entities/customers.yml": ENTITY, "segments/s.yml": rule}, schema)
    except DefinitionError as error:
        return "\n".join(map(str, error.problems))
    return ""


# every example of the issue, and what it says in the place of `...`
MEASURED = {
    "read_csv('/etc/passwd') = 'x'": "the function `read_csv` is not on the list for duckdb",
    "pg_read_file('/etc/passwd') = 'x'": "the function `pg_read_file` is not on the list for duckdb",
    "pg_sleep(3600) is null": "the function `pg_sleep` is not on the list for duckdb",
    "dblink('a', 'b') is null": "the function `dblink` is not on the list for duckdb",
    "query_to_xml('delete from x', true, true, '') is null": "the function `query_to_xml` is not on the list for duckdb",
    "lo_export(1, '/tmp/x') = 1": "the function `lo_export` is not on the list for duckdb",
    "pg_terminate_backend(1)": "the function `pg_terminate_backend` is not on the list for duckdb",
    "set_config('a', 'b', false) = 'b'": "the function `set_config` is not on the list for duckdb",
    "nextval('s') > 1": "the function `nextval` is not on the list for duckdb",
    "http_get('http://x') = 'y'": "the function `http_get` is not on the list for duckdb",
    "getenv('HOME') = 'x'": "the function `getenv` is not on the list for duckdb",
    "random() < 0.5": "the function `random` is not on the list for duckdb",
    "current_user = 'x'": "`current_user` depends on who runs the query",
    "repeat('x', 1000000000) = 'y'": "the function `repeat` is not on the list for duckdb; did you mean `replace`?",
    "country ~ '(a+)+$'": "the pattern behind `~` repeats a group that repeats or chooses inside",
    "'secrets'::regclass is null": "the type `regclass` of a cast is not on the list for duckdb",
    "{{ ltv }} > 1": "the SQL must not hold Jinja",
}  # fmt: skip


@pytest.mark.parametrize(("sql", "says"), MEASURED.items())
def test_what_got_through_is_refused_with_a_place_a_reason_and_what_to_do(sql: str, says: str) -> None:
    first, second = refusal(sql, "duckdb").split("\n")
    assert first == f"segments/s.yml:5: {says}"
    assert re.fullmatch(r"    [A-Z`d].{20,120}\.", second), second
    if "function" in says:
        assert second == f"    {UNLISTED}"


@pytest.mark.parametrize(
    "sql",
    [
        # the day on which the query runs
        "seen_at > now()", "seen_at > current_date", "seen_at > 'today'", "seen_at > ' TODAY 10:00'", "date 'today' < seen_at",
        "cast('to' || 'day' as date) < seen_at", "coalesce(seen_at, 'now') < seen_at", "cast(lower('TODAY') as date) < seen_at",
        "seen_at > timestamp 'now'", "'yesterday'::date < seen_at", "seen_at > date 'tomorrow'", "cast(country as date) > seen_at",
        # names of somewhere else
        "pg_catalog.lower(country) = 'x'", "country.upper() = 'X'", "customers.ltv > 1", '"pg_sleep"(1) is null', '"x"."y" = 1',
        "(from country) = 1", "ltv in (select 1)", "exists(select 1)", "ltv in country", "(table secrets) = 1", "(values (1)) = 1",
        # casts that look something up
        "regclass 'secrets' is null", "cast('secrets' as regclass) is null", "ltv::\"regclass\" is null", "try_cast(1 as oid) = 1",
        "cast(cast('a' as regproc) as text) = 'b'", "cast('x' as char(9999)) = 'x'", "cast(ltv as numeric(1000, 2)) > 1",
        # what warehouses read in different ways
        "E'a' = country", "country = 'it\\'s'", "ltv > $1", "$$x$$ = country", "ltv -> 1", "ltv ->> 1 = 'x'", "ltv[1] > 1", "[1] = 1",
        "country = `x`", "ltv # 1 = 2", "country ~~ 'x'", "U&'x' = country", "ltv ? 'x'", "@ltv > 1", "x'00' = country", "ltv ^ 2 > 1",
        "country = 'a' /* x */", "ltv > 1 -- x", "ltv > 1; select 1", "lambda x: x", "country = '{{ ltv }}'", "country = '{% raw %}'",
        # patterns that are not written out, or run away
        "country ~ country", "country like country", "country like 'a' || country", "country ~ ('a' || 'b')", "country ~ '(a|aa)+$'",
        "country ~* '(?=a)'", "country !~ '(a)\\1'", "country ~ 'a{1000}'", "country ~ '((a{9}){9}){9}'", f"country ~ '{'a' * 201}'",
        f"country like '{'%a' * 101}'", "country ~ '.*.*.*.*.*.*x'", "country ~",
        # what grows
        "lpad('x', 1000000000) = 'y'", "rpad('x', 1000000000) = 'y'", "replace(country, 'a', 'aaaaaaaa') = 'x'",
        "replace(country, 'a', country) = 'x'", "ltv > 1e400", f"ltv > {'9' * 39}", "(" * 21 + "vip" + ")" * 21, "not " * 30 + "vip",
        "case when " * 21 + "vip" + " then true end" * 21, " or ".join(["vip"] * 400),
        # more than one row
        "max(ltv) > 1", "row_number() over () > 1", "count(*) > 1", "ltv > any(array[1])", "unnest(ltv) > 1",
        # halves
        "cast(ltv", "cast(", "ltv::", "::", "extract(year", "extract()", "replace(", ")", "(", "in (", ".", "x.", '"', "'", "ltv ltv",
        "'a' 'b' = country", "country 'x'", "case when vip then", "ltv >", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "snowflake", None])
def test_other_ways_out_are_refused(sql: str, warehouse: str | None) -> None:
    problems = check_expression(sql, FIELDS, Functions(warehouse))[0]
    assert problems
    assert all("\n" not in p.what + p.do and p.do for p in problems)


@pytest.mark.parametrize(
    "sql",
    [
        "ltv > 2 * 3", "lower(country) = 'de' and coalesce(ltv, 0) > 1", "ltv::int > 1", "cast(ltv as numeric(10, 2)) > 1", "ltv=-1",
        "seen_at > date '2020-01-01'", "seen_at > seen_at + interval '7 days'", "extract(year from seen_at) = 2020", "ltv % 2 = 0",
        "ltv is distinct from 5", "ltv is not distinct from 1", "country not like 'x%'", "country ilike 'x%' or vip", "-ltv < 1",
        "trim(country) = 'x'", "case ltv when 1 then true else false end", "case when vip then vip end", "left(country, 3) = 'x'",
        "country || 'x' = 'y'", "vip is true", "not vip", "ltv between 1 and 2", "ltv not in (1, 2)", "country ~ '^a'",
        "cast(seen_at as date) = '2020-01-01'", "seen_at::date > cast('2020-01-01' as date)", '"Order Total" > 5', "vip and (not vip)",
        "country = 'it''s -- ok; {x}'", "greatest(ltv, 1) > 1", "replace(country, '-', '') = 'x'", "LOWER(country) = 'DE' AND ltv > 1.5e3",
        "ltv / (ltv + 1) > 1", "country like '%today%'", "country is not null", "true",
    ],
)  # fmt: skip
@pytest.mark.parametrize("warehouse", ["duckdb", "postgres", "snowflake", None])
def test_what_people_write_is_allowed(sql: str, warehouse: str | None) -> None:
    assert check_expression(sql, FIELDS, Functions(warehouse))[0] == []


def test_a_function_of_one_warehouse_is_refused_on_another_with_the_name_of_the_one() -> None:
    assert refusal("regexp_like(country, '^a')", "postgres") == ""
    first = refusal("regexp_like(country, '^a')", "duckdb").split("\n")[0]
    assert first.endswith("the function `regexp_like` is not on the list for duckdb; it is for postgres")
    first = refusal("lowr(country) = 'x'").split("\n")[0]
    assert first.endswith("the function `lowr` is not on the list for every warehouse; did you mean `lower`?")


def test_a_project_adds_names_in_its_config_and_a_definition_cannot(tmp_path: Path) -> None:
    project = tmp_path / "dbt_project.yml"
    project.write_text("name: shop\nprofile: shop\nvars: {pulse_sql_functions: [my_function]}\n", encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(
        "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: x}\n    prod: {type: postgres, host: \"{{ env_var('NOT_SET_ANYWHERE') }}\"}\n",
        encoding="utf-8",
    )
    dev, prod = schema_of(tmp_path), schema_of(tmp_path, "prod")
    assert (dev.functions.warehouse, prod.functions.warehouse) == ("duckdb", "postgres")
    assert check_expression("my_function(country) = 1", FIELDS, dev.functions) == ([], ("country",))
    assert check_expression("my_function(country) = 1", FIELDS, Functions("duckdb"))[0]
    text = ENTITY + "pulse_sql_functions: [pg_sleep]\n"
    with pytest.raises(DefinitionError, match="unknown key `pulse_sql_functions`"):
        build_project({"segments/entities/customers.yml": text}, SCHEMA)


@pytest.mark.parametrize("given", ["[a.b]", "['x(1)']", "[1]", "'{{ x }}'"])
def test_a_name_in_the_config_is_plain(tmp_path: Path, given: str) -> None:
    (tmp_path / "dbt_project.yml").write_text(f"name: shop\nvars: {{pulse_sql_functions: {given}}}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="pulse_sql_functions"):
        schema_of(tmp_path)


def test_reach_and_the_operator_matches_are_held_to_the_same() -> None:
    rule = (
        "segment: s\nentity: customers\nowner: me\nrules:\n  - {field: country, operator: matches, value: '(a+)+$'}\n"
    )
    texts = {"segments/entities/customers.yml": ENTITY + "reach: {mail: 'pg_sleep(1)'}\n", "segments/s.yml": rule}
    with pytest.raises(DefinitionError) as error:
        build_project(texts, SCHEMA)
    assert [p.message for p in error.value.problems] == [
        "the function `pg_sleep` is not on the list for every warehouse",
        "the pattern of `matches` repeats a group that repeats or chooses inside",
    ]


def test_a_pattern_that_the_check_passes_is_read_in_no_time() -> None:
    drawn = random.Random(10)
    pieces = ["a", "b", "[ab]", "(", "(?:", ")", "|", "*", "+", "?", "{2}", "{3,}", ".", "^", "$", "\\d", "x"]
    kept = 0
    for _ in range(20_000):
        pattern = "".join(drawn.choices(pieces, k=drawn.randrange(1, 12)))
        if pattern_problem(pattern):
            continue
        try:
            compiled = re.compile(pattern)
        except re.error:
            continue  # the warehouse says so; it is no danger
        kept += 1
        compiled.search("a" * 24 + "!")  # Python's engine goes back and tries again: what nests would take minutes
    assert kept > 2_000


ARGUMENTS = ("", "ltv", "country", "country, 'x'", "ltv, 2", "country, 1, 2", "'year', seen_at", "country, 'x', ''")


def passing(names: list[str], functions: Functions) -> set[str]:
    """The names of a catalogue that an expression may call, drawn with arguments and in every spelling."""
    drawn, found = random.Random(10), set()
    for name in names:
        for written in {name, name.upper(), f'"{name}"', f"pg_catalog.{name}", f"main.{name}"}:
            calls = [f"{written}({given})" for given in drawn.sample(ARGUMENTS, 4)]
            calls += [f"ltv {written} ltv", f"{written} ltv > 1", written]
            for call in (*calls, f"{calls[0]} is not null", f"coalesce({calls[1]}, 1) = 1"):
                if not check_expression(call, FIELDS, functions)[0]:
                    found.add(name)
    return found


# signs between two values, which catalogues list as functions; a pattern sign wants a text that is written out
SIGNS = {
    "%",
    "*",
    "+",
    "-",
    "/",
    "||",
    "and",
    "or",
    "=",
    "<",
    ">",
    "<=",
    ">=",
    "<>",
    "!=",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
}


def test_of_all_functions_of_duckdb_only_those_of_the_list_pass() -> None:
    rows = duckdb.connect().execute(
        "select function_name, array_agg(distinct function_type), array_agg(distinct stability) from duckdb_functions() group by 1"
    )
    catalogue = {name: (set(kinds), set(stability)) for name, kinds, stability in rows.fetchall()}
    assert len(catalogue) > 600
    listed = Functions("duckdb").names
    assert passing(sorted(catalogue), Functions("duckdb")) - SIGNS <= listed
    for name in listed & set(catalogue):
        kinds, stability = catalogue[name]
        # nullif and split_part are macros of their own language: they have no stability, and call what is on the list
        assert kinds == {"scalar"} or (kinds == {"macro"} and name in {"nullif", "split_part"}), name
        assert stability <= {"CONSISTENT", None}, name
    # the rest is grammar: the parser reads it, and no catalogue lists it
    assert listed - set(catalogue) == {"cast", "coalesce", "extract", "try_cast"}


# of a listed function, the forms that depend on the session: the zone of a timestamp with a zone, the encoding of bytes
SESSION_FORMS = {
    "date_part": {"text, timestamp with time zone"},
    "date_trunc": {"text, timestamp with time zone"},
    "extract": {"text, timestamp with time zone"},
    "length": {"bytea, name"},
}


@pytest.mark.postgres
def test_of_all_functions_of_postgres_only_those_of_the_list_pass(postgres_server: Path) -> None:
    connection = psycopg2.connect(host=str(postgres_server), user="postgres", dbname="postgres")
    try:
        cursor = connection.cursor()
        cursor.execute(
            "select proname, prokind, provolatile, pg_get_function_identity_arguments(oid), proretset from pg_proc"
        )
        rows = cursor.fetchall()
        cursor.execute("select distinct oprname from pg_operator")
        signs = [r[0] for r in cursor.fetchall()]
        cursor.execute("select typname from pg_type where typname not like '\\_%' and typrelid = 0")
        types = [r[0] for r in cursor.fetchall()]
    finally:
        connection.close()
    names = {r[0] for r in rows}
    assert len(names) > 2_500
    functions = Functions("postgres")
    assert passing(sorted(names), functions) <= functions.names
    for name, kind, volatile, arguments, is_set in rows:
        if name in functions.names:
            assert (kind, is_set) == ("f", False), name
            assert volatile == "i" or arguments in SESSION_FORMS[name], (name, arguments)
    assert functions.names - names == {"cast", "coalesce", "greatest", "least", "nullif", "trim"}
    found = {
        s for s in signs if any(not check_expression(f"ltv {s} {x}", FIELDS, functions)[0] for x in ("ltv", "'x'", "5"))
    }
    assert found <= SIGNS | {"~", "~*", "!~", "!~*"}
    cast = {t for t in types if not check_expression(f"ltv::{t} is null", FIELDS, functions)[0]}
    assert cast <= functions.types


def test_the_list_for_every_warehouse_is_what_all_have() -> None:
    every = {f.name for f in FUNCTIONS if f.on == EVERYWHERE}
    assert Functions().names == every
    assert all(every <= Functions(w).names for w in ("duckdb", "postgres", "snowflake", "bigquery"))
    assert [f.name for f in FUNCTIONS] == sorted({f.name for f in FUNCTIONS})


def test_an_earlier_rule_whose_sql_is_not_allowed_is_not_compiled() -> None:
    from pulse_runner.compile.versions import earlier

    texts = {"segments/entities/customers.yml": ENTITY}
    entity = build_project(texts, SCHEMA).entities["customers"]
    rules = (SqlLeaf("vip", ("vip",)), SqlLeaf("pg_sleep(ltv) is null", ("ltv",)), SqlLeaf("ltv > 1", ("ltv",)))
    assert earlier(entity, "s", {"s": rules}, Functions()) == (rules[2],)


def test_fields_of_an_expression() -> None:
    assert fields_of('coalesce("Order Total", ltv) > cast(ltv as int)', list(FIELDS)) == ("Order Total", "ltv")
