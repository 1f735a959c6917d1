"""The caller's account: its plugins, its notices, its data, its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from tokenmill.accounts.accounts import get_account, limits_of
from tokenmill.accounts.closing import close_account
from tokenmill.accounts.export import export_account
from tokenmill.accounts.preferences import (
    preferences,
    set_low_balance,
    set_webhook,
    switch_vault,
    switch_web_search,
)
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOwner, Desk, Member, Owner
from tokenmill.admin.developer.keys import RatesShown
from tokenmill.admin.developer.session import drop_session_cookie
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Amount, AmountAsked, Asked, Done, Moment, Shown
from tokenmill.kit.ids import AccountId
from tokenmill.memory.vault import forget_account

router = APIRouter(tags=["account"])


class AccountShown(Shown):
    """`low_balance` null: nobody is told; `limits` are the account's own, null where the models' hold."""

    id: str
    email: str
    currency: str
    created_at: Moment
    web_search: bool
    vault: bool
    low_balance: Amount | None
    webhook_url: str | None
    limits: RatesShown


class AccountChange(Asked):
    """What is left out stays as it is."""

    web_search: bool | None = None
    vault: bool | None = None
    low_balance: AmountAsked | None = None


class Webhook(Asked):
    """Where events are sent; null: nowhere."""

    url: str | None


class WebhookSet(Shown):
    """`secret` signs what is sent; it is shown only now."""

    url: str | None
    secret: str | None


@router.get("/account")
async def account(caller: Member, desk: Desk) -> AccountShown:
    """The account of who is signed in."""
    return await _look(desk, caller.account_id)


@router.patch("/account")
async def change_account(asked: AccountChange, caller: Owner, desk: Desk) -> AccountShown:
    """Switch plugins, set notices; the switch takes effect on every node within a second."""
    given = asked.model_fields_set
    async with acting(desk, caller, "account.change") as act:
        if "web_search" in given:
            await switch_web_search(act.work, caller.account_id, on=bool(asked.web_search))
        if "vault" in given:
            await switch_vault(act.work, caller.account_id, on=bool(asked.vault))
        if "low_balance" in given:
            await set_low_balance(act.work, caller.account_id, asked.low_balance)
        act.on(caller.account_id, changed=", ".join(sorted(given)))
    return await _look(desk, caller.account_id)


@router.delete("/account/vault")
async def empty_vault(caller: Owner, desk: Desk) -> Done:
    """Delete all reasoning that is remembered for the account's coding agents."""
    async with acting(desk, caller, "account.vault.empty") as act:
        await forget_account(act.work, caller.account_id)
        act.on(caller.account_id)
    return Done()


@router.put("/account/webhook")
async def change_webhook(asked: Webhook, caller: ConfirmedOwner, desk: Desk) -> WebhookSet:
    """Set where events are sent; each time there is a new secret."""
    async with acting(desk, caller, "account.webhook") as act:
        secret = await set_webhook(
            act.work, desk.webhooks, caller.account_id, asked.url, loopback=desk.webhooks_loopback
        )
        act.on(caller.account_id, url=asked.url)
    return WebhookSet(url=asked.url, secret=secret)


@router.get("/account/export", response_class=StreamingResponse)
async def export(caller: ConfirmedOwner, desk: Desk) -> StreamingResponse:
    """All that is kept about the account, without secrets, as one JSON file."""
    return StreamingResponse(
        _kept_open(desk, caller.account_id),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{caller.account_id}.json"'},
    )


@router.delete("/account")
async def delete_account(caller: ConfirmedOwner, desk: Desk, response: Response) -> Done:
    """Delete the account for ever; refused while exchanges run or money is left in the wallet."""
    async with acting(desk, caller, "account.delete") as act:
        await close_account(act.work, desk.clock, caller.account_id)
        act.on(caller.account_id)
    drop_session_cookie(desk, response)
    return Done()


async def _kept_open(desk: Services, account_id: AccountId) -> AsyncIterator[bytes]:
    pieces: list[bytes] = []
    size = 0
    async for piece in export_account(desk.database, account_id):
        pieces.append(piece)
        size += len(piece)
        if size > 65_536:
            yield b"".join(pieces)
            pieces, size = [], 0
    yield b"".join(pieces)


async def _look(desk: Services, account_id: AccountId) -> AccountShown:
    async with desk.database.read() as work:
        row = await get_account(work, account_id)
        chosen = await preferences(work, account_id)
    return AccountShown(
        id=row.id,
        email=row.email,
        currency=row.currency,
        created_at=row.created_at,
        web_search=chosen.web_search,
        vault=chosen.vault,
        low_balance=chosen.low_balance,
        webhook_url=chosen.webhook_url,
        limits=RatesShown.of(limits_of(row.limits)),
    )
