"""Definition files drawn at random, most of them wrong: each must be loaded or refused, at once and without a stack trace.

    python -m benchmarks.drawn_definitions                  # 100,000 files, about 15 minutes
    python -m benchmarks.drawn_definitions --files 1000 --seed 7

The tests draw 10,000 with a fixed seed (tests/python/segments/test_drawn_definitions.py). What is loaded is compiled, too. The report
says how many were loaded and refused, and which took longest.
"""

from __future__ import annotations

import argparse
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pulse_runner.compile.render import compile_project
from pulse_runner.errors import DefinitionError
from pulse_runner.plugins import SCHEMA
from pulse_runner.segments.load import build_project

DEADLINE = 5  # seconds of computing after which a file counts as one that hangs; a busy machine does not count

ENTITY = """entity: customers
relation: ref('dim')
key: id
history: {as_of: day}
fields:
  ltv: number
  country: text
  vip: boolean
  seen_at: timestamp
  seen_days: {days_since: seen_at}
attributes: [country, {name: band, field: ltv, bins: [0, 10]}]
events:
  orders: {relation: ref('orders'), key: id, at: at, fields: {amount: number}}
"""
ROUTES = "routes:\n  growth:\n    channels:\n      - {channel: console}\n"
NUMBERS = [
    "0", "-1", "1000", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e308", "1e309", "-1e999", "1e-999", ".inf",
    "-.inf", ".nan", "0x10", "0o7", "1_000", "1.", ".5", "1e5", "9" * 40, "9" * 500, "9" * 5000, "0." + "0" * 400 + "1", "1e-308", "+5",
    "5e-324", "1:30", "-0", "-0.0", "1e16", "123456789.123456789", "true", "null", "~", "'7'",
]  # fmt: skip
DAYS = [
    "2026-01-31", "2026-02-30", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "-2026-01-01", "2026-W01-1", "20260131", "today",
    "2026-01-31T25:00:00", "2026-13-01", "99999999-01-01", "'2026-01-31'", "٢٠٢٦-٠١-٣١", "2026-01-31 10:00:00 +99:99",
]  # fmt: skip
COUNTS = [
    "0",
    "7",
    "-1",
    "100000",
    "100001",
    "1e9",
    "999999999999999999",
    "9" * 30,
    "1.5",
    "true",
    "[1, 2]",
    "[5, 1]",
    "[0, 99999999999]",
]
TEXTS = [
    "DE", "''", "'O''Hara'", '"{{ env_var(\'HOME\') }}"', '"a\\u0001b"', '"\\ud800"', "'{% raw %}'", "!!binary aGk=", "!!python/object:os.x",
    "&a x", "*a", "*nobody", "'" + "x" * 5000 + "'", '"\\x00"', "é💥", "? a", "- b", "[", "}", "'", "%YAML 1.1", "---", "...", "<<: *a", "\t",
    "|\n      text\n", "@", "`", "null", "no", "NO", "2026-01-31", "'(a+)+$'", "\x01", "\x85", "\ufeff", "\u202e",
]  # fmt: skip
SQL = [
    "ltv > 1", "pg_sleep(1)", "lower(country) = 'de'", "ltv > 1; select 1", "(" * 500 + "vip" + ")" * 500, "not " * 2000 + "vip", "- " * 900 + "1 > 0",
    "ltv > " + "9" * 900, "ltv > 1e999", "country ~ '(a+)+$'", " or ".join(["vip"] * 5000), "case when " * 300, "cast(ltv as", "'", '"', "{{ x }}",
    "ltv::regclass", "vip " * 50, "a.b.c.d", "select 1", ")", "::", "$$", "ltv in (" + ",".join(map(str, range(300))) + ")", "x" * 3000,
    "ltv between 1 and", "interval", "date '2026-99-99' < seen_at", "replace(" * 19 + "country" + ", 'a', 'bb')" * 19 + " = 'x'",
]  # fmt: skip
OPERATORS = [
    "=",
    "!=",
    "<",
    ">",
    "in",
    "not_in",
    "between",
    "is_null",
    "contains",
    "matches",
    "on",
    "before",
    "in_last",
    "between_ago",
    "=>",
    "like",
    "[]",
]
FIELDS = ["ltv", "country", "vip", "seen_at", "seen_days", "ltvv", "1", "null", "x" * 3000, "[ltv]"]


def draw(rng: random.Random) -> dict[str, str]:
    """Return the definition files of one small project: an entity, routes, and one or more segments that were drawn."""
    shape = rng.choices(SHAPES, weights=WEIGHTS)[0]
    files = {"segments/entities/customers.yml": ENTITY, "segments/routes.yml": ROUTES}
    return files | shape(rng)


