"""Writes messages for an upstream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from msgspec import Raw

from tokenmill.conversation.parts import (
    FileId,
    Inline,
    Media,
    MediaKind,
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
from tokenmill.wire.free_text import wrapped
from tokenmill.wire.openai_chat.joining import Json, are_one, joined
from tokenmill.wire.openai_chat.media import data_url, plain_text, with_format

_OPTIONS: Mapping[MediaKind, tuple[str, ...]] = {
    "image": ("detail",),
    "video": ("fps", "media_resolution"),
    "audio": (),
    "file": (),
}
"""What this wire says of media beside their source."""

IN_WORDS = "nothing was lost: it is said in plain words, as the target knows no such part"

_NO_MARKS = "this wire carries no cache marks"
_SPACE = " "
"""What goes for reasoning where a target demands some and there is none; a space was seen to be enough."""


Placed = tuple[str, Part]
"""The path of a part, and the part."""


class TurnWriter:
    """Writes turns for one target; `drops` gathers what could not be said."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._shown: list[object] = []  # Media out of tool results, until the results have been told.
        self.drops: list[Drop] = []

    def messages(self, turns: tuple[Turn, ...]) -> list[Json]:
        """The messages that say `turns`. Raises Fault(UNSUPPORTED) naming the part.

        Media that a tool returned follow its result as words of the user: a tool message holds only text. A
        strict target gets neighbours of one role as one message, since some want the roles to alternate.
        """
        messages: list[Json] = []
        for i, turn in enumerate(turns):
            for message in self._turn(turn, f"messages[{i}]"):
                if message["role"] != "tool":
                    self._show(messages, f"messages[{i}]")
                self._add(messages, message, f"messages[{i}]")
        self._show(messages, f"messages[{len(turns)}]")
        return messages

    def _show(self, messages: list[Json], at: str) -> None:
        if self._shown:
            self._add(messages, {"role": "user", "content": self._shown}, at)
            self._shown = []

    def _add(self, messages: list[Json], message: Json, at: str) -> None:
        before = messages[-1] if messages else None
        if before is None or not self._route.strict or not are_one(before, message):
            messages.append(message)
            return
        self.drop(at, "nothing was lost: it goes on the message before it, so that roles alternate")
        messages[-1] = joined(before, message)

    def drop(self, field: str, reason: str) -> None:
        """Records something that is not said."""
        self.drops.append(Drop(field, reason))

    def _turn(self, turn: Turn, at: str) -> Iterator[Json]:
        """One message for each tool result, and one for what stands between them."""
        run: list[Placed] = []
        for i, part in enumerate(turn.parts):
            where = f"{at}.content[{i}]"
            if not isinstance(part, ToolResult):
                run.append((where, part))
                continue
            if part.server:
                self.drop(
                    where, "the result of a tool that another platform ran has no place in a chat message"
                )
                continue
            yield from self._message(turn, run)
            run = []
            yield self._tool_message(part, turn.name, where, at)
        yield from self._message(turn, run)

    def _message(self, turn: Turn, parts: list[Placed]) -> Iterator[Json]:
        """The message; none where nothing of it can be said."""
        if not parts:
            return
        if turn.role == "tool":
            raise unsupported(parts[0][0], "anything but results in a tool message")
        role = turn.role
        if role == "developer" and not self._route.strict:
            role = "system"  # Most open servers hand roles to the chat template, which knows no developer.
        message: Json = {"role": role}
        if turn.name is not None:
            message["name"] = turn.name
        if role != "assistant":
            yield message | {"content": self._content(parts)}
        elif said := self._assistant(parts):
            yield message | said

    def _assistant(self, parts: list[Placed]) -> Json:
        members: Json = {}
        calls: list[Json] = []
        thoughts: list[tuple[str, Reasoning]] = []
        content: list[Placed] = []
        for at, part in parts:
            match part:
                case Reasoning():
                    thoughts.append((at, part))
                case ToolCall(kind="server"):
                    self.drop(at, "a call of a tool that another platform ran has no place in a chat message")
                case ToolCall():
                    calls.append(self._call(part, at))
                case Media(kind="audio", source=FileId(id=id_)):
                    members["audio"] = {"id": id_}
                case _:
                    content.append((at, part))
                    if calls:
                        self.drop(at, "it goes before the tool calls: a chat message has no order among them")
        members |= self._reasoning(thoughts, parts[0][0], with_calls=bool(calls))
        if calls:
            members["tool_calls"] = calls
        if not (content or members):
            return {}
        # Not null: the original and some chat templates refuse it beside tool calls.
        return {"content": self._content(content) if content else ""} | members

    def _reasoning(self, thoughts: list[tuple[str, Reasoning]], beside: str, *, with_calls: bool) -> Json:
        said: list[str] = []
        for at, thought in thoughts:
            if thought.form == "redacted":
                self.drop(at, "sealed reasoning goes back to its issuer only")
                continue
            if self._route.reasoning_back == "refused":
                self.drop(at, "the target refuses reasoning in messages")
                continue
            if thought.signature is not None:
                self.drop(f"{at}.signature", "this wire carries no signatures")
            if thought.form == "summary":
                self.drop(f"{at}.form", "this wire does not tell a summary from the reasoning itself")
            said.append(thought.text)
        if self._route.reasoning_back == "required" and with_calls and not said:
            self.drop(
                beside, "nothing was lost: the target demands reasoning beside tool calls, so a space went"
            )
            return {"reasoning_content": _SPACE}
        return {"reasoning_content": "".join(said)} if said else {}

    def _call(self, call: ToolCall, at: str) -> Json:
        if call.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        if call.kind == "custom" and self._route.strict:
            return {
                "id": call.id,
                "type": "custom",
                "custom": {"name": call.name, "input": call.arguments},
            }
        # Servers that parse the arguments answer 400 or 500 to an empty text.
        arguments = wrapped(call.arguments) if call.kind == "custom" else call.arguments or "{}"
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _tool_message(self, result: ToolResult, name: str | None, at: str, turn_at: str) -> Json:
        message: Json = {"role": "tool", "tool_call_id": result.call_id}
        if name is not None and self._route.strict:
            self.drop(f"{turn_at}.name", "the target takes only the members of OpenAI's schema")
        elif name is not None:
            message["name"] = name
        if result.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        parts: list[Part] = list(result.content)
        if result.is_error:
            self.drop(f"{at}.is_error", "this wire has no error mark; the text begins with 'Error: '")
            first = parts[0] if parts else None
            words = first.text if isinstance(first, Text) else ""
            parts = [Text(f"Error: {words}"), *(parts[1:] if isinstance(first, Text) else parts)]
        placed = [(f"{at}.content[{i}]", part) for i, part in enumerate(parts)]
        said = self._content(
            [(where, self._set_aside(part, result.call_id, where)) for where, part in placed]
        )
        return message | {"content": _one_text(said)}

    def _set_aside(self, part: Part, call_id: str, at: str) -> Part:
        """`part`, or the words that stand for media, which are shown after the results."""
        if not isinstance(part, Media) or plain_text(part) is not None:
            return part
        self.drop(at, "nothing was lost: it follows as words of the user, as a tool message holds only text")
        said = {"type": "text", "text": f"The {part.kind} that the tool call {call_id} returned:"}
        self._shown += [said, self._part(part, at)]
        return Text(f"The {part.kind} follows in a message of the user.")

    def _content(self, parts: list[Placed]) -> str | list[object]:
        if len(parts) == 1 and isinstance(parts[0][1], Text):
            self._note_text(parts[0][1], parts[0][0])
            return parts[0][1].text
        return [self._part(part, at) for at, part in parts]

    def _note_text(self, text: Text, at: str) -> None:
        if text.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        if text.stands_for is not None:
            self.drop(at, IN_WORDS)
        if text.citations:
            self.drop(f"{at}.citations", "a chat message carries no citations upstream")

    def _part(self, part: Part, at: str) -> object:
        match part:
            case Text(text=text):
                self._note_text(part, at)
                return {"type": "text", "text": text}
            case Refusal(text=text):
                return {"type": "refusal", "refusal": text}
            case Media():
                return self._media(part, at)
            case Unknown(vendor="openai_chat", raw=raw):
                return Raw(raw)
            case Unknown(type=type_):
                raise unsupported(at, f"a part of type {type_!r}")
            case Reasoning() | ToolCall() | ToolResult():
                raise unsupported(at, f"a {type(part).__name__} in the words of this role")
            case _:
                assert_never(part)

    def _media(self, media: Media, at: str) -> Json:
        if media.cache is not None:
            self.drop(f"{at}.cache_control", _NO_MARKS)
        known = _OPTIONS[media.kind]
        for name, _ in media.options:
            if name not in known:
                self.drop(f"{at}.{name}", f"this wire has no such option for media of kind {media.kind}")
        if (words := plain_text(media)) is not None:
            self.drop(at, IN_WORDS)
            return {"type": "text", "text": words if media.name is None else f"{media.name}\n\n{words}"}
        if media.kind == "video" and self._route.strict:
            raise unsupported(at, "video input")
        if media.kind == "audio" and self._route.strict:
            media = with_format(media)
        return _media(media, {name: Raw(raw) for name, raw in media.options if name in known}, at)


