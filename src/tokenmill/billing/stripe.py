"""Takes payments through Stripe Checkout, with Stripe's own library."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import NANO
from tokenmill.ports import CheckoutAsked, CheckoutOpened, PaymentNews

PER_CENT: Final = NANO // 100
"""Nano-units in the smallest unit of Stripe's: cents and fen are both hundredths."""
LEAST: Final = {"USD": 50, "CNY": 400}
"""Stripe charges nothing smaller than about half a dollar."""
MOST: Final = 99_999_999
"""Eight digits are what Stripe takes."""
TOLERANCE: Final = 300
"""Seconds after which a signed call is too old; the library's own default."""

_PAID: Final = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_FAILED: Final = ("checkout.session.async_payment_failed", "checkout.session.expired")


class _Session(msgspec.Struct):
    id: str
    client_reference_id: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_status: str = ""


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    type: str
    data: _Data


class StripePayments:
    """Payments by Stripe; the library is imported when it is first needed."""

    name = "stripe"

    def __init__(self, api_key: str, webhook_secret: str) -> None:
        """Raises Fault(MISCONFIGURED) for an empty secret, which everybody could sign with."""
        if not api_key.strip() or not webhook_secret.strip():
            raise Fault(
                Code.MISCONFIGURED,
                "Stripe needs its API key and the signing secret of its webhook (whsec_…); one is empty.",
            )
        self._api_key = api_key.strip()
        self._secret = webhook_secret.strip()

    def check(self, asked: CheckoutAsked) -> None:
        """Raises Fault(BAD_VALUE) for parts of a cent, and for too little or too much."""
        cents, rest = divmod(asked.amount, PER_CENT)
        least = LEAST.get(asked.currency)
        if least is None:
            raise Fault(Code.BAD_VALUE, f"Stripe is not set up for {asked.currency}.", field="currency")
        if rest or not least <= cents <= MOST:
            raise Fault(
                Code.BAD_VALUE,
                f"Stripe charges whole cents, from {least / 100:.2f} to {MOST / 100:.2f} {asked.currency}.",
                field="amount",
            )

    async def checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        """A page of Stripe's on which the payer pays."""
        self.check(asked)
        return await asyncio.to_thread(self._checkout, asked)

    def read_news(self, body: bytes, signature: str | None) -> PaymentNews | None:
        """What a call to the webhook says; its `Stripe-Signature` header is checked first."""
        self._verify(body, signature)
        try:
            event = msgspec.json.decode(body, type=_Event)
            if event.type not in (*_PAID, *_FAILED):
                return None
            session = msgspec.json.decode(event.data.object, type=_Session)
        except msgspec.MsgspecError as error:
            raise Fault(Code.BAD_VALUE, f"Stripe's call cannot be read: {error}.") from error
        if session.client_reference_id is None:
            return None  # A checkout that somebody made elsewhere, in the same Stripe account.
        if event.type == _PAID[0] and session.payment_status != "paid":
            return None  # Ordered, and the bank takes its time; another call will follow.
        return PaymentNews(
            payment_id=session.client_reference_id,
            provider_ref=session.id,
            paid=event.type in _PAID,
            amount=(session.amount_total or 0) * PER_CENT,
            currency=(session.currency or "").upper(),
        )

    def _verify(self, body: bytes, signature: str | None) -> None:
        from stripe import SignatureVerificationError, WebhookSignature

        # The library compares texts in a way that only ASCII ones survive.
        if signature is not None and signature.isascii():
            try:
                WebhookSignature.verify_header(body.decode(), signature, self._secret, TOLERANCE)
            except (SignatureVerificationError, UnicodeDecodeError):
                pass
            else:
                return
        raise Fault(Code.FORBIDDEN, "Stripe has not signed this call, or long ago.", field="Stripe-Signature")

    def _checkout(self, asked: CheckoutAsked) -> CheckoutOpened:
        import stripe

        try:
            session = stripe.StripeClient(self._api_key).v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "client_reference_id": asked.payment_id,
                    "customer_email": asked.email,
                    "success_url": asked.success_url,
                    "cancel_url": asked.cancel_url,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": asked.currency.lower(),
                                "unit_amount": asked.amount // PER_CENT,
                                "product_data": {"name": asked.title},
                            },
                        }
                    ],
                },
                {"idempotency_key": asked.payment_id},
            )
        except stripe.APIConnectionError as error:
            raise Fault(Code.UPSTREAM_AWAY, "Stripe cannot be reached.", retry_after=5.0) from error
        except stripe.StripeError as error:
            raise Fault(Code.UPSTREAM_REFUSED, "Stripe refuses this payment.") from error
        if session.url is None:
            raise Fault(Code.UPSTREAM_REFUSED, "Stripe gave no page to pay on.")
        return CheckoutOpened(url=session.url, provider_ref=session.id)
