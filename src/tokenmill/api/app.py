"""Routes HTTP requests to the faces and turns every fault into the caller's kind of error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from tokenmill.accounts.key_check import Caller, KeyCheck
from tokenmill.api.call import Call, ClientGone, Receive, Scope, Send, fault_of
from tokenmill.api.chat import ChatCompletions
from tokenmill.api.front import Front
from tokenmill.api.health import Health
from tokenmill.api.models import Models
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import KeyKind

log = structlog.get_logger()

Open = Callable[[Call], Awaitable[None]]
Face = TypeVar("Face")
Keyed = Callable[[Call, Caller], Awaitable[None]]

ADDRESSES: Mapping[str, KeyKind] = {"/v1": "sk", "/token-plan/v1": "tp"}
"""Where the OpenAI protocols are served, and which keys are good there."""


class WrongMethod(Fault):
    """The path is right and the method is not; `allowed` goes into the Allow header (RFC 9110, 15.5.6)."""

    def __init__(self, call: Call, allowed: str) -> None:
        super().__init__(Code.WRONG_METHOD, f"{call.path} takes {allowed}, not {call.method}.")
        self.allowed = allowed


class App:
    """The ASGI application."""

    def __init__(
        self, *, keys: KeyCheck, chat: ChatCompletions, models: Models, health: Health, front: Front
    ) -> None:
        self._keys = keys
        self._models = models
        self._console: Mapping[str, Open] = {"GET": front.console}
        self._keyed: Mapping[str, Mapping[str, Keyed]] = {
            "/chat/completions": {"POST": chat.create},
            "/models": {"GET": models.list},
        }
        self._open: Mapping[str, Mapping[str, Open]] = {
            "/healthz": {"GET": health.alive},
            "/readyz": {"GET": health.ready},
            "/": {"GET": front.door},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; other ASGI scopes are not offered by our server."""
        if scope["type"] != "http":
            raise RuntimeError(f"unexpected ASGI scope {scope['type']!r}")
        call = Call(scope, receive, send)
        try:
            await self._dispatch(call)
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
        extra = [(b"allow", fault.allowed.encode())] if isinstance(fault, WrongMethod) else []
        await call.reject(fault, extra)

    async def _dispatch(self, call: Call) -> None:
        for prefix, kind in ADDRESSES.items():
            if call.path.startswith(prefix + "/"):
                return await self._dispatch_keyed(call, call.path[len(prefix) :], kind)
        if call.path == "/console" or call.path.startswith("/console/"):
            return await _pick(call, self._console)(call)
        methods = self._open.get(call.path)
        if methods is None:
            raise _nothing_here(call)
        await _pick(call, methods)(call)

    async def _dispatch_keyed(self, call: Call, path: str, kind: KeyKind) -> None:
        methods = self._keyed.get(path)
        if methods is not None:
            face = _pick(call, methods)
            return await face(call, await self._keys.check(call.key, kind))
        if path.startswith("/models/") and call.method in ("GET", "HEAD"):
            caller = await self._keys.check(call.key, kind)
            return await self._models.get(call, caller, path.removeprefix("/models/"))
        raise _nothing_here(call)


def _pick(call: Call, methods: Mapping[str, Face]) -> Face:
    """The face for the call's method; HEAD is a GET without its body."""
    face = methods.get("GET" if call.method == "HEAD" else call.method)
    if face is None:
        allowed = ", ".join(sorted(methods))
        raise WrongMethod(call, allowed)
    return face


def _nothing_here(call: Call) -> Fault:
    return Fault(
        Code.NOT_FOUND,
        f"There is nothing at {call.path}. The OpenAI protocol is served below /v1, "
        "for example POST /v1/chat/completions and GET /v1/models.",
    )
