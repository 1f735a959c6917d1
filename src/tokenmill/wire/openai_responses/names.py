"""Gives the tools of namespaces flat names, and takes flat names back to their namespaces.

A tool `search` of the namespace `mcp__docs` is `mcp__docs__search` to every model and to every other
protocol. The way back is by table, never by cutting names apart.
"""

from __future__ import annotations

from collections.abc import Container
from hashlib import blake2s

import msgspec

from tokenmill.conversation.parts import Value

LONGEST = 64
"""Characters; OpenAI's limit on the name of a function, which most servers share."""


class Names(Value, frozen=True):
    """The namespaced tools of one request: the namespace and the name of each, by its flat name."""

    known: dict[str, tuple[str, str]] = msgspec.field(default_factory=dict)

    def flat(self, namespace: str | None, name: str) -> str:
        """The flat name; a tool that is no longer offered gets the name it would have had."""
        if not namespace:
            return name
        flat = flatten(namespace, name)
        marked = flatten(namespace, name, (flat,))
        return marked if self.known.get(marked) == (namespace, name) else flat

    def apart(self, flat: str) -> tuple[str | None, str]:
        """The namespace, None where there is none, and the name in it."""
        return self.known.get(flat, (None, flat))

    def by_namespace(self) -> dict[str, list[str]]:
        """The flat names of each namespace's tools."""
        spaces: dict[str, list[str]] = {}
        for flat, (namespace, _) in self.known.items():
            spaces.setdefault(namespace, []).append(flat)
        return spaces


def flatten(namespace: str, name: str, taken: Container[str] = ()) -> str:
    """The flat name, at most `LONGEST` characters, unlike one that is taken; the same on every request."""
    flat = f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"
    if len(flat) > LONGEST or flat in taken:
        mark = blake2s(f"{namespace}\0{name}".encode(), digest_size=4).hexdigest()
        flat = f"{flat[: LONGEST - 9]}_{mark}"
    return flat
