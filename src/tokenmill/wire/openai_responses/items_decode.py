"""Reads a caller's input items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import (
    CacheMark,
    FileId,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
    Vendor,
)
from tokenmill.conversation.request import Role, Turn
from tokenmill.wire.members import STRING, bad_value, decode_at, is_null
from tokenmill.wire.openai_chat.media import read_source
from tokenmill.wire.openai_responses.facts import read_citation
from tokenmill.wire.openai_responses.names import Names
from tokenmill.wire.openai_responses.schema import (
    CallItem,
    InputAudio,
    MessageItem,
    OutputItem,
    PartMember,
    ReasoningItem,
    SearchItem,
    TypedItem,
)

MOST_ITEMS = 20_000
"""Reading more would keep everybody else waiting; a step of an agent is some three items."""

INPUT = msgspec.json.Decoder(str | list[Raw])

_TYPED = msgspec.json.Decoder(TypedItem)
_MESSAGE = msgspec.json.Decoder(MessageItem)
_CALL = msgspec.json.Decoder(CallItem)
_OUTPUT = msgspec.json.Decoder(OutputItem)
_REASONING = msgspec.json.Decoder(ReasoningItem)
_SEARCH = msgspec.json.Decoder(SearchItem)
_PART = msgspec.json.Decoder(PartMember)
_INPUT_AUDIO = msgspec.json.Decoder(InputAudio)
_ROLES = frozenset({"user", "assistant", "system", "developer"})
_VENDOR: Vendor = "openai_responses"

Form = Literal["visible", "summary", "redacted"]


class ItemReader:
    """Reads the items of one request.

    What the model said between two words of others is one turn, whatever number of items it was told in;
    the output of a tool is a turn of its own. In an assistant's turn an Unknown is an item, elsewhere it
    is a part of a message. Ids, statuses and phases of items are bookkeeping and are not kept.
    """

    def __init__(self, names: Names, origin: str | None) -> None:
        self._names = names
        self._origin = origin

    def turns(self, items: list[Raw]) -> tuple[Turn, ...]:
        """The turns that `items` tell of. Raises Fault(BAD_VALUE) naming the member."""
        if len(items) > MOST_ITEMS:
            raise bad_value("input", f"{len(items)} items are too many; send at most {MOST_ITEMS}")
        turns: list[tuple[Role, list[Part], list[str]]] = []
        for i, raw in enumerate(items):
            at = f"input[{i}]"
            role, parts, places = self._item(raw, at)
            if role == "assistant" and turns and turns[-1][0] == "assistant":
                turns[-1][1].extend(parts)
                turns[-1][2].extend(places)
            elif parts:
                turns.append((role, list(parts), list(places)))
        return tuple(Turn(role, tuple(parts), at=tuple(places)) for role, parts, places in turns)

    def _item(self, raw: Raw, at: str) -> tuple[Role, tuple[Part, ...], tuple[str, ...]]:
        """Who speaks, what, and where each part of it stands."""
        item = decode_at(_TYPED, raw, at)
        kind = item.type or ("message" if item.role is not None else None)
        if kind == "message":
            return _message(raw, at)
        role, parts = self._rarer(kind, raw, at)
        return role, parts, (at,) * len(parts)

    def _rarer(self, kind: str | None, raw: Raw, at: str) -> tuple[Role, tuple[Part, ...]]:
        match kind:
            case "function_call" | "custom_tool_call":
                call = decode_at(_CALL, raw, at)
                return "assistant", (self._call(call, kind, at),)
            case "function_call_output" | "custom_tool_call_output":
                return "tool", (_tool_result(decode_at(_OUTPUT, raw, at), at),)
            case "reasoning":
                return "assistant", tuple(self._reasoning(decode_at(_REASONING, raw, at)))
            case "web_search_call":
                search = decode_at(_SEARCH, raw, at)
                action = "" if is_null(search.action) else bytes(search.action).decode()
                return "assistant", (ToolCall(search.id, "web_search", action, "server"),)
            case None:
                raise bad_value(f"{at}.type", "this member is required; name the type of the item")
            case other:
                return "assistant", (Unknown(_VENDOR, other, bytes(raw)),)

    def _call(self, call: CallItem, kind: str, at: str) -> ToolCall:
        name = self._names.flat(call.namespace, call.name)
        if kind == "custom_tool_call":
            return ToolCall(call.call_id, name, call.input, "custom")
        written = call.arguments
        if bytes(written).startswith(b'"'):
            return ToolCall(call.call_id, name, decode_at(STRING, written, f"{at}.arguments"))
        return ToolCall(call.call_id, name, "" if is_null(written) else bytes(written).decode())

    def _reasoning(self, item: ReasoningItem) -> Iterator[Reasoning]:
        """The item's summaries, then its text; the last of them is signed with what is encrypted."""
        texts: list[tuple[Form, str]] = [("summary", words.text) for words in item.summary or ()]
        content = "".join(words.text for words in item.content or ())
        if content:
            texts.append(("visible", content))
        if item.encrypted_content is None:
            yield from (Reasoning(text, form) for form, text in texts)
            return
        yield from (Reasoning(text, form) for form, text in texts[:-1])
        form, text = texts[-1] if texts else ("redacted", "")
        yield Reasoning(text, form, self._origin, item.encrypted_content)


