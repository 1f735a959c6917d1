"""Makes the JSON object that a tool call carries on this wire."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import ToolCall

EMPTY = Raw(b"{}")


def tool_input(call: ToolCall) -> tuple[Raw, bool]:
    """The `input` of `call`, and whether its arguments were an object and stand there as they are.

    No arguments are `{}`. Free text of a custom tool becomes `{"input": text}`, and what a model wrote that
    is no JSON object becomes `{"arguments": text}`: nothing is lost, and no tool takes it for its own
    members, as it might with an object that was cut short and mended.
    """
    text = call.arguments
    if call.kind == "custom":
        return Raw(msgspec.json.encode({"input": text})), True
    if not text.strip():
        return EMPTY, True
    try:
        whole = isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        whole = False
    return Raw(text.encode() if whole else msgspec.json.encode({"arguments": text})), whole
