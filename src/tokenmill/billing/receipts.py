"""Writes receipts: what one exchange used, at which rates, and what it came to."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select

from tokenmill.billing.ledger import CREDITS
from tokenmill.billing.plans import MILLI
from tokenmill.billing.pricing import MILLION, PERMILLE, Tariff, decode_tariff
from tokenmill.conversation.usage import Usage
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano, show
from tokenmill.store.database import ReadWork
from tokenmill.store.tables import Usage as UsageRow

_KINDS = ("input_fresh", "input_cached", "input_written", "output", "output_reasoning")
_MONEY_DIGITS = 9 + 6
"""Digits of a product of a count and a rate in billionths for a million."""
_CREDIT_DIGITS = 3 + 6
_PERMILLE_DIGITS = 3


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many tokens or searches of one kind; `rate` is for a million tokens, or for one search.

    `amount` is the product with every digit it has, before `factor`.
    """

    kind: str
    count: int
    rate: str
    amount: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange cost, and why. Amounts are decimal strings of `unit`: USD, CNY or credits.

    `exact` is the sum of the lines' amounts, times `factor` (off-peak hours); `cost` is that, rounded once to
    a billionth of the currency or a thousandth of a credit. `shortfall` is the share of it that neither
    balance nor plan could pay.
    """

    unit: str
    cost: str
    exact: str
    shortfall: str
    price_version: str
    factor: str
    lines: tuple[ReceiptLine, ...]


class ExchangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as its caller may see it; `receipt` None: it cost nothing."""

    id: str
    request_id: str
    at: datetime
    model: str
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
    receipt: Receipt | None
    notes: tuple[dict[str, str], ...]


async def exchanges(
    work: ReadWork,
    account_id: AccountId,
    *,
    key_id: str | None = None,
    limit: int = 20,
    before: str | None = None,
) -> list[ExchangeView]:
    """The newest `limit` exchanges of an account, or of one of its keys, before that with the id `before`."""
    query = select(UsageRow).where(UsageRow.account_id == account_id)
    if key_id is not None:
        query = query.where(UsageRow.key_id == key_id)
    if before is not None:
        query = query.where(UsageRow.id < before)
    rows = await work.session.scalars(query.order_by(UsageRow.id.desc()).limit(limit))
    return [exchange_view(row) for row in rows]


async def find_exchange(
    work: ReadWork, account_id: AccountId, exchange_id: str, *, key_id: str | None = None
) -> ExchangeView | None:
    """The exchange of this id or this request id; None when the account, or the key, has none such."""
    column = UsageRow.request_id if exchange_id.startswith("req_") else UsageRow.id
    query = select(UsageRow).where(UsageRow.account_id == account_id, column == exchange_id)
    if key_id is not None:
        query = query.where(UsageRow.key_id == key_id)
    row = (await work.session.scalars(query.limit(1))).first()
    return None if row is None else exchange_view(row)


def exchange_view(row: UsageRow) -> ExchangeView:
    """A usage row as it is shown."""
    tokens = Usage(row.input_fresh, row.input_cached, row.input_written, row.output, row.output_reasoning)
    tariff = decode_tariff(row.tariff)
    return ExchangeView(
        id=row.id,
        request_id=row.request_id,
        at=row.started_at,
        model=row.model,
        protocol=row.protocol,
        client=row.client,
        stream=row.stream,
        status=row.status,
        http_status=row.http_status,
        stop=row.stop,
        fault=row.fault,
        duration_ms=row.duration_ms,
        first_ms=row.first_ms,
        tokens={kind: getattr(tokens, kind) for kind in _KINDS},
        searches=row.searches,
        usage_quality=row.quality,
        receipt=None if tariff is None else _receipt(row, tariff, tokens),
        notes=tuple(msgspec.json.decode(row.drops, type=list[dict[str, str]])),
    )


def shown_amount(amount: int, unit: str) -> str:
    """Nano-units of a currency, or milli-credits, as a decimal: `"19.574"`, `"3000000000"`, `"2.5"`."""
    if unit != CREDITS:
        return show(Nano(amount))
    whole, part = divmod(abs(amount), MILLI)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}" + (f".{part:03d}".rstrip("0") if part else "")


def _receipt(row: UsageRow, tariff: Tariff, tokens: Usage) -> Receipt:
    lines = tariff.lines(tokens, row.searches)
    finest = _MONEY_DIGITS if row.unit != CREDITS else _CREDIT_DIGITS
    total = sum(line.count * line.rate for line in lines)
    return Receipt(
        unit=row.unit,
        cost=shown_amount(row.cost, row.unit),
        exact=_exact(total * tariff.permille, finest + _PERMILLE_DIGITS),
        shortfall=shown_amount(row.shortfall, row.unit),
        price_version=tariff.version,
        factor=show(Nano(tariff.permille * NANO // PERMILLE)),
        lines=tuple(
            ReceiptLine(
                kind=line.kind,
                count=line.count,
                rate=shown_amount(line.rate // MILLION if line.kind == "web_search" else line.rate, row.unit),
                amount=_exact(line.count * line.rate, finest),
            )
            for line in lines
        ),
    )


def _exact(amount: int, places: int) -> str:
    """A whole number of 10^-places as the shortest decimal."""
    whole, part = divmod(amount, 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".")
