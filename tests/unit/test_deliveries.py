"""How events become letters and webhooks, on both databases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy import select

from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.closing import close_account
from tokenmill.accounts.members import accept, invite
from tokenmill.accounts.preferences import set_webhook
from tokenmill.accounts.recovery import ask_for_reset
from tokenmill.accounts.tickets import InviteTerms, look_at
from tokenmill.jobs.deliveries import MAIL_AGAIN, WEBHOOK_AGAIN, Deliveries
from tokenmill.jobs.tasks import TaskRunner
from tokenmill.kit.ids import AccountId
from tokenmill.kit.sealing import Sealer
from tokenmill.ports import Undeliverable
from tokenmill.store.database import Database, open_database
from tokenmill.store.outbox import announce
from tokenmill.store.work_tables import Task
from tokenmill.testing import FixedClock

SECRET, OLD = b"s" * 32, b"o" * 32
SEALER = Sealer(SECRET, purpose="webhooks")
PLAN = {"plan": "lite", "ends_at": "2026-12-22T23:59:59Z", "reason": "not renewed"}


@dataclass
class Post:
    """Takes letters and webhooks; fails first as often as it is told to."""

    failures: list[Undeliverable] = field(default_factory=list)
    letters: list[tuple[str, str, str]] = field(default_factory=list)
    webhooks: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@dataclass
class Mailbox:
    post: Post

    async def send(self, to: str, subject: str, text: str, *, message_id: str) -> None:
        if self.post.failures:
            raise self.post.failures.pop(0)
        self.post.letters.append((to, subject, text))


@dataclass
class Poster:
    post: Post

    async def send(self, url: str, secret: str, message_id: str, at: datetime, body: bytes) -> None:
        if self.post.failures:
            raise self.post.failures.pop(0)
        self.post.webhooks.append((url, secret, message_id, body))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
async def account(database: Database, clock: FixedClock) -> AccountId:
    async with database.write() as work:
        email = "dev@example.com"
        return (await create_account(work, clock, email=email, password_hash="x", language="zh-CN")).id


def runner(database: Database, clock: FixedClock, post: Post, *, mail: bool = True) -> TaskRunner:
    deliveries = Deliveries(
        database=database,
        clock=clock,
        mailer=Mailbox(post) if mail else None,
        poster=Poster(post),
        webhooks=SEALER,
        secrets=(SECRET, OLD),
        public_url="https://mill.example",
    )
    return TaskRunner(database, clock, "node_1", deliveries.chores())


async def run(tasks: TaskRunner) -> None:
    while await tasks.run_due():
        await tasks.settled()


async def ended(database: Database, clock: FixedClock, account: AccountId, name: str = "sub_1") -> None:
    async with database.write() as work:
        await announce(work, clock, "plan.ended", account, PLAN, f"plan.ended:{name}")


async def webhook(database: Database, account: AccountId) -> str:
    async with database.write() as work:
        secret = await set_webhook(work, SEALER, account, "https://hooks.example.com/mill")
    assert secret is not None
    return secret


async def test_an_event_is_written_and_posted_once(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    secret = await webhook(database, account)
    tasks = runner(database, clock, post)
    for _ in range(2):
        await ended(database, clock, account)
        await run(tasks)

    ((to, subject, text),) = post.letters
    assert ("dev@example.com", "Token Plan lite 已结束") == (to, subject)
    assert "https://mill.example/console/" in text
    ((url, signed_with, _, body),) = post.webhooks
    assert ("https://hooks.example.com/mill", secret) == (url, signed_with)
    told = json.loads(body)
    assert ("plan.ended", "2026-11-22T08:00:00Z") == (told["type"], told["timestamp"])
    assert {"account": account, **PLAN} == told["data"]


async def test_owners_are_written_to_and_members_and_leavers_are_not(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    async with database.write() as work:
        for email, standing in (("owner@example.com", "owner"), ("member@example.com", "member")):
            terms = InviteTerms(standing="owner" if standing == "owner" else "member")
            await invite(work, clock, SECRET, email, signup="invite", by=account, into=account, terms=terms)
    tasks = runner(database, clock, post)
    await run(tasks)
    for _, _, text in list(post.letters):
        token = text.partition("#")[2].split()[0]
        async with database.write() as work:
            await accept(work, clock, token, "hash")
    post.letters.clear()

    await ended(database, clock, account)
    await run(tasks)
    assert {"dev@example.com", "owner@example.com"} == {to for to, _, _ in post.letters}


async def test_an_invitation_is_sent_with_a_link_that_works_and_to_no_webhook(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    """In both languages: nobody knows yet which one its reader prefers."""
    await webhook(database, account)
    async with database.write() as work:
        await invite(
            work,
            clock,
            SECRET,
            "new@example.com",
            signup="invite",
            by=account,
            into=None,
            terms=InviteTerms(),
        )
    await run(runner(database, clock, post))
    ((to, subject, text),) = post.letters
    assert "new@example.com" == to
    assert "invited" in subject
    assert "受邀" in text
    assert "https://mill.example/console/invite#" in text
    async with database.read() as view:
        ticket = await look_at(view, clock, "invite", text.partition("#")[2].split()[0])
    assert "new@example.com" == ticket.email
    assert [] == post.webhooks
    async with database.read() as view:  # The link is nowhere but in the letter.
        payloads = await view.session.scalars(select(Task.payload))
        assert not any("#" in payload or ticket.id in payload for payload in payloads)


async def test_a_link_made_before_the_secret_was_rotated_works(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    async with database.write() as work:
        await ask_for_reset(work, clock, OLD, "dev@example.com")
    await run(runner(database, clock, post))
    ((_, subject, text),) = post.letters
    assert "密码" in subject
    async with database.read() as view:
        await look_at(view, clock, "password_reset", text.partition("#")[2].split()[0])


async def test_a_link_that_is_no_longer_good_is_not_sent(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    async with database.write() as work:
        await ask_for_reset(work, clock, SECRET, "dev@example.com")
    clock.advance(3601)
    await run(runner(database, clock, post))
    assert [] == post.letters


async def test_what_fails_is_tried_again_without_the_others(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    await webhook(database, account)
    post.failures = [Undeliverable("busy"), Undeliverable("busy")]
    tasks = runner(database, clock, post)
    await ended(database, clock, account)
    await run(tasks)
    assert Post() == post
    clock.advance(max(MAIL_AGAIN[0], WEBHOOK_AGAIN[0]))
    await run(tasks)
    assert (1, 1) == (len(post.letters), len(post.webhooks))


async def test_a_receiver_that_is_gone_is_given_up_at_once(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    await webhook(database, account)
    post.failures = [Undeliverable("gone", final=True)]
    await ended(database, clock, account)
    await run(runner(database, clock, post, mail=False))
    async with database.read() as view:
        task = (await view.session.scalars(select(Task).where(Task.kind == "webhook"))).one()
    assert "gone" == task.last_error
    assert task.failed_at is not None


async def test_without_a_mail_server_no_letter_waits(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    await ended(database, clock, account)
    await run(runner(database, clock, post, mail=False))
    async with database.read() as view:
        assert ["deliver"] == list(await view.session.scalars(select(Task.kind)))


async def test_a_closed_account_hears_nothing_more(
    database: Database, clock: FixedClock, account: AccountId, post: Post
) -> None:
    await webhook(database, account)
    async with database.write() as work:
        await create_account(work, clock, email="op@example.com", password_hash="x", role="operator")
    await ended(database, clock, account)
    async with database.write() as work:
        await close_account(work, clock, account)
    await run(runner(database, clock, post))
    assert Post() == post
