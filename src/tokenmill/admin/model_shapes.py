"""Shows models of the catalogue as an account may use them."""

from __future__ import annotations

from typing import Final

from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Amount, Currency, Moment, Shown
from tokenmill.catalog.entries import Credits, Draw, Model, Price
from tokenmill.catalog.prices import Override, list_overrides
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork

_NONE: Final = Override()


class PriceShown(Shown):
    """Per million tokens; `web_search` per search, null: not sold."""

    currency: str
    input: Amount
    cached_input: Amount
    written_input: Amount
    output: Amount
    web_search: Amount | None


class CreditsShown(Shown):
    """Token Plan credits for one token of each kind."""

    input: Amount
    cached_input: Amount
    output: Amount


class DrawShown(Shown):
    temperature: float
    top_p: float


class SamplingShown(DrawShown):
    """The recommended draw; `tools` and `thinking` where they differ."""

    tools: DrawShown | None
    thinking: DrawShown | None


class ModelShown(Shown):
    """A model; `price` null: not for sale in the account's currency; `special`: prices of this account alone.

    `available` false: no target serves it.
    """

    id: str
    aliases: list[str]
    context_window: int
    max_output_tokens: int
    input: list[str]
    thinking: str
    sampling: SamplingShown
    price: PriceShown | None
    credits: CreditsShown | None
    special: bool
    rpm: int | None
    tpm: int | None
    web_search: bool
    retires_at: Moment | None
    successor: str | None
    available: bool


async def overrides_of(work: ReadWork, account_id: AccountId) -> dict[str, Override]:
    """The account's own prices, by model."""
    return {own.model: own.override for own in await list_overrides(work, account_id)}


def model_shown(desk: Services, model: Model, currency: str, override: Override | None) -> ModelShown:
    """The model as this account may use it."""
    own = override or _NONE
    name: Currency = "CNY" if currency == "CNY" else "USD"
    special = None if own.price is None else own.price.of(name)
    price = special or model.price.of(name)
    limits = model.limits
    return ModelShown(
        id=model.id,
        aliases=list(model.aliases),
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        input=list(model.input),
        thinking=model.thinking,
        sampling=SamplingShown(
            temperature=model.sampling.temperature,
            top_p=model.sampling.top_p,
            tools=_draw(model.sampling.tools),
            thinking=_draw(model.sampling.thinking),
        ),
        price=None if price is None else price_shown(price, currency),
        credits=None if (rates := own.credits or model.credits) is None else credits_shown(rates),
        special=special is not None or own.credits is not None,
        rpm=limits.rpm,
        tpm=limits.tpm,
        web_search=model.web_search,
        retires_at=model.retires_at,
        successor=model.successor,
        available=bool(desk.catalogue().targets_of(model)),
    )


def price_shown(price: Price, currency: str) -> PriceShown:
    """A price with what its gaps mean filled in."""
    return PriceShown(
        currency=currency,
        input=price.input,
        cached_input=price.input if price.cached_input is None else price.cached_input,
        written_input=price.input if price.written_input is None else price.written_input,
        output=price.output,
        web_search=price.web_search,
    )


def credits_shown(credits: Credits) -> CreditsShown:
    """Nano-credits of one token as credits."""
    return CreditsShown(input=credits.input, cached_input=credits.cached_input, output=credits.output)


def _draw(draw: Draw | None) -> DrawShown | None:
    return None if draw is None else DrawShown(temperature=draw.temperature, top_p=draw.top_p)
