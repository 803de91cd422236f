"""Print a software bill of materials of the default install: CycloneDX 1.6 as JSON, from the metadata of what is installed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement

OWN = "pulse-runner"


def bill() -> dict[str, Any]:
    """Return the bill: Pulse, every package that it needs, and who needs whom. The same install gives the same bill."""
    found = dict(sorted(installed(OWN)))
    root = found.pop(OWN)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(root, "application")},
        "components": [component(d, "library") for d in found.values()],
        "dependencies": [
            {"ref": purl(d), "dependsOn": sorted(purl(found[n]) for n in needs(d) if n in found)}
            for d in (root, *found.values())
        ],
    }


def installed(name: str, seen: dict[str, Distribution] | None = None) -> Iterator[tuple[str, Distribution]]:
    """Yield a package and all that it needs here, each once."""
    seen = {} if seen is None else seen
    if name in seen:
        return
    try:
        seen[name] = distribution(name)
    except PackageNotFoundError:
        sys.exit(f"{name} is not installed. Install Pulse into this environment first: make install")
    yield name, seen[name]
    for needed in needs(seen[name]):
        yield from installed(needed, seen)


def needs(found: Distribution) -> list[str]:
    """Return the names of what a package needs on this machine, extras that others ask for included."""
    out = dict[str, None]()
    for text in found.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            out[normal(requirement.name)] = None
            for extra in requirement.extras:
                asked = (Requirement(t) for t in distribution(requirement.name).requires or [])
                more = (
                    r
                    for r in asked
                    if r.marker and r.marker.evaluate({"extra": extra}) and not r.marker.evaluate({"extra": ""})
                )
                out |= dict.fromkeys(normal(r.name) for r in more)
    return list(out)


def component(found: Distribution, kind: str) -> dict[str, Any]:
    """Return a package as a component."""
    meta = found.metadata
    licence = meta.get("License-Expression") or (meta.get("License") or "").strip().split("\n")[0]
    classes = [c.rsplit(" :: ", 1)[1] for c in meta.get_all("Classifier") or [] if c.startswith("License :: ")]
    name = licence if 0 < len(licence) < 100 else ", ".join(classes)
    out: dict[str, Any] = {
        "type": kind, "bom-ref": purl(found), "name": normal(meta["Name"]), "version": found.version, "purl": purl(found),
    }  # fmt: skip
    return {**out, "licenses": [{"license": {"name": name}}]} if name else out


def purl(found: Distribution) -> str:
    """Return the package URL."""
    return f"pkg:pypi/{normal(found.metadata['Name'])}@{found.version}"


def normal(name: str) -> str:
    """Return a package's name as an index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print(json.dumps(bill(), indent=2))
