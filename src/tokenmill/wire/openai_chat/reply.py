"""Writes whole replies for callers, and reads whole replies of upstreams."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from tokenmill.conversation.events import Event
from tokenmill.conversation.fold import Choice, Reply
from tokenmill.conversation.parts import (
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    UrlCitation,
    found_by,
    is_our_search,
)
from tokenmill.kit.ids import opaque
from tokenmill.wire.openai_chat.assembly import MOST_CHOICES, Assembly, read_chunk
from tokenmill.wire.openai_chat.facts import (
    write_citation,
    write_logprobs,
    write_stop,
    write_usage,
)

_NEW_CALL_ID = partial(opaque, "call_")


def encode_reply(reply: Reply, *, reply_id: str | None = None, model: str | None = None) -> bytes:
    """The `chat.completion` that says `reply`, under another id or model name where given.

    Texts of a choice become one, and so does its reasoning. What has no place here is left out, as
    in a stream.
    """
    completion: dict[str, object] = {
        "id": reply.id if reply_id is None else reply_id,
        "object": "chat.completion",
        "created": reply.at,
        "model": reply.model if model is None else model,
        "choices": [_choice(choice) for choice in reply.choices],
    }
    if reply.usage is not None:
        completion["usage"] = write_usage(reply.usage)
    if reply.fingerprint is not None:  # The schema has no null here.
        completion["system_fingerprint"] = reply.fingerprint
    return msgspec.json.encode(completion)


def decode_reply(
    body: bytes, new_id: Callable[[], str] = _NEW_CALL_ID, *, choices: int = MOST_CHOICES
) -> list[Event]:
    """The events of a reply that came as one JSON object though a stream was asked for.

    Choices beyond those asked for are left out. Raises the Fault of an error object, or UPSTREAM_BROKE for
    what is not a reply.
    """
    assembly = Assembly(new_id, choices)
    chunk = read_chunk(body)
    for choice in chunk.choices or ():
        choice.delta = choice.message or choice.delta
        calls = choice.delta.tool_calls if choice.delta is not None else None
        for position, call in enumerate(calls or ()):
            call.index = position  # Each is whole, so none goes on with another, whatever its id.
    events = list(assembly.take(chunk))
    if not assembly.ended:
        events.extend(assembly.end(vouched=True))
    return events


def _choice(choice: Choice) -> dict[str, object]:
    texts: list[str] = []
    length = 0
    annotations: list[object] = []
    cited: set[str] = set()  # Sources that a search has told of already.
    failures: dict[str, object] = {}
    logprobs: list[dict[str, object]] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, object]] = []
    for part in choice.parts:
        match part:
            case ToolResult() if is_our_search(part):
                cited.update(source.url for source in found_by(part)[0])
                annotations.extend(map(write_citation, found_by(part)[0]))
                failures |= {"error_message": found_by(part)[1]} if part.is_error else {}
            case Text():
                written = (
                    write_citation(citation, length)
                    for citation in part.citations
                    if not (isinstance(citation, UrlCitation) and citation.url in cited)
                )
                annotations.extend(annotation for annotation in written if annotation is not None)
                logprobs.extend(write_logprobs(part.logprobs))
                texts.append(part.text)
                length += len(part.text)
            case Refusal(text=text):
                refusals.append(text)
            case Reasoning(text=text):
                thoughts.append(text)
            case ToolCall(kind="function" | "custom"):
                calls.append(_call(part))
            case _:
                pass
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (calls or refusals) else None,
        "refusal": "".join(refusals) if refusals else None,
        "annotations": annotations,
    } | failures
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return {
        "index": choice.index,
        "message": message,
        "logprobs": {"content": logprobs, "refusal": None} if logprobs else None,
        "finish_reason": write_stop(choice.stop, called=bool(calls)),
    }


def _call(call: ToolCall) -> dict[str, object]:
    key, words = ("custom", "input") if call.kind == "custom" else ("function", "arguments")
    return {"id": call.id, "type": key, key: {"name": call.name, words: call.arguments}}