def _message(raw: Raw, at: str) -> tuple[Role, tuple[Part, ...], tuple[str, ...]]:
    message = decode_at(_MESSAGE, raw, at)
    if message.role not in _ROLES:
        raise bad_value(
            f"{at}.role", f"{message.role!r} is not a role; use user, assistant, system or developer"
        )
    role = cast("Role", message.role)
    if isinstance(message.content, str):
        return role, (Text(message.content),), (f"{at}.content",)
    if not message.content:
        if role == "assistant" and message.content is not None:
            return role, (), ()
        got = "null" if message.content is None else "an empty array"
        raise bad_value(f"{at}.content", f"expected a string or an array of parts, got {got}")
    places = tuple(f"{at}.content[{i}]" for i in range(len(message.content)))
    parts = tuple(_part(part, place) for part, place in zip(message.content, places, strict=True))
    if role == "assistant":
        parts = tuple(_as_item(part) if isinstance(part, Unknown) else part for part in parts)
    return role, parts, places


def _as_item(part: Unknown) -> Unknown:
    """A part of an assistant's message that we do not know, as a message that holds nothing else."""
    message = {"type": "message", "role": "assistant", "content": [Raw(part.raw)]}
    return Unknown(_VENDOR, "message", msgspec.json.encode(message))


def _tool_result(item: OutputItem, at: str) -> ToolResult:
    if not item.call_id:
        raise bad_value(f"{at}.call_id", "this member is required; it names the call that is answered")
    if item.output is None:
        raise bad_value(f"{at}.output", "expected a string or an array of parts, got null")
    if isinstance(item.output, str):
        return ToolResult(item.call_id, (Text(item.output),) if item.output else ())
    content: list[Text | Media | Unknown] = []
    for i, raw in enumerate(item.output):
        part = _part(raw, f"{at}.output[{i}]")
        if isinstance(part, Text | Media | Unknown):
            content.append(part)
        else:
            content.append(Unknown(_VENDOR, "refusal", bytes(raw)))
    return ToolResult(item.call_id, tuple(content))


def _part(raw: Raw, at: str) -> Part:
    part = decode_at(_PART, raw, at)
    mark = part.prompt_cache_breakpoint
    cache = None if mark is None else CacheMark(mark.ttl)
    match part.type:
        case "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text":
            if part.text is None:
                raise bad_value(f"{at}.text", "this member is required")
            return Text(part.text, tuple(read_citation(note) for note in part.annotations or ()), (), cache)
        case "refusal":
            if part.refusal is None:
                raise bad_value(f"{at}.refusal", "this member is required")
            return Refusal(part.refusal)
        case "input_image":
            return _image(part, at, cache)
        case "input_file":
            return _file(part, at, cache)
        case "input_audio":
            return _audio(part, at, cache)
        case "input_video" if part.video_url is not None:
            source, media_type = read_source(part.video_url)
            return Media("video", source, media_type, None, (), cache)
        case _:
            return Unknown(_VENDOR, part.type, bytes(raw))


def _image(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    options = _detail(part)
    if part.file_id is not None:
        return Media("image", FileId(part.file_id), None, None, options, cache)
    if part.image_url is None:
        raise bad_value(at, "it needs image_url or file_id")
    source, media_type = read_source(part.image_url)
    return Media("image", source, media_type, None, options, cache)


def _file(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    options = _detail(part)
    if part.file_id is not None:
        return Media("file", FileId(part.file_id), None, part.filename, options, cache)
    if part.file_url is not None:
        return Media("file", Url(part.file_url), None, part.filename, options, cache)
    if part.file_data is None:
        raise bad_value(at, "it needs file_data, file_url or file_id")
    source, media_type = read_source(part.file_data)
    return Media("file", source, media_type, part.filename, options, cache)


def _audio(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    if is_null(part.input_audio):
        raise bad_value(f"{at}.input_audio", "this member is required")
    audio = decode_at(_INPUT_AUDIO, part.input_audio, f"{at}.input_audio")
    source, media_type = read_source(audio.data)
    return Media("audio", source, media_type or audio.format, None, (), cache)


def _detail(part: PartMember) -> tuple[tuple[str, bytes], ...]:
    return () if is_null(part.detail) else (("detail", bytes(part.detail)),)
