"""Routes HTTP requests to the faces and turns every fault into the caller's kind of error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

import structlog

from tokenmill.accounts.key_check import KeyCheck
from tokenmill.api.call import Call, ClientGone, Header, Receive, Scope, Send, WrongMethod, fault_of
from tokenmill.api.front import Front
from tokenmill.api.health import Health
from tokenmill.api.rejections import OPENAI
from tokenmill.api.routes import Base, Keyed, plan_bases
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.hosts import host_of

log = structlog.get_logger()

Open = Callable[[Call], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Face = TypeVar("Face")


class App:
    """The ASGI application."""

    def __init__(
        self,
        *,
        keys: KeyCheck,
        bases: tuple[Base, ...],
        health: Health,
        front: Front,
        admin: Asgi,
        plan_hosts: Collection[str] = (),
    ) -> None:
        """`admin` serves what lies below /console/api/; `plan_hosts` are those of the Token Plan alone."""
        self._admin = admin
        self._keys = keys
        self._bases = bases
        self._plan_hosts = frozenset(plan_hosts)
        self._plan_bases = plan_bases(bases)
        self._console: Mapping[str, Open] = {"GET": front.console}
        self._open: Mapping[str, Mapping[str, Open]] = {
            "/healthz": {"GET": health.alive},
            "/readyz": {"GET": health.ready},
            "/": {"GET": front.door},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; other ASGI scopes are not offered by our server."""
        if scope["type"] != "http":
            raise RuntimeError(f"unexpected ASGI scope {scope['type']!r}")
        if scope["path"].startswith("/console/api/"):
            return await self._admin(scope, receive, send)
        host = _host(scope)
        base = self._base_of(scope["path"], host)
        call = Call(scope, receive, send, OPENAI if base is None else base.dialect)
        await self._answer(call, self._dispatch(call, base, host))

    async def play(self, scope: Scope, receive: Receive, send: Send, path: str, digest: bytes) -> None:
        """Serves a request of the model API at `path` in the name of a key, whose owner has been proven."""
        base = self._base_of(path, "")
        call = Call({**scope, "path": path}, receive, send, OPENAI if base is None else base.dialect)
        await self._answer(call, self._dispatch_known(call, base, digest))

    async def _answer(self, call: Call, dispatched: Awaitable[None]) -> None:
        try:
            await dispatched
        except ClientGone:
            pass
        except (Exception, asyncio.CancelledError) as error:
            if not isinstance(error, Fault | asyncio.CancelledError):
                log.exception("request failed", path=call.path, request_id=call.request_id)
            await self._report(call, fault_of(error, call))
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _report(self, call: Call, fault: Fault) -> None:
        if call.answered:
            return
        if fault.code is Code.INTERNAL or fault.code is Code.MISCONFIGURED:
            log.error("request failed", path=call.path, request_id=call.request_id, fault=fault.message)
        extra: list[Header] = []
        if isinstance(fault, WrongMethod):
            extra = [(b"allow", fault.allowed.encode())]
        elif fault.code is Code.HTTP_ONLY:  # RFC 9110, 15.5.22 demands the header.
            extra = [(b"upgrade", b"HTTP/1.1")]
        await call.reject(fault, extra)

    def _base_of(self, path: str, host: str | None) -> Base | None:
        for base in self._plan_bases if host in self._plan_hosts else self._bases:
            if path.startswith(base.prefix) and path[len(base.prefix) :][:1] in ("/", ""):
                return base
        return None

    async def _dispatch(self, call: Call, base: Base | None, host: str | None) -> None:
        if host is None:
            raise Fault(Code.BAD_VALUE, "The Host header is missing, repeated or malformed.")
        await (self._dispatch_open(call) if base is None else self._dispatch_keyed(call, base))

    async def _dispatch_known(self, call: Call, base: Base | None, digest: bytes) -> None:
        if base is None:
            raise _nothing_here(call)
        face = _face(call, base)
        await face(call, await self._keys.check_known(digest, call.peer))

    async def _dispatch_open(self, call: Call) -> None:
        if call.path == "/console" or call.path.startswith("/console/"):
            return await _pick(call, self._console)(call)
        methods = self._open.get(call.path)
        if methods is None:
            raise _nothing_here(call)
        await _pick(call, methods)(call)

    async def _dispatch_keyed(self, call: Call, base: Base) -> None:
        face = _face(call, base)
        await face(call, await self._keys.check(call.key, base.keys, call.peer))


def _host(scope: Scope) -> str | None:
    """Whom the request is for; None where that is not said, or not clearly (RFC 9112, 3.2).

    HTTP/1.0 need not say it.
    """
    said = [value for name, value in scope["headers"] if name == b"host"]
    if not said and scope.get("http_version") == "1.0":
        return ""
    return host_of(said[0]) if len(said) == 1 else None


def _face(call: Call, base: Base) -> Keyed:
    """What answers at the call's path. Raises Fault(NOT_FOUND | WRONG_METHOD)."""
    path = call.path[len(base.prefix) :]
    methods = base.routes.fixed.get(path)
    if methods is not None:
        return _pick(call, methods)
    for resource in base.routes.resources:
        if (id_ := resource.id_in(path)) is not None:
            return partial(_with_id, _pick(call, resource.methods), id_)
    raise _nothing_here(call)


async def _with_id(face: Callable[..., Awaitable[None]], id_: str, call: Call, caller: object) -> None:
    await face(call, caller, id_)


def _pick(call: Call, methods: Mapping[str, Face]) -> Face:
    """The face for the call's method; HEAD is a GET without its body."""
    face = methods.get("GET" if call.method == "HEAD" else call.method)
    if face is None:
        allowed = ", ".join(sorted(methods))
        raise WrongMethod(call, allowed)
    return face


def _nothing_here(call: Call) -> Fault:
    return Fault(Code.NOT_FOUND, f"There is nothing at {call.path}. {call.dialect.address}")