def _segment(rules: str, more: str = "", name: str = "s") -> dict[str, str]:
    return {f"segments/{name}.yml": f"segment: {name}\nentity: customers\nowner: me\n{more}rules:\n{rules}\n"}


def _leaf(rng: random.Random) -> str:
    kind = rng.randrange(7)
    if kind < 3:
        value = rng.choice(rng.choice([NUMBERS, DAYS, TEXTS]))
        value = f"[{', '.join(rng.choice(NUMBERS) for _ in range(rng.randrange(4)))}]" if rng.random() < 0.2 else value
        return f"{{field: {rng.choice(FIELDS)}, operator: {rng.choice(OPERATORS)!r}, value: {value}}}"
    if kind == 3:
        field, operator = (
            rng.choice(["seen_at", "seen_days", "ltv"]),
            rng.choice(["in_last", "more_than_ago", "between_ago"]),
        )
        return f"{{field: {field}, operator: {operator}, days: {rng.choice(COUNTS)}}}"
    if kind == 4:
        more = rng.choice(
            ["", f", in_last: {rng.choice(COUNTS)}", f", count: {{operator: '>', value: {rng.choice(NUMBERS)}}}"]
        )
        aggregate = f", aggregate: {{function: sum, field: amount, operator: '>', value: {rng.choice(NUMBERS)}}}"
        return f"{{event: orders, operator: performed{rng.choice([more, aggregate])}}}"
    if kind == 5:
        return "{sql: " + "'" + rng.choice(SQL).replace("'", "''") + "'}"
    return rng.choice(
        [
            "{}",
            "[]",
            "null",
            "7",
            "{all: []}",
            "{not: 5}",
            "{segment: s, operator: in_segment}",
            "{any: {a: b}}",
            "{feild: x}",
        ]
    )


def _leaves(rng: random.Random) -> dict[str, str]:
    return _segment("\n".join(f"  - {_leaf(rng)}" for _ in range(rng.randrange(1, 4))))


def _plain(rng: random.Random) -> dict[str, str]:
    """A segment as people write it, which must be loaded."""
    leaves = [
        f"{{field: ltv, operator: '>', value: {rng.randrange(1000)}}}", f"{{field: seen_at, operator: in_last, days: {rng.randrange(90)}}}",
        "{field: country, operator: in, value: [DE, FR, NO]}", "{sql: 'ltv > 2 * seen_days'}", "{not: {field: vip, operator: is_true}}",
        f"{{event: orders, operator: performed, in_last: {rng.randrange(90)}}}",
    ]  # fmt: skip
    return _segment("\n".join(f"  - {leaf}" for leaf in rng.sample(leaves, rng.randrange(1, 5))))


def _deep(rng: random.Random) -> dict[str, str]:
    depth = rng.choice([5, 24, 26, 49, 60, 500, 5_000, 100_000])
    opens, closes = rng.choice(
        [("{not: ", "}"), ("{all: [", "]}"), ("{any: [", "]}"), ("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")]
    )
    inner = "{field: vip, operator: is_true}"
    if opens in ("- ", "? "):
        return _segment("  " + opens * min(depth, 5_000) + inner)
    return _segment("  " + opens * depth + inner + closes * rng.choice([depth, depth, 0]))


def _many(rng: random.Random) -> dict[str, str]:
    count = rng.choice([10, 300, 1_000])
    leaf = rng.choice(
        [
            "{field: ltv, operator: '>', value: %d}",
            "{field: ltvv, operator: '>', value: %d}",
            "{fild: %d}",
            "{sql: 'ltv > %d'}",
        ]
    )
    return _segment("\n".join("  - " + leaf % n for n in range(count)))


