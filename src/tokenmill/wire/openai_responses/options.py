"""Says what a request on this wire asks beside the question itself."""

from __future__ import annotations

import msgspec

from tokenmill.conversation.parts import Value
from tokenmill.conversation.request import Request, Sampling
from tokenmill.wire.openai_responses.names import Names


class ResponsesOptions(Value, frozen=True, kw_only=True):
    """What only this wire knows of a request.

    `instructions` is the caller's own; where it is not None, the first turn of the request says it. So it
    can be told from a `system` message, and left out when a reply is taken up by `previous_response_id`.
    `summary` is the caller's `reasoning.summary`. `names` takes flat tool names back to their namespaces.
    `echo` holds the members that every response repeats, as JSON.
    """

    store: bool = True
    previous_response_id: str | None = None
    instructions: str | None = None
    encrypted_reasoning: bool = False
    summary: str | None = None
    truncation: str | None = None
    metadata: bytes | None = None
    names: Names = Names()
    echo: tuple[tuple[str, bytes], ...] = ()


class Decoded(Value, frozen=True):
    """A request, and what only this wire knows of it."""

    request: Request
    options: ResponsesOptions


def with_sampling(options: ResponsesOptions, used: Sampling) -> ResponsesOptions:
    """The options whose echo says what the model was really sampled at, whatever the caller asked for."""
    known = (("temperature", used.temperature), ("top_p", used.top_p))
    said = tuple((name, msgspec.json.encode(value)) for name, value in known if value is not None)
    return msgspec.structs.replace(options, echo=(*options.echo, *said))
