"""Whatever stands in a definition file, it is loaded or refused in words, at once; a refused project changes no file."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.drawn_definitions import DEADLINE, ENTITY, ROUTES, SHAPES, deadline, draw, take
from pulse_runner.cli import cli
from pulse_runner.compile.versions import read_versions
from pulse_runner.errors import DefinitionError, UsageError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.edit import rule_of
from pulse_runner.segments.limits import DEEPEST, LARGEST_FILE, MOST_LEAVES, MOST_PROBLEMS, MOST_VALUES
from pulse_runner.segments.load import build_project, read_texts

FILES, PARTS, SEED = 10_000, 10, 20_261_125
SHOWN = 1  # parts in `make test`; all ten in `make test-matrix`


@pytest.mark.parametrize(
    "part", [*range(SHOWN), *(pytest.param(n, marks=pytest.mark.matrix) for n in range(SHOWN, PARTS))]
)
def test_of_ten_thousand_drawn_files_each_is_loaded_or_refused(part: int) -> None:
    loaded = refused = 0
    for n in range(part * FILES // PARTS, (part + 1) * FILES // PARTS):
        files = draw(random.Random(SEED + n))
        try:
            with deadline():
                error = take(files)
        except Exception as fault:
            raise AssertionError(f"file {n} of seed {SEED} ended in {type(fault).__name__}: {fault}") from fault
        loaded, refused = loaded + (error is None), refused + (error is not None)
        if error is not None:
            assert all(p.message and "\n" not in p.message and len(p.message) < 600 for p in error.problems), n
            assert "Traceback" not in str(error)
            assert len(error.problems) <= 3 * MOST_PROBLEMS
    assert loaded > 80
    assert refused > 500


def test_the_drawing_draws_every_shape_and_what_people_write_is_loaded() -> None:
    names = {shape.__name__ for shape in SHAPES}
    assert len(names) == 11
    plain = next(s for s in SHAPES if s.__name__ == "_plain")
    base = {"segments/entities/customers.yml": ENTITY, "segments/routes.yml": ROUTES}
    assert all(take(base | plain(random.Random(n))) is None for n in range(50))


def problems(rules: str, more: str = "", files: Mapping[str, str] | None = None) -> list[str]:
    texts = {"segments/entities/customers.yml": ENTITY, "segments/routes.yml": ROUTES}
    texts |= {"segments/s.yml": f"segment: s\nentity: customers\nowner: me\n{more}rules:\n{rules}"}
    try:
        with deadline(DEADLINE):
            build_project(texts | (files or {}), SCHEMA)
    except DefinitionError as error:
        return [str(p) for p in error.problems]
    return []


LEAF = "{field: ltv, operator: '>', value: 1}"


def test_fifty_levels_are_read_and_no_more() -> None:
    inside = DEEPEST - 2  # the file itself and the leaf are levels, too
    assert problems("  " + "{not: " * inside + LEAF + "}" * inside) == []
    for levels in (inside + 1, 100_000):
        assert problems("  " + "{not: " * levels + LEAF + "}" * levels) == [
            "segments/s.yml:5: lists and mappings are nested more than 50 deep\n    Split it into several definitions."
        ]


def test_two_thousand_conditions_are_read_and_no_more() -> None:
    assert problems(f"  - {LEAF}\n" * MOST_LEAVES) == []
    assert problems(f"  - {LEAF}\n" * (MOST_LEAVES + 1)) == [
        "segments/s.yml:4: the rule has 2,001 conditions; at most 2,000 are read\n    Split it into several definitions."
    ]
    (many,) = problems(f"  - {LEAF}\n" * 22_000)
    assert f"more than {MOST_VALUES:,} values" in many


def test_a_file_of_a_million_bytes_is_read_and_no_more(tmp_path: Path) -> None:
    text = f"segment: s\nentity: customers\nowner: me\nrules:\n  - {LEAF}\n"
    base = {"segments/entities/customers.yml": ENTITY}
    just = text + "#" * (LARGEST_FILE - len(text) - 1) + "\n"
    assert "s" in build_project(base | {"segments/s.yml": just}, SCHEMA).segments
    with pytest.raises(DefinitionError, match=r"s\.yml: the file has 1,000,001 bytes; at most 1,000,000 are read"):
        build_project(base | {"segments/s.yml": just + "\n"}, SCHEMA)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments/s.yml").write_text(just + "\n", encoding="utf-8")
    (tmp_path / "segments/t.yml").write_bytes(b"segment: \xff\n")
    (tmp_path / "segments/folder.yml").mkdir()
    with pytest.raises(DefinitionError) as error:
        read_texts(tmp_path)
    assert [p.message for p in error.value.problems] == [
        "the file has 1,000,001 bytes; at most 1,000,000 are read",
        "the file is not text in UTF-8",
    ]


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "-9223372036854775809", "1e309", "-1e999", "1e-999", "9" * 5000]
)
def test_a_number_that_no_column_can_hold_is_refused(number: str) -> None:
    (told,) = problems(f"  - {{field: ltv, operator: '>', value: {number}}}\n")
    assert told.startswith("segments/s.yml:5: the number ")
    assert told.endswith("does not fit\n    Whole numbers reach to 9223372036854775807, others to 1.7e308.")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "0x10", "1_000"])
def test_a_number_that_is_not_plain_is_refused(number: str) -> None:
    (told,) = problems(f"  - {{field: ltv, operator: '>', value: {number}}}\n")
    assert f"5: `{number}` is not a plain decimal number" in told


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "1e308", "0.0", "0e-999", "5e-324"])
def test_a_number_that_fits_is_read(number: str) -> None:
    assert problems(f"  - {{field: ltv, operator: '>', value: {number}}}\n") == []


@pytest.mark.parametrize(
    "day", ["0000-01-01", "10000-01-01", "-2026-01-01", "2026-02-30", "20260131", "2026-W01-1", "٢٠٢٦-٠١-٣١"]
)
def test_a_day_that_is_none_is_refused(day: str) -> None:
    (told,) = problems(f"  - {{field: seen_at, operator: before, value: '{day}'}}\n")
    assert "5: `before` needs a day, YYYY-MM-DD" in told


@pytest.mark.parametrize(
    "leaf",
    [
        "{field: seen_at, operator: in_last, days: 100001}", "{field: seen_days, operator: '<=', value: 999999999}",
        "{field: seen_at, operator: between_ago, days: [1, 100001]}", "{field: seen_days, operator: in, value: [-1, -100001]}",
        "{event: orders, operator: performed, in_last: 100001}",
    ],
)  # fmt: skip
def test_relative_days_reach_back_a_hundred_thousand(leaf: str) -> None:
    (told,) = problems(f"  - {leaf}\n")
    assert "100,000" in told or "100000" in told
    assert problems(f"  - {leaf.replace('100001', '100000').replace('999999999', '100000')}\n") == []


def test_aliases_are_written_out_only_up_to_a_limit() -> None:
    lines = ["description: &a0 lol"] + [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (told,) = problems(f"  - {LEAF}\n", "\n".join(lines) + "\n")
    assert f"the file has more than {MOST_VALUES:,} values, aliases written out" in told
    few = f"  - &one {LEAF}\n  - any: [*one, *one]\n"
    assert problems(few) == []


def referring(names: int, each: int) -> dict[str, str]:
    files = {}
    for n in range(names):
        rules = f"  - {{segment: t{n - 1}, operator: in_segment}}\n" * each if n else f"  - {LEAF}\n"
        files[f"segments/t{n}.yml"] = f"segment: t{n}\nentity: customers\nowner: me\nrules:\n{rules}"
    return files


def test_references_do_not_grow_without_end() -> None:
    doubled = problems(f"  - {LEAF}\n", files=referring(24, 2))
    assert doubled[0] == (
        "segments/t11.yml:4: the rule has 2,048 conditions, with the segments that it refers to; at most 2,000 are read\n"
        "    Split it into several definitions."
    )
    assert [p.split(":")[0] for p in doubled] == sorted(f"segments/t{n}.yml" for n in range(11, 24))
    (deep, *_) = sorted(problems(f"  - {LEAF}\n", files=referring(1_000, 1)), key=lambda p: p.split(" ")[5])
    assert "deep, with the segments that it refers to; at most 50 are read" in deep
    assert problems(f"  - {LEAF}\n", files=referring(11, 2)) == []
    huge = problems(f"  - {LEAF}\n", files=referring(200, 3))
    assert any("more than a million billion conditions" in p for p in huge)


def test_a_circle_among_many_references_is_found_and_named_once() -> None:
    files = {}
    for n in range(60):
        others = [(n + k) % 60 for k in (1, 2, 3)]
        rules = "".join(f"  - {{segment: t{o}, operator: in_segment}}\n" for o in others)
        files[f"segments/t{n}.yml"] = f"segment: t{n}\nentity: customers\nowner: me\nrules:\n{rules}"
    told = problems(f"  - {LEAF}\n", files=files)
    assert told
    assert all("the segments refer to each other in a circle: " in p for p in told)
    assert len(told) <= 20


def test_a_file_with_very_many_mistakes_tells_a_hundred() -> None:
    told = problems("  - {field: nobody, operator: is_null}\n" * 1_500)
    assert len(told) == MOST_PROBLEMS + 1
    assert any("there are more problems; the first 100 are told" in p for p in told)


def test_a_rule_given_on_the_command_line_is_held_to_the_same() -> None:
    for given in ("{not: " * 5_000, "{field: seen_at, operator: before, value: 2026-02-30}", "a: [", "{value: 1e999}"):
        with pytest.raises(UsageError):
            rule_of(given)


def test_remembered_rules_that_nest_without_end_are_refused_in_words() -> None:
    with pytest.raises(DefinitionError, match="this is not what `pulse compile` writes"):
        read_versions('{"entities": ' + "[" * 100_000)


def state(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_compile_of_a_refused_project_writes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    (root / "segments/entities").mkdir(parents=True)
    (root / "dbt_project.yml").write_text(
        "name: shop\nversion: '1.0'\nprofile: shop\nvars: {pulse_entities: [customers]}\n"
    )
    (root / "segments/entities/customers.yml").write_text(ENTITY)
    (root / "segments/routes.yml").write_text(ROUTES)
    (root / "segments/good.yml").write_text(f"segment: good\nentity: customers\nowner: me\nrules:\n  - {LEAF}\n")
    assert CliRunner().invoke(cli, ["--project-dir", str(root), "compile"]).exit_code == 0
    (root / "segments/good.yml").write_text(f"segment: good\nentity: customers\nowner: you\nrules:\n  - {LEAF}\n")
    tried = 0
    for n in range(60):
        files = draw(random.Random(SEED + n))
        if take(files) is None:
            continue
        for path, text in files.items():
            (root / path).write_bytes(text.encode("utf-8", "surrogatepass"))
        before = state(root)
        done = CliRunner().invoke(cli, ["--project-dir", str(root), "compile"])
        assert done.exit_code == 1, done.output
        assert "nothing was written" in done.output + str(done.exception)
        assert state(root) == before, f"file {n} left something behind"
        for path in files:
            (root / path).unlink()
        tried += 1
    assert tried > 30
    shutil.rmtree(root)
