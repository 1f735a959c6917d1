"""Exchanges to hold and settle, and a look at what the database says of them afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select

from tokenmill.kit.ids import AccountId, ExchangeId, KeyId, ModelId, TargetId
from tokenmill.store.database import open_database
from tokenmill.store.ledger_tables import Hold, Posting, Purse, Transfer
from tokenmill.store.rows import HoldAsked, HoldState, PurseAsked, Settlement, UsageRow
from tokenmill.store.tables import Usage

NOON = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
WALLET = "wallet/acc_1"
LEDGER = ("wallet/", "credits/")


def usage(name: str, *, client: str = "curl", unit: str = "", cost: int = 0) -> UsageRow:
    """A row as a settled exchange leaves it."""
    return UsageRow(
        id=ExchangeId(name),
        account_id=AccountId("acc_1"),
        key_id=KeyId("key_1"),
        model=ModelId("mimo-v2.5-pro"),
        target=TargetId("gpu-1"),
        upstream_model="MiMo-V2.5-Pro",
        protocol="openai_chat",
        stream=True,
        started_at=NOON,
        duration_ms=1200,
        first_ms=90,
        status="answered",
        http_status=200,
        stop="end",
        fault=None,
        input_fresh=10,
        input_cached=20,
        input_written=0,
        output=30,
        output_reasoning=5,
        quality="reported",
        client=client,
        request_id="req_1",
        unit=unit,
        cost=cost,
    )


def hold(
    name: str,
    want: int,
    least: int | None = None,
    *purses: str | PurseAsked,
    node: str = "node_1",
    unit: str = "USD",
    draft: str = "{}",
) -> HoldAsked:
    """A hold on the wallet, or on `purses`; `least` is all of it unless it is given."""
    asked = [PurseAsked(id=purse) if isinstance(purse, str) else purse for purse in purses or (WALLET,)]
    return HoldAsked(
        id=ExchangeId(name),
        account_id=AccountId("acc_1"),
        purses=tuple(asked),
        unit=unit,
        want=want,
        least=want if least is None else least,
        node=node,
        at=NOON,
        draft=draft,
        input_fresh=7,
    )


def settlement(
    name: str,
    cost: int,
    *purses: str,
    state: HoldState | None = None,
    unit: str = "USD",
    client: str = "curl",
    at: datetime = NOON,
) -> Settlement:
    """The end of such a hold; a cost of nothing releases it."""
    return Settlement(
        id=ExchangeId(name),
        account_id=AccountId("acc_1"),
        purses=purses or (WALLET,),
        unit=unit,
        cost=cost,
        charged="platform/revenue",
        unpaid="platform/shortfall",
        state=state or ("settled" if cost else "released"),
        at=at,
        row=usage(name, client=client, unit=unit if cost else "", cost=cost),
    )


async def fill(url: str, balances: Mapping[str, int], unit: str = "USD") -> None:
    """Makes purses; what is in ledger accounts was granted."""
    async with open_database(url) as database, database.write() as work:
        for purse, balance in balances.items():
            await work.session.execute(
                insert(Purse).values(id=purse, unit=unit, balance=balance, held=0, expires_at=None)
            )
            if not purse.startswith(LEDGER):
                continue
            name = f"grant:{purse}"
            await work.session.execute(
                insert(Transfer).values(
                    id=name, source=name, kind="grant", account_id="acc_1", at=NOON, memo="{}"
                )
            )
            for account, amount in ((purse, balance), ("platform/granted", -balance)):
                await work.session.execute(
                    insert(Posting).values(transfer_id=name, ledger_account=account, unit=unit, amount=amount)
                )


@dataclass(frozen=True, slots=True)
class Books:
    """Everything there is about money: purses as (balance, held), holds as (state, amount)."""

    purses: dict[str, tuple[int, int]]
    holds: dict[str, tuple[str, int]]
    accounts: dict[str, int]
    usage: dict[str, tuple[int, int]]
    transfers: list[str]

    def free(self, purse: str = WALLET) -> int:
        balance, held = self.purses[purse]
        return balance - held


async def read_books(url: str) -> Books:
    """The books, after a look at whether they are sound."""
    async with open_database(url) as database, database.read() as view:
        purses = (await view.session.execute(select(Purse.id, Purse.balance, Purse.held))).all()
        holds = (await view.session.execute(select(Hold.id, Hold.state, Hold.amount, Hold.purses))).all()
        postings = (
            await view.session.execute(
                select(Posting.transfer_id, Posting.unit, Posting.ledger_account, Posting.amount)
            )
        ).all()
        used = (await view.session.execute(select(Usage.id, Usage.cost, Usage.shortfall))).all()
        transfers = (await view.session.scalars(select(Transfer.source).order_by(Transfer.source))).all()
    accounts: dict[str, int] = defaultdict(int)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for transfer, unit, account, amount in postings:
        accounts[account] += amount
        sums[transfer, unit] += amount
    held: dict[str, int] = defaultdict(int)
    for _, state, amount, names in holds:
        for purse in names.split() if state == "held" else ():
            held[purse] += amount
    assert set(sums.values()) <= {0}, "a transfer does not balance"
    for purse, balance, set_aside in purses:
        assert 0 <= set_aside <= balance, f"{purse} is overdrawn"
        assert set_aside == held[purse], f"{purse} does not hold what its holds say"
        if purse.startswith(LEDGER):
            assert balance == accounts[purse], f"{purse} is not what was posted to it"
    return Books(
        purses={row.id: (row.balance, row.held) for row in purses},
        holds={row.id: (row.state, row.amount) for row in holds},
        accounts=dict(accounts),
        usage={row.id: (row.cost, row.shortfall) for row in used},
        transfers=list(transfers),
    )
