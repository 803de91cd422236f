"""`pulse init` asks at a terminal: which relation, which key, which date; and a project that names the package itself."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
from foreign_project import Foreign
from package_project import copy_package

from pulse_runner import __version__

FILES = {
    "dbt_project.yml": "name: gym\nversion: 1.0.0\nprofile: gym\nmodel-paths: [models]\nseeds: {gym: {+quote_columns: false}}\n",
    "profiles.yml": "gym: {target: dev, outputs: {dev: {type: duckdb, path: gym.duckdb, threads: 2}}}\n",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n.user.yml\npackage-lock.yml\n",
    "models/rooms.sql": "{{ config(materialized='table') }}\nselect 'A' as hall, 3 as doors\n",
    "models/members.sql": """\
{{ config(materialized='table') }}
select i as badge, i as locker, current_date - cast(d as integer) as seen, i * 10 as paid, case i % 2 when 0 then 'gold' else 'basic' end as plan
from range(1, 101) as people(i), range(0, 12) as days(d)
""",
}


def at_a_terminal(command: Sequence[str], cwd: Path, env: dict[str, str], answers: Sequence[tuple[str, str]]) -> str:
    """Run a command on a terminal of its own; type each answer when its question has been read. Return all that was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    shown, seen, waiting, deadline = "", 0, list(answers), time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    more = os.read(master, 4096).decode()
                except OSError:  # the other end is closed
                    break
                if not more:
                    break
                shown += more
            if waiting and re.search(waiting[0][0], shown[seen:]):
                seen = len(shown)
                os.write(master, (waiting.pop(0)[1] + "\n").encode())
    finally:
        process.kill() if process.poll() is None and time.monotonic() >= deadline else None
        process.wait()
        os.close(master)
    assert not waiting, f"never asked: {waiting[0][0]}\n{shown}"
    assert process.returncode == 0, shown
    return shown.replace("\r\n", "\n")


@pytest.fixture
def gym(tmp_path: Path) -> Foreign:
    project = Foreign(tmp_path / "gym", FILES)
    project.run("dbt build --quiet")
    return project


def test_a_person_is_asked_for_relation_key_and_date_and_can_run_what_comes_next(gym: Foreign) -> None:
    listed = r"(\d+)  ref\('members'\)"
    command = [sys.executable, "-m", "pulse_runner", "init"]
    shown = at_a_terminal(
        command,
        gym.root,
        gym.env,
        [
            (r"Which relation holds the people to watch\?", "7"),  # there is no such number
            (r"Error: .*\n.*Which relation holds the people to watch\?", "1"),
            (r"Which column identifies a row of members\?", "badge"),
            (r"badge is not unique in members: 1,200 rows of 100 keys\. Which column is the date of a row\?", ""),
        ],
    )
    assert re.search(listed, shown), shown
    assert re.search(r"Which column is the date of a row\? \(seen, none\) \[seen\]", shown)
    entity = (gym.root / "segments/entities/members.yml").read_text(encoding="utf-8")
    assert "relation: ref('members')\nkey: badge\nhistory: {as_of: seen}\n" in entity
    funnel, run = shown.split("Next:\n")[1].splitlines()[:2]
    gym.run(funnel)
    assert "1 of 1 have a snapshot" in gym.run(run).stdout


def test_without_a_terminal_the_flag_is_named_and_nothing_hangs(gym: Foreign) -> None:
    done = gym.run("pulse init --relation \"ref('members')\"", ok=False)
    assert done.returncode == 2
    assert "Which column identifies a row of members?" in done.stderr
    assert "Say --key" in done.stderr


@pytest.mark.matrix
def test_a_project_that_names_the_package_itself_keeps_its_packages_file(gym: Foreign) -> None:
    package = copy_package(gym.root.parent / "elsewhere")
    named = f"packages:\n  - local: {package}\n"
    (gym.root / "packages.yml").write_text(named, encoding="utf-8")
    refused = gym.run("pulse init", ok=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Run `dbt deps`, then `pulse init` again." in refused.stderr
    gym.run("dbt deps --quiet")
    gym.run("pulse init --relation \"ref('members')\" --key badge --history seen --yes")
    assert (gym.root / "packages.yml").read_text(encoding="utf-8") == named
    assert not (gym.root / "pulse_package").exists()
    assert "1 of 1 have a snapshot" in gym.run("pulse run").stdout
    with duckdb.connect(str(gym.root / "gym.duckdb")) as c:
        assert c.execute("select count(*) from pulse_segment_snapshots").fetchall() == [(1,)]
    settings = package / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    assert f'version: "{__version__}"' in text
    settings.write_text(text.replace(f'version: "{__version__}"', 'version: "0.0.7"'), encoding="utf-8")
    told = gym.run("pulse doctor", ok=False)
    assert told.returncode == 1
    assert (
        f"FAIL  package: the package is 0.0.7, the runner {__version__}\n"
        "      -> Name the runner's version as the revision in packages.yml; `dbt deps`.\n"
    ) in told.stdout
