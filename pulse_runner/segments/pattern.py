"""Regular expressions that cannot run away: bounded in length, in repeats, and in how repeats nest."""

from __future__ import annotations

import re

LONGEST, MOST_OPEN, MOST_TIMES = 200, 5, 100
DO = "Write it shorter, as several conditions, or with starts_with, ends_with and contains."

_ESCAPE = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", re.DOTALL)
_TIMES = re.compile(r"\{(\d*)(,?)(\d*)\}")


def pattern_problem(pattern: str) -> str:
    """Return what makes a pattern a danger to the warehouse; '' for one that is none.

    >>> pattern_problem("^(foo|bar)-[0-9]+$"), pattern_problem("(a+)+$")
    ('', 'repeats a group that repeats or chooses inside')
    """
    if len(pattern) > LONGEST:
        return f"has {len(pattern):,} characters; at most {LONGEST} are read"
    at, open_ended = 0, 0
    groups = [False]  # of each open group: does it repeat or choose inside
    closed = False  # the thing just read is a group that does
    can_repeat = False
    while at < len(pattern):
        rest, char = pattern[at:], pattern[at]
        if found := _ESCAPE.match(rest) or _CLASS.match(rest):
            if found[0][0] == "\\" and found[0][1].isdigit() and found[0][1] != "0":
                return "refers back to a group"
            at, closed, can_repeat = at + len(found[0]), False, True
        elif char in "*+?" or _TIMES.match(rest):
            times = _TIMES.match(rest)
            if not can_repeat:
                return "repeats a repeat, or nothing"
            once = char == "?"
            if closed and not once:
                return "repeats a group that repeats or chooses inside"
            if times and max(int(times[1] or 0), int(times[3] or 0)) > MOST_TIMES:
                return f"repeats more than {MOST_TIMES} times"
            open_ended += char in "*+" or bool(times and times[2] and not times[3])
            groups[-1] = True
            at += len(times[0]) if times else 1
            at += not once and pattern[at : at + 1] == "?"  # the lazy form
            closed = can_repeat = False
        elif char == "(":
            if rest.startswith("(?") and not re.match(r"\(\?(:|i\))", rest):
                return "looks ahead, looks back, or sets more than (?i)"
            if rest.startswith("(?i)"):
                at += 4
                continue
            groups.append(False)
            at, can_repeat = at + (3 if rest.startswith("(?:") else 1), False
        elif char == ")":
            if len(groups) == 1:
                return "closes a group that is not open"
            closed = groups.pop()
            groups[-1] |= closed
            at, can_repeat = at + 1, True
        else:
            groups[-1] |= char == "|"
            at, closed, can_repeat = at + 1, False, char not in "|^"
    if len(groups) > 1 or pattern.endswith("\\"):
        return "ends before it is complete"
    return f"has {open_ended} repeats without an end; at most {MOST_OPEN} are read" if open_ended > MOST_OPEN else ""
