"""Declares what a plugin may fill: engines, the HTTP client beneath them, moderators, and the post."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Literal, Protocol

from msgspec import Meta

from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Value, Vendor
from tokenmill.conversation.request import Drop, Request

Dialect = Literal["mimo", "hermes", "deepseek", "glm", "kimi", "llama", "mistral", "harmony", "none"]
OnDisconnect = Literal["cancel", "drain"]
ThinkingSwitch = Literal["thinking", "enable_thinking", "reasoning_effort", "none"]
ReasoningBack = Literal["required", "accepted", "refused"]


Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Timeouts(Value, frozen=True):
    """How long to wait for an upstream, in seconds."""

    connect: Seconds = 5.0
    first: Seconds = 120.0  # From the request's last byte to the reply's first.
    between: Seconds = 60.0
    whole: Seconds = 1800.0


class Route(Value, frozen=True, kw_only=True):
    """One way to serve a request: a target, and what it calls the model.

    `key_from` says where the target's key is kept (`env:NAME`, `file:PATH`); `api_key` is the key itself,
    read when the target is about to be asked.
    """

    target: str
    engine: str
    upstream_model: str
    base_url: str = ""
    key_from: str | None = None
    api_key: str | None = None
    dialect: Dialect = "none"
    thinking_switch: ThinkingSwitch = "thinking"
    reasoning_back: ReasoningBack = "accepted"
    strict: bool = False
    native_search: bool = False
    free: bool = False
    timeouts: Timeouts = Timeouts()
    on_disconnect: OnDisconnect = "cancel"

    @property
    def issuer(self) -> str:
        """Who signs this route's reasoning: whatever answers at one address checks its own signatures."""
        return f"{self.engine}:{self.base_url.rstrip('/')}"


class ServedBy(Value, frozen=True):
    """What a target really is, where that is not what the public model name says.

    `context_window` and `max_output` are in tokens; speeds are in tokens a second, once measured.
    """

    name: str
    context_window: int
    max_output: int
    input: tuple[str, ...] = ("text",)
    prefill_speed: float | None = None
    decode_speed: float | None = None


class OpenReply(Protocol):
    """A reply that an upstream has begun."""

    @property
    def wire(self) -> Vendor | None:
        """Whose bytes the frames' `raw` holds; None when nobody else's."""
        ...

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What the target could not be told."""
        ...

    def frames(self) -> AsyncGenerator[Frame]:
        """The reply's frames, from Started to Finished or Failed; to be read once."""
        ...


class Engine(Protocol):
    """Asks upstreams of one kind."""

    def open(self, request: Request, route: Route) -> AbstractAsyncContextManager[OpenReply]:
        """Sends `request`; leaving the block before the reply's end cancels it upstream.

        Raises Fault before the first frame for whatever keeps the reply from beginning.
        """
        ...

    async def count(self, request: Request, route: Route) -> int | None:
        """The tokens of the prompt as the target itself counts them; None when it cannot tell in time."""
        ...

    def served_by(self, route: Route) -> ServedBy | None:
        """What really answers on this route, if the engine knows better than the catalogue."""
        ...


class UpstreamReply(Protocol):
    """An HTTP reply whose body has not been read yet."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, found in any case."""
        ...

    def chunks(self) -> AsyncGenerator[bytes]:
        """The body as it arrives. Raises Fault(UPSTREAM_BROKE | UPSTREAM_TIMEOUT)."""
        ...


class Upstream(Protocol):
    """The HTTP client of the token path: three methods, so that it can be swapped for a faster one."""

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> AbstractAsyncContextManager[UpstreamReply]:
        """Sends `body`; leaving the block early closes the connection.

        Raises Fault(UPSTREAM_AWAY) when nobody answers, UPSTREAM_TIMEOUT when it takes too long.
        """
        ...

    async def read(self, reply: UpstreamReply, limit: int) -> bytes:
        """The whole body, at most `limit` bytes. Raises Fault(UPSTREAM_BROKE) for a longer one."""
        ...

    async def close(self) -> None:
        """Ends all connections."""
        ...


class Opinion(Value, frozen=True):
    """What a moderator holds of a text: one category of `moderation.categories`, by its name.

    `score` is from 0 to 1; `flagged` is what the moderator itself makes of it, and `word` what it calls it.
    """

    category: str
    score: float
    flagged: bool
    word: str


class Moderator(Protocol):
    """Judges text, as a classifier."""

    @property
    def name(self) -> str:
        """What verdicts call it; never an address."""
        ...

    async def judge(self, text: str, question: str | None) -> tuple[Opinion, ...]:
        """Its opinions, none of harmless text; `question` is what `text` answers, None for a user's words.

        Raises Fault where it cannot be asked, or does not say anything that can be understood.
        """
        ...


class Undeliverable(Exception):
    """A message did not reach its receiver, and why; the reason holds no address and no secret.

    `final` means that sending it again cannot help.
    """

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class Mailer(Protocol):
    """Sends letters of plain text."""

    async def send(self, to: str, subject: str, text: str, *, message_id: str) -> None:
        """Hands a letter in; it may be handed in twice, with the same id. Raises Undeliverable."""
        ...


class CheckoutAsked(Value, frozen=True, kw_only=True):
    """A payment that somebody wants to make; `amount` is in nano-units, `title` is what the payer reads."""

    payment_id: str
    amount: int
    currency: str
    title: str
    email: str
    success_url: str
    cancel_url: str


class CheckoutOpened(Value, frozen=True, kw_only=True):
    """Where the payer goes, and what the provider calls the payment."""

    url: str
    provider_ref: str


class PaymentNews(Value, frozen=True, kw_only=True):
    """What a provider says has become of a payment; `amount` is in nano-units."""

    payment_id: str
    provider_ref: str
    paid: bool
    amount: int
    currency: str


class Payments(Protocol):
    """A payment provider."""

    @property
    def name(self) -> str:
        """How payments name it."""
        ...

    def check(self, asked: CheckoutAsked) -> None:
        """Raises Fault(BAD_VALUE) for an amount that the provider cannot charge."""
        ...

    async def checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        """Begins a payment; one that is repeated with its id is not begun twice.

        Raises Fault(UPSTREAM_AWAY | UPSTREAM_REFUSED).
        """
        ...

    def read_news(self, body: bytes, signature: str | None) -> PaymentNews | None:
        """What a call of the provider's says; None for what does not concern payments here.

        Raises Fault(FORBIDDEN) unless the provider has signed exactly this, and lately.
        """
        ...


class SearchAsked(Value, frozen=True, kw_only=True):
    """Words to search the web for, and about how many results are wanted.

    `country` is a code of two letters in upper case, `place` a town or region in words; empty: anywhere.
    `only` and `never` are domains; other pages are left out, whatever the provider makes of it.
    """

    query: str
    limit: int = 5
    country: str = ""
    place: str = ""
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class Source(Value, frozen=True, kw_only=True):
    """A page that was found; `publish_time` is RFC 3339 where it is known.

    `summary` is a few sentences; `text` the words of the page where the provider has them itself, so that
    nobody need fetch it.
    """

    url: str
    title: str = ""
    summary: str = ""
    site_name: str = ""
    publish_time: str = ""
    logo_url: str = ""
    text: str = ""


class SearchFailed(Exception):
    """A search brought nothing because something is wrong; the reason holds no address and no secret."""


class SearchProvider(Protocol):
    """Finds pages."""

    @property
    def name(self) -> str:
        """As settings and people call it."""
        ...

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The pages, best first; none is an answer as well. Raises SearchFailed."""
        ...

    async def close(self) -> None:
        """Ends all connections."""
        ...
