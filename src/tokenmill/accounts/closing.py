"""Closes accounts: their secrets die, their people are forgotten, their books stay."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update

from tokenmill.accounts.accounts import get_account, operating_accounts, refuse_without_operator
from tokenmill.accounts.members import forget_user
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano, show
from tokenmill.store.database import UnitOfWork
from tokenmill.store.files_tables import FileRow
from tokenmill.store.ledger_tables import Hold, Purse
from tokenmill.store.moderation_tables import ModerationPolicy
from tokenmill.store.plan_tables import Subscription
from tokenmill.store.tables import Account, Key, ResponseRow, User
from tokenmill.store.vault_tables import VaultTurn
from tokenmill.store.work_tables import Event, Ticket


async def close_account(
    work: UnitOfWork, clock: Clock, account_id: AccountId, *, forced: bool = False
) -> None:
    """Deletes the account for ever; its ledger, usage and audit entries stay under its id.

    `forced` is an operator's word that what is left in the wallet is given up. Raises Fault(CONFLICT) while
    exchanges run or money is left, for the last operator, and for an account that is deleted already.
    """
    account = await get_account(work, account_id)
    if account.deleted_at is not None:
        raise Fault(Code.CONFLICT, "The account has been deleted already.", field="id")
    await _refuse_unsettled(work, account, forced)
    operates = account_id in await operating_accounts(work)
    now = clock.now()
    keys = update(Key).where(Key.account_id == account_id, Key.deleted_at.is_(None))
    await work.session.execute(keys.values(deleted_at=now))
    users = await work.session.scalars(
        select(User).where(User.account_id == account_id, User.disabled_at.is_(None))
    )
    for user in users.all():
        await forget_user(work, clock, user)
    if operates:
        await refuse_without_operator(work)
    renewing = update(Subscription).where(Subscription.account_id == account_id)
    await work.session.execute(renewing.values(renews=False, next_plan_id=None))
    for table in (ResponseRow, VaultTurn, FileRow, ModerationPolicy, Event, Ticket):
        await work.session.execute(delete(table).where(table.account_id == account_id))
    account.email = f"deleted+{account.id}@invalid"
    account.deleted_at = now
    account.web_search = False
    account.webhook_url = account.webhook_secret = account.low_balance = None
    await work.session.flush()
    await work.changed("account", account.id)
    await work.changed("vault", account.id)
    await work.changed("files", account.id)
    await work.changed("moderation", "policies")


async def _refuse_unsettled(work: UnitOfWork, account: Account, forced: bool) -> None:
    running = (
        select(func.count()).select_from(Hold).where(Hold.account_id == account.id, Hold.state == "held")
    )
    if await work.session.scalar(running):
        raise Fault(Code.CONFLICT, "Exchanges of this account are running. Try again when they have ended.")
    left = await work.session.scalar(select(Purse.balance).where(Purse.id == f"wallet/{account.id}"))
    if left and not forced:
        raise Fault(
            Code.CONFLICT,
            f"There are {show(Nano(left))} {account.currency} in the wallet. "
            "Ask the operator of this platform to pay them out, or to delete the account all the same.",
        )
