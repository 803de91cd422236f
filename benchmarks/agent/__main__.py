"""Print the scoreboard: for the rules alone and for each model, how often the planted cause is named first, at what price.

python -m benchmarks.agent                                   # the rules, and the scripted model of the tests
OPENAI_BASE_URL=... python -m benchmarks.agent MODEL ...     # real models, asked over the same incidents

Faults and quiet neighbours are those that `tests/python/explain/cause_cases` plant. A statement counts as ungrounded when
the checks threw it out. `harm` counts incidents that the rules named right and that a model made wrong: it must be 0.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests/python/explain"
sys.path.insert(0, str(TESTS))

from cause_case import FOUND, MANIFEST  # noqa: E402
from explain_world import NOW, D, make_project, quiet_world  # noqa: E402
from openai_server import ChatServer  # noqa: E402
from scripted_model import Analyst  # noqa: E402

from pulse_runner.explain.stage import explain_incidents  # noqa: E402

SCRIPTED = "scripted"


@dataclass
class Score:
    """What came of all incidents for one who explains."""

    name: str
    incidents: int = 0
    first: int = 0
    among: int = 0
    harm: int = 0
    answered: int = 0
    ungrounded: int = 0
    tokens: int = 0
    steps: int = 0
    cost: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the score as a row of a Markdown table."""
        n = max(self.incidents, 1)
        return (
            f"| {self.name} | {self.incidents} | {100 * self.first / n:.0f} % | {100 * self.among / n:.0f} % | {self.harm} | {self.answered}"
            f" | {self.ungrounded} | {self.steps / n:.1f} | {self.tokens / n:,.0f} | {self.cost / n:.4f} | {sum(self.seconds) / n:.2f} |"
        )


HEAD = (
    "| who | incidents | cause first | among 3 | harm | answered | ungrounded | steps | tokens | cost | seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


@cache
def shop_folder() -> Path:
    """Return a project's folder with what dbt knows of the planted shop."""
    folder = Path(tempfile.mkdtemp(prefix="pulse-scoreboard-"))
    (folder / "dbt_project.yml").write_text("name: shop\nprofile: shop\n", encoding="utf-8")
    (folder / "target").mkdir()
    (folder / "target" / "manifest.json").write_text(json.dumps(MANIFEST), encoding="utf-8")
    return folder


def score(
    name: str, env: Mapping[str, str], right: set[int], prepare: Callable[[], None] = lambda: None, most: int = 0
) -> tuple[Score, set[int]]:
    """Return the score over the planted incidents, and which of them had their cause first."""
    out, found = Score(name), set[int]()
    project, root = make_project(), shop_folder()
    for number, (_, case) in enumerate(FOUND[: most or None]):
        world = quiet_world()
        case.plant(world)
        prepare()
        begun = time.monotonic()
        told = explain_incidents(world, project, D, NOW, env, root=root)[0].explanation
        out.seconds.append(time.monotonic() - begun)
        out.incidents += 1
        causes = [h.cause for h in told.hypotheses]
        if causes[0] == case.name:
            found.add(number)
        out.first += causes[0] == case.name
        out.among += case.name in causes[:3]
        out.harm += number in right and causes[0] != case.name
        out.ungrounded += sum(r.part not in ("evidence", "answer", "confidence") for r in told.rejected)
        for tried in world.query("select * from pulse_investigations"):
            out.answered += tried["outcome"] != "failed"
            out.tokens += tried["request_tokens"] + tried["answer_tokens"]
            out.steps += tried["steps"]
            out.cost += tried["cost"]
        world.close()
    return out, found


def scripted(right: set[int], most: int) -> Score:
    """Return the score of the scripted model, which stands on loopback and really calls tools."""
    server = ChatServer()
    model = Analyst(server)
    env = {"OPENAI_API_KEY": "sk-planted-secret", "OPENAI_BASE_URL": server.url, "PULSE_OPENAI_MODEL": SCRIPTED}
    found, _ = score(SCRIPTED, env, right, lambda: server.replies.__setitem__(slice(None), [model]), most)
    server.close()
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the scoreboard and print Markdown; return 1 when a model did harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models", nargs="*", help=f"Names of models at OPENAI_BASE_URL; {SCRIPTED} is the one of the tests."
    )
    parser.add_argument("--most", type=int, default=0, help="Only so many incidents.")
    given = parser.parse_args(arguments)
    print(HEAD)
    rules, right = score("rules alone", {}, set(), most=given.most)
    print(rules.row(), flush=True)
    harm = 0
    for model in given.models or [SCRIPTED]:
        if model == SCRIPTED:
            found = scripted(right, given.most)
        else:
            found, _ = score(model, {**os.environ, "PULSE_OPENAI_MODEL": model}, right, most=given.most)
        print(found.row(), flush=True)
        harm += found.harm
    return int(harm > 0)


if __name__ == "__main__":
    raise SystemExit(main())
