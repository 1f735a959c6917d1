"""The account's money: what is left, where it went, how more comes in."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter

from tokenmill.accounts.preferences import preferences
from tokenmill.accounts.throttle import Subject
from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Desk, Member, Owner
from tokenmill.admin.shapes import Amount, Asked, Cursor, Limit, Moment, Page, Secret, Shown
from tokenmill.billing.codes import redeem
from tokenmill.billing.ledger import look_into, wallet_of
from tokenmill.billing.wallet import Line, statement

router = APIRouter(tags=["wallet"])


class Wallet(Shown):
    """`free` is what can be spent now; the rest is set aside for exchanges that run."""

    currency: str
    balance: Amount
    held: Amount
    free: Amount
    low_balance_warning: bool


class Entry(Shown):
    """A movement as the wallet saw it; `balance` is what it held afterwards."""

    id: str
    kind: str
    source: str
    at: Moment
    amount: Amount
    balance: Amount
    details: dict[str, Any]


class CodeAsked(Asked):
    code: Secret


class CodeRedeemed(Shown):
    amount: Amount
    balance: Amount
    currency: str


@router.get("/wallet")
async def wallet(caller: Member, desk: Desk) -> Wallet:
    """What is left."""
    async with desk.database.read() as work:
        purse = await look_into(work, wallet_of(caller.account_id))
        threshold = (await preferences(work, caller.account_id)).low_balance
    return Wallet(
        currency=caller.who.currency,
        balance=purse.balance,
        held=purse.held,
        free=purse.free,
        low_balance_warning=threshold is not None and purse.balance < threshold,
    )


@router.get("/wallet/statement")
async def entries(caller: Member, desk: Desk, limit: Limit = 50, cursor: Cursor = None) -> Page[Entry]:
    """What came in and went out, the newest first, each with the balance after it."""
    async with desk.database.read() as work:
        found = await statement(work, wallet_of(caller.account_id), cursor=cursor, limit=limit)
    return Page(data=[entry_shown(line) for line in found.lines], next_cursor=found.next)


@router.post("/wallet/redeem")
async def redeem_code(asked: CodeAsked, caller: Owner, desk: Desk) -> CodeRedeemed:
    """Put a code's money into the wallet; who guesses has to wait."""
    guesser = Subject("code", caller.account_id)
    await desk.throttle.admit(guesser)
    async with acting(desk, caller, "wallet.redeem") as act:
        done = await redeem(
            act.work,
            desk.clock,
            [desk.secret, *desk.secrets_old],
            account_id=caller.account_id,
            code=asked.code,
        )
        await desk.throttle.forgive(act.work, guesser)
        act.on(caller.account_id, amount=done.amount, currency=done.currency)
    return CodeRedeemed.of(done)


def entry_shown(line: Line) -> Entry:
    """A movement as it is shown."""
    return Entry(
        id=line.transfer_id,
        kind=line.kind,
        source=line.source,
        at=line.at,
        amount=line.amount,
        balance=line.balance,
        details=json.loads(line.memo or "{}"),
    )
