"""Declares what a coding agent has to be told: addresses, key, model and protocol."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import KEY_LENGTH, KeyKind, looks_like_key

Wire = Literal["chat", "messages", "responses"]

WIRE_NAMES: Final[dict[Wire, str]] = {
    "chat": "OpenAI Chat Completions",
    "messages": "Anthropic Messages",
    "responses": "OpenAI Responses",
}
PLAN_PATH: Final = "/token-plan"  # Where the Token Plan is, unless it has a host name of its own.
LONG_CONTEXT: Final = "[1m]"  # What Claude Code takes for the wish for a million tokens of context.

USUAL_MODEL: Final = "mimo-v2.5-pro"


_ENDINGS: Final = (
    *("/v1/chat/completions", "/v1/responses", "/anthropic/v1/messages"),
    *("/anthropic/v1", "/v1", "/anthropic"),
)
"""What may follow the platform's address, the longest first: `/anthropic/v1` is how some tools want it."""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What a model takes and gives, in tokens; the defaults are those of a catalogue entry."""

    context: int = 1_048_576
    output: int = 131_072
    images: bool = False
    thinking: bool = True


@dataclass(frozen=True, slots=True)
class Connection:
    """One agent's way to the platform; `root` is the address below which both Base URLs are."""

    root: str
    key: str
    model: str
    figures: ModelFigures
    wire: Wire
    made_at: datetime  # Some agents keep the time of a change beside their settings.

    @property
    def openai(self) -> str:
        """The Base URL of Chat Completions and Responses."""
        return f"{self.root}/v1"

    @property
    def anthropic(self) -> str:
        """The Base URL of Messages, as Anthropic's own SDK wants it: `/v1/messages` follows."""
        return f"{self.root}/anthropic"

    def without_suffix(self) -> Connection:
        """The same with the model's bare name."""
        if not self.model.lower().endswith(LONG_CONTEXT):
            return self
        return replace(self, model=self.model[: -len(LONG_CONTEXT)])


def kind_of(key: str) -> KeyKind:
    """Which Base URLs the key belongs to. Raises Fault(BAD_KEY) for what cannot be a key."""
    if not looks_like_key(key):
        raise Fault(
            Code.BAD_KEY,
            f"This is not a whole key. A key begins with sk- or tp-, has {KEY_LENGTH} characters and ends "
            "with a checksum, which does not match here. Copy it again, whole.",
            field="key",
        )
    return "tp" if key.startswith("tp-") else "sk"


def root_of(address: str, kind: KeyKind) -> str:
    """The address below which the Base URLs for keys of this kind are.

    `address` is the platform's (`https://api.example.com`), to which the Token Plan's path is added for `tp-`
    keys, or what people copy of it: a Base URL or an endpoint, which say by themselves where the Token Plan
    is, or the console's address.
    Raises Fault(BAD_VALUE) when it is no HTTP address.
    """
    bare = address.strip().rstrip("/")
    if not _is_address(bare):
        raise Fault(
            Code.BAD_VALUE,
            "--base-url must be the platform's address, like https://api.example.com, "
            "or one of its Base URLs.",
            field="base_url",
        )
    bare = bare.removesuffix("/console")
    for ending in _ENDINGS:
        if bare.endswith(ending):
            return bare.removesuffix(ending)
    if kind == "tp" and not bare.endswith(PLAN_PATH):
        return bare + PLAN_PATH
    return bare


def _is_address(address: str) -> bool:
    """Is it an HTTP address without a password, a query or a fragment?"""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return False
    return not ("@" in parts.netloc or parts.query or parts.fragment or " " in address)
