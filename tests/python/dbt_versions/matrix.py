"""`make test-dbt`: walk every version of dbt over the demo shop, and compare what each leaves with dbt 1.11.

python tests/python/dbt_versions/matrix.py            # all versions
python tests/python/dbt_versions/matrix.py 1.12 2.0   # some, beside 1.11
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
# run as a script, so the folders of what it shares with the tests are named here
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "dbt_project"), str(HERE.parents[2])]

from dbt_environments import FOLDER, REFERENCE, VERSIONS, CannotMakeError, Environment, prepare  # noqa: E402
from dbt_tables import differences  # noqa: E402
from dbt_walk import Walked, walk  # noqa: E402


def main(wanted: Sequence[str]) -> int:
    """Walk the versions; return 0 when all did everything and left the tables of the reference."""
    unknown = [v for v in wanted if v not in VERSIONS]
    if unknown:
        print(f"No such version: {', '.join(unknown)}. There are {', '.join(VERSIONS)}.")
        return 2
    order = [REFERENCE, *(v for v in VERSIONS if v != REFERENCE and (not wanted or v in wanted))]
    environments: dict[str, Environment] = {}
    said: dict[str, str] = {}
    for version in order:
        print(f"{version:6} environment", flush=True)
        try:
            environments[version] = prepare(version)
        except CannotMakeError as error:
            said[version] = f"no environment: {error}"
    if REFERENCE not in environments:
        print(f"{REFERENCE} {said[REFERENCE]}")
        return 1
    walked: dict[str, Walked] = {}
    for version, environment in environments.items():
        runner = environments[REFERENCE] if environment.is_v2 else environment
        walked[version] = walk(environment, runner, _empty(version), lambda text: print(text, flush=True))
        said[version] = walked[version].problem or _compare(walked[REFERENCE], walked[version])
    print()
    for version in order:
        print(f"{version:6} {said[version] or _summary(walked[version])}")
    return 1 if any(said.values()) else 0


def _empty(version: str) -> Path:
    folder = FOLDER / "runs" / version
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _compare(reference: Walked, other: Walked) -> str:
    if reference.problem:
        return f"nothing to compare with: {REFERENCE} failed"
    said = differences(reference.built, other.built) + differences(reference.ran, other.ran)
    return f"not the tables of {REFERENCE}: {'; '.join(said)}" if said else ""


def _summary(walked: Walked) -> str:
    rows = sum(len(rows) for _, rows in walked.built.values())
    same = "the reference" if walked.version == REFERENCE else f"equal to {REFERENCE}"
    return f"ok in {sum(walked.seconds.values()):.0f} s: {len(walked.built)} relations with {rows:,} rows, {same}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