def _huge(rng: random.Random) -> dict[str, str]:
    """What is large in one piece: a text, a list, many leaves, or a whole file."""
    size = rng.choice([20_000, 200_000, 1_000_001])
    kind = rng.randrange(4)
    if kind == 0:
        return _segment("  - {field: vip, operator: is_true}", f"label: '{'x' * size}'\n")
    if kind == 1:
        return _segment("  - {field: ltv, operator: in, value: [" + ",".join(map(str, range(size // 7))) + "]}")
    if kind == 2:
        return _segment("\n".join(f"  - {{field: ltv, operator: '>', value: {n}}}" for n in range(size // 45)))
    return _segment("  - {field: vip, operator: is_true}", "#" * size + "\n")


def _laughs(rng: random.Random) -> dict[str, str]:
    width, height = rng.choice([2, 5, 10]), rng.choice([3, 10, 30, 48])
    lines = ["description: &a0 lol"] + [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, height)]
    rule = rng.choice([f"  - {{field: country, operator: in, value: *a{height - 1}}}", f"  all: *a{height - 1}"])
    return _segment(rule, "\n".join(lines) + "\n")


def _rule_laughs(rng: random.Random) -> dict[str, str]:
    height = rng.choice([3, 8, 15, 23])
    rules = "  - &a0 {field: vip, operator: is_true}\n"
    rules += "".join(f"  - &a{n} {{any: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, height))
    return _segment(rules)


def _references(rng: random.Random) -> dict[str, str]:
    """A graph of segments: each refers to some before it, and sometimes to one after it, which closes a circle."""
    count, width = rng.choice([(5, 2), (20, 2), (40, 2), (60, 3), (80, 1)])
    files: dict[str, str] = {}
    for n in range(count):
        near = range(max(0, n - 4), n) if rng.random() < 0.95 else range(count)
        chosen = [rng.choice(near) for _ in range(width)] if near else []
        rules = "".join(
            f"  - {{segment: s{c}, operator: {rng.choice(['in_segment', 'not_in_segment'])}}}\n" for c in chosen
        )
        files |= _segment(rules + f"  - {{field: ltv, operator: '>', value: {n}}}", name=f"s{n}")
    return files


def _noise(rng: random.Random) -> dict[str, str]:
    """A file with some characters put in, taken out, or put for others."""
    text = next(iter(_plain(rng).values()))
    for _ in range(rng.randrange(1, 6)):
        at, cut = rng.randrange(len(text)), rng.randrange(3)
        text = (
            text[:at]
            + rng.choice([*TEXTS[:8], *"{}[]:,&*!|>'\"%@`#-?\n\t\x00\x7f\u2028", *NUMBERS[:6]])
            + text[at + cut :]
        )
    return {"segments/s.yml": text}


def _entity(rng: random.Random) -> dict[str, str]:
    number, text = rng.choice(NUMBERS), rng.choice(TEXTS)
    more = rng.choice(
        [
            f"activity: {{last_seen_at: seen_at, inactive_after_days: {rng.choice(COUNTS)}}}\n", f"label: {text}\n", f"conversion: {{event_at: {text}}}\n",
            f"freshness: {{updated_at: seen_at, max_age_days: {number}}}\n", f"reach: {{mail: {rng.choice(SQL)[:300]!r}}}\n", f"{text}: {number}\n",
        ]
    )  # fmt: skip
    edges = f"[{number}, {rng.choice(NUMBERS)}]"
    entity = ENTITY.replace("[0, 10]", edges) if rng.random() < 0.5 else ENTITY + more
    return {"segments/entities/customers.yml": entity} | _plain(rng)


def _settings(rng: random.Random) -> dict[str, str]:
    value = rng.choice(
        [
            rng.choice(NUMBERS),
            rng.choice(TEXTS),
            f"{{threshold: {rng.choice(NUMBERS)}}}",
            "off",
            "{attributes: {country: .inf}}",
        ]
    )
    more = rng.choice(
        [
            f"thresholds: {{size_jump: {value}}}\n",
            f"alerts: [{value}]\n",
            f"enabled: {value}\n",
            f"description: {value}\n",
        ]
    )
    return _segment("  - {field: vip, operator: is_true}", more)


SHAPES: tuple[Callable[[random.Random], dict[str, str]], ...] = (
    _leaves, _plain, _deep, _many, _huge, _laughs, _rule_laughs, _references, _noise, _entity, _settings,
)  # fmt: skip
WEIGHTS = (3500, 900, 120, 15, 10, 150, 60, 25, 3400, 1200, 1200)


@contextmanager
def deadline(seconds: int = DEADLINE) -> Iterator[None]:
    """Raise TimeoutError where the block computes longer."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def take(files: dict[str, str]) -> DefinitionError | None:
    """Load and compile a project; return why it was refused, None where it was not. Whatever else is raised is a fault."""
    try:
        project = build_project(files, SCHEMA)
    except DefinitionError as error:
        return error
    for text in compile_project(project).values():
        text.encode("utf-8")
    return None


def main() -> None:
    """Draw, load, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    refused, faults, times = 0, [], []
    for n in range(options.files):
        files = draw(random.Random(options.seed * 1_000_003 + n))
        started = time.perf_counter()
        try:
            with deadline():
                refused += take(files) is not None
        except Exception as error:
            faults.append((n, f"{type(error).__name__}: {str(error)[:100]}"))
        times.append((time.perf_counter() - started, n))
    slow = sorted(times, reverse=True)
    print(f"{options.files:,} drawn with seed {options.seed}: {options.files - refused - len(faults):,} loaded, {refused:,} refused, {len(faults)} faults")  # fmt: skip
    print(f"slowest {', '.join(f'{t:.2f} s (file {n})' for t, n in slow[:5])}; over 1 s: {sum(t > 1 for t, _ in slow)}")
    for n, fault in faults[:20]:
        print(f"  file {n}: {fault}")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
