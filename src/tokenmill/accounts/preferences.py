"""Keeps what an account has chosen: its plugins, and how its people are told of things."""

from __future__ import annotations

import secrets
from base64 import b64encode
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from tokenmill.accounts.accounts import get_account
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import ReadWork, UnitOfWork

_LONGEST_URL = 2000


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What the account has chosen; `low_balance` is in nano-units, None: nobody is told."""

    web_search: bool
    vault: bool
    low_balance: Nano | None
    webhook_url: str | None


async def preferences(work: ReadWork | UnitOfWork, account_id: AccountId) -> Preferences:
    """The account's choices."""
    row = await get_account(work, account_id)
    return Preferences(
        web_search=row.web_search,
        vault=row.vault,
        low_balance=None if row.low_balance is None else Nano(row.low_balance),
        webhook_url=row.webhook_url,
    )


async def switch_web_search(work: UnitOfWork, account_id: AccountId, *, on: bool) -> None:
    """Every node knows within a second."""
    (await get_account(work, account_id)).web_search = on
    await work.changed("account", account_id)


async def switch_vault(work: UnitOfWork, account_id: AccountId, *, on: bool) -> None:
    """Whether reasoning is remembered and put back; what was remembered before stays until it is deleted."""
    (await get_account(work, account_id)).vault = on
    await work.changed("account", account_id)


async def set_low_balance(work: UnitOfWork, account_id: AccountId, amount: Nano | None) -> None:
    """Below how much the account's people are told; None: never."""
    if amount is not None and not 0 <= amount <= 10**18:
        raise Fault(Code.BAD_VALUE, "Name an amount of 0 or more.", field="low_balance")
    (await get_account(work, account_id)).low_balance = amount
    await work.changed("account", account_id)


async def set_webhook(
    work: UnitOfWork, sealer: Sealer, account_id: AccountId, url: str | None, *, loopback: bool = False
) -> str | None:
    """Where events are sent; the new secret that signs them, whole for the only time, or None with no URL.

    `loopback` allows this machine itself, and plain http to it. Raises Fault(BAD_VALUE) for what is no
    address to send to.
    """
    row = await get_account(work, account_id)
    if url is None:
        row.webhook_url = row.webhook_secret = None
        await work.changed("account", account_id)
        return None
    row.webhook_url = _webhook_url(url, loopback=loopback)
    secret = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"  # As Standard Webhooks receivers read it.
    row.webhook_secret = sealer.seal(secret.encode(), account_id.encode()).hex()
    await work.changed("account", account_id)
    return secret


def _webhook_url(url: str, *, loopback: bool) -> str:
    """The sender looks at where the name leads; this refuses what can never be meant."""
    here = ", or one of this machine like http://127.0.0.1:9000/hook" if loopback else ""
    wrong = Fault(
        Code.BAD_VALUE, f"Write a public address like https://example.com/hook{here}.", field="webhook_url"
    )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or len(url) > _LONGEST_URL:
        raise wrong
    if not url.isascii() or not url.isprintable() or " " in url:
        raise wrong
    if loopback and _is_loopback(host):
        return url
    if parts.scheme == "http":
        raise wrong
    try:
        literal = ip_address(host)
    except ValueError:
        return url
    if not literal.is_global:
        raise wrong
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
