"""A year of the real orders through `pulse run`: python -m benchmarks.year FOLDER [--days 400] [--seed 1] [--table] [--aloud]."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.year.count import aloud, read, tables
from benchmarks.year.drive import Year
from benchmarks.year.faults import drawn
from benchmarks.year.shop import FIRST, Shop

ROOT = Path(__file__).parents[2]
ORDERS = ROOT.parent / "shared" / "data" / "online_retail_transactions.parquet"
YEAR = 400


def main() -> int:
    """Run the days that are not done, and print what was told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Where the shop stands; one that is there goes on.")
    parser.add_argument("--days", type=int, default=YEAR, help="Up to which day of the year.")
    parser.add_argument("--seed", type=int, default=1, help="Draws the faults; 1 is to build with, 2 to report.")
    parser.add_argument("--table", action="store_true", help="Run nothing; print the tables of the days that are done.")
    parser.add_argument("--aloud", action="store_true", help="Print each message with its fault, too.")
    wanted = parser.parse_args()
    orders = Path(os.environ.get("PULSE_REAL_ORDERS") or ORDERS)
    shop = Shop(wanted.folder.absolute())
    year = Year(shop, drawn(wanted.seed, FIRST, YEAR), wanted.seed)
    if not wanted.table:
        if not shop.root.is_dir():
            if not orders.is_file():
                print(
                    "Skipped: the real orders are not here; name the parquet file in PULSE_REAL_ORDERS.",
                    file=sys.stderr,
                )
                return 0
            shop.make(orders, YEAR, year.faults)
        year.run(wanted.days)
    messages, acknowledged = read(shop)
    if wanted.aloud:
        print(aloud(messages, year.faults))
    print(tables(messages, acknowledged, year.faults, len(year.done), FIRST))
    return 0


if __name__ == "__main__":
    sys.exit(main())
