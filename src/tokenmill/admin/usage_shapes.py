"""Asks for usage and shows it, of one account or of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, and_, func, or_, select

from tokenmill.accounts.keys import list_keys
from tokenmill.admin.buckets import Group, Step, Sums, check_range, rolled, series_of, starts, zone_of
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Amount, Asked, Credits, Moment, Page, Shown, page_of, read_cursor
from tokenmill.billing.charts import usage_series
from tokenmill.billing.receipts import ExchangeView, exchange_view
from tokenmill.kit.ids import AccountId
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold
from tokenmill.store.marks import USAGE_KEPT, mark_at
from tokenmill.store.tables import Usage

_CHARGED: Final = Usage.cost - Usage.shortfall
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Between them there is room to add days, and to tell a time in any zone."""


class Filters(Asked):
    """Which exchanges; the range is from `since` to before `until`, the last 30 days if left out."""

    since: Moment | None = Field(default=None, ge=_FIRST, lt=_LAST)
    until: Moment | None = Field(default=None, ge=_FIRST, lt=_LAST)
    model: str | None = Field(default=None, max_length=200)
    key: str | None = Field(default=None, max_length=100, description="A key's id.")
    client: str | None = Field(default=None, max_length=200)
    purse: Literal["both", "wallet", "plan"] = "both"
    status: Literal["all", "answered", "failed", "cancelled"] = "all"


class SeriesAsked(Filters):
    """By the hour or the day of a time zone, in groups."""

    step: Step = "day"
    group: Group = "none"
    zone: str = Field(default="UTC", max_length=64)
    times: bool = Field(default=False, description="Count single exchanges alone, which know `first_ms`.")


class SheetAsked(Filters):
    """As a file; times in it are those of `zone`."""

    zone: str = Field(default="UTC", max_length=64)


class ExchangesAsked(Filters):
    """A page of them; `dearest` sorts by what was charged, whatever the unit."""

    order: Literal["newest", "dearest"] = "newest"
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=500)


class SumsShown(Shown):
    """`cost` in the account's currency, `credits` of plans; `first_ms` is the mean time to a first token."""

    requests: int
    answered: int
    input_fresh: int
    input_cached: int
    input_written: int
    output: int
    output_reasoning: int
    searches: int
    cost: Amount
    credits: Credits
    first_ms: int | None


class Bucket(Shown):
    start: Moment
    sums: SumsShown


class SeriesShown(Shown):
    """`group` is a model, a key's id or a client; `label` is what people call it."""

    group: str
    label: str
    total: SumsShown
    buckets: list[Bucket]


class UsageShown(Shown):
    """`starts` are all buckets of the range; a series leaves out those in which nothing happened.

    `complete_until` is when the oldest exchange began that still runs and so is not counted yet; null: none
    does. `kept_since` is from when on single exchanges are kept; null: all of them.
    """

    since: Moment
    until: Moment
    complete_until: Moment | None
    kept_since: Moment | None
    zone: str
    currency: str
    starts: list[Moment]
    total: SumsShown
    series: list[SeriesShown]


class LineShown(Shown):
    """`rate` is for a million tokens, or for one search; `amount` is what the count comes to, unrounded."""

    kind: str
    count: int
    rate: str
    amount: str


class ReceiptShown(Shown):
    """Amounts are decimal strings of `unit`; the lines' sum times `factor` is `exact`, and rounded `cost`."""

    unit: str
    cost: str
    exact: str
    shortfall: str
    price_version: str
    factor: str
    lines: list[LineShown]


class ExchangeShown(Shown):
    """One exchange; `receipt` null: it cost nothing."""

    id: str
    request_id: str
    at: Moment
    model: str
    key_id: str
    key_name: str
    protocol: str
    client: str
    stream: bool
    status: str
    http_status: int
    stop: str | None
    fault: str | None
    duration_ms: int
    first_ms: int | None
    tokens: dict[str, int]
    searches: int
    usage_quality: str
    target: str | None
    receipt: ReceiptShown | None
    notes: list[dict[str, Any]]


async def usage_of(
    work: ReadWork, desk: Services, asked: SeriesAsked, account_id: AccountId | None, currency: str
) -> UsageShown:
    """Sums over time, of one account or (None) of all."""
    until = asked.until or desk.clock.now()
    since = asked.since or until - timedelta(days=30)
    check_range(since, until, asked.step)
    zone = zone_of(asked.zone)
    plain = asked.zone == "UTC" and asked.step == "day" and not asked.times and _unfiltered(asked)
    if account_id is not None and plain:
        found = rolled(await usage_series(work, account_id, since, until, by=asked.group))
    else:
        where = conditions(asked, account_id, since=since, until=until)
        found = await series_of(work, where, step=asked.step, zone=zone, group=asked.group)
    names = await key_names(work, account_id) if asked.group == "key" else {}
    total = Sums()
    shown = []
    for series in found:
        whole = Sums()
        for sums in series.buckets.values():
            whole.add(sums)
        total.add(whole)
        shown.append(
            SeriesShown(
                group=series.group,
                label=names.get(series.group, series.group),
                total=_sums(whole),
                buckets=[Bucket(start=at, sums=_sums(series.buckets[at])) for at in sorted(series.buckets)],
            )
        )
    return UsageShown(
        since=since,
        until=until,
        complete_until=await _oldest_running(work, account_id, until),
        kept_since=await mark_at(work, USAGE_KEPT),
        zone=asked.zone,
        currency=currency,
        starts=starts(since, until, asked.step, zone),
        total=_sums(total),
        series=shown,
    )


