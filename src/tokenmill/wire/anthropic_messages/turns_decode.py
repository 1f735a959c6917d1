"""Reads a caller's messages."""

from __future__ import annotations

import base64
from collections.abc import Iterable

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import (
    FileId,
    Inline,
    Media,
    MediaSource,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import Role, Turn
from tokenmill.wire.anthropic_messages.facts import SERVER_RESULTS, read_citation, read_mark
from tokenmill.wire.anthropic_messages.schema import BlockMember, MessageMember, SourceMember, Typed
from tokenmill.wire.anthropic_messages.stand_in import STAND_INS, stand_in
from tokenmill.wire.members import ITEMS, STRING, bad_value, decode_at, is_null

MESSAGES = msgspec.json.Decoder(list[MessageMember])
SYSTEM = msgspec.json.Decoder(str | list[Raw])

MOST_MESSAGES = 10_000
"""Reading more would keep everybody else waiting; the longest agent sessions known have some hundreds."""

_BLOCK = msgspec.json.Decoder(BlockMember)
_TYPE = msgspec.json.Decoder(Typed)
_SOURCE = msgspec.json.Decoder(SourceMember)
_CONTENT = msgspec.json.Decoder(str | list[Raw])

_OF_THE_MODEL = frozenset({"tool_use", "thinking", "redacted_thinking", "server_tool_use"}) | SERVER_RESULTS
_OF_THE_CALLER = frozenset({"tool_result"})
_KNOWN = frozenset({"text", "image", "document"}) | _OF_THE_MODEL | _OF_THE_CALLER


def decode_system(system: str | list[Raw]) -> tuple[Turn, ...]:
    """The turn that the `system` member is; none when it says nothing."""
    if isinstance(system, str):
        return (Turn("system", (Text(system),), at=("system",)),) if system else ()
    said = [(_block(raw, "system", f"system[{i}]"), f"system[{i}]") for i, raw in enumerate(system)]
    return _placed("system", said)


def _placed(role: Role, said: list[tuple[Part, str]]) -> tuple[Turn, ...]:
    """The turn of the parts, with their places; none when there are none."""
    if not said:
        return ()
    return (Turn(role, tuple(part for part, _ in said), at=tuple(place for _, place in said)),)


def decode_turns(messages: list[MessageMember]) -> tuple[Turn, ...]:
    """The turns that `messages` tell of. Raises Fault(BAD_VALUE) naming the member.

    The results of a user message come first, as a turn of the tools; the rest follows as a turn of the user.
    """
    if not messages:
        raise bad_value("messages", "the array is empty; send at least one message")
    if len(messages) > MOST_MESSAGES:
        raise bad_value("messages", f"{len(messages)} are too many; send at most {MOST_MESSAGES}")
    return tuple(turn for i, message in enumerate(messages) for turn in _turns(message, f"messages[{i}]"))


def _turns(message: MessageMember, at: str) -> Iterable[Turn]:
    role: Role
    match message.role:
        case "user" | "assistant" | "system" as role:
            pass
        case other:
            raise bad_value(f"{at}.role", f"{other!r} is not a role; use user, assistant or system")
    content = message.content
    if content is None or (content == [] and role == "user"):
        got = "null" if content is None else "an empty array"
        raise bad_value(f"{at}.content", f"expected a string or an array of blocks, got {got}")
    if isinstance(content, str):
        yield Turn(role, (Text(content),), at=(f"{at}.content",))
        return
    places = (f"{at}.content[{i}]" for i in range(len(content)))
    said = [(_block(raw, role, place), place) for raw, place in zip(content, places, strict=True)]
    if role == "user":
        yield from _placed("tool", [(part, place) for part, place in said if isinstance(part, ToolResult)])
        said = [(part, place) for part, place in said if not isinstance(part, ToolResult)]
    yield from _placed(role, said)


def _block(raw: Raw, role: Role, at: str) -> Part:
    type_ = decode_at(_TYPE, raw, at).type
    if type_ in STAND_INS:
        return stand_in(raw, type_, at)
    if type_ not in _KNOWN:
        return Unknown("anthropic_messages", type_, bytes(raw))
    if type_ in _OF_THE_MODEL and role != "assistant":
        raise bad_value(at, f"a {type_} block belongs to an assistant message")
    if type_ in _OF_THE_CALLER and role != "user":
        raise bad_value(at, f"a {type_} block belongs to a user message")
    block = decode_at(_BLOCK, raw, at)
    match type_:
        case "text":
            return _text(block, at)
        case "image":
            return _image(block, raw, at)
        case "document":
            return _document(block, raw, at)
        case "tool_use" | "server_tool_use":
            return _call(block, at)
        case "tool_result":
            content = _result_content(block.content, at)
            mark = read_mark(block.cache_control)
            return ToolResult(_answered(block, at), content, block.is_error or False, cache=mark)
        case "thinking":
            return Reasoning(block.thinking or "", signature=block.signature or None)
        case "redacted_thinking":
            return Reasoning(form="redacted", signature=_given(block.data, f"{at}.data"))
        case _:
            kept = Unknown("anthropic_messages", type_, bytes(raw))
            return ToolResult(_answered(block, at), (kept,), server=True)


def _text(block: BlockMember, at: str) -> Text:
    cited = [] if is_null(block.citations) else decode_at(ITEMS, block.citations, f"{at}.citations")
    return Text(
        _given(block.text, f"{at}.text"),
        tuple(read_citation(citation) for citation in cited),
        cache=read_mark(block.cache_control),
    )


def _call(block: BlockMember, at: str) -> ToolCall:
    written = block.input
    if bytes(written).startswith(b'"'):
        arguments = decode_at(STRING, written, f"{at}.input")
    elif is_null(written):
        arguments = "{}"
    elif bytes(written).startswith(b"{"):
        arguments = bytes(written).decode()
    else:
        raise bad_value(f"{at}.input", "expected an object")
    return ToolCall(
        _given(block.id, f"{at}.id"),
        _given(block.name, f"{at}.name"),
        arguments,
        "server" if block.type == "server_tool_use" else "function",
        read_mark(block.cache_control),
    )


def _answered(block: BlockMember, at: str) -> str:
    if not block.tool_use_id:
        raise bad_value(f"{at}.tool_use_id", "this member is required; it names the call that is answered")
    return block.tool_use_id


def _result_content(raw: Raw, at: str) -> tuple[Text | Media | Unknown, ...]:
    if is_null(raw):
        return ()
    content = decode_at(_CONTENT, raw, f"{at}.content")
    if isinstance(content, str):
        return (Text(content),) if content else ()
    parts: list[Text | Media | Unknown] = []
    for i, item in enumerate(content):
        part = _block(item, "user", f"{at}.content[{i}]")
        if isinstance(part, Text | Media | Unknown):
            parts.append(part)
        else:
            raise bad_value(f"{at}.content[{i}]", "a result holds no other results")
    return tuple(parts)


def _image(block: BlockMember, raw: Raw, at: str) -> Part:
    source, media_type = _source(block, at)
    if source is None:
        return Unknown("anthropic_messages", block.type, bytes(raw))
    options = _options({"transformations": block.transformations})
    return Media("image", source, media_type, None, options, read_mark(block.cache_control))


def _document(block: BlockMember, raw: Raw, at: str) -> Part:
    source, media_type = _source(block, at)
    if source is None:
        return Unknown("anthropic_messages", block.type, bytes(raw))
    options = _options({"citations": block.citations, "context": block.context})
    return Media("file", source, media_type, block.title, options, read_mark(block.cache_control))


def _source(block: BlockMember, at: str) -> tuple[MediaSource | None, str | None]:
    """Where the media come from and their MIME type; no source for a kind that only this wire knows."""
    at = f"{at}.source"
    if is_null(block.source):
        raise bad_value(at, "this member is required")
    source = decode_at(_SOURCE, block.source, at)
    match source.type:
        case "base64":
            return Inline(_given(source.data, f"{at}.data")), source.media_type
        case "text":
            plain = _given(source.data, f"{at}.data").encode()
            return Inline(base64.b64encode(plain).decode()), source.media_type or "text/plain"
        case "url":
            return Url(_given(source.url, f"{at}.url")), None
        case "file":
            return FileId(_given(source.file_id, f"{at}.file_id")), None
        case _:
            return None, None


def _given(value: str | None, at: str) -> str:
    if value is None:
        raise bad_value(at, "this member is required")
    return value


def _options(options: dict[str, Raw]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, bytes(raw)) for name, raw in options.items() if not is_null(raw))
