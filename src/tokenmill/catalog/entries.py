"""Declares what a catalogue entry holds: a target, a model and their parts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from tokenmill.catalog.guess import Family, guess_family
from tokenmill.kit.money import Nano
from tokenmill.ports import Dialect, OnDisconnect, ReasoningBack, ThinkingSwitch, Timeouts

Engine = Literal["openai", "anthropic", "embedded"]
Modality = Literal["text", "image", "audio", "video"]
Thinking = Literal["on", "off", "never"]
Currency = Literal["USD", "CNY"]

_LARGEST: Final = 10**18 - 1  # Below a billion units, so that sums still fit the database's 64 bits.

EntryId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]*\Z",
        max_length=128,
        description="lower-case letters, digits, '.', '_' or '-', with a letter or digit first",
    ),
]
Alias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*\Z",
        max_length=128,
        description="letters, digits, '.', '_', ':', '/' or '-', with a letter or digit first",
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=1, le=10**12)]
NanoAmount = Annotated[Nano, Meta(ge=0, le=_LARGEST, extra={"written": "amount"})]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(gt=0, le=1)]


class Target(Struct, frozen=True):
    """One upstream deployment that serves models."""

    id: EntryId
    engine: Engine
    base_url: Name | None = None  # Every engine but `embedded` needs it.
    api_key: Name | None = None  # Where the key is: env:NAME or file:PATH, never the key itself.
    dialect: Dialect = "none"
    thinking_switch: ThinkingSwitch = "thinking"
    reasoning_back: ReasoningBack = "accepted"
    strict: bool = False
    native_search: bool = False  # Does it run the web_search tool by itself? Else the platform does.
    free: bool = False
    enabled: bool = True  # Switched off, it takes nothing new; what runs there ends in its own time.
    concurrency: Annotated[int, Meta(ge=0, le=10**6)] = 0
    timeouts: Timeouts = Timeouts()
    on_disconnect: OnDisconnect = "cancel"


class TargetRef(Struct, frozen=True):
    """A target of a model, with the name the target knows the model by."""

    target: EntryId
    model: Name
    weight: Annotated[int, Meta(ge=0, le=10**6)] = 1
    priority: Annotated[int, Meta(ge=0, le=10**6)] = 0


class Draw(Struct, frozen=True):
    """How the next token is drawn."""

    temperature: Temperature = 1.0
    top_p: TopP = 0.95


class Sampling(Struct, frozen=True):
    """The recommended draw, with what differs for requests that carry tools or think."""

    temperature: Temperature = 1.0
    top_p: TopP = 0.95
    tools: Draw | None = None
    thinking: Draw | None = None


class Price(Struct, frozen=True):
    """Nano-units of one currency for a million tokens of each kind, and for one search.

    Without `cached_input`, cached tokens cost what fresh ones do, and so do written ones (those that the
    upstream put into its cache) without `written_input`; without `web_search`, searches are not sold.
    """

    input: NanoAmount
    output: NanoAmount
    cached_input: NanoAmount | None = None
    written_input: NanoAmount | None = None
    web_search: NanoAmount | None = None


class Prices(Struct, frozen=True, rename="upper"):
    """A price in each currency; a model without one is not for sale in that currency.

    `price = "none"` in a file is a table without any.
    """

    usd: Price | None = None
    cny: Price | None = None

    def of(self, currency: Currency) -> Price | None:
        """What the model costs in `currency`, or None: not for sale."""
        return self.usd if currency == "USD" else self.cny


_USUAL_PRICES: Final = Prices(
    usd=Price(
        input=Nano(435_000_000),
        cached_input=Nano(3_600_000),
        output=Nano(870_000_000),
        web_search=Nano(5_000_000),
    )
)
"""What an entry that says nothing of prices asks; one with a price table is sold in its currencies only."""


class Credits(Struct, frozen=True):
    """Nano-credits of a Token Plan for one token of each kind: 2.5 credits are 2,500,000,000."""

    input: NanoAmount = Nano(300_000_000_000)
    cached_input: NanoAmount = Nano(2_500_000_000)
    output: NanoAmount = Nano(600_000_000_000)


class Limits(Struct, frozen=True):
    """Requests and tokens a minute, for one account on one model."""

    rpm: Count = 100
    tpm: Count = 10_000_000


class Model(Struct, frozen=True):
    """What callers name in a request, and everything that is promised about it."""

    id: EntryId
    targets: Annotated[tuple[TargetRef, ...], Meta(min_length=1, max_length=256)]
    aliases: Annotated[tuple[Alias, ...], Meta(max_length=256)] = ()
    family: Family | None = None
    input: Annotated[tuple[Modality, ...], Meta(min_length=1)] = ("text", "image", "audio", "video")
    context_window: Count = 1_048_576
    max_output_tokens: Count = 131_072
    thinking: Thinking = "on"
    sampling: Sampling = Sampling()
    price: Prices = _USUAL_PRICES
    credits: Credits | None = Credits()  # None: Token Plans do not include this model.
    limits: Limits = Limits()
    web_search: bool = False
    retires_at: Annotated[datetime, Meta(tz=True)] | None = None
    successor: EntryId | None = None

    @property
    def markup(self) -> Family:
        """Whose tool-call markup this model writes: the stated family's, else that of a guess from the id."""
        return self.family or guess_family(self.id)
