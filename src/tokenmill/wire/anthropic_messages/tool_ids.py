"""Gives tool calls ids that this wire takes."""

from __future__ import annotations

import re
from collections import deque
from hashlib import sha256

_LAWFUL = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_ODD = re.compile(r"[^a-zA-Z0-9_-]")


class ToolIds:
    """The ids of one conversation, met in its order; the same conversation always gets the same ids.

    Anthropic wants each call's id to be of 1 to 64 letters, digits, `_` and `-`, and to be used once; other
    upstreams number the calls of every turn anew. A lawful id that is new stays as it is.
    """

    def __init__(self) -> None:
        self._originals: dict[str, str] = {}  # What goes out -> what came in.
        self._unanswered: dict[str, deque[str]] = {}
        self._latest: dict[str, str] = {}

    def of_call(self, id_: str) -> str:
        """The id of a call that the conversation makes now."""
        known = len(self._originals)
        wire_id = id_ if _LAWFUL.match(id_) and id_ not in self._originals else _made(id_, known)
        while wire_id in self._originals:
            known += 1
            wire_id = _made(id_, known)
        self._originals[wire_id] = id_
        self._latest[id_] = wire_id
        self._unanswered.setdefault(id_, deque()).append(wire_id)
        return wire_id

    def of_result(self, id_: str) -> str:
        """The id of the call that a result answers: the oldest of that name without an answer."""
        if waiting := self._unanswered.get(id_):
            return waiting.popleft()
        if id_ in self._latest:
            return self._latest[id_]
        return id_ if _LAWFUL.match(id_) else _made(id_, 0)

    def original(self, wire_id: str) -> str:
        """The id that went out as `wire_id`; the same when none did."""
        return self._originals.get(wire_id, wire_id)


def _made(id_: str, salt: int) -> str:
    digest = sha256(f"{salt}:{id_}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_ODD.sub('_', id_)[:51]}_{digest}"
