"""Writes the `response` object around output items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tokenmill.conversation.usage import Usage
from tokenmill.wire.openai_responses.facts import write_usage
from tokenmill.wire.openai_responses.options import ResponsesOptions

ECHOED: Mapping[str, bytes] = {
    "background": b"false",
    "frequency_penalty": b"0",
    "instructions": b"null",
    "max_output_tokens": b"null",
    "max_tool_calls": b"null",
    "metadata": b"{}",
    "parallel_tool_calls": b"true",
    "presence_penalty": b"0",
    "previous_response_id": b"null",
    "prompt_cache_key": b"null",
    "reasoning": b'{"effort":null,"summary":null}',
    "safety_identifier": b"null",
    "service_tier": b'"default"',
    "store": b"true",
    "temperature": b"1",
    "text": b'{"format":{"type":"text"}}',
    "tool_choice": b'"auto"',
    "tools": b"[]",
    "top_logprobs": b"0",
    "top_p": b"1",
    "truncation": b'"disabled"',
    "user": b"null",
}
"""The members that a response repeats from its request, and what they are where the caller said nothing."""

_encode = msgspec.json.Encoder().encode


def one_line(raw: bytes) -> bytes:
    """The JSON without line ends, which would cut an event in two; only spaces between values have any."""
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw or b"\r" in raw else raw


class ResponseWriter:
    """Writes one response at any moment of its life.

    `completed_at` is always null: this floor knows no clock.
    """

    def __init__(self, reply_id: str, model: str, at: int, options: ResponsesOptions) -> None:
        self._head = (
            b'{"id":' + _encode(reply_id) + b',"object":"response","created_at":' + _encode(at)
            + b',"completed_at":null,"model":' + _encode(model) + b',"status":"'
        )  # fmt: skip
        said = {**ECHOED, **dict(options.echo)}
        self._tail = b"".join(b',"%s":%s' % (name.encode(), one_line(raw)) for name, raw in said.items())

    def write(
        self,
        status: str,
        output: Iterable[bytes] = (),
        usage: Usage | None = None,
        *,
        incomplete: str | None = None,
        error: dict[str, object] | None = None,
    ) -> bytes:
        """The object; `incomplete` is the reason of `incomplete_details`."""
        details = None if incomplete is None else {"reason": incomplete}
        counts = None if usage is None else write_usage(usage)
        return (
            self._head + status.encode() + b'","error":' + _encode(error)
            + b',"incomplete_details":' + _encode(details) + b',"output":[' + b",".join(output)
            + b'],"usage":' + _encode(counts) + self._tail + b"}"
        )  # fmt: skip
