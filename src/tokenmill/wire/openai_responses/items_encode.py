"""Writes input items for an upstream."""

from __future__ import annotations

from typing import assert_never

from msgspec import Raw

from tokenmill.conversation.parts import (
    FileId,
    Inline,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import Drop, Turn
from tokenmill.ports import Route
from tokenmill.wire.checks import unsupported
from tokenmill.wire.openai_chat.joining import Json
from tokenmill.wire.openai_chat.media import data_url
from tokenmill.wire.openai_responses.facts import search_action

_NO_MARKS = "this wire carries no cache marks upstream"
_SPACE = " "
"""What goes for reasoning where a target demands some and there is none."""


class ItemWriter:
    """Writes turns for one target; `drops` gathers what could not be said.

    `origin` names the target as an issuer of encrypted reasoning: it gets back its own and no other.
    """

    def __init__(self, route: Route, origin: str | None) -> None:
        self._route = route
        self._origin = origin
        self._custom: set[str] = set()
        self._thoughts = 0
        self.drops: list[Drop] = []

    def items(self, turns: tuple[Turn, ...]) -> list[object]:
        """The items that say `turns`. Raises Fault(UNSUPPORTED) naming the part."""
        items: list[object] = []
        for i, turn in enumerate(turns):
            at = f"input[{i}]"
            if turn.name is not None:
                self.drop(f"{at}.name", "this wire has no names of speakers")
            items.extend(self._assistant(turn, at) if turn.role == "assistant" else self._others(turn, at))
        return items

    def drop(self, field: str, reason: str) -> None:
        """Records something that is not said."""
        self.drops.append(Drop(field, reason))

    def _others(self, turn: Turn, at: str) -> list[object]:
        """One item for each tool result, and one message for what stands between them."""
        items: list[object] = []
        run: list[Part] = []
        for part in (*turn.parts, None):
            if part is not None and not isinstance(part, ToolResult):
                run.append(part)
                continue
            if run and turn.role == "tool":
                raise unsupported(at, "anything but results in the turn of a tool")
            if run:
                items.append({"role": turn.role, "content": self._content(run, at)})
                run = []
            if part is not None:
                items.extend(self._result(part, at))
        return items

    def _assistant(self, turn: Turn, at: str) -> list[object]:
        items: list[object] = []
        thoughts: list[Reasoning] = []
        called = any(isinstance(part, ToolCall) and part.kind != "server" for part in turn.parts)
        demanded = self._route.reasoning_back == "required" and called
        if demanded and not any(isinstance(part, Reasoning) for part in turn.parts):
            self.drop(at, "nothing was lost: the target demands reasoning beside tool calls, so a space went")
            items.append(self._thought([Reasoning(_SPACE)], None))
        for part in turn.parts:
            if isinstance(part, Reasoning):
                thoughts.append(part)
                if part.form != "summary" or part.signature is not None:
                    items.extend(self._reasoning(thoughts, at))
                    thoughts = []
                continue
            items.extend(self._reasoning(thoughts, at))
            thoughts = []
            items.extend(self._said(part, at))
        return items + self._reasoning(thoughts, at)

    def _said(self, part: Part, at: str) -> list[object]:
        match part:
            case Text(text=text):
                self._note_text(part, at)
                return [{"role": "assistant", "content": text}]
            case Refusal(text=text):
                content = [{"type": "refusal", "refusal": text}]
                return [{"type": "message", "role": "assistant", "content": content}]
            case ToolCall():
                return [self._call(part, at)] if self._sayable(part, at) else []
            case ToolResult():
                return self._result(part, at)
            case Unknown(vendor="openai_responses", raw=raw):
                return [Raw(raw)]
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case Media():
                raise unsupported(at, f"{part.kind} in the words of an assistant")
            case Reasoning():
                raise AssertionError("reasoning is gathered before")
            case _:
                assert_never(part)

    def _reasoning(self, thoughts: list[Reasoning], at: str) -> list[object]:
        """One item of summaries that belong to the last of `thoughts`, which alone may be signed."""
        if not thoughts:
            return []
        last = thoughts[-1]
        sealed = last.signature
        if sealed is not None and last.origin != self._origin:
            self.drop(f"{at}.encrypted_content", "encrypted reasoning goes back to its issuer only")
            sealed = None
        if self._route.reasoning_back == "refused":
            self.drop(at, "the target refuses reasoning in messages")
            return []
        if sealed is None and self._route.strict:
            self.drop(at, "the target takes only reasoning that it encrypted itself")
            return []
        if sealed is None and last.form == "redacted":
            thoughts = thoughts[:-1]
        return [self._thought(thoughts, sealed)] if thoughts else []

    def _thought(self, thoughts: list[Reasoning], sealed: str | None) -> Json:
        item: Json = {"type": "reasoning"}
        if not self._route.strict:
            # Open servers demand an id and never look it up; OpenAI would check it against what is sealed.
            item["id"] = f"rs_{self._thoughts}"
        self._thoughts += 1
        item["summary"] = [
            {"type": "summary_text", "text": thought.text}
            for thought in thoughts
            if thought.form == "summary"
        ]
        texts = [thought.text for thought in thoughts if thought.form == "visible"]
        if texts:
            item["content"] = [{"type": "reasoning_text", "text": text} for text in texts]
        if sealed is not None:
            item["encrypted_content"] = sealed
        return item

    def _sayable(self, call: ToolCall, at: str) -> bool:
        if call.kind == "server" and call.name != "web_search":
            self.drop(at, "a call of a tool that another platform ran has no place on this wire")
            return False
        return True

    def _call(self, call: ToolCall, at: str) -> Json:
        if call.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        if call.kind == "server":
            search: Json = {"type": "web_search_call", "id": call.id, "status": "completed"}
            return search | ({"action": search_action(call.arguments)} if call.arguments else {})
        if call.kind == "custom":
            self._custom.add(call.id)
            kind, words = "custom_tool_call", "input"
        else:
            kind, words = "function_call", "arguments"
        return {"type": kind, "call_id": call.id, "name": call.name, words: call.arguments}

    def _result(self, result: ToolResult, at: str) -> list[object]:
        if result.server:
            self.drop(at, "the result of a tool that another platform ran has no place on this wire")
            return []
        if result.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        parts: list[Part] = list(result.content)
        if result.is_error:
            self.drop(f"{at}.is_error", "this wire has no error mark; the text begins with 'Error: '")
            first = parts[0] if parts else None
            words = first.text if isinstance(first, Text) else ""
            parts = [Text(f"Error: {words}"), *(parts[1:] if isinstance(first, Text) else parts)]
        kind = "custom_tool_call_output" if result.call_id in self._custom else "function_call_output"
        output = self._content(parts, at) if parts else ""
        return [{"type": kind, "call_id": result.call_id, "output": output}]

    def _content(self, parts: list[Part], at: str) -> str | list[object]:
        if len(parts) == 1 and isinstance(parts[0], Text):
            self._note_text(parts[0], f"{at}.content")
            return parts[0].text
        return [self._part(part, f"{at}.content[{i}]") for i, part in enumerate(parts)]

    def _note_text(self, text: Text, at: str) -> None:
        if text.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        if text.citations:
            self.drop(f"{at}.annotations", "input carries no citations upstream")

    def _part(self, part: Part, at: str) -> object:
        match part:
            case Text(text=text):
                self._note_text(part, at)
                return {"type": "input_text", "text": text}
            case Media():
                if part.cache is not None:
                    self.drop(f"{at}.cache_control", _NO_MARKS)
                return _media(part, at)
            case Unknown(vendor="openai_responses", raw=raw):
                return Raw(raw)
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case Reasoning() | ToolCall() | ToolResult() | Refusal():
                raise unsupported(at, f"a {type(part).__name__} in the words of this role")
            case _:
                assert_never(part)


def _media(media: Media, at: str) -> Json:
    options: Json = {name: Raw(raw) for name, raw in media.options if name == "detail"}
    named: Json = {} if media.name is None else {"filename": media.name}
    match media.kind, media.source:
        case "image", FileId(id=id_):
            return {"type": "input_image", "file_id": id_} | options
        case "image", Url() | Inline() as source:
            return {"type": "input_image", "image_url": _url(source, media)} | options
        case "file", FileId(id=id_):
            return {"type": "input_file", "file_id": id_} | named | options
        case "file", Url(url=url):
            return {"type": "input_file", "file_url": url} | named | options
        case "file", Inline(data=data):
            text = data if media.media_type is None else data_url(Inline(data), media.media_type)
            return {"type": "input_file", "file_data": text} | named | options
        case "audio", Inline(data=data):
            audio: Json = {"data": data} if media.media_type is None else _audio(data, media.media_type)
            return {"type": "input_audio", "input_audio": audio}
        case "video", Url() | Inline() as source:
            return {"type": "input_video", "video_url": _url(source, media)}
        case _:
            how = "an uploaded" if isinstance(media.source, FileId) else "a linked"
            raise unsupported(at, f"{how} file as {media.kind}")


def _audio(data: str, media_type: str) -> Json:
    if "/" in media_type:
        return {"data": data_url(Inline(data), media_type)}
    return {"data": data, "format": media_type}


def _url(source: Url | Inline, media: Media) -> str:
    if isinstance(source, Url):
        return source.url
    kind = media.media_type
    return data_url(source, kind if kind is None or "/" in kind else f"{media.kind}/{kind}")
