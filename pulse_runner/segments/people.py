"""What looks like people: names, mails, phones, addresses, text that people wrote.

`pulse init` proposes no such column, and a definition that watches one must say what becomes of its values. The names
are judged here; the values are judged where they are, in the warehouse, by the same two limits and by their shape
(`macros/facts/pulse_bucket_steps.sql`).
"""

from __future__ import annotations

import re

PEOPLE = re.compile(
    r"mail|phone|mobile|fax|(^|_)tel(_|$)|name|surname|street|address|addr(_|$)|city|zip|post_?code|postal|birth|(^|_)dob(_|$)|gender|(^|_)sex(_|$)"
    r"|(^|_)ip(_|$)|token|hash|password|secret|iban|card|ssn|tax_?id|passport|note|comment|message|description|remark|bio|text|url|(^|_)lat|(^|_)lon|(^|_)lng",
    re.IGNORECASE,
)
FEW_ROWS = 20  # with fewer rows the values say nothing by their number
ROWS_PER_VALUE = 3  # with fewer rows per value, a value is nearly a person
REFUSED = "(refused)"  # the one bucket of an attribute that is not declared and whose values look like people


def looks_like_people(name: str, distinct: int = 0, rows: int = 0) -> str:
    """Return why a column looks like people, by its name and by how many rows share a value; '' when it does not.

    >>> looks_like_people("Contact Mail"), looks_like_people("code", 90, 100), looks_like_people("plan", 3, 100)
    ('its name looks like people or free text', 'there is a value for every 1.1 rows', '')
    """
    if PEOPLE.search(plain_name(name)):
        return "its name looks like people or free text"
    if rows >= FEW_ROWS and distinct * ROWS_PER_VALUE > rows:
        return f"there is a value for every {rows / distinct:.1f} rows"
    return ""


def plain_name(name: str) -> str:
    """Return a column's name in small letters with underscores, whatever its style.

    >>> plain_name("Order Total"), plain_name("lastSeenAt")
    ('order_total', 'last_seen_at')
    """
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^A-Za-z0-9]+", "_", split).strip("_").lower()
