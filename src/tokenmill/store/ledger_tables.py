"""Declares the tables of money: purses, holds, the ledger, and what fills purses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from tokenmill.store.tables import Base

_Numbered = BigInteger().with_variant(Integer, "sqlite")


class Purse(Base):
    """What can be spent, as a projection of the ledger or of a limit; free is `balance - held`.

    `wallet/ACCOUNT` holds money and `credits/SUBSCRIPTION` a plan's credits: both are ledger accounts.
    `cap/KEY` and `window/SUBSCRIPTION/…` hold what a key or a window has left, and have no postings.
    """

    __tablename__ = "purses"
    __table_args__ = (
        CheckConstraint("balance >= 0", name="balance"),
        CheckConstraint("held >= 0", name="held"),
        CheckConstraint("held <= balance", name="free"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]  # USD | CNY | credits
    balance: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None]  # A window's end, after which its row is swept.


class Hold(Base):
    """What one running exchange has set aside, and what a survivor needs to settle it."""

    __tablename__ = "holds"
    __table_args__ = (
        Index(
            "ix_holds_running",
            "node",
            sqlite_where=text("state = 'held'"),
            postgresql_where=text("state = 'held'"),
        ),
        Index(
            "ix_holds_closed",
            "closed_at",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # The exchange's id.
    account_id: Mapped[str]
    purses: Mapped[str]  # Purse ids, separated by blanks; empty where the exchange costs nothing.
    amount: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]  # held | settled | released | recovered
    node: Mapped[str]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    draft: Mapped[str]  # JSON text: the usage row as it would be if the node died now, but for its counts.
    input_fresh: Mapped[int] = mapped_column(BigInteger)
    input_cached: Mapped[int] = mapped_column(BigInteger)
    input_written: Mapped[int] = mapped_column(BigInteger)
    output: Mapped[int] = mapped_column(BigInteger)
    output_reasoning: Mapped[int] = mapped_column(BigInteger)
    searches: Mapped[int] = mapped_column(server_default="0")


class Transfer(Base):
    """One balanced movement; its postings add up to zero. It is never changed: triggers refuse that."""

    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(
        unique=True
    )  # `exchange:ID`, `grant:ID`: a repeated cause posts once.
    kind: Mapped[str]
    account_id: Mapped[str]
    at: Mapped[datetime]
    memo: Mapped[str]  # JSON text.


class Posting(Base):
    """One side of a transfer: `amount` comes to `ledger_account`, or leaves it when negative."""

    __tablename__ = "postings"
    __table_args__ = (Index(None, "ledger_account"),)

    id: Mapped[int] = mapped_column(_Numbered, primary_key=True)
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), index=True)
    ledger_account: Mapped[str]
    unit: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)


class PriceVersion(Base):
    """What a model cost from `since` on; `version` is a digest of `spec`, so that receipts can name it."""

    __tablename__ = "price_versions"

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[str]  # JSON text: price and credits as in the catalogue.
    since: Mapped[datetime]


class PriceOverride(Base):
    """What a model costs one account, in place of the catalogue's prices and credits."""

    __tablename__ = "price_overrides"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[str]  # JSON text, as in `price_versions`.
    updated_at: Mapped[datetime]


class RedeemCode(Base):
    """A code that puts money into the wallet of whoever redeems it first."""

    __tablename__ = "redeem_codes"

    id: Mapped[str] = mapped_column(primary_key=True)
    batch: Mapped[str] = mapped_column(index=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    shown: Mapped[str]  # The first and last characters, for lists.
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    redeemed_at: Mapped[datetime | None]
    redeemed_by: Mapped[str | None]  # The account.


class Payment(Base):
    """A checkout at a payment provider; it is credited once, when the provider says that it is paid."""

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    provider: Mapped[str]
    provider_ref: Mapped[str | None] = mapped_column(unique=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    purpose: Mapped[str]  # JSON text: a top-up, or the plan to buy.
    state: Mapped[str] = mapped_column(Text)  # open | paid | failed | refunded
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Rollup(Base):
    """One account's usage of one day (UTC) by model, key and client tool; made from `usage` again at will.

    `cost` is what was taken for it, in `unit`: without the share that nobody could pay.
    """

    __tablename__ = "rollups"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)  # 2026-11-22
    model: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    answered: Mapped[int] = mapped_column(BigInteger)
    input_fresh: Mapped[int] = mapped_column(BigInteger)
    input_cached: Mapped[int] = mapped_column(BigInteger)
    input_written: Mapped[int] = mapped_column(BigInteger)
    output: Mapped[int] = mapped_column(BigInteger)
    output_reasoning: Mapped[int] = mapped_column(BigInteger)
    searches: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[int] = mapped_column(BigInteger)
