"""Gathers what is wrong with catalogue entries into one fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from tokenmill.kit.faults import Code, Fault

_MOST_NEAR = 3
_LONGEST_SHOWN = 128  # Comparing is quadratic in length, and a name in a message should stay a name.


class Complaint(NamedTuple):
    """One thing that is wrong, and where: `models[2] (mimo-v2.5-pro).context_window`."""

    path: str
    message: str


def fault_of(source: str, complaints: Sequence[Complaint]) -> Fault:
    """One fault that lists every complaint about `source`, a file's name or the catalogue."""
    lines = [f"{complaint.path}: {complaint.message}" for complaint in complaints]
    if len(lines) == 1:
        message = f"{source}: {lines[0]}"
    else:
        message = "\n  ".join([f"{source}: {len(lines)} things are wrong:", *lines])
    return Fault(Code.MISCONFIGURED, message, field=complaints[0].path)


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that look like `name`, best first; another case counts as the same."""
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    close = get_close_matches(name[:_LONGEST_SHOWN].lower(), by_lower, n=_MOST_NEAR, cutoff=0.6)
    return [by_lower[lower] for lower in close]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'a', 'b' or 'c'?`, or nothing when no name is near."""
    near = [f"'{candidate}'" for candidate in near_names(name, known)]
    if not near:
        return ""
    head, last = near[:-1], near[-1]
    return f" Did you mean {', '.join(head)}{' or ' if head else ''}{last}?"


def quoted(name: str) -> str:
    """A caller's text as it may stand in a message: printable, and of bounded length."""
    shown = name if len(name) <= _LONGEST_SHOWN else name[: _LONGEST_SHOWN - 1] + "…"
    return repr(shown)
