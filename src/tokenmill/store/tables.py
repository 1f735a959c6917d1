"""Declares the tables of accounts, keys, the catalogue and what was used; `schema` gathers all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    false,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tokenmill.kit.secrets import KeyKind

Role = Literal["operator", "developer"]
Standing = Literal["owner", "member"]


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC; a naive one is a bug in the caller and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in any zone → UTC; SQLite keeps no zone, so it is taken off there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times in the database are UTC-aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Whatever the driver gives → aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Holds the metadata: named constraints, generic types."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class as a plain dict.
        str: Text,
        bytes: LargeBinary,
        datetime: UtcTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class Account(Base):
    """Who pays."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)  # Lower-cased by `accounts.normal_email`.
    currency: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    web_search: Mapped[bool] = mapped_column(server_default=false())
    unbilled: Mapped[bool] = mapped_column(server_default=false())  # Pays nothing until its wallet is filled.
    vault: Mapped[bool] = mapped_column(server_default=true())  # Is reasoning remembered for its clients?
    limits: Mapped[str | None]  # JSON text: what differs from the models' limits for this account.
    webhook_url: Mapped[str | None]
    webhook_secret: Mapped[str | None]  # Sealed; the receiver checks signatures with it.
    low_balance: Mapped[int | None] = mapped_column(BigInteger)  # Nano-units below which the owner is told.


class User(Base):
    """Who signs in; `role` is what they may do on the platform, `standing` what in their account."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)  # Lower-cased by `accounts.normal_email`.
    password_hash: Mapped[str]
    role: Mapped[Role] = mapped_column(Text)
    standing: Mapped[Standing] = mapped_column(Text, server_default="owner")
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    language: Mapped[str | None]  # zh-CN | en; None: as the browser says.
    password_given: Mapped[bool] = mapped_column(server_default=false())  # Made for them; not yet their own.


class Key(Base):
    """A secret of an account; deleted rows stay, so that old usage can still name its key."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[KeyKind] = mapped_column(Text)
    name: Mapped[str]
    prefix: Mapped[str]  # The first seven characters, for display: sk-AbCd.
    last4: Mapped[str]
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    models: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # None: every model.
    last_used_at: Mapped[datetime | None]
    subscription_id: Mapped[str | None]  # A `tp-` key's.
    cap: Mapped[int | None] = mapped_column(BigInteger)  # Nano-units it may spend in all; None: no cap.
    addresses: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # IP networks; None: any.
    limits: Mapped[str | None]  # JSON text: this key's own limits, below those of its account.
    stopped: Mapped[bool] = mapped_column(server_default=false())  # By an operator, who alone enables it.


class CatalogTarget(Base):
    """An upstream deployment, as its catalogue entry in JSON text."""

    __tablename__ = "catalog_targets"

    id: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[str]
    position: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CatalogModel(Base):
    """A public model, as its catalogue entry in JSON text."""

    __tablename__ = "catalog_models"

    id: Mapped[str] = mapped_column(primary_key=True)
    spec: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Usage(Base):
    """One exchange as it was metered.

    It has no foreign keys: the row is written in a batch with strangers' rows,
    and a reference that no longer holds must not roll those back.
    """

    __tablename__ = "usage"
    __table_args__ = (Index(None, "account_id", "started_at"), Index(None, "started_at"))

    id: Mapped[str] = mapped_column(primary_key=True)  # The exchange's id.
    account_id: Mapped[str]
    key_id: Mapped[str]
    model: Mapped[str]
    target: Mapped[str]
    upstream_model: Mapped[str]
    protocol: Mapped[str]
    stream: Mapped[bool]
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    first_ms: Mapped[int | None]
    status: Mapped[str]  # answered | failed | cancelled
    http_status: Mapped[int]
    stop: Mapped[str | None]
    fault: Mapped[str | None]
    input_fresh: Mapped[int] = mapped_column(BigInteger)
    input_cached: Mapped[int] = mapped_column(BigInteger)
    input_written: Mapped[int] = mapped_column(BigInteger)
    output: Mapped[int] = mapped_column(BigInteger)
    output_reasoning: Mapped[int] = mapped_column(BigInteger)
    quality: Mapped[str]  # reported | counted | recovered | suspect | none
    client: Mapped[str]
    request_id: Mapped[str]
    drops: Mapped[str]  # JSON text: a list.
    subscription_id: Mapped[str] = mapped_column(server_default="")
    searches: Mapped[int] = mapped_column(server_default="0")
    unit: Mapped[str] = mapped_column(server_default="")  # USD | CNY | credits; "": it cost nothing.
    cost: Mapped[int] = mapped_column(BigInteger, server_default="0")  # Nano-units, or milli-credits.
    shortfall: Mapped[int] = mapped_column(BigInteger, server_default="0")  # The share nobody could pay.
    tariff: Mapped[str] = mapped_column(server_default="")  # JSON text: `billing.pricing.Tariff`.


class ResponseRow(Base):
    """A response that its caller asked to be stored; what was said in it is sealed."""

    __tablename__ = "responses"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    previous_id: Mapped[str | None]  # No foreign key: what goes before may be deleted by itself.
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes]


class ChangeRow(Base):
    """Something a running node keeps in memory was changed; nodes read `id > last`."""

    __tablename__ = "changes"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's form. Ids are never reused.

    # SQLite numbers rows by itself only in a column declared INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str]
    key: Mapped[str]
    at: Mapped[datetime]
