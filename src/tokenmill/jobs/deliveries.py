"""Carries events to the people of an account by mail, and to its server by webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec
import structlog
from sqlalchemy import select

from tokenmill.accounts.tickets import link_to_send
from tokenmill.jobs.tasks import Chore, Claimed, TaskFailed
from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.sealing import Sealer
from tokenmill.notify.letters import LETTERS, write_letter
from tokenmill.ports import Mailer, Undeliverable
from tokenmill.store.database import Database, ReadWork, UnitOfWork
from tokenmill.store.outbox import DELIVER
from tokenmill.store.tables import Account, User
from tokenmill.store.tasks import ask_for
from tokenmill.store.work_tables import Event

_MINUTE, _HOUR = 60.0, 3600.0
AGAIN: Final = (5.0, 30.0, 5 * _MINUTE, _HOUR)
MAIL_AGAIN: Final = (30.0, 2 * _MINUTE, 10 * _MINUTE, _HOUR, 4 * _HOUR, 12 * _HOUR)
WEBHOOK_AGAIN: Final = (
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""Seconds between attempts, as the Standard Webhooks specification proposes: three days in all."""

_PERSONAL: Final = "user."
"""Events of this kind go to one address, and to no webhook: they are about somebody's way in."""

log = structlog.get_logger()


class Poster(Protocol):
    """Sends webhooks."""

    async def send(self, url: str, secret: str, message_id: str, at: datetime, body: bytes) -> None:
        """Posts `body`, signed. Raises Undeliverable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """The tasks that events become: one for each letter, and one for the webhook.

    `mailer` None: no letters are sent. `webhooks` opens what accounts' webhook secrets are sealed with;
    `secrets` make the links of tickets, the one in force first.
    """

    database: Database
    clock: Clock
    mailer: Mailer | None
    poster: Poster
    webhooks: Sealer
    secrets: Sequence[bytes]
    public_url: str

    def chores(self) -> Mapping[str, Chore]:
        """What the task runner is to do for each kind."""
        return {
            DELIVER: Chore(self.deliver, AGAIN),
            "mail": Chore(self.mail, MAIL_AGAIN),
            "webhook": Chore(self.webhook, WEBHOOK_AGAIN),
        }

    async def deliver(self, task: Claimed) -> None:
        """Asks for the letters and the webhook of an event."""
        async with self.database.write() as work:
            event = await work.session.get(Event, task.payload["event"])
            if event is None:  # The account was closed, and its events with it.
                return
            if self.mailer is not None and event.kind in LETTERS:
                await self._ask_for_letters(work, event)
            if not event.kind.startswith(_PERSONAL):
                account = await work.session.get(Account, event.account_id)
                if account is not None and account.webhook_url is not None:
                    await ask_for(work, self.clock, "webhook", {"event": event.id}, f"webhook:{event.id}")

    async def _ask_for_letters(self, work: UnitOfWork, event: Event) -> None:
        if event.kind.startswith(_PERSONAL):
            await ask_for(work, self.clock, "mail", {"event": event.id}, f"mail:{event.id}")
            return
        owners = select(User.id).where(
            User.account_id == event.account_id, User.standing == "owner", User.disabled_at.is_(None)
        )
        for user in await work.session.scalars(owners):
            payload = {"event": event.id, "user": user}
            await ask_for(work, self.clock, "mail", payload, f"mail:{event.id}:{user}")

    async def mail(self, task: Claimed) -> None:
        """Sends one letter, unless its reader or its link is gone by now."""
        if self.mailer is None:
            raise TaskFailed("[mail] host is not set on this node")
        async with self.database.read() as view:
            event = await view.session.get(Event, task.payload["event"])
            if event is None:
                return
            facts = _facts(event)
            if event.kind.startswith(_PERSONAL):
                to, language = facts.get("email", ""), facts.get("language")
                link = await self._link(view, facts)
                if link is None or not to:
                    log.warning("a link was no longer good when its letter was to be sent", event=event.id)
                    return
                facts["link"] = link
            else:
                user = await view.session.get(User, task.payload["user"])
                if user is None or user.disabled_at is not None:
                    return
                to, language = user.email, user.language
        letter = write_letter(event.kind, language, facts | {"console": f"{self.public_url}/console/"})
        if letter is None:
            return
        try:
            await self.mailer.send(to, letter.subject, letter.text, message_id=task.id)
        except Undeliverable as error:
            raise TaskFailed(str(error), final=error.final) from None

    async def _link(self, view: ReadWork, facts: Mapping[str, str]) -> str | None:
        ticket = facts.get("ticket", "")
        return await link_to_send(view, self.clock, self.public_url, self.secrets, ticket)

    async def webhook(self, task: Claimed) -> None:
        """Posts one event to where its account wants it now."""
        async with self.database.read() as view:
            event = await view.session.get(Event, task.payload["event"])
            if event is None:
                return
            account = await view.session.get(Account, event.account_id)
        if account is None or account.webhook_url is None or account.webhook_secret is None:
            return
        secret = self.webhooks.open(bytes.fromhex(account.webhook_secret), account.id.encode())
        if secret is None:
            raise TaskFailed("its secret was sealed with a secret that is not known any more", final=True)
        body = msgspec.json.encode(
            {
                "type": event.kind,
                "timestamp": rfc3339(event.created_at),
                "data": {"account": event.account_id, **_payload(event)},
            }
        )
        try:
            await self.poster.send(account.webhook_url, secret.decode(), event.id, self.clock.now(), body)
        except Undeliverable as error:
            raise TaskFailed(str(error), final=error.final) from None


def _payload(event: Event) -> dict[str, str | int | None]:
    return msgspec.json.decode(event.payload, type=dict[str, str | int | None])


def _facts(event: Event) -> dict[str, str]:
    return {name: str(value) for name, value in _payload(event).items() if value is not None}
