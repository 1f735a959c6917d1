"""Reads a caller's request."""

from __future__ import annotations

from typing import TypeVar, cast, get_args

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import (
    Effort,
    Extras,
    JsonObject,
    JsonSchema,
    Logprobs,
    ReplyFormat,
    Request,
    Sampling,
    Thinking,
    Tool,
    Turn,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.checks import object_bytes, within
from tokenmill.wire.members import (
    BOOLEAN,
    INTEGER,
    ITEMS,
    NUMBER,
    STRING,
    Members,
    bad_value,
    decode_at,
    read_members,
)
from tokenmill.wire.openai_chat.request_decode import MAX_OUTPUT_LIMIT
from tokenmill.wire.openai_responses.items_decode import INPUT, ItemReader
from tokenmill.wire.openai_responses.options import Decoded, ResponsesOptions
from tokenmill.wire.openai_responses.response import ECHOED
from tokenmill.wire.openai_responses.schema import FormatMember, StreamOptions
from tokenmill.wire.openai_responses.tools_decode import TOOL_CHOICE, ToolReader, choose

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"

_NAMES = msgspec.json.Decoder(list[str])
_RAW = msgspec.json.Decoder(Raw)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_FORMAT = msgspec.json.Decoder(FormatMember)
_STREAM_OPTIONS = msgspec.json.Decoder(StreamOptions)
_EFFORTS = get_args(Effort)
_NULL = Raw(b"null")
_NO_FUNCTION = {"description": _NULL, "parameters": _NULL, "strict": _NULL}

T = TypeVar("T")


class _Noted:
    """Members of which those that every response repeats are noted as they are taken."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self.echo: dict[str, bytes] = {}

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        raw = self._members.take_raw(name)
        if raw is None:
            return None
        value = decode_at(decoder, raw, name)
        if name in ECHOED:
            self.echo[name] = raw
        return value

    def left(self) -> dict[str, bytes]:
        left = dict(self._members.left())
        self.echo.update({name: raw for name, raw in left.items() if name in ECHOED})
        return left


def decode_request(body: bytes, *, origin: str | None = None) -> Decoded:
    """The question that `body` asks. Raises Fault(BAD_JSON | BAD_VALUE | UNSUPPORTED) naming the member.

    `instructions` become a leading system turn. `origin` names the issuer of the encrypted reasoning that
    the caller sends back. Members that this wire does not define become `Extras`, as they were written;
    so do `text.verbosity`, the rest of `reasoning`, what else of `include`, and the wish that the history be
    cut where it is too long, under their paths.
    """
    members = _Noted(read_members(body))
    model = members.take("model", STRING)
    if not model:
        raise bad_value("model", "this member is required; name a model of GET /v1/models")
    _refuse_stateful(members)
    extras: dict[str, bytes] = {}
    reader = ToolReader()
    tools = _tools(members, reader)
    choice, tools = choose(members.take("tool_choice", TOOL_CHOICE), tools, reader.names)
    instructions = members.take("instructions", STRING)
    items = ItemReader(reader.names, origin)
    turns = _turns(members, items, instructions)
    included = members.take("include", _NAMES) or []
    thinking, summary = _thinking(members, extras)
    stream_options = members.take("stream_options", _STREAM_OPTIONS)
    request = Request(
        model=model,
        turns=turns,
        tools=tools,
        tools_at=reader.places,
        tool_choice=choice,
        parallel_tools=members.take("parallel_tool_calls", BOOLEAN),
        max_output=within(
            members.take("max_output_tokens", INTEGER), "max_output_tokens", 1, MAX_OUTPUT_LIMIT
        ),
        sampling=Sampling(
            temperature=within(members.take("temperature", NUMBER), "temperature", 0, 2),
            top_p=within(members.take("top_p", NUMBER), "top_p", 0, 1),
        ),
        thinking=thinking,
        format=_text(members, extras),
        logprobs=_logprobs(members, included),
        stream=members.take("stream", BOOLEAN) or False,
        include_usage=None if stream_options is None else stream_options.include_usage,
        user=members.take("user", STRING),
    )
    options = _options(members, instructions, summary, reader, encrypted=ENCRYPTED in included)
    if others := [name for name in included if name not in (ENCRYPTED, LOGPROBS)]:
        extras["include"] = msgspec.json.encode(others)
    if options.truncation == "auto":
        extras["truncation"] = b'"auto"'
    extras = members.left() | extras
    options = msgspec.structs.replace(options, echo=tuple(members.echo.items()))
    if extras:
        request = msgspec.structs.replace(request, extras=Extras("openai_responses", tuple(extras.items())))
    return Decoded(request, options)


def _refuse_stateful(members: _Noted) -> None:
    """Refuses what needs a memory that this platform does not keep."""
    for name, advice in (
        ("conversation", "conversations are not kept; send previous_response_id or the whole input"),
        ("prompt", "prompt templates are not kept; send instructions and input"),
    ):
        if members.take(name, _RAW) is not None:
            raise Fault(Code.UNSUPPORTED, f"{name}: {advice}", field=name)
    if members.take("background", BOOLEAN):
        raise Fault(
            Code.UNSUPPORTED,
            "background: a response is made while you wait; leave it out or send false",
            field="background",
        )


def _turns(members: _Noted, reader: ItemReader, instructions: str | None) -> tuple[Turn, ...]:
    given = members.take("input", INPUT)
    if given is None:
        raise bad_value("input", "this member is required; send a text or an array of items")
    leading: tuple[Turn, ...] = ()
    if instructions is not None:
        leading = (Turn("system", (Text(instructions),), at=("instructions",)),)
    if isinstance(given, str):
        return (*leading, Turn("user", (Text(given),), at=("input",)))
    turns = reader.turns(given)
    if not turns:
        raise bad_value("input", "it says nothing; send at least one message")
    return (*leading, *turns)


def _tools(members: _Noted, reader: ToolReader) -> tuple[Tool, ...]:
    raws = members.take("tools", ITEMS) or []
    tools = reader.tools(raws)
    if raws:
        members.echo["tools"] = msgspec.json.encode([_whole_tool(raw) for raw in raws])
    return tools


def _whole_tool(raw: Raw) -> object:
    """The tool as the caller wrote it, with the members that the published type of functions demands."""
    members = _OBJECT.decode(raw)
    return members if bytes(members["type"]) != b'"function"' else _NO_FUNCTION | members


def _options(
    members: _Noted, instructions: str | None, summary: str | None, reader: ToolReader, *, encrypted: bool
) -> ResponsesOptions:
    store = members.take("store", BOOLEAN)
    truncation = members.take("truncation", STRING)
    if truncation not in (None, "auto", "disabled"):
        raise bad_value("truncation", f"{truncation!r} is not a strategy; use auto or disabled")
    metadata = members.take("metadata", _RAW)
    return ResponsesOptions(
        store=True if store is None else store,
        previous_response_id=members.take("previous_response_id", STRING),
        instructions=instructions,
        encrypted_reasoning=encrypted,
        summary=summary,
        truncation=truncation,
        metadata=None if metadata is None else object_bytes(metadata, "metadata"),
        names=reader.names,
    )


def _thinking(members: _Noted, extras: dict[str, bytes]) -> tuple[Thinking, str | None]:
    """How much to think, and the kind of summary that is wanted."""
    given = members.take("reasoning", _OBJECT)
    if given is None:
        return Thinking(), None
    members.echo["reasoning"] = msgspec.json.encode({"effort": _NULL, "summary": _NULL} | given)
    summary = Members(dict(given), "reasoning").take("summary", STRING)
    wish = Members(given, "reasoning")
    effort = wish.take("effort", STRING)
    extras.update(wish.left())
    if effort is not None and effort != "none" and effort not in _EFFORTS:
        raise bad_value(
            "reasoning.effort", f"{effort!r} is not an effort; use none, {', '.join(_EFFORTS[:-1])} or max"
        )
    if effort == "none":
        return Thinking(False), summary
    return Thinking(effort=cast("Effort | None", effort)), summary


def _text(members: _Noted, extras: dict[str, bytes]) -> ReplyFormat | None:
    given = members.take("text", _OBJECT)
    if given is None:
        return None
    members.echo["text"] = msgspec.json.encode({"format": Raw(b'{"type":"text"}')} | given)
    wish = Members(given, "text")
    shape = wish.take("format", _FORMAT)
    extras.update(wish.left())
    return None if shape is None else _format(shape)


def _format(wish: FormatMember) -> ReplyFormat | None:
    match wish.type:
        case "text":
            return None
        case "json_object":
            return JsonObject()
        case "json_schema":
            if wish.name is None:
                raise bad_value("text.format.name", "this member is required")
            schema = object_bytes(wish.schema, "text.format.schema")
            return JsonSchema(wish.name, schema or b"{}", wish.description, wish.strict)
        case other:
            raise bad_value(
                "text.format.type", f"{other!r} is not a format; use text, json_object or json_schema"
            )


def _logprobs(members: _Noted, included: list[str]) -> Logprobs | None:
    """Asked for by `include`, or by a number of rivals above 0."""
    top = within(members.take("top_logprobs", INTEGER), "top_logprobs", 0, 20)
    return Logprobs(top or 0) if top or LOGPROBS in included else None