def _one_text(content: str | list[object]) -> str | list[object]:
    """The texts of a tool message as one: some servers refuse a list of them."""
    if isinstance(content, str):
        return content
    texts = [part["text"] for part in content if isinstance(part, dict) and part["type"] == "text"]
    return "\n".join(texts) if len(texts) == len(content) else content


def _media(media: Media, options: Json, at: str) -> Json:
    match media.kind, media.source:
        case "image" | "video", FileId():
            raise unsupported(at, "an uploaded file as image or video")
        case "image", Url() | Inline() as source:
            return {"type": "image_url", "image_url": {"url": _url(source, media)} | options}
        case "video", Url() | Inline() as source:
            return {"type": "video_url", "video_url": {"url": _url(source, media)}} | options
        case "audio", Inline(data=data) if media.media_type is not None and "/" not in media.media_type:
            return {"type": "input_audio", "input_audio": {"data": data, "format": media.media_type}}
        case "audio", Url(url=url) if media.media_type is not None:
            return {"type": "input_audio", "input_audio": {"data": url, "format": media.media_type}}
        case "audio", Url() | Inline() as source:
            return {"type": "input_audio", "input_audio": {"data": _bare_or_url(source, media)}}
        case "file", source:
            file: Json = {} if media.name is None else {"filename": media.name}
            if isinstance(source, FileId):
                return {"type": "file", "file": file | {"file_id": source.id}}
            return {"type": "file", "file": file | {"file_data": _bare_or_url(source, media)}}
        case _:
            raise unsupported(at, f"an uploaded file as {media.kind}")


def _url(source: Url | Inline, media: Media) -> str:
    if isinstance(source, Url):
        return source.url
    kind = media.media_type
    return data_url(source, kind if kind is None or "/" in kind else f"{media.kind}/{kind}")


def _bare_or_url(source: Url | Inline, media: Media) -> str:
    if isinstance(source, Url):
        return source.url
    return source.data if media.media_type is None else data_url(source, media.media_type)
