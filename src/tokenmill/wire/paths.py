"""Says a path of the canon as the caller of one protocol would."""

from __future__ import annotations

from collections.abc import Mapping

from tokenmill.conversation.parts import Value
from tokenmill.conversation.places import place_of
from tokenmill.conversation.request import Request


class Wording(Value, frozen=True):
    """What a protocol calls members of the canon: whole paths from the top, and names further down.

    `results` is the member that holds what a tool said.
    """

    members: Mapping[str, str]
    inner: Mapping[str, str]
    results: str = "content"


def path_of(request: Request, field: str, wording: Wording) -> str:
    """Where the caller of `request` said `field`."""
    place, rest, of_result = place_of(request, field)
    if not rest:
        return _member(place, wording)
    names = [_name(name, wording) for name in rest.split(".")]
    if of_result and len(names) > 1 and names[1].startswith("content"):
        names[1] = names[1].replace("content", wording.results, 1)
    return place + ".".join(names)


def _member(path: str, wording: Wording) -> str:
    for ours in sorted(wording.members, key=len, reverse=True):
        if path == ours or path.startswith(f"{ours}."):
            return wording.members[ours] + path[len(ours) :]
    return path


def _name(name: str, wording: Wording) -> str:
    bare, bracket, index = name.partition("[")
    return wording.inner.get(bare, bare) + bracket + index
