"""A model made of rules behind both wires: it says what the last words of its reader ask for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.flow.upstreams import chat_events, messages_events, stream, whole

THOUGHT = "First I think it over."
CITIES = ("San Francisco", "Paris", "Tokyo")
BUSY = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
PROMPT, CACHED, OUTPUT, THOUGHT_TOKENS = 21, 4, 9, 3
"""Tokens that every reply counts; `PROMPT` holds the cached ones."""


@dataclass(frozen=True)
class Question:
    """What of a request decides about the reply; `words` are the last that a user said."""

    words: str
    thinks: bool
    tool: str | None
    forced: bool
    told: bool
    schema: dict[str, Any] | None


@dataclass(frozen=True)
class Reply:
    """What is said, in this order; `calls` are the arguments of each call of the one tool."""

    thought: str = ""
    words: str = ""
    refusal: str = ""
    tool: str = ""
    calls: tuple[dict[str, Any], ...] = ()
    interleaved: bool = False
    cut_short: bool = False


async def answer(request: web.Request) -> web.StreamResponse:
    """One request of either wire: a status that was asked for, a count, or a stream."""
    asked = json.loads(await request.read())
    chat = request.path.endswith("/chat/completions")
    question = read_chat(asked) if chat else read_messages(asked)
    if status := re.search(r"status (\d{3})", question.words):
        return await whole({"error": {"message": "as you wish"}}, int(status[1]), retry_after="0")(request)
    if request.path.endswith("/count_tokens"):
        return await whole({"input_tokens": PROMPT})(request)
    events = write_chat(reply_to(question)) if chat else write_messages(reply_to(question))
    if "break off" in question.words:
        return await stream(*events[: 3 if chat else 4], cut=True)(request)
    if "grow tired" in question.words:
        error = b"event: error\ndata: %b\n\n" % json.dumps(BUSY).encode()
        return await stream(*events[:4], error)(request)
    return await stream(*events)(request)


def reply_to(question: Question) -> Reply:
    """The sensible reply to `question`."""
    thought = THOUGHT if question.thinks else ""
    if "break the law" in question.words:
        return Reply(thought, refusal="I would rather not.")
    if question.told:
        return Reply(thought, "It is sunny.")
    if question.schema is not None:
        return Reply(thought, json.dumps(instance_of(question.schema)))
    cities = [city for city in CITIES if city in question.words]
    if question.tool and (question.forced or cities):
        calls = tuple({"location": city} for city in cities or CITIES[:1])
        words = "Let me look." if "say so" in question.words else ""
        return Reply(thought, words, "", question.tool, calls, "at once" in question.words)
    return Reply(thought, "One, two, three — 你好.", cut_short="without end" in question.words)


def instance_of(schema: dict[str, Any]) -> Any:
    """Something small that `schema` allows."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: instance_of(part) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [instance_of(schema["items"])]
        case "integer" | "number":
            return 4
        case "boolean":
            return True
        case _:
            return "Beijing"


def read_chat(asked: dict[str, Any]) -> Question:
    """The question in a body of `/chat/completions`."""
    turns = asked["messages"]
    said = [turn["content"] for turn in turns if turn["role"] == "user"]
    tools = [tool["function"]["name"] for tool in asked.get("tools", ())]
    shape = asked.get("response_format", {}).get("json_schema", {})
    return Question(
        _text_of(said[-1]),
        asked.get("thinking", {}).get("type") == "enabled" or "reasoning_effort" in asked,
        tools[0] if tools else None,
        asked.get("tool_choice", "auto") not in ("auto", "none"),
        turns[-1]["role"] == "tool",
        shape.get("schema"),
    )


def read_messages(asked: dict[str, Any]) -> Question:
    """The question in a body of `/v1/messages`."""
    contents = [turn["content"] for turn in asked["messages"] if turn["role"] == "user"]
    said = [_text_of(content) for content in contents]
    tools = [tool["name"] for tool in asked.get("tools", ())]
    last = contents[-1]
    return Question(
        next((words for words in reversed(said) if words), ""),
        asked.get("thinking", {"type": "disabled"})["type"] != "disabled",
        tools[0] if tools else None,
        asked.get("tool_choice", {"type": "auto"})["type"] not in ("auto", "none"),
        not isinstance(last, str) and any(block["type"] == "tool_result" for block in last),
        asked.get("output_config", {}).get("format", {}).get("schema"),
    )


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def write_chat(reply: Reply) -> list[bytes]:
    """The chunks; calls come one after the other, or `interleaved`."""
    deltas: list[dict[str, Any]] = [{"reasoning_content": half} for half in _halves(reply.thought) if half]
    deltas += [{"content": half} for half in _halves(reply.words) if half]
    deltas += [{"refusal": half} for half in _halves(reply.refusal) if half]
    calls = [_write_call(index, reply.tool, arguments) for index, arguments in enumerate(reply.calls)]
    order = zip(*calls, strict=True) if reply.interleaved else calls
    deltas += [{"tool_calls": [piece]} for pieces in order for piece in pieces]
    finish = "tool_calls" if reply.calls else "length" if reply.cut_short else "stop"
    *events, last, done = chat_events(*deltas, finish=finish)
    counted = json.loads(last.removeprefix(b"data: "))
    counted["usage"] = {
        "prompt_tokens": PROMPT,
        "completion_tokens": OUTPUT,
        "total_tokens": PROMPT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": THOUGHT_TOKENS if reply.thought else 0},
    }
    return [*events, b"data: " + json.dumps(counted).encode() + b"\n\n", done]


def _write_call(index: int, name: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    begin: dict[str, Any] = {
        "id": f"call_{index}",
        "type": "function",
        "function": {"name": name, "arguments": ""},
    }
    more: list[dict[str, Any]] = [
        {"function": {"arguments": half}} for half in _halves(json.dumps(arguments))
    ]
    return [{"index": index, **piece} for piece in (begin, *more)]


def write_messages(reply: Reply) -> list[bytes]:
    """The events; a refusal has no words on this wire."""
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if reply.thought:
        deltas = [{"type": "thinking_delta", "thinking": half} for half in _halves(reply.thought)]
        deltas.append({"type": "signature_delta", "signature": "bW9kZWw="})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
    if reply.words:
        spoken = [{"type": "text_delta", "text": half} for half in _halves(reply.words)]
        blocks.append(({"type": "text", "text": ""}, spoken))
    for index, arguments in enumerate(reply.calls):
        halves = [
            {"type": "input_json_delta", "partial_json": half} for half in _halves(json.dumps(arguments))
        ]
        blocks.append(({"type": "tool_use", "id": f"toolu_{index}", "name": reply.tool, "input": {}}, halves))
    stop = "tool_use" if reply.calls else "max_tokens" if reply.cut_short else "end_turn"
    *events, last, done = messages_events(*blocks, stop="refusal" if reply.refusal else stop)
    ending = json.loads(last.partition(b"data: ")[2])
    thought = THOUGHT_TOKENS if reply.thought else 0
    ending["usage"] = {"output_tokens": OUTPUT, "output_tokens_details": {"thinking_tokens": thought}}
    return [*events, b"event: message_delta\ndata: " + json.dumps(ending).encode() + b"\n\n", done]
