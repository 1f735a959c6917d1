"""How payments are begun and credited, with Stripe's signatures checked offline, on both databases."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tokenmill.accounts.accounts import create_account
from tokenmill.billing.ledger import look_into, wallet_of
from tokenmill.billing.payments import Outcome, begin_top_up, list_payments, take_news
from tokenmill.billing.stripe import StripePayments
from tokenmill.billing.verify import verify
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import NANO, Nano
from tokenmill.ports import CheckoutAsked, CheckoutOpened, PaymentNews
from tokenmill.store.database import Database, open_database
from tokenmill.testing import FixedClock

SECRET = "whsec_for_tests"
STRIPE = StripePayments("sk_test_x", SECRET)
TEN = Nano(10 * NANO)


class Provider:
    """A provider that opens a page at once, or fails."""

    name = "stripe"

    def __init__(self, failure: Fault | None = None) -> None:
        self.failure = failure
        self.asked: list[CheckoutAsked] = []

    def check(self, asked: CheckoutAsked) -> None:
        STRIPE.check(asked)

    async def checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        self.asked.append(asked)
        if self.failure is not None:
            raise self.failure
        return CheckoutOpened(url="https://pay.example/1", provider_ref="cs_1")

    def read_news(self, body: bytes, signature: str | None) -> PaymentNews | None:
        return STRIPE.read_news(body, signature)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
async def account(database: Database, clock: FixedClock) -> AccountId:
    async with database.write() as work:
        return (await create_account(work, clock, email="a@example.com", password_hash="hash")).id


async def begin(database: Database, clock: FixedClock, account: AccountId, provider: Provider) -> str:
    view, url = await begin_top_up(
        database,
        clock,
        provider,
        account_id=account,
        amount=TEN,
        success_url="https://mill.example/console/wallet",
        cancel_url="https://mill.example/console/wallet",
    )
    assert url == "https://pay.example/1"
    return view.id


def event(kind: str = "checkout.session.completed", **session: Any) -> bytes:
    whole = {
        "id": "cs_1",
        "object": "checkout.session",
        "client_reference_id": "pay_1",
        "amount_total": 1000,
        "currency": "usd",
        "payment_status": "paid",
        **session,
    }
    return msgspec.json.encode({"id": "evt_1", "object": "event", "type": kind, "data": {"object": whole}})


def signed(body: bytes, secret: str = SECRET, age: int = 0) -> str:
    """By the published scheme, written out again here."""
    at = int(time.time()) - age
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def tell(database: Database, clock: FixedClock, body: bytes) -> Outcome:
    news = STRIPE.read_news(body, signed(body))
    assert news is not None
    async with database.write() as work:
        return await take_news(work, clock, "stripe", news)


async def balance(database: Database, account: AccountId) -> int:
    async with database.read() as view:
        assert (await verify(view, FixedClock().now())).ok
        return (await look_into(view, wallet_of(account))).balance


async def test_a_payment_is_credited_once_however_often_it_is_told(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    payment = await begin(database, clock, account, Provider())
    body = event(client_reference_id=payment)
    outcomes = await asyncio.gather(*(tell(database, clock, body) for _ in range(5)))
    assert sorted(outcomes) == ["credited", *["known"] * 4]
    assert await balance(database, account) == TEN
    later = event("checkout.session.async_payment_succeeded", client_reference_id=payment)
    assert await tell(database, clock, later) == "known"
    failed = event("checkout.session.expired", client_reference_id=payment)
    assert await tell(database, clock, failed) == "known"
    assert await balance(database, account) == TEN
    async with database.read() as view:
        assert [each.state for each in await list_payments(view, account)] == ["paid"]


@pytest.mark.parametrize(
    ("session", "outcome"),
    [
        ({"amount_total": 999}, "mismatch"),
        ({"amount_total": 100_000}, "mismatch"),
        ({"amount_total": None}, "mismatch"),
        ({"currency": "cny"}, "mismatch"),
        ({"id": "cs_other"}, "unknown"),
        ({"client_reference_id": "pay_other"}, "unknown"),
    ],
)
async def test_what_is_not_what_was_asked_for_credits_nobody(
    database: Database, clock: FixedClock, account: AccountId, session: dict[str, Any], outcome: Outcome
) -> None:
    payment = await begin(database, clock, account, Provider())
    assert await tell(database, clock, event(**{"client_reference_id": payment, **session})) == outcome
    assert await balance(database, account) == 0


async def test_a_payment_that_failed_may_still_be_paid(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    payment = await begin(database, clock, account, Provider())
    kinds = ("checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded")
    outcomes = [await tell(database, clock, event(kind, client_reference_id=payment)) for kind in kinds]
    assert outcomes == ["failed", "credited"]


async def test_news_of_another_provider_is_not_believed(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    payment = await begin(database, clock, account, Provider())
    body = event(client_reference_id=payment)
    news = STRIPE.read_news(body, signed(body))
    assert news is not None
    async with database.write() as work:
        assert await take_news(work, clock, "other", news) == "unknown"


async def test_a_provider_that_is_away_leaves_a_failed_payment(
    database: Database, clock: FixedClock, account: AccountId
) -> None:
    away = Fault(Code.UPSTREAM_AWAY, "Stripe cannot be reached.")
    with pytest.raises(Fault, match="cannot be reached"):
        await begin(database, clock, account, Provider(away))
    async with database.read() as view:
        assert [each.state for each in await list_payments(view, account)] == ["failed"]


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(TEN + 1, "USD"), (NANO // 4, "USD"), (NANO, "CNY"), (10**16, "USD"), (TEN, "EUR")],
)
def test_amounts_that_stripe_cannot_charge_are_refused(amount: int, currency: str) -> None:
    asked = CheckoutAsked(
        payment_id="pay_1",
        amount=amount,
        currency=currency,
        title="t",
        email="a@b",
        success_url="https://x",
        cancel_url="https://x",
    )
    with pytest.raises(Fault) as caught:
        STRIPE.check(asked)
    assert caught.value.code is Code.BAD_VALUE


@pytest.mark.parametrize(("key", "secret"), [("", SECRET), ("sk_test_x", ""), ("sk_test_x", " \n")])
def test_an_empty_secret_is_refused(key: str, secret: str) -> None:
    with pytest.raises(Fault) as caught:
        StripePayments(key, secret)
    assert caught.value.code is Code.MISCONFIGURED


def test_only_what_stripe_has_signed_lately_is_read() -> None:
    body = event()
    other = event(amount_total=1)
    for signature in (
        None,
        "",
        "nonsense",
        "t=1,v1=",
        "t=1,v1=é",
        signed(body, "whsec_other"),
        signed(body, ""),
        signed(body, age=301),
        signed(other),
        signed(body).replace("v1=", "v0="),
    ):
        with pytest.raises(Fault) as caught:
            STRIPE.read_news(body, signature)
        assert caught.value.code is Code.FORBIDDEN
    with pytest.raises(Fault, match="not signed"):
        STRIPE.read_news(b"\xff", signed(b"\xff"))
    assert STRIPE.read_news(body, signed(body, age=200)) == PaymentNews(
        payment_id="pay_1", provider_ref="cs_1", paid=True, amount=TEN, currency="USD"
    )


@pytest.mark.parametrize(
    "body",
    [
        event("invoice.paid"),
        event("charge.refunded"),
        event(client_reference_id=None),
        event(payment_status="unpaid"),
        b'{"type": "customer.created", "data": {"object": {"id": 5}}}',
    ],
)
def test_events_that_concern_no_payment_are_passed_over(body: bytes) -> None:
    assert STRIPE.read_news(body, signed(body)) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type": 1}', event(id=None)])
def test_a_signed_call_that_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        STRIPE.read_news(body, signed(body))
    assert caught.value.code is Code.BAD_VALUE
