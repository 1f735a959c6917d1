"""Accounts: who there is, who may come in, who is stopped."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from tokenmill.accounts.accounts import (
    AccountView,
    account_of,
    create_account,
    find_accounts,
    get_account,
    limits_of,
    restore,
    set_limits,
    suspend,
    suspension,
)
from tokenmill.accounts.closing import close_account
from tokenmill.accounts.keys import disable_key, enable_key, list_keys
from tokenmill.accounts.members import list_members
from tokenmill.accounts.passwords import hash_password
from tokenmill.admin.account_usage import NOTHING, AccountUse, recent_use
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import ConfirmedOperator, Desk, Operator
from tokenmill.admin.developer.keys import Rates, RatesShown
from tokenmill.admin.developer.members import MemberShown
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import (
    Amount,
    Asked,
    Credits,
    Currency,
    Cursor,
    Done,
    Everything,
    Limit,
    Line,
    Moment,
    Page,
    Shown,
    page_of,
    read_cursor,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.secrets import KeyKind, new_password
from tokenmill.store.ledger_tables import Purse
from tokenmill.store.tables import Role

router = APIRouter(prefix="/operator/accounts", tags=["operator: accounts"])


class AccountAsked(Asked):
    email: Line
    currency: Currency = "USD"
    role: Role = "developer"


class Reason(Asked):
    """Why; the account's people read it when they try to sign in."""

    reason: Line


class Deletion(Asked):
    """`forced` gives up what is left in the wallet."""

    reason: Line
    forced: bool = False


class RecentUse(Shown):
    """Of the last 30 days (UTC): `cost` in the account's currency, `credits` of plans."""

    requests: int
    cost: Amount
    credits: Credits


class AccountRow(Shown):
    id: str
    email: str
    currency: str
    role: Role
    created_at: Moment
    disabled_at: Moment | None
    deleted_at: Moment | None
    balance: Amount
    recent: RecentUse


class AccountMade(Shown):
    """`password` is shown only now; its owner is asked to change it."""

    account: AccountRow
    password: str


class AccountDetail(AccountRow):
    """`limits` are the account's own, null where the models' hold."""

    suspension: str
    limits: RatesShown
    web_search: bool
    members: list[MemberShown]


class KeyRow(Shown):
    id: str
    kind: KeyKind
    name: str
    shown: str
    created_at: Moment
    expires_at: Moment | None
    disabled_at: Moment | None
    stopped: bool
    deleted_at: Moment | None


@router.get("")
async def accounts(
    _: Operator,
    desk: Desk,
    q: str = "",
    deleted: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccountRow]:
    """Accounts, the newest first; `q` is a part of an address, or an account's id."""
    after = read_cursor(cursor, str)
    async with desk.database.read() as work:
        views = await find_accounts(
            work, text=q[:200], below=after[0] if after else None, limit=limit + 1, deleted=deleted
        )
        wallets = [f"wallet/{view.id}" for view in views]
        rows = await work.session.execute(select(Purse.id, Purse.balance).where(Purse.id.in_(wallets)))
        balances = {row.id: row.balance for row in rows}
        uses = await recent_use(work, [view.id for view in views], desk.clock.now())
    return page_of(
        views,
        limit,
        lambda view: _row(view, balances.get(f"wallet/{view.id}", 0), uses.get(view.id, NOTHING)),
        lambda view: (view.id,),
    )


@router.post("", status_code=201)
async def make_account(asked: AccountAsked, caller: ConfirmedOperator, desk: Desk) -> AccountMade:
    """Make an account with a random password, which is shown once."""
    password = new_password()
    password_hash = await hash_password(password)
    async with acting(desk, caller, "account.create") as act:
        made = await create_account(
            act.work,
            desk.clock,
            email=asked.email,
            password_hash=password_hash,
            role=asked.role,
            currency=asked.currency,
            given=True,
        )
        act.on(made.id, email=made.email, role=asked.role)
    return AccountMade(account=_row(made, 0, NOTHING), password=password)


@router.get("/{account_id}")
async def account(account_id: str, _: Operator, desk: Desk) -> AccountDetail:
    """One account with its people and limits."""
    return await _look(desk, account_id)


