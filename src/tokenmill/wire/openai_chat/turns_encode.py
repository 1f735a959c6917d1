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
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.members import cut_short
from tokenmill.wire.openai_chat.joining import Json, are_one, joined
from tokenmill.wire.openai_chat.media import data_url

_OPTIONS: Mapping[MediaKind, tuple[str, ...]] = {
    "image": ("detail",),
    "video": ("fps", "media_resolution"),
    "audio": (),
    "file": (),
}
"""What this wire says of media beside their source."""

_SPACE = " "
"""What goes for reasoning where a target demands some and there is none; a space was seen to be enough."""


def unsupported(at: str, what: str) -> Fault:
    """The fault of a feature that this wire cannot say."""
    return Fault(
        Code.UNSUPPORTED,
        f"{at}: the server of this model cannot be told {cut_short(what)}; leave it out or choose another "
        "model.",
        field=at,
    )


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
        run: list[Part] = []
        for part in turn.parts:
            if not isinstance(part, ToolResult):
                run.append(part)
                continue
            if part.server:
                self.drop(at, "the result of a tool that another platform ran has no place in a chat message")
                continue
            if run:
                yield self._message(turn, run, at)
                run = []
            yield self._tool_message(part, turn.name, at)
        if run:
            yield self._message(turn, run, at)

    def _message(self, turn: Turn, parts: list[Part], at: str) -> Json:
        if turn.role == "tool":
            raise unsupported(at, "anything but results in a tool message")
        role = turn.role
        if role == "developer" and not self._route.strict:
            role = "system"  # Most open servers hand roles to the chat template, which knows no developer.
        message: Json = {"role": role}
        if turn.name is not None:
            message["name"] = turn.name
        if role == "assistant":
            return message | self._assistant(parts, at)
        return message | {"content": self._content(parts, at)}

    def _assistant(self, parts: list[Part], at: str) -> Json:
        members: Json = {}
        calls: list[Json] = []
        thoughts: list[Reasoning] = []
        content: list[Part] = []
        for part in parts:
            match part:
                case Reasoning():
                    thoughts.append(part)
                case ToolCall(kind="server"):
                    self.drop(at, "a call of a tool that another platform ran has no place in a chat message")
                case ToolCall():
                    calls.append(self._call(part, at))
                case Media(kind="audio", source=FileId(id=id_)):
                    members["audio"] = {"id": id_}
                case _:
                    content.append(part)
                    if calls:
                        self.drop(
                            f"{at}.content",
                            "it goes before the tool calls: a chat message has no order among them",
                        )
        # Not null: the original and some chat templates refuse it beside tool calls.
        members["content"] = self._content(content, at) if content else ""
        members |= self._reasoning(thoughts, at, with_calls=bool(calls))
        if calls:
            members["tool_calls"] = calls
        return members

    def _reasoning(self, thoughts: list[Reasoning], at: str, *, with_calls: bool) -> Json:
        field = f"{at}.reasoning_content"
        said: list[str] = []
        for thought in thoughts:
            if thought.form == "redacted":
                self.drop(field, "sealed reasoning goes back to its issuer only")
                continue
            if thought.signature is not None:
                self.drop(f"{field}.signature", "this wire carries no signatures")
            if thought.form == "summary":
                self.drop(f"{field}.form", "this wire does not tell a summary from the reasoning itself")
            said.append(thought.text)
        if self._route.reasoning_back == "refused":
            if said:
                self.drop(field, "the target refuses reasoning in messages")
            return {}
        if self._route.reasoning_back == "required" and with_calls and not said:
            self.drop(
                field, "nothing was lost: the target demands reasoning beside tool calls, so a space went"
            )
            return {"reasoning_content": _SPACE}
        return {"reasoning_content": "".join(said)} if said else {}

    def _call(self, call: ToolCall, at: str) -> Json:
        if call.cache is not None:
            self.drop(f"{at}.tool_calls.cache_control", "this wire carries no cache marks")
        if call.kind == "custom":
            return {
                "id": call.id,
                "type": "custom",
                "custom": {"name": call.name, "input": call.arguments},
            }
        return {
            "id": call.id,
            "type": "function",
            # Servers that parse the arguments answer 400 or 500 to an empty text.
            "function": {"name": call.name, "arguments": call.arguments or "{}"},
        }

    def _tool_message(self, result: ToolResult, name: str | None, at: str) -> Json:
        message: Json = {"role": "tool", "tool_call_id": result.call_id}
        if name is not None and self._route.strict:
            self.drop(f"{at}.name", "the target takes only the members of OpenAI's schema")
        elif name is not None:
            message["name"] = name
        if result.cache is not None:
            self.drop(f"{at}.cache_control", "this wire carries no cache marks")
        parts: list[Part] = list(result.content)
        if result.is_error:
            self.drop(f"{at}.is_error", "this wire has no error mark; the text begins with 'Error: '")
            first = parts[0] if parts else None
            words = first.text if isinstance(first, Text) else ""
            parts = [Text(f"Error: {words}"), *(parts[1:] if isinstance(first, Text) else parts)]
        parts = [self._set_aside(part, result.call_id, f"{at}.content[{i}]") for i, part in enumerate(parts)]
        return message | {"content": self._content(parts, at) if parts else ""}

    def _set_aside(self, part: Part, call_id: str, at: str) -> Part:
        """`part`, or the words that stand for media, which are shown after the results."""
        if not isinstance(part, Media):
            return part
        self.drop(at, "nothing was lost: it follows as words of the user, as a tool message holds only text")
        said = {"type": "text", "text": f"The {part.kind} that the tool call {call_id} returned:"}
        self._shown += [said, self._part(part, at)]
        return Text(f"The {part.kind} follows in a message of the user.")

    def _content(self, parts: list[Part], at: str) -> str | list[object]:
        if len(parts) == 1 and isinstance(parts[0], Text):
            self._note_text(parts[0], f"{at}.content")
            return parts[0].text
        return [self._part(part, f"{at}.content[{i}]") for i, part in enumerate(parts)]

    def _note_text(self, text: Text, at: str) -> None:
        if text.cache is not None:
            self.drop(f"{at}.cache_control", "this wire carries no cache marks")
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
            self.drop(f"{at}.cache_control", "this wire carries no cache marks")
        known = _OPTIONS[media.kind]
        for name, _ in media.options:
            if name not in known:
                self.drop(f"{at}.{name}", f"this wire has no such option for media of kind {media.kind}")
        return _media(media, {name: Raw(raw) for name, raw in media.options if name in known}, at)


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
