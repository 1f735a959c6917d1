"""Reads the goldens, from which all cases are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from tests.proof.mutation import Parts, blocks_of
from tests.wire.golden import GOLDEN
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import FunctionTool

Upstream = Literal["openai_chat", "anthropic_messages"]
"""The wires that upstreams are asked in."""

PROTOCOLS: tuple[Vendor, ...] = ("openai_chat", "openai_responses", "anthropic_messages")


@cache
def _files(protocol: Vendor, ending: str) -> tuple[bytes, ...]:
    found = tuple(path.read_bytes() for path in sorted((GOLDEN / protocol).glob(f"*.{ending}")))
    assert found, f"there are goldens of {protocol} that end in {ending}"
    return found


@cache
def streams(wire: Upstream) -> tuple[Parts, ...]:
    """Upstreams' streams, and the streams that we write ourselves, in blocks."""
    files = (*_files(wire, "stream.sse"), *_files(wire, "client.sse"))
    return tuple(parts for file in files if (parts := blocks_of(file)))


@cache
def replies(wire: Upstream) -> tuple[Any, ...]:
    """Upstreams' whole replies."""
    return tuple(map(json.loads, (*_files(wire, "reply.json"), *_files(wire, "reply.client.json"))))


@cache
def requests(protocol: Vendor) -> tuple[Any, ...]:
    """Callers' bodies."""
    return tuple(map(json.loads, _files(protocol, "request.json")))


@cache
def _rescue() -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    folder = GOLDEN / "rescue"
    cases = [
        *json.loads((folder / "cases.json").read_text()),
        *json.loads((folder / "held_out.json").read_text()),
    ]
    return tuple(cases), json.loads((folder / "tools.json").read_text())


@cache
def spoken(family: str) -> tuple[str, ...]:
    """What models of a family have said, calls in it or not."""
    texts = (
        case.get(channel)
        for case in _rescue()[0]
        for channel in ("text", "reasoning")
        if case["family"] == family
    )
    return tuple(text for text in texts if isinstance(text, str) and text) or ("Hello.",)


@cache
def tools() -> tuple[FunctionTool, ...]:
    """All tools that the models of the goldens call."""
    found = {tool["name"]: tool for group in _rescue()[1].values() for tool in group}
    made = [
        FunctionTool(name, parameters=msgspec.json.encode(tool.get("parameters", {})))
        for name, tool in found.items()
    ]
    return (*made, FunctionTool("f"))
