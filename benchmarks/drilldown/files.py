"""Read leaf combinations from a file: attributes, expected and actual, and denominators where the number is a rate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pulse_runner.explain.slices.search import Leaves

NUMBERS = {
    "expected": ("expected", "predict", "predicted", "forecast"),
    "actual": ("actual", "real", "observed"),
    "expected_of": ("expected_denominator", "denominator_expected", "expected_total", "denominator"),
    "actual_of": ("actual_denominator", "denominator_actual", "actual_total", "denominator"),
}


def read(path: Path) -> Iterator[tuple[str, Leaves]]:
    """Yield each case of a CSV or parquet file; a column `case` tells them apart. All other columns are attributes."""
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    names = {str(c).lower(): c for c in frame.columns}
    numbers = {n: next((names[a] for a in spelt if a in names), None) for n, spelt in NUMBERS.items()}
    if numbers["expected"] is None or numbers["actual"] is None:
        raise SystemExit(
            f"{path.name} needs the columns expected and actual; it has {', '.join(map(str, frame.columns))}."
        )
    if (numbers["expected_of"] is None) != (numbers["actual_of"] is None):
        raise SystemExit(
            f"{path.name} has one denominator: give expected_denominator and actual_denominator, or denominator for both."
        )
    case = names.get("case")
    attributes = [c for c in frame.columns if c not in numbers.values() and c != case]
    for name, rows in frame.groupby(case, sort=False) if case else [(path.stem, frame)]:
        coded = [pd.factorize(rows[c].astype(str)) for c in attributes]
        given = {n: rows[c].to_numpy(dtype=float) for n, c in numbers.items() if c is not None}
        yield (
            str(name),
            Leaves(
                tuple(map(str, attributes)),
                tuple(tuple(map(str, values)) for _, values in coded),
                np.column_stack([codes for codes, _ in coded]),
                **{n: np.nan_to_num(v) for n, v in given.items()},
            ),
        )
