"""The plugins of the caller's account: web search, how it is doing, and a place to try it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from tokenmill.accounts.preferences import preferences
from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.model_shapes import overrides_of
from tokenmill.admin.plan_shapes import NameShown
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Amount, Asked, Currency, Moment, Shown
from tokenmill.billing.chain import active_row, view
from tokenmill.billing.plans import Plan
from tokenmill.catalog.prices import Override
from tokenmill.kit.faults import Code, Fault
from tokenmill.limits.limiter import Quota
from tokenmill.ports import SearchAsked
from tokenmill.search.standing import Standing, standing_of

router = APIRouter(tags=["plugins"])

TRIES_A_MINUTE = 10
"""Of one account: they cost it nothing, and the platform perhaps."""


class SearchModel(Shown):
    """A model that may search; `price` for one search in the account's currency, null: not sold to it."""

    id: str
    price: Amount | None


class SearchPlan(Shown):
    """The account's Token Plan; `web_search` false: its keys cannot search."""

    id: str
    name: NameShown
    web_search: bool


class SearchFailure(Shown):
    """`message` says what went wrong, in English."""

    at: Moment
    message: str


class WebSearchShown(Shown):
    """Web search as this account has it.

    `on` is the account's own switch (`PATCH /account`). `provider` null: the platform has none, so nobody can
    search. `state` is how the provider does: `failing` since `failing_since`; `unknown` until the first
    search. `price` is that of one search where all models have the same, else null; `models` have each its
    own. `plan` null: the account has no Token Plan.
    """

    on: bool
    provider: str | None
    state: Literal["none", "unknown", "ok", "failing"]
    failing_since: Moment | None
    last_success_at: Moment | None
    last_failure: SearchFailure | None
    currency: Currency
    price: Amount | None
    models: list[SearchModel]
    plan: SearchPlan | None


class PluginsShown(Shown):
    web_search: WebSearchShown


class SearchTry(Asked):
    """What to search for."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
    limit: int = Field(default=5, ge=1, le=10)


class SourceShown(Shown):
    """A page that was found; `text` is what a model would be shown of it, cut to what matters."""

    url: str
    title: str
    summary: str
    site_name: str
    publish_time: str
    logo_url: str
    text: str


class TriedSearch(Shown):
    """What a search brought; `pages` of the sources were read, `error` says why it brought nothing."""

    query: str
    provider: str
    sources: list[SourceShown]
    pages: int
    ms: int
    error: str | None


@router.get("/plugins")
async def plugins(caller: Member, desk: Desk) -> PluginsShown:
    """The account's plugins, what they cost, and whether they work."""
    search = desk.search
    currency: Currency = "CNY" if caller.who.currency == "CNY" else "USD"
    async with desk.database.read() as work:
        chosen = await preferences(work, caller.account_id)
        special = await overrides_of(work, caller.account_id)
        row = await active_row(work, caller.account_id)
        plan = None if row is None else _plan((await view(work, row)).plan)
        standing = Standing() if search is None else await standing_of(work, search.provider)
    models = _models(desk, currency, special)
    prices = {model.price for model in models}
    failure = standing.failure
    return PluginsShown(
        web_search=WebSearchShown(
            on=chosen.web_search,
            provider=None if search is None else search.provider,
            state="none" if search is None else standing.state,
            failing_since=standing.failing_since,
            last_success_at=standing.answered_at,
            last_failure=None
            if failure is None or standing.failed_at is None
            else SearchFailure(at=standing.failed_at, message=failure),
            currency=currency,
            price=prices.pop() if len(prices) == 1 else None,
            models=models,
            plan=plan,
        )
    )


@router.post("/plugins/web-search/try")
async def try_search(asked: SearchTry, caller: Member, desk: Desk) -> TriedSearch:
    """Search once, as a model would; it costs the account nothing, ten times a minute."""
    if desk.search is None:
        raise Fault(
            Code.UNSUPPORTED,
            "Web search has no provider on this platform. Its operator sets one under [search].",
        )
    if desk.limiter is not None:
        quota = Quota(scope=f"{caller.account_id}/search-tries", rpm=TRIES_A_MINUTE)
        place = await desk.limiter.enter((quota,), 0)
        await place.leave(0)
    found = await desk.search.search(SearchAsked(query=asked.query, limit=asked.limit))
    return TriedSearch(
        query=found.query,
        provider=desk.search.provider,
        sources=[SourceShown.of(source) for source in found.sources],
        pages=found.pages,
        ms=found.ms,
        error=found.error,
    )


def _models(desk: Services, currency: Currency, special: dict[str, Override]) -> list[SearchModel]:
    shown: list[SearchModel] = []
    for model in sorted(desk.catalogue().models(), key=lambda model: model.id):
        if not model.web_search:
            continue
        own = special.get(model.id)
        price = (None if own is None or own.price is None else own.price.of(currency)) or model.price.of(
            currency
        )
        shown.append(SearchModel(id=model.id, price=None if price is None else price.web_search))
    return shown


def _plan(plan: Plan) -> SearchPlan:
    name = NameShown(en=plan.name.en, zh=plan.name.zh)
    return SearchPlan(id=plan.id, name=name, web_search=plan.web_search)
