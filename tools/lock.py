"""Write requirements-hashed.txt: every package of the default install with its version and the hashes of its files.

pip resolves against the index of this machine, with the versions of constraints.txt, and reports what it would install.
The hash of a wheel is that of one platform and Python, so the file is for those of the machine that makes it. No address
of an index gets into the file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements-hashed.txt"
OWN = "pulse-runner"
HEAD = """\
# What `pip install .` installs, with the hash of every file. Made by `make lock`; do not edit.
#   pip install --require-hashes -r requirements-hashed.txt && pip install --no-deps .
"""


def main() -> None:
    """Resolve and write the file."""
    LOCK.write_text(text_of(report()), encoding="utf-8")


def report() -> Mapping[str, Any]:
    """Return what pip would install."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"]
    wanted = ["-c", str(ROOT / "constraints.txt"), str(ROOT)]
    done = subprocess.run([*command, *wanted], stdout=subprocess.PIPE, text=True, check=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def text_of(found: Mapping[str, Any]) -> str:
    """Return the requirements of a report with their hashes."""
    lines, extras = {}, extras_of(found)
    for item in found["install"]:
        name = normal(item["metadata"]["name"])
        if name != OWN:
            sha256 = item["download_info"]["archive_info"]["hashes"]["sha256"]
            pin = f"{name}{extras.get(name, '')}=={item['metadata']['version']}"
            lines[name] = f"{pin} \\\n    --hash=sha256:{sha256}\n"
    return HEAD + "".join(lines[name] for name in sorted(lines))


def extras_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the extras that packages ask of others: pip takes a hash for `a[b]` only where it is pinned as `a[b]`."""
    asked: dict[str, set[str]] = {}
    for text in (t for item in found["install"] for t in item["metadata"].get("requires_dist", [])):
        match = re.match(r"([\w.-]+)\s*\[([^\]]+)\]", text)
        if match and "extra ==" not in text:
            asked.setdefault(normal(match[1]), set()).update(e.strip() for e in match[2].split(","))
    return {name: f"[{','.join(sorted(extras))}]" for name, extras in asked.items()}


def normal(name: str) -> str:
    """Return a package's name as an index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
