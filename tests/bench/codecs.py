"""Measures what one chunk of a streamed reply costs between the sockets, in CPU time.

Decoder, steps and encoder are the platform's own; the bytes are here before and go nowhere.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from statistics import median
from typing import Final, NamedTuple, assert_never

from tests.pipeline import stepped, streamed, written
from tokenmill.conversation.frames import StreamEncoder
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import FunctionTool, Request
from tokenmill.engines.streamed import Decoder
from tokenmill.exchange.steps.chain import Chain
from tokenmill.wire.anthropic_messages.stream import MessagesStreamDecoder, MessagesStreamEncoder
from tokenmill.wire.openai_chat.stream import ChatStreamDecoder, ChatStreamEncoder
from tokenmill.wire.openai_responses.stream import ResponsesStreamEncoder

CHUNKS: Final = 2_000
REPEATS: Final = 15
SAME_GOAL, ACROSS_GOAL = 10.0, 25.0
"""Microseconds a chunk, set for a machine that is about twice as fast as the ones of small clouds."""

REQUEST: Final = Request(
    model="bench",
    turns=(),
    tools=(FunctionTool("get_weather", parameters=b'{"type":"object"}'),),
    stream=True,
)
VOCABULARY: Final = ("The", " quick", " brown", " fox", " jumps", " over", " the", " lazy", " dog", ".\n")


WORDS: Final = tuple(Random(1).choices(VOCABULARY, k=CHUNKS))
"""In no order, for a reply that repeats itself would be cut."""


class Pair(NamedTuple):
    """A way through the house: who speaks, and who listens."""

    wire: Vendor
    protocol: Vendor
    goal: float


PAIRS: Final = (
    Pair("openai_chat", "openai_chat", SAME_GOAL),
    Pair("anthropic_messages", "anthropic_messages", SAME_GOAL),
    Pair("openai_chat", "anthropic_messages", ACROSS_GOAL),
    Pair("openai_chat", "openai_responses", ACROSS_GOAL),
    Pair("anthropic_messages", "openai_chat", ACROSS_GOAL),
    Pair("anthropic_messages", "openai_responses", ACROSS_GOAL),
)


def table() -> str:
    """The figures of all pairs, and whether each keeps its goal on this machine."""
    lines = ["| chunk of a stream | us CPU, least | us CPU, median | goal |", "|---|---|---|---|"]
    with asyncio.Runner() as runner:
        for pair in PAIRS:
            chunks = _chunks(pair.wire)
            runs = [runner.run(_measure(pair, chunks)) for _ in range(REPEATS + 1)][1:]  # The first warms up.
            figures = f"{min(runs):.1f} | {median(runs):.1f} | {pair.goal:.0f}"
            lines.append(f"| {pair.wire} -> {pair.protocol} | {figures} |")
    return "\n".join([*lines, f"decoder, steps and encoder; {REPEATS} replies of {CHUNKS} chunks"])


async def _measure(pair: Pair, chunks: list[bytes]) -> float:
    """Microseconds a chunk."""
    frames = streamed(chunks, _decoder(pair.wire), pair.wire)
    reply = stepped(frames, Chain("mimo", REQUEST))
    encoder = _encoder(pair.protocol)
    began = time.process_time()
    out = await written(reply, encoder, same_wire=pair.wire == pair.protocol)
    took = time.process_time() - began
    if out.count(b'" quick"') != WORDS.count(" quick"):
        raise SystemExit(f"{pair.wire} -> {pair.protocol}: the reply is not what was said")
    return took * 1e6 / CHUNKS


def _decoder(wire: Vendor) -> Decoder:
    return ChatStreamDecoder(choices=1) if wire == "openai_chat" else MessagesStreamDecoder(origin="bench")


def _encoder(protocol: Vendor) -> StreamEncoder:
    match protocol:
        case "openai_chat":
            return ChatStreamEncoder("chatcmpl-1", "bench", 1)
        case "anthropic_messages":
            return MessagesStreamEncoder("msg_1", "bench", 12)
        case "openai_responses":
            return ResponsesStreamEncoder("resp_1", "bench", 1)
        case _:
            assert_never(protocol)


def _chunks(wire: Vendor) -> list[bytes]:
    """A reply of one text, in the pieces in which an upstream sends it: a chunk each."""
    if wire == "openai_chat":
        return [
            _chat({"role": "assistant", "content": ""}),
            *[_chat({"content": word}) for word in WORDS],
            *_CHAT_END,
        ]
    deltas = [
        _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}})
        for word in WORDS
    ]
    return [*_MESSAGE_BEGINS, *deltas, *_MESSAGE_ENDS]


def _chat(delta: dict[str, object], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return _chat_chunk({"choices": [choice]})


def _chat_chunk(members: dict[str, object]) -> bytes:
    head = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "upstream-name",
    }
    return b"data: " + json.dumps(head | members).encode() + b"\n\n"


def _event(kind: str, members: dict[str, object]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | members)}\n\n".encode()


_CHAT_END: Final = (
    _chat({}, "stop"),
    _chat_chunk(
        {
            "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 9},
        }
    ),
    b"data: [DONE]\n\n",
)
_MESSAGE_BEGINS: Final = (
    _event(
        "message_start",
        {
            "message": {
                "id": "msg_0123456789abcdef",
                "type": "message",
                "role": "assistant",
                "model": "upstream-name",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 9, "output_tokens": 1},
            }
        },
    ),
    _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
)
_MESSAGE_ENDS: Final = (
    _event("content_block_stop", {"index": 0}),
    _event(
        "message_delta",
        {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": CHUNKS}},
    ),
    _event("message_stop", {}),
)
