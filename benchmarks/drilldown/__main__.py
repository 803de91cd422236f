"""Find the slices in which numbers are not what was expected: of a file, or of labelled synthetic cases.

python -m benchmarks.drilldown --input FILE [--truth FILE]     chosen slices as JSON lines
python -m benchmarks.drilldown [--half build|report]           F1 and hit@1 on synthetic cases, with a greedy search

A line of --truth is {"case": ..., "slices": [{"attribute": "value", ...}, ...]}; with it the scores go to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.drilldown.files import read
from benchmarks.drilldown.greedy import greedy
from benchmarks.drilldown.synthetic import Where, cases
from pulse_runner.explain.slices.search import Leaves, find_slices

SEEDS = {"build": range(1, 6), "report": range(101, 111)}
Search = Callable[[Leaves], list[Where]]


def main() -> None:
    """Run over a file, or over the synthetic cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--input", type=Path, help="CSV or parquet: attributes, expected, actual, denominators; one row per leaf."
    )
    parser.add_argument("--truth", type=Path, help="JSON lines with the right slices of each case.")
    parser.add_argument("--half", choices=tuple(SEEDS), default="build")
    options = parser.parse_args()
    if options.input:
        _of_file(options.input, options.truth)
    else:
        _of_synthetic(options.half)


def _of_file(path: Path, truth: Path | None) -> None:
    said: dict[str, list[Where]] = {}
    for case, leaves in read(path):
        found = find_slices(leaves)
        said[case] = [frozenset(s.where) for s in found.slices]
        for rank, s in enumerate(found.slices, start=1):
            line = {
                "case": case, "rank": rank, "slice": dict(s.where), "expected": round(s.expected, 4), "actual": round(s.actual, 4),
                "explains": round(s.change, 4), "share": round(s.change / found.whole, 4) if found.whole else None,
                "score": round(s.score, 2),
            }  # fmt: skip
            print(json.dumps(line, ensure_ascii=False))
        if not found.slices:
            print(json.dumps({"case": case, "rank": None, "slice": None, "unexplained": round(found.unexplained, 4)}))
    if truth:
        given = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines() if line.strip()]
        right = {
            str(g["case"]): frozenset(frozenset((k, str(v)) for k, v in s.items()) for s in g["slices"]) for g in given
        }
        f1, hit = score((said.get(c, []), r) for c, r in right.items())
        print(f"{len(right)} cases: F1 {f1:.2f}, hit@1 {hit:.2f}", file=sys.stderr)


def ours(leaves: Leaves) -> list[Where]:
    """Return what Pulse chooses."""
    return [frozenset(s.where) for s in find_slices(leaves).slices]


def score(pairs: Iterable[tuple[list[Where], frozenset[Where]]]) -> tuple[float, float]:
    """Return F1 over all exact slices, and the part of the cases whose first slice is right."""
    right = said = true = hits = n = 0
    for chosen, truth in pairs:
        n += 1
        right, said, true = right + len(set(chosen) & truth), said + len(chosen), true + len(truth)
        hits += bool(chosen) and chosen[0] in truth
    return (2 * right / (said + true) if said + true else 0.0), hits / max(n, 1)


def _of_synthetic(half: str) -> None:
    every = [c for seed in SEEDS[half] for c in cases(seed)]
    print(
        f"{len(every)} cases, {half} half\n\n| kind | noise | causes | F1 | hit@1 | greedy F1 | greedy hit@1 |\n|---|---|---|---|---|---|---|"
    )
    results = {}
    for name, search in (("ours", ours), ("greedy", greedy)):
        begin = time.perf_counter()
        results[name] = [search(c.leaves) for c in every]
        results[f"{name} s"] = [(time.perf_counter() - begin) / len(every)]
    for kind, noise, causes in sorted({(c.kind, c.noise, c.causes) for c in every}):
        _row(
            f"{kind} | {noise:g} | {causes}",
            every,
            results,
            lambda c, k=(kind, noise, causes): (c.kind, c.noise, c.causes) == k,
        )
    for kind in ("counts", "rates"):
        for messy in (False, True):
            head = f"{kind}, {'messy' if messy else 'clean'} | all | all"
            _row(head, every, results, lambda c, k=(kind, messy): (c.kind, c.is_messy) == k)
    _row("all | all | all", every, results, lambda c: True)
    print(f"\nseconds a case: {results['ours s'][0]:.3f}, greedy {results['greedy s'][0]:.3f}")


def _row(head: str, every: list, results: dict, is_of: Callable) -> None:
    cells = []
    for name in ("ours", "greedy"):
        f1, hit = score((results[name][n], c.truth) for n, c in enumerate(every) if is_of(c))
        cells += [f"{f1:.2f}", f"{hit:.2f}"]
    print(f"| {head} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
