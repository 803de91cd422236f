"""What a database user may not do, in two lines: what was refused, and the statement that grants it.

Postgres names the table, the schema or the database, and not the privilege; the statement that was refused says the
rest. `docs/privileges.md` lists what each of the two users of Pulse needs.
"""

from __future__ import annotations

import re

from pulse_runner.errors import DeniedError

PAGE = "docs/privileges.md of Pulse lists all that a user needs."
_DENIED = re.compile(
    r"permission denied (?:for (?P<kind>table|view|materialized view|schema|database|sequence) (?P<name>\S+)"
    r"|to create temporary tables in database (?P<temporary>\S+))"
)
_NOT_OWNER = re.compile(r"must be owner of (?:table|view|materialized view|relation) (?P<name>\S+)")
_TAKES = {"select": "select", "insert": "insert", "delete": "select, delete", "update": "select, update"}


def denied(text: str, user: str = "", sql: str = "") -> DeniedError | None:
    """Return the error for a refusal of Postgres that is about privileges, None for every other.

    >>> print(denied("permission denied for table pulse_runs", "ana", 'delete from "shop"."audiences"."pulse_runs"'))
    User "ana" may not use "audiences"."pulse_runs": permission denied for table pulse_runs.
      Its owner can: grant select, delete on "audiences"."pulse_runs" to "ana"; docs/privileges.md of Pulse lists all that a user needs.
    >>> denied("division by zero")
    """
    who, to = (f'User "{user}"', f'"{user}"') if user else ("The user of the profile", "that user")
    owned, found = _NOT_OWNER.search(text), _DENIED.search(text)
    if owned:
        name = _name(owned["name"])
        return DeniedError(
            f"{who} may not change {name}: must be owner of it.",
            f"Build as the user that made it, or let its owner: alter table {name} owner to {to}; {PAGE}",
        )
    if found is None:
        return None
    said = found.group().rstrip(".")
    if found["temporary"]:
        name, grant = _name(found["temporary"]), "temporary on database"
    elif found["kind"] == "database":
        name, grant = _name(found["name"]), "connect on database" if "CONNECT" in text else "create on database"
    elif found["kind"] == "schema":
        name, grant = _name(found["name"]), "usage, create on schema" if _creates(sql) else "usage on schema"
    else:
        verb = (re.match(r"\s*(\w+)", sql) or [""])[0].strip().lower()
        name, grant = _qualified(_name(found["name"]), sql), f"{_TAKES.get(verb, 'select')} on"
    return DeniedError(f"{who} may not use {name}: {said}.", f"Its owner can: grant {grant} {name} to {to}; {PAGE}")


def _creates(sql: str) -> bool:
    return re.search(r"\bcreate\b", sql, re.IGNORECASE) is not None


def _name(said: str) -> str:
    return '"' + said.strip('".,;').replace('"', '""') + '"'


def _qualified(name: str, sql: str) -> str:
    """Return a table's name with its schema, where the statement names it."""
    found = re.search(r'("(?:[^"]|"")+")\.' + re.escape(name) + r"(?!\.)", sql)
    return f"{found[1]}.{name}" if found else name
