"""Receives browsers: the front door and the console's page."""

from __future__ import annotations

from tokenmill.api.call import Call
from tokenmill.kit.faults import Code, Fault

_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Front:
    """What a person with a browser meets; `page` is the console as HTML."""

    def __init__(self, page: bytes) -> None:
        self._page = page

    async def door(self, call: Call) -> None:
        """`GET /`: a browser goes to the console, everybody else learns the name."""
        if "text/html" in call.header(b"accept"):
            await call.respond(307, b"", [(b"location", b"/console/")])
        else:
            await call.respond(200, b'{"name":"TokenMill"}')

    async def console(self, call: Call) -> None:
        """`GET /console/…`: the page. Raises Fault(NOT_FOUND) for anything else below it."""
        if call.path.startswith("/console/assets/"):
            raise Fault(Code.NOT_FOUND, f"There is nothing at {call.path} yet.")
        if "text/html" not in call.header(b"accept"):
            raise Fault(
                Code.NOT_FOUND, "The console is a page for browsers; ask for it with Accept: text/html."
            )
        await call.respond(200, self._page, _HEADERS)