@router.post("/{account_id}/suspend")
async def suspend_account(
    account_id: str, asked: Reason, caller: ConfirmedOperator, desk: Desk
) -> AccountDetail:
    """Stop all keys and sessions of an account within a second; its money stays."""
    _not_oneself(account_id, caller.account_id)
    async with acting(desk, caller, "account.suspend", AccountId(account_id)) as act:
        await suspend(act.work, desk.clock, account_id)
        act.on(account_id, reason=asked.reason)
    return await _look(desk, account_id)


@router.post("/{account_id}/restore")
async def restore_account(account_id: str, caller: ConfirmedOperator, desk: Desk) -> AccountDetail:
    """Undo a suspension."""
    async with acting(desk, caller, "account.restore", AccountId(account_id)) as act:
        await restore(act.work, account_id)
        act.on(account_id)
    return await _look(desk, account_id)


@router.put("/{account_id}/limits")
async def change_limits(account_id: str, asked: Rates, caller: Operator, desk: Desk) -> AccountDetail:
    """Give an account limits of its own; null leaves it to the models'."""
    async with acting(desk, caller, "account.limits", AccountId(account_id)) as act:
        await set_limits(act.work, account_id, asked.limits())
        act.on(account_id, rpm=asked.rpm, tpm=asked.tpm, concurrency=asked.concurrency)
    return await _look(desk, account_id)


@router.post("/{account_id}/delete")
async def delete_account(account_id: str, asked: Deletion, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Delete an account for ever; its books stay."""
    _not_oneself(account_id, caller.account_id)
    async with acting(desk, caller, "account.delete", AccountId(account_id)) as act:
        await close_account(act.work, desk.clock, AccountId(account_id), forced=asked.forced)
        act.on(account_id, reason=asked.reason, forced=asked.forced)
    return Done()


@router.get("/{account_id}/keys")
async def keys(account_id: str, _: Operator, desk: Desk) -> Everything[KeyRow]:
    """An account's keys, deleted ones included, the oldest first."""
    async with desk.database.read() as work:
        await get_account(work, account_id)
        views = await list_keys(work, AccountId(account_id), deleted=True)
    return Everything(data=[KeyRow.of(view) for view in views])


@router.post("/{account_id}/keys/{key_id}/disable")
async def stop_key(account_id: str, key_id: str, caller: Operator, desk: Desk) -> KeyRow:
    """Stop one key of an account within a second; its people cannot enable it again."""
    async with acting(desk, caller, "key.disable", AccountId(account_id)) as act:
        view = await disable_key(act.work, desk.clock, key_id, AccountId(account_id), by_operator=True)
        act.on(key_id)
    return KeyRow.of(view)


@router.post("/{account_id}/keys/{key_id}/enable")
async def start_key(account_id: str, key_id: str, caller: Operator, desk: Desk) -> KeyRow:
    """Undo that."""
    async with acting(desk, caller, "key.enable", AccountId(account_id)) as act:
        view = await enable_key(act.work, key_id, AccountId(account_id), by_operator=True)
        act.on(key_id)
    return KeyRow.of(view)


async def _look(desk: Services, account_id: str) -> AccountDetail:
    async with desk.database.read() as work:
        view = await account_of(work, account_id)
        row = await get_account(work, account_id)
        members = await list_members(work, view.id)
        balance = await work.session.scalar(select(Purse.balance).where(Purse.id == f"wallet/{account_id}"))
        uses = await recent_use(work, [view.id], desk.clock.now())
        why = "" if row.disabled_at is None else await suspension(work, view.id)
    return AccountDetail(
        **dict(_row(view, balance or 0, uses.get(view.id, NOTHING))),
        suspension=why,
        limits=RatesShown.of(limits_of(row.limits)),
        web_search=row.web_search,
        members=[MemberShown.of(member) for member in members],
    )


def _row(view: AccountView, balance: int, use: AccountUse) -> AccountRow:
    return AccountRow(
        id=view.id,
        email=view.email,
        currency=view.currency,
        role=view.role,
        created_at=view.created_at,
        disabled_at=view.disabled_at,
        deleted_at=view.deleted_at,
        balance=balance,
        recent=RecentUse.of(use),
    )


def _not_oneself(account_id: str, own: str) -> None:
    if account_id == own:
        raise Fault(Code.CONFLICT, "This is your own account; let another operator do it.", field="id")
