"""Writes messages for an upstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, assert_never

from msgspec import Raw

from tokenmill.conversation.parts import (
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    is_our_search,
)
from tokenmill.conversation.request import Drop, Turn
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.facts import SERVER_RESULTS, SERVER_TOOLS, sealed_here, write_mark
from tokenmill.wire.anthropic_messages.media import Json, write_media
from tokenmill.wire.anthropic_messages.stand_in import stood_for
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds
from tokenmill.wire.anthropic_messages.tool_input import tool_input
from tokenmill.wire.checks import unsupported

_SPACE = " "
"""What goes for reasoning where a target demands some and there is none; a space was seen to be enough."""
_OPENING = "."
"""What the user says where the model would speak first, which the wire does not allow."""


@dataclass(slots=True)
class _Message:
    """Blocks that go out under one role; results come before the rest, as the wire demands."""

    role: Literal["user", "assistant", "system"]
    results: list[object] = field(default_factory=list)
    blocks: list[object] = field(default_factory=list)


class TurnWriter:
    """Writes turns for one target; `drops` gathers what could not be said.

    `origin` names the issuer of signatures that the target checks; None for one that checks none.
    Turns of one side become one message. Instructions before the first message are `system`; later ones
    go to their place where the wire has it (`system_in_place`: after the user, before the model), else as
    marked words of the user.
    """

    def __init__(self, route: Route, origin: str | None, *, system_in_place: bool = False) -> None:
        self._route = route
        self._origin = origin
        self._system_in_place = system_in_place
        self._messages: list[_Message] = []
        self._ran: set[str] = set()  # Calls of server tools whose results can go along.
        self.ids = ToolIds()
        self.system: list[object] = []
        self.drops: list[Drop] = []

    def drop(self, field_: str, reason: str) -> None:
        """Records something that is not said."""
        self.drops.append(Drop(field_, reason))

    def messages(self, turns: tuple[Turn, ...]) -> list[Json]:
        """The messages that say `turns`. Raises Fault(UNSUPPORTED) naming the part."""
        parts = (part for turn in turns for part in turn.parts)
        self._ran = {p.call_id for p in parts if isinstance(p, ToolResult) and _raw_result(p) is not None}
        for i, turn in enumerate(turns):
            at = f"messages[{i}]"
            if turn.name is not None:
                self.drop(f"{at}.name", "this wire gives no names to speakers")
            if turn.role in ("system", "developer"):
                self._instruct(turns, i, at)
            elif turn.role == "assistant":
                self._answer(turn, at)
            else:
                for j, part in enumerate(turn.parts):
                    self._ask(part, f"{at}.content[{j}]")
        if not self._messages or self._messages[0].role == "assistant":
            self.drop("messages[0]", "nothing was lost: the wire begins with the user, so a full stop went")
            self._messages.insert(0, _Message("user", blocks=[{"type": "text", "text": _OPENING}]))
        return [{"role": m.role, "content": _content(m.results + m.blocks)} for m in self._messages]

    @property
    def may_think(self) -> bool:
        """Would a target that checks signatures take this history with thinking switched on?

        A message that goes on with an answer, and one that answers calls made without thinking, are refused.
        """
        if self._messages[-1].role == "assistant":
            return False
        if len(self._messages) < 2 or not self._messages[-1].results:
            return True
        first = self._messages[-2].blocks[0]
        return isinstance(first, dict) and first.get("type") in ("thinking", "redacted_thinking")

    def _add(self, role: Literal["user", "assistant", "system"], block: object) -> None:
        if not self._messages or self._messages[-1].role != role:
            self._messages.append(_Message(role))
        self._messages[-1].blocks.append(block)

    def _instruct(self, turns: tuple[Turn, ...], i: int, at: str) -> None:
        following = next(
            (t.role for t in turns[i + 1 :] if t.role not in ("system", "developer")), "assistant"
        )
        in_place = (
            self._system_in_place
            and following == "assistant"
            and bool(self._messages)
            and self._messages[-1].role != "assistant"
        )
        if self._messages and not in_place:
            self.drop(
                f"{at}.role", "said as marked words of the user: the target takes no instructions there"
            )
        for j, part in enumerate(turns[i].parts):
            where = f"{at}.content[{j}]"
            if in_place and isinstance(part, Text) and (raw := stood_for(part)) is not None:
                self._add("system", Raw(raw))
            elif isinstance(part, Text):
                marked = bool(self._messages) and not in_place
                words = f"<system-message>\n{part.text}\n</system-message>" if marked else part.text
                self._add_instruction({"type": "text", "text": words} | write_mark(part.cache), in_place)
            elif isinstance(part, Unknown) and part.vendor == "anthropic_messages":
                self._add_instruction(Raw(part.raw), in_place)
            else:
                raise unsupported(where, f"a {type(part).__name__} as an instruction")

    def _add_instruction(self, block: object, in_place: bool) -> None:
        if isinstance(block, dict) and not block["text"]:
            return
        if not self._messages:
            self.system.append(block)
        else:
            self._add("system" if in_place else "user", block)

    def _ask(self, part: Part, at: str) -> None:
        match part:
            case Text(text=text):
                self._note_citations(part, at)
                if (raw := stood_for(part)) is not None:
                    self._add("user", Raw(raw))
                elif text:
                    self._add("user", {"type": "text", "text": text} | write_mark(part.cache))
            case Media():
                self._add("user", self._media(part, at))
            case ToolResult(server=False):
                self._add_result(part, at)
            case Unknown(vendor="anthropic_messages", raw=raw):
                self._add("user", Raw(raw))
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case ToolResult() | Reasoning() | ToolCall() | Refusal():
                raise unsupported(at, f"a {type(part).__name__} in the words of this role")
            case _:
                assert_never(part)

    def _answer(self, turn: Turn, at: str) -> None:
        thoughts = 0
        blocks: list[object] = []
        for j, part in enumerate(turn.parts):
            where = f"{at}.content[{j}]"
            block = self._assistant_block(part, where)
            if block is not None:
                thoughts += isinstance(part, Reasoning)
                blocks.append(block)
        calls = any(isinstance(part, ToolCall) and part.kind != "server" for part in turn.parts)
        if self._route.reasoning_back == "required" and self._origin is None and calls and not thoughts:
            self.drop(at, "nothing was lost: the target demands reasoning beside tool calls, so a space went")
            blocks.insert(0, {"type": "thinking", "thinking": _SPACE, "signature": ""})
        for block in blocks:
            self._add("assistant", block)
        for j, part in enumerate(turn.parts):
            if isinstance(part, ToolResult) and not part.server:
                self._add_result(part, f"{at}.content[{j}]")

    def _assistant_block(self, part: Part, at: str) -> object | None:
        match part:
            case Text():
                return self._said(part, at)
            case Refusal(text=text):
                return {"type": "text", "text": text} if text else None
            case Reasoning():
                return self._thought(part, at)
            case ToolCall(kind="server"):
                return self._server_call(part, at)
            case ToolCall():
                input_, whole = tool_input(part)
                if not whole:
                    self.drop(f"{at}.input", "it was no JSON object; its text stands in an object")
                called = {"type": "tool_use", "id": self.ids.of_call(part.id), "name": part.name}
                return called | {"input": input_} | write_mark(part.cache)
            case ToolResult(server=True) if is_our_search(part):
                self.drop(at, "what another platform's search has found is not shown to the target")
                return None
            case ToolResult(server=True):
                raw = _raw_result(part)
                if raw is None:
                    self.drop(at, "the result of a tool that another platform ran has no shape here")
                return None if raw is None else Raw(raw)
            case ToolResult():
                return None  # It goes to the user's side.
            case Unknown(vendor="anthropic_messages", raw=raw):
                return Raw(raw)
            case Media():
                raise unsupported(at, f"{part.kind} that the model made")
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case _:
                assert_never(part)

    def _said(self, part: Text, at: str) -> object | None:
        if not part.text:
            return None
        ours = [Raw(raw) for raw in map(sealed_here, part.citations) if raw is not None]
        if len(ours) < len(part.citations):
            self.drop(f"{at}.citations", "the target takes back only sources that it sealed itself")
        cited: Json = {"citations": ours} if ours else {}
        return {"type": "text", "text": part.text} | cited | write_mark(part.cache)

    def _thought(self, part: Reasoning, at: str) -> object | None:
        if self._route.reasoning_back == "refused":
            self.drop(at, "the target refuses reasoning in messages")
            return None
        if part.origin in (self._origin, self._route.issuer) and part.origin and part.signature is not None:
            if part.form == "redacted":
                return {"type": "redacted_thinking", "data": part.signature}
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        if self._origin is not None:
            self.drop(at, "reasoning without a signature of the target's own is refused there")
            return None
        if part.form == "redacted" or not part.text:
            self.drop(at, "sealed reasoning goes back to its issuer only")
            return None
        if part.signature is not None:
            self.drop(f"{at}.signature", "a signature goes back to its issuer only")
        if part.form == "summary":
            self.drop(f"{at}.form", "this wire does not tell a summary from the reasoning itself")
        return {"type": "thinking", "thinking": part.text, "signature": ""}

    def _server_call(self, call: ToolCall, at: str) -> object | None:
        if is_our_search(call):
            self.drop(at, "a search that the target has not run itself is not shown to it")
            return None
        if call.name not in SERVER_TOOLS or not (call.id in self._ran or call.id.startswith("srvtoolu_")):
            self.drop(at, "a call of a tool that another platform ran has no shape here")
            return None
        input_, _ = tool_input(call)
        called = {"type": "server_tool_use", "id": call.id, "name": call.name, "input": input_}
        return called | write_mark(call.cache)

    def _add_result(self, result: ToolResult, at: str) -> None:
        if not self._messages or self._messages[-1].role != "user":
            self._messages.append(_Message("user"))
        block: Json = {"type": "tool_result", "tool_use_id": self.ids.of_result(result.call_id)}
        if result.content:
            block["content"] = _content(
                [self._result_block(part, f"{at}.content[{i}]") for i, part in enumerate(result.content)]
            )
        if result.is_error:
            block["is_error"] = True
        self._messages[-1].results.append(block | write_mark(result.cache))

    def _result_block(self, part: Text | Media | Unknown, at: str) -> object:
        match part:
            case Text(text=text):
                if (raw := stood_for(part)) is not None:
                    return Raw(raw)
                self._note_citations(part, at)
                return {"type": "text", "text": text} | write_mark(part.cache)
            case Media():
                return self._media(part, at)
            case Unknown(vendor="anthropic_messages", raw=raw):
                return Raw(raw)
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case _:
                assert_never(part)

    def _media(self, media: Media, at: str) -> Json:
        block, lost = write_media(media, at)
        for name in lost:
            self.drop(f"{at}.{name}", "this wire does not say how media are to be looked at")
        return block | write_mark(media.cache)

    def _note_citations(self, text: Text, at: str) -> None:
        if text.citations:
            self.drop(f"{at}.citations", "only what the model said carries citations here")


def _raw_result(result: ToolResult) -> bytes | None:
    """The block of a server tool's result, where it came from this wire."""
    match result.content:
        case (Unknown(vendor="anthropic_messages", type=type_, raw=raw),) if type_ in SERVER_RESULTS:
            return raw
        case _:
            return None


def _content(blocks: list[object]) -> str | list[object]:
    """A lone text without marks is said as a string."""
    match blocks:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return blocks
