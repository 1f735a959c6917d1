"""Shows one exchange whole: what its list leaves out, and how its money was set aside and settled."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import func, select

from tokenmill.admin.shapes import Moment, Shown
from tokenmill.admin.usage_shapes import ExchangeShown
from tokenmill.billing.receipts import shown_amount
from tokenmill.store.database import ReadWork
from tokenmill.store.ledger_tables import Hold, PriceVersion, Transfer
from tokenmill.store.tables import Usage

NoteKind = Literal["moderation", "retry", "rescued", "cut", "put_back", "dropped"]


class HoldShown(Shown):
    """What was set aside in `unit`; `state`: held, settled, released, or recovered (by another node)."""

    amount: str
    unit: str
    state: str
    at: Moment
    closed_at: Moment | None


class NoteShown(Shown):
    """Something that happened on the way; `kind` says what sort of thing, `field` where, `reason` what."""

    kind: NoteKind
    field: str
    reason: str


class ExchangeWhole(ExchangeShown):
    """One exchange with all that is kept of it.

    `hold` is null a week after the exchange, and for what cost nothing; `price_since` is null where the
    account has a price of its own. `steps` are the notes, sorted out.
    """

    purse: Literal["wallet", "plan", "none"]
    upstream_model: str
    price_since: Moment | None
    hold: HoldShown | None
    refunded_at: Moment | None
    steps: list[NoteShown]


async def exchange_whole(work: ReadWork, row: Usage, shown: ExchangeShown) -> ExchangeWhole:
    """What lists show of `row`, and the rest."""
    version = None if shown.receipt is None else shown.receipt.price_version
    since = await work.session.scalar(
        select(func.min(PriceVersion.since)).where(
            PriceVersion.model == row.model, PriceVersion.version == version
        )
    )
    refunded = await work.session.scalar(select(Transfer.at).where(Transfer.source == f"refund:{row.id}"))
    hold = await work.session.get(Hold, row.id)
    return ExchangeWhole(
        **{name: getattr(shown, name) for name in ExchangeShown.model_fields if name != "target"},
        target=row.target or None,
        purse=_purse(row),
        upstream_model=row.upstream_model,
        price_since=since,
        hold=None if hold is None or not hold.purses else _hold(hold, row.unit),
        refunded_at=refunded,
        steps=[
            NoteShown(kind=kind_of(note["field"], note["reason"]), field=note["field"], reason=note["reason"])
            for note in shown.notes
        ],
    )


_MARKS: Final[tuple[tuple[NoteKind, str], ...]] = (
    ("cut", "cut: "),
    ("put_back", "nothing was lost: "),
)


def kind_of(field: str, reason: str) -> NoteKind:
    """Which sort of note this is, by where it was made and how it is worded."""
    if field.startswith("moderation."):
        return "moderation"
    if field == "target":
        return "retry"
    if reason.endswith(" taken out"):
        return "rescued"
    return next((kind for kind, mark in _MARKS if reason.startswith(mark)), "dropped")


def _purse(row: Usage) -> Literal["wallet", "plan", "none"]:
    if row.subscription_id:
        return "plan"
    return "wallet" if row.unit else "none"


def _hold(hold: Hold, unit: str) -> HoldShown:
    return HoldShown(
        amount=shown_amount(hold.amount, unit),
        unit=unit,
        state=hold.state,
        at=hold.created_at,
        closed_at=hold.closed_at,
    )
