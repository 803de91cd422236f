"""Print the fault benchmark: python -m benchmarks.faults FOLDER [--shop build|report] [--only TEXT] [--orders FILE] [--told]."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from benchmarks.faults.catalogue import faults_of
from benchmarks.faults.run import Outcome, run
from benchmarks.faults.shop import ROOT, Shop, demo_shop, real_shop
from pulse_runner.errors import PulseError

ORDERS = ROOT.parent / "shared" / "data" / "online_retail_transactions.parquet"
# the seeds and days of the halves: nothing is tuned on those that are only for reporting
BUILD = ((1, date(2026, 5, 27)),)
REPORT = ((7, date(2026, 5, 16)), (11, date(2026, 5, 25)))
BUILD_ORDERS, REPORT_ORDERS = date(2010, 6, 16), date(2010, 10, 7)


def main() -> None:
    """Run the benchmark and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Where shops are built; those that are there are used again.")
    parser.add_argument("--shop", choices=("build", "report"), default="build")
    parser.add_argument("--only", default="", help="Part of a kind and name.")
    parser.add_argument(
        "--orders", type=Path, default=ORDERS, help="A parquet file of orders; left out where it is not there."
    )
    parser.add_argument("--no-demo", action="store_true", help="Only the real orders.")
    parser.add_argument("--no-orders", action="store_true", help="Only the demo shop.")
    parser.add_argument(
        "--days", type=int, default=1, help="How many days a fault is watched, up to 3: one story for all of them?"
    )
    parser.add_argument("--told", action="store_true", help="Print what was said about each fault.")
    options = parser.parse_args()
    outcomes = list[Outcome]()
    for shop in _shops(options):
        outcomes += _run(shop, options.only, options.told, options.days)
    if outcomes:
        print(table(outcomes))


def _shops(options: argparse.Namespace) -> Iterator[Shop]:
    """Yield the shops of a half, each built when it is its turn."""
    building = options.shop == "build"
    for which in (BUILD if building else REPORT) if not options.no_demo else ():
        yield demo_shop(options.folder, *which)
    if options.orders.is_file() and not options.no_orders:
        yield real_shop(options.folder, options.orders, BUILD_ORDERS if building else REPORT_ORDERS)


def _run(shop: Shop, only: str, told: bool, days: int) -> list[Outcome]:
    out = []
    for fault in faults_of(shop, only):
        clock = time.process_time()
        try:
            outcome = run(shop, fault, days)
        except (RuntimeError, PulseError) as error:  # one fault that cannot be built is no reason to lose the others
            print(f"{shop.name}: {fault.kind}: {fault.name}: NOT MEASURED: {error}", file=sys.stderr, flush=True)
            continue
        out.append(outcome)
        seconds = time.process_time() - clock
        print(
            f"{shop.name}: {fault.kind}: {fault.name}: {verdict(outcome)} ({seconds:.0f} s of CPU)",
            file=sys.stderr,
            flush=True,
        )
        for line in outcome.told if told else ():
            print(f"    {line}", file=sys.stderr, flush=True)
    return out


def verdict(o: Outcome) -> str:
    """Return one outcome in a few words."""
    if o.fault.quiet:
        return f"{o.stories} stories"
    parts = [
        "detected" if o.detected else "late" if o.stories else "MISSED",
        "not named" if o.rank is None else f"rank {o.rank + 1}",
    ]
    parts += [
        f"{name} {'yes' if value else 'NO'}"
        for name, value in (("column", o.column), ("slice", o.slice), ("both", o.both))
        if value is not None
    ]
    return ", ".join(
        [
            *parts,
            f"{o.stories} stories",
            *(["BLAMED"] if o.blamed else []),
            *(["HIGH AND WRONG"] if not all(o.high) else []),
        ]
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the figures by kind as Markdown, then those of all."""
    lines = [
        "| kind | cases | same day | top-1 | top-3 | column | slice | one story | stories | wrong blame | high right |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(o.fault.kind for o in outcomes):
        lines.append(_row(kind, [o for o in outcomes if o.fault.kind == kind]))
    faults = [o for o in outcomes if not (o.fault.real or o.fault.quiet)]
    lines.append(_row("**all faults**", faults))
    lines.append(_row("**of those seen**", [o for o in faults if o.stories]))
    lines.append(_row("**all**", outcomes))
    return "\n".join(lines)


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    told = [o for o in outcomes if not o.fault.quiet]
    seen = [o for o in told if o.stories]
    high = [right for o in outcomes for right in o.high]
    cells = [
        _share(told, lambda o: o.detected),
        _share(told, lambda o: o.rank == 0),
        _share(told, lambda o: o.rank is not None and o.rank < 3),
        _share([o for o in told if o.fault.column], lambda o: bool(o.column)),
        _share([o for o in told if o.fault.slice], lambda o: bool(o.slice)),
        _share([o for o in seen if not o.fault.also], lambda o: o.stories == 1),
        f"{sum(o.stories for o in outcomes)}",
        _share([o for o in told if o.fault.real], lambda o: o.blamed),
        f"{sum(high)} of {len(high)}" if high else "",
    ]
    return f"| {name} | {len(outcomes)} | {' | '.join(cells)} |"


def _share(outcomes: Sequence[Outcome], is_right: Callable[[Outcome], bool]) -> str:
    right = sum(1 for o in outcomes if is_right(o))
    return f"{right} of {len(outcomes)}" if outcomes else ""


if __name__ == "__main__":
    main()