async def exchanges_of(
    work: ReadWork, asked: ExchangesAsked, account_id: AccountId | None, *, targets: bool = False
) -> Page[ExchangeShown]:
    """Single exchanges, the newest first; `targets` shows operators who answered."""
    dearest = asked.order == "dearest"
    where = conditions(asked, account_id)
    if (after := read_cursor(asked.cursor, *((int, str) if dearest else (str,)))) is not None:
        *cost, last = after
        before = Usage.id < last
        where.append(or_(_CHARGED < cost[0], and_(_CHARGED == cost[0], before)) if dearest else before)
    order = (_CHARGED.desc(), Usage.id.desc()) if dearest else (Usage.id.desc(),)
    query = select(Usage).where(*where).order_by(*order).limit(asked.limit + 1)
    rows = (await work.session.scalars(query)).all()
    names = await key_names(work, account_id)
    return page_of(
        rows,
        asked.limit,
        lambda row: exchange_shown(row, exchange_view(row), names, targets=targets),
        lambda row: (row.cost - row.shortfall, row.id) if dearest else (row.id,),
    )


def exchange_shown(
    row: Usage, view: ExchangeView, names: dict[str, str], *, targets: bool = False
) -> ExchangeShown:
    """One exchange, with its key's name."""
    receipt = None
    if view.receipt is not None:
        receipt = ReceiptShown(
            unit=view.receipt.unit,
            cost=view.receipt.cost,
            exact=view.receipt.exact,
            shortfall=view.receipt.shortfall,
            price_version=view.receipt.price_version,
            factor=view.receipt.factor,
            lines=[LineShown.of(line) for line in view.receipt.lines],
        )
    return ExchangeShown(
        id=view.id,
        request_id=view.request_id,
        at=view.at,
        model=view.model,
        key_id=row.key_id,
        key_name=names.get(row.key_id, ""),
        protocol=view.protocol,
        client=view.client,
        stream=view.stream,
        status=view.status,
        http_status=view.http_status,
        stop=view.stop,
        fault=view.fault,
        duration_ms=view.duration_ms,
        first_ms=view.first_ms,
        tokens=view.tokens,
        searches=view.searches,
        usage_quality=view.usage_quality,
        target=row.target if targets else None,
        receipt=receipt,
        notes=list(view.notes),
    )


async def key_names(work: ReadWork, account_id: AccountId | None) -> dict[str, str]:
    """What the keys of an account, deleted ones included, are called; of all accounts there are too many."""
    if account_id is None:
        return {}
    return {str(key.id): key.name for key in await list_keys(work, account_id, deleted=True)}


def conditions(
    asked: Filters, account_id: AccountId | None, *, since: Moment | None = None, until: Moment | None = None
) -> list[ColumnElement[bool]]:
    """What rows have to be like."""
    since, until = since or asked.since, until or asked.until
    found: list[ColumnElement[bool]] = []
    if account_id is not None:
        found.append(Usage.account_id == account_id)
    if since is not None:
        found.append(Usage.started_at >= since)
    if until is not None:
        found.append(Usage.started_at < until)
    if asked.model is not None:
        found.append(Usage.model == asked.model)
    if asked.key is not None:
        found.append(Usage.key_id == asked.key)
    if asked.client is not None:
        found.append(Usage.client == asked.client)
    if asked.purse != "both":
        found.append(Usage.subscription_id != "" if asked.purse == "plan" else Usage.subscription_id == "")
    if asked.status != "all":
        found.append(Usage.status == asked.status)
    return found


async def _oldest_running(work: ReadWork, account_id: AccountId | None, until: datetime) -> datetime | None:
    query = select(func.min(Hold.created_at)).where(Hold.state == "held", Hold.created_at < until)
    if account_id is not None:
        query = query.where(Hold.account_id == account_id)
    return await work.session.scalar(query)


def _unfiltered(asked: Filters) -> bool:
    """Then whole days can come from their sums, which outlive single exchanges."""
    return (asked.model, asked.key, asked.client) == (None, None, None) and (asked.purse, asked.status) == (
        "both",
        "all",
    )


def _sums(sums: Sums) -> SumsShown:
    return SumsShown(
        requests=sums.requests,
        answered=sums.answered,
        input_fresh=sums.input_fresh,
        input_cached=sums.input_cached,
        input_written=sums.input_written,
        output=sums.output,
        output_reasoning=sums.output_reasoning,
        searches=sums.searches,
        cost=sums.cost,
        credits=sums.credits,
        first_ms=round(sums.first_ms / sums.first_count) if sums.first_count else None,
    )
