"""Receives browsers: the front door and what lies below `/console/`."""

from __future__ import annotations

from collections.abc import Callable

from tokenmill.api.call import Call, Header
from tokenmill.kit.faults import Code, Fault

Site = Callable[[str, Callable[[bytes], str]], tuple[int, bytes, list[Header]] | None]
"""The status, body and headers for a path and a way to read the request's headers; None: nothing there."""


class Front:
    """What a person with a browser meets; `site` is the console."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def door(self, call: Call) -> None:
        """`GET /`: a browser goes to the console, everybody else learns the name."""
        if "text/html" in call.header(b"accept"):
            await call.respond(307, b"", [(b"location", b"/console/")])
        else:
            await call.respond(200, b'{"name":"TokenMill"}')

    async def console(self, call: Call) -> None:
        """`GET /console/…`: the page, or a file of it. Raises Fault(NOT_FOUND) for anything else below it."""
        reply = self._site(call.path, call.header)
        if reply is None:
            raise Fault(
                Code.NOT_FOUND,
                f"There is nothing at {call.path}. The console is a page for browsers; ask for it with "
                "Accept: text/html.",
            )
        status, body, headers = reply
        if status == 304:  # Its length would be that of what is not sent (RFC 9110, 8.6).
            await call.start(status, headers)
            await call.end()
        else:
            await call.respond(status, body, headers)
