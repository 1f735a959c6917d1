"""Keeps a target's key and address out of what callers are told of its faults."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from urllib.parse import urlsplit

from tokenmill.conversation.events import Failed
from tokenmill.conversation.frames import Frame
from tokenmill.kit.faults import Fault
from tokenmill.ports import Route

SHORTEST_KEY = 6


def discreet(fault: Fault, route: Route) -> Fault:
    """`fault`, with the route's key and host blotted out where its message quotes them.

    The wires know what keys and addresses look like; which ones this target has, they do not. A host of one
    word goes only with its port, and a short key (`EMPTY`, as vLLM's users write it) not at all: they may be
    words like any other.
    """
    message = fault.message
    if route.api_key and len(route.api_key) >= SHORTEST_KEY:
        message = message.replace(route.api_key, "[secret]")
    if host := urlsplit(route.base_url).hostname:
        port = r"(?::\d+)?" if "." in host else r":\d+"
        message = re.sub(rf"(?<![\w.-]){re.escape(host)}{port}(?![\w-])", "[address]", message, flags=re.I)
    if message == fault.message:
        return fault
    return Fault(fault.code, message, field=fault.field, retry_after=fault.retry_after)


@contextmanager
def discretion(route: Route) -> Iterator[None]:
    """Faults leave the block discreet."""
    try:
        yield
    except Fault as fault:
        raise discreet(fault, route) from None


async def discreet_frames(frames: AsyncGenerator[Frame], route: Route) -> AsyncGenerator[Frame]:
    """`frames`, and the fault that they end with, raised or told."""
    with discretion(route):
        async with aclosing(frames):
            async for frame in frames:
                last = frame.events[-1] if frame.events else None
                if isinstance(last, Failed):
                    frame = Frame((*frame.events[:-1], Failed(discreet(last.fault, route))))
                yield frame
