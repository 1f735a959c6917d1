"""Reads a caller's messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, get_args

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
)
from tokenmill.conversation.request import Role, Turn
from tokenmill.wire.members import STRING, bad_value, decode_at, is_null
from tokenmill.wire.openai_chat.media import read_source
from tokenmill.wire.openai_chat.schema import (
    CacheControl,
    CallMember,
    FileMember,
    InputAudio,
    MediaUrl,
    MessageMember,
    PartMember,
)

MESSAGES = msgspec.json.Decoder(list[MessageMember])

MOST_MESSAGES = 10_000
"""Reading more would keep everybody else waiting; the longest agent sessions known have some hundreds."""

_PART = msgspec.json.Decoder(PartMember)
_MEDIA_URL = msgspec.json.Decoder(MediaUrl | str)
_INPUT_AUDIO = msgspec.json.Decoder(InputAudio)
_FILE = msgspec.json.Decoder(FileMember)
_ROLES = frozenset(get_args(Role))

Placed = tuple[Part, str]
"""A part and where it was said."""


def decode_turns(messages: list[MessageMember]) -> tuple[Turn, ...]:
    """The turns that `messages` tell of. Raises Fault(BAD_VALUE) naming the member."""
    if not messages:
        raise bad_value("messages", "the array is empty; send at least one message")
    if len(messages) > MOST_MESSAGES:
        raise bad_value("messages", f"{len(messages)} are too many; send at most {MOST_MESSAGES}")
    return tuple(_turn(message, f"messages[{i}]") for i, message in enumerate(messages))


def _turn(message: MessageMember, at: str) -> Turn:
    role = message.role
    if role == "function":
        raise bad_value(f"{at}.role", "'function' is no longer used; send role 'tool' with a tool_call_id")
    if role not in _ROLES:
        raise bad_value(
            f"{at}.role", f"{role!r} is not a role; use developer, system, user, assistant or tool"
        )
    if role == "assistant":
        said = tuple(_assistant_parts(message, at))
    elif role == "tool":
        said = ((_tool_result(message, at), at),)
    else:
        said = _content(message, at)
        if not said:
            got = "null" if message.content is None else "an empty array"
            raise bad_value(f"{at}.content", f"expected a string or an array of parts, got {got}")
    parts, places = zip(*said, strict=True)
    return Turn(cast("Role", role), parts, message.name, places)


def _content(message: MessageMember, at: str) -> tuple[Placed, ...]:
    if isinstance(message.content, str):
        return ((Text(message.content), f"{at}.content"),)
    places = (f"{at}.content[{i}]" for i in range(len(message.content or ())))
    return tuple((_part(raw, place), place) for raw, place in zip(message.content or (), places, strict=True))


def _assistant_parts(message: MessageMember, at: str) -> Iterator[Placed]:
    if not is_null(message.function_call):
        raise bad_value(f"{at}.function_call", "it is no longer used; send tool_calls")
    thought = message.reasoning_content
    if thought is None and bytes(message.reasoning).startswith(b'"'):
        thought = decode_at(STRING, message.reasoning, f"{at}.reasoning")
    rest: list[Placed] = []
    if message.refusal:
        rest.append((Refusal(message.refusal), f"{at}.refusal"))
    if message.audio is not None:
        rest.append((Media("audio", FileId(message.audio.id)), f"{at}.audio"))
    for i, call in enumerate(message.tool_calls or ()):
        rest.append((_call(call, f"{at}.tool_calls[{i}]"), f"{at}.tool_calls[{i}]"))
    content = _content(message, at)
    if thought is None and not rest and not content:
        raise bad_value(f"{at}.content", "an assistant message needs content or tool_calls")
    if thought is not None:
        yield Reasoning(thought), f"{at}.reasoning_content"
    if [part for part, _ in content] != [Text()] or not (rest or thought is not None):
        yield from content
    yield from rest


def _call(call: CallMember, at: str) -> ToolCall:
    kind = call.type or "function"
    if kind == "function" and call.function is not None:
        written = call.function.arguments
        if bytes(written).startswith(b'"'):
            arguments = decode_at(STRING, written, f"{at}.function.arguments")
        else:
            arguments = "" if is_null(written) else bytes(written).decode()
        return ToolCall(call.id, call.function.name, arguments)
    if kind == "custom" and call.custom is not None:
        return ToolCall(call.id, call.custom.name, call.custom.input, "custom")
    if kind in ("function", "custom"):
        raise bad_value(f"{at}.{kind}", "this member is required")
    raise bad_value(f"{at}.type", f"{kind!r} is not a kind of tool call; use function or custom")


def _tool_result(message: MessageMember, at: str) -> ToolResult:
    if not message.tool_call_id:
        raise bad_value(f"{at}.tool_call_id", "this member is required; it names the call that is answered")
    if message.content is None:
        raise bad_value(f"{at}.content", "expected a string or an array of parts, got null")
    if not message.content:
        return ToolResult(message.tool_call_id)
    content: list[Text | Media | Unknown] = []
    for i, (part, _) in enumerate(_content(message, at)):
        if isinstance(part, Text | Media | Unknown):
            content.append(part)
        else:
            assert isinstance(message.content, list)  # A string holds nothing but a Text.
            content.append(Unknown("openai_chat", "refusal", bytes(message.content[i])))
    return ToolResult(message.tool_call_id, tuple(content))


def _part(raw: Raw, at: str) -> Part:
    part = decode_at(_PART, raw, at)
    cache = cache_mark(part.cache_control)
    match part.type:
        case "text" | "refusal":
            text = part.text if part.type == "text" else part.refusal
            if text is None:
                raise bad_value(f"{at}.{part.type}", "this member is required")
            return Text(text, cache=cache) if part.type == "text" else Refusal(text)
        case "image_url":
            return _image(part, at, cache)
        case "input_audio":
            return _audio(part, at, cache)
        case "video_url":
            video = decode_at(_MEDIA_URL, _given(part.video_url, f"{at}.video_url"), f"{at}.video_url")
            source, media_type = read_source(video if isinstance(video, str) else video.url)
            options = {"fps": part.fps, "media_resolution": part.media_resolution}
            return Media("video", source, media_type, None, _options(options), cache)
        case "file":
            return _file(part, at, cache)
        case _:
            return Unknown("openai_chat", part.type, bytes(raw))


def _image(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    image = decode_at(_MEDIA_URL, _given(part.image_url, f"{at}.image_url"), f"{at}.image_url")
    if isinstance(image, str):
        image = MediaUrl(image)
    source, media_type = read_source(image.url)
    return Media("image", source, media_type, None, _options({"detail": image.detail}), cache)


def _audio(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    audio = decode_at(_INPUT_AUDIO, _given(part.input_audio, f"{at}.input_audio"), f"{at}.input_audio")
    source, media_type = read_source(audio.data)
    if isinstance(source, Url) and audio.format is not None:
        return Media("audio", source, audio.format, None, (), cache)
    return Media("audio", source, media_type or audio.format, None, (), cache)


def _file(part: PartMember, at: str, cache: CacheMark | None) -> Media:
    file = decode_at(_FILE, _given(part.file, f"{at}.file"), f"{at}.file")
    if file.file_id is not None:
        return Media("file", FileId(file.file_id), None, file.filename, (), cache)
    if file.file_data is None:
        raise bad_value(f"{at}.file", "it needs file_id or file_data")
    source, media_type = read_source(file.file_data)
    return Media("file", source, media_type, file.filename, (), cache)


def _given(raw: Raw, at: str) -> Raw:
    if is_null(raw):
        raise bad_value(at, "this member is required")
    return raw


def _options(options: dict[str, Raw]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, bytes(raw)) for name, raw in options.items() if not is_null(raw))


def cache_mark(control: CacheControl | None) -> CacheMark | None:
    """Anthropic's mark, which some agents send on this wire as well."""
    return None if control is None else CacheMark(control.ttl)
