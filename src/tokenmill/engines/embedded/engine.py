"""Asks the embedded model, refusing beforehand what it cannot do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

import msgspec

from tokenmill.conversation.events import Event, PartOpened
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Inline, Media, Part, ToolCall, ToolResult, Unknown
from tokenmill.conversation.request import (
    ChooseFreely,
    ChooseNone,
    CustomTool,
    Drop,
    FunctionTool,
    Request,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Engine, OpenReply, Route, ServedBy


class Endpoint(Protocol):
    """Where the child process listens; its key changes with every start."""

    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...


class Server(Protocol):
    """The supervised child process, as the engine sees it."""

    def endpoint(self) -> Endpoint:
        """Raises Fault(ENGINE_LOADING | UPSTREAM_AWAY) with `retry_after`."""
        ...

    def served_by(self) -> ServedBy:
        """What answers here, loaded or still loading."""
        ...

    @property
    def calls_tools(self) -> bool:
        """Does the model's chat template know tools?"""
        ...


class _WithOurIds:
    """A reply whose tool calls carry ids of the customary form; llama.cpp makes up bare random letters."""

    wire = None

    def __init__(self, opened: OpenReply, drops: tuple[Drop, ...]) -> None:
        self._opened = opened
        self.drops = (*drops, *opened.drops)

    async def frames(self) -> AsyncGenerator[Frame]:
        async with aclosing(self._opened.frames()) as frames:
            async for frame in frames:
                yield Frame(tuple(map(_with_our_id, frame.events)))


class EmbeddedEngine:
    """The child process behind an OpenAI engine."""

    def __init__(self, server: Server, chat: Engine) -> None:
        self._server = server
        self._chat = chat

    @asynccontextmanager
    async def open(self, request: Request, route: Route) -> AsyncIterator[OpenReply]:
        """See `tokenmill.ports.Engine.open`; raises Fault(UNSUPPORTED) for what the model cannot do."""
        real = self._server.served_by()
        _refuse_media(request, real.name)
        if request.choices > 1:
            raise Fault(
                Code.UNSUPPORTED,
                "The embedded engine gives one choice a request; leave n out and ask again for another.",
                field="n",
            )
        asked, here, drops = self._turned(request, route, real.name)
        async with self._chat.open(asked, here) as opened:
            yield _WithOurIds(opened, (*drops, *_unsaid(request)))

    async def count(self, request: Request, route: Route) -> int | None:
        """See `tokenmill.ports.Engine.count`; None while the model is loading."""
        try:
            asked, here, _ = self._turned(request, route, self._server.served_by().name)
        except Fault:
            return None
        return await self._chat.count(asked, here)

    def served_by(self, route: Route) -> ServedBy | None:
        """The embedded model's real name, limits and speed."""
        return self._server.served_by()

    def _turned(self, request: Request, route: Route, name: str) -> tuple[Request, Route, tuple[Drop, ...]]:
        """The request as the child takes it, where the child listens now, and what it is not told."""
        tools, drops = self._tools(request, name)
        endpoint = self._server.endpoint()
        # The server takes members that reach into its slots and caches; none is a caller's business.
        choice = request.tool_choice if tools else ChooseFreely()
        asked = msgspec.structs.replace(request, tools=tools, tool_choice=choice, extras=None, user=None)
        here = msgspec.structs.replace(
            route, base_url=endpoint.base_url, api_key=endpoint.api_key, thinking_switch="none"
        )
        return asked, here, drops

    def _tools(
        self, request: Request, name: str
    ) -> tuple[tuple[FunctionTool | CustomTool, ...], tuple[Drop, ...]]:
        if isinstance(request.tool_choice, ChooseNone):
            return (), ()  # Told of tools that it may not call, the model writes their markup as text.
        functions: list[FunctionTool | CustomTool] = []
        drops: list[Drop] = []
        for at, tool in enumerate(request.tools):
            match tool:
                case FunctionTool() | CustomTool() if self._server.calls_tools:
                    functions.append(tool)
                case WebSearchTool():
                    raise Fault(
                        Code.UNSUPPORTED,
                        "Web search is not switched on here. Leave the web_search tool out.",
                        field=f"tools[{at}]",
                    )
                case FunctionTool() | CustomTool() | UnknownTool():
                    drops.append(Drop(f"tools[{at}]", f"{name} does not call tools of this kind"))
        if drops and not functions and not isinstance(request.tool_choice, ChooseFreely | ChooseNone):
            raise Fault(
                Code.UNSUPPORTED,
                f"The embedded model {name} does not call tools, so tool_choice cannot be met. "
                "Leave tool_choice out, or ask the operator for a model that calls tools.",
                field="tool_choice",
            )
        return tuple(functions), tuple(drops)


def _unsaid(request: Request) -> Iterator[Drop]:
    for name, _ in request.extras.fields if request.extras is not None else ():
        yield Drop(name, "the embedded engine does not take it")
    if request.tools and not isinstance(request.tool_choice, ChooseFreely | ChooseNone):
        yield Drop("tool_choice", "the embedded model is asked for a call, but cannot be made to call")
    if request.tools and request.parallel_tools is False:
        yield Drop("parallel_tool_calls", "the embedded model may make several calls all the same")


def _refuse_media(request: Request, name: str) -> None:
    for at, turn in enumerate(request.turns):
        for part in turn.parts:
            inside = part.content if isinstance(part, ToolResult) else (part,)
            if (kind := next(filter(None, map(_foreign, inside)), None)) is not None:
                raise Fault(
                    Code.UNSUPPORTED,
                    f"The embedded model {name} reads text only; this message holds {kind}. "
                    "Leave it out, or ask the operator for a model that takes it.",
                    field=f"messages[{at}].content",
                )


def _foreign(part: Part) -> str | None:
    match part:
        case Media(kind="file", media_type="text/plain", source=Inline()):
            return None  # It is told as words.
        case Media(kind=kind):
            return f"{'an' if kind in ('image', 'audio') else 'a'} {kind} part"
        case Unknown(type=kind):
            return f"a part of type {kind!r}"
        case _:
            return None


def _with_our_id(event: Event) -> Event:
    match event:
        case PartOpened(part=ToolCall(id=id_) as call) if not id_.startswith("call_"):
            return msgspec.structs.replace(event, part=msgspec.structs.replace(call, id=f"call_{id_[:24]}"))
        case _:
            return event
