"""Writes one block of a stream, from its part and what that grows by."""

from __future__ import annotations

from typing import assert_never

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Delta,
    LogprobsAdded,
    MediaDelta,
    SignatureDelta,
    TextDelta,
)
from tokenmill.conversation.parts import (
    Citation,
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tokenmill.wire.anthropic_messages.blocks import Signer, call_block, raw_block, signature_of
from tokenmill.wire.anthropic_messages.facts import write_citation
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds
from tokenmill.wire.anthropic_messages.tool_input import tool_input
from tokenmill.wire.sse import write_block

_encode = msgspec.json.Encoder().encode

_TEXT: dict[str, object] = {"type": "text", "text": "", "citations": None}
_THINKING: dict[str, object] = {"type": "thinking", "thinking": "", "signature": ""}


class OpenBlock:
    """The block that is being written; `number` is its place in the message.

    It begins with the first thing it has to say, so that nothing empty is sent; a call begins at once, and
    its input follows in one piece when it is whole, since a caller can do nothing with a part of it and
    what is no JSON object must not reach it as one. `begun` says whether anything was sent, `lost` what had
    no shape here.
    """

    __slots__ = (
        "_before",
        "_ids",
        "_number",
        "_part",
        "_passed",
        "_pieces",
        "_signature",
        "_signer",
        "begun",
        "lost",
    )

    def __init__(self, part: Part, number: int, ids: ToolIds, signer: Signer | None) -> None:
        self._part = part
        self._number = number
        self._ids = ids
        self._signer = signer
        self._pieces: list[str] = []  # What has to be seen whole: arguments, and thoughts that we seal.
        self._signature: list[str] = []
        self._before = b""
        self._passed = False
        self.begun = False
        self.lost = ""

    @property
    def reasons(self) -> bool:
        """Is it a block of thoughts?"""
        return isinstance(self._part, Reasoning)

    def open(self) -> bytes:
        """What can be said at once."""
        match self._part:
            case Text(text=text, citations=citations, logprobs=logprobs):
                self._before = self._delta_head(b'{"type":"text_delta","text":')
                if logprobs:
                    self.lost = "log probabilities"
                return self._say(text) + b"".join(map(self._cite, citations))
            case Refusal(text=text):
                self._before = self._delta_head(b'{"type":"text_delta","text":')
                return self._say(text)
            case Reasoning(form="redacted", signature=signature):
                if signature is not None:
                    self._signature.append(signature)
                return b""
            case Reasoning(text=text, signature=signature):
                self._before = self._delta_head(b'{"type":"thinking_delta","thinking":')
                if signature is not None:
                    self._signature.append(signature)
                return self._say(text)
            case ToolCall(arguments=arguments):
                block = call_block(self._part, self._ids)
                if block is None:
                    self.lost = "a call of a tool that another platform ran"
                    return b""
                self._pieces.append(arguments)
                return self._begin(block)
            case ToolResult() | Unknown() | Media():
                raw = raw_block(self._part)
                if raw is None:
                    self.lost = f"a {type(self._part).__name__}"
                return b"" if raw is None else self._begin(raw)
            case _:
                assert_never(self._part)

    def grow(self, delta: Delta) -> bytes:
        """What `delta` adds."""
        match delta:
            case TextDelta(text=text):
                return self._say(text)
            case ArgumentsDelta(text=text):
                self._pieces.append(text)
                return b""
            case SignatureDelta(signature=signature):
                self._signature.append(signature)
                return b""
            case CitationAdded(citation=citation):
                return self._cite(citation)
            case LogprobsAdded():
                self.lost = "log probabilities"
                return b""
            case MediaDelta():
                return b""
            case _:
                assert_never(delta)

    def pass_over(self) -> None:
        """What has been said of the block so far went out in the upstream's own bytes."""
        self.begun = True
        if isinstance(self._part, ToolCall):
            self._passed = True
            self._pieces.clear()

    def close(self) -> bytes:
        """The part is whole: what was held, and the end of the block."""
        match self._part:
            case ToolCall() if self._passed:
                rest = "".join(self._pieces)
                held = self._delta({"type": "input_json_delta", "partial_json": rest}) if rest else b""
            case ToolCall(id=id_, name=name, kind=kind) if self.begun:
                input_, _ = tool_input(ToolCall(id_, name, "".join(self._pieces), kind))
                held = self._delta({"type": "input_json_delta", "partial_json": bytes(input_).decode()})
            case Reasoning(form="redacted"):
                held = b"" if self.begun or not self._signature else self._begin_redacted(self._part)
            case Reasoning():
                held = self._seal(self._part)
            case _:
                held = b""
        return held + self._stop()

    def abort(self) -> bytes:
        """The end of the block, whatever it was still to say; a call that was cut gets none.

        Clients run what has ended, and without its input it would look like a call without any.
        """
        return b"" if isinstance(self._part, ToolCall) else self._stop()

    def _stop(self) -> bytes:
        return self._event(b"content_block_stop", b"") if self.begun else b""

    def _say(self, words: str) -> bytes:
        if not words or not self._before:
            return b""
        if self._signer is not None:
            self._pieces.append(words)
        said = self._before + _encode(words) + b"}}\n\n"
        if self.begun:
            return said
        return self._begin(_THINKING if isinstance(self._part, Reasoning) else _TEXT) + said

    def _cite(self, citation: Citation) -> bytes:
        written = write_citation(citation)
        if written is None:
            self.lost = "a citation of another protocol"
            return b""
        beginning = b"" if self.begun else self._begin(_TEXT)
        return beginning + self._delta({"type": "citations_delta", "citation": written})

    def _thought(self, part: Reasoning) -> Reasoning:
        """The part as it is now that it has grown."""
        signature = "".join(self._signature) if self._signature else None
        return Reasoning("".join(self._pieces), part.form, part.origin, signature)

    def _seal(self, part: Reasoning) -> bytes:
        signature = signature_of(self._thought(part), self._signer)
        if not signature:
            return b""
        beginning = b"" if self.begun else self._begin(_THINKING)
        return beginning + self._delta({"type": "signature_delta", "signature": signature})

    def _begin_redacted(self, part: Reasoning) -> bytes:
        return self._begin(
            {"type": "redacted_thinking", "data": signature_of(self._thought(part), self._signer)}
        )

    def _begin(self, block: dict[str, object] | Raw) -> bytes:
        self.begun = True
        return self._event(b"content_block_start", b',"content_block":' + _encode(block))

    def _delta_head(self, delta: bytes) -> bytes:
        head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
        return head % self._number + delta

    def _delta(self, delta: dict[str, object]) -> bytes:
        return self._event(b"content_block_delta", b',"delta":' + _encode(delta))

    def _event(self, kind: bytes, rest: bytes) -> bytes:
        """An event; blocks that are kept raw may hold line ends, which `write_block` sees to."""
        data = b'{"type":"%s","index":%d%s}' % (kind, self._number, rest)
        return write_block(data, kind.decode())
