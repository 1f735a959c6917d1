"""Says what a reply may report while it is being written, one frozen value per fact.

    stream := Started (PartOpened Delta* PartClosed | UsageSeen | Heartbeat | VendorEvent)*
              (Finished+ | Failed)

Parts of one reply may be open at the same time. A part begins as the value in its
`PartOpened` and grows by its deltas; `tokenmill.conversation.grammar` holds the law.
"""

from __future__ import annotations

from enum import StrEnum

from tokenmill.conversation.parts import Citation, Part, TokenLogprob, Value, Vendor
from tokenmill.conversation.usage import Usage
from tokenmill.kit.faults import Fault


class Stop(StrEnum):
    """Why a choice ended."""

    END = "end"
    LENGTH = "length"
    TOOL = "tool"
    FILTER = "filter"
    STOP_SEQUENCE = "stop_sequence"
    PAUSE = "pause"
    CONTEXT = "context"


class Started(Value, frozen=True):
    """The reply begins; `at` is in seconds since 1970, `fingerprint` is the upstream's own."""

    reply_id: str
    model: str
    at: int
    fingerprint: str | None = None


class PartOpened(Value, frozen=True):
    """A part begins; `index` is unique in the stream, `choice` is the alternative it belongs to."""

    index: int
    part: Part
    choice: int = 0


class TextDelta(Value, frozen=True, gc=False):
    """More words of a Text, Reasoning or Refusal."""

    index: int
    text: str


class ArgumentsDelta(Value, frozen=True, gc=False):
    """More of a tool call's arguments."""

    index: int
    text: str


class SignatureDelta(Value, frozen=True, gc=False):
    """More of a Reasoning's signature."""

    index: int
    signature: str


class CitationAdded(Value, frozen=True):
    """One more source of a Text."""

    index: int
    citation: Citation


class LogprobsAdded(Value, frozen=True):
    """Log probabilities of the next tokens of a Text."""

    index: int
    logprobs: tuple[TokenLogprob, ...]


class MediaDelta(Value, frozen=True, gc=False):
    """More base64 of an inline Media."""

    index: int
    data: str


Delta = TextDelta | ArgumentsDelta | SignatureDelta | CitationAdded | LogprobsAdded | MediaDelta


class PartClosed(Value, frozen=True, gc=False):
    """The part is whole."""

    index: int


class UsageSeen(Value, frozen=True):
    """Tokens so far; the last one counts, earlier ones are not added to it."""

    usage: Usage


class Heartbeat(Value, frozen=True, gc=False):
    """The upstream is alive and has nothing to say."""


class VendorEvent(Value, frozen=True):
    """An event that only its own protocol knows."""

    vendor: Vendor
    raw: bytes


class Finished(Value, frozen=True):
    """A choice is whole; `matched` is the stop sequence that ended it."""

    stop: Stop
    choice: int = 0
    matched: str | None = None


class Failed(Value, frozen=True):
    """The reply broke off."""

    fault: Fault


Event = Started | PartOpened | Delta | PartClosed | UsageSeen | Heartbeat | VendorEvent | Finished | Failed
