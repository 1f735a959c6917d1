"""Who may come in: throttle, sessions, tickets, members; on both kinds of database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from tokenmill.accounts.accounts import create_account, find_account, list_accounts, suspend
from tokenmill.accounts.members import (
    accept,
    invite,
    list_members,
    remove,
    set_role,
    set_standing,
    sign_up,
)
from tokenmill.accounts.passwords import hash_password, password_fits
from tokenmill.accounts.recovery import ask_for_reset, reset_password
from tokenmill.accounts.refusals import Refusal
from tokenmill.accounts.sessions import Sessions, SessionTerms
from tokenmill.accounts.sign_in import SignIn
from tokenmill.accounts.throttle import Subject, Throttle, address_subjects
from tokenmill.accounts.tickets import InviteTerms, ticket_link, ticket_token
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, UserId
from tokenmill.store.database import Database, open_database
from tokenmill.store.tables import User
from tokenmill.store.work_tables import AuditEntry, Event, Session, SignInFailure, Ticket
from tokenmill.testing import FixedClock

SECRET = b"a secret"
PASSWORD = "a good password"


class House:
    """A database with one account, whose owner signs in."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FixedClock()
        self.sessions = Sessions(database, self.clock, SessionTerms())
        self.throttle = Throttle(database, self.clock)
        self.door = SignIn(database, self.clock, self.sessions, self.throttle)
        self.account = AccountId("")

    async def sign_in(
        self, password: str = PASSWORD, email: str = "dev@example.com", at: str = "10.0.0.1"
    ) -> str:
        return await self.door.sign_in(email, password, address=at, agent="a browser")

    async def guess(self, email: str = "dev@example.com", at: str = "10.0.0.1") -> Fault:
        """The fault that a wrong password meets."""
        with pytest.raises(Fault) as caught:
            await self.sign_in("a wrong password", email, at)
        return caught.value

    async def join(self, email: str, terms: InviteTerms) -> UserId:
        async with self.database.write() as work:
            ticket = await invite(
                work,
                self.clock,
                SECRET,
                email,
                signup="invite",
                by=self.account,
                into=self.account,
                terms=terms,
            )
        async with self.database.write() as work:
            return (await accept(work, self.clock, ticket_token(SECRET, ticket.id), "*")).id


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_database(database_url) as database:
        made = House(database)
        async with database.write() as work:
            made.account = (
                await create_account(
                    work, made.clock, email="dev@example.com", password_hash=await hash_password(PASSWORD)
                )
            ).id
        yield made


async def test_a_session_is_found_by_its_token_until_it_is_idle_or_old(house: House) -> None:
    """Used every six days it lasts thirty days and no longer; unused it ends after seven."""
    token = await house.sign_in()
    for _ in range(4):
        house.clock.advance(6 * 86_400)
        assert await house.sessions.find(token) is not None
    house.clock.advance(6 * 86_400 + 1)
    assert await house.sessions.find(token) is None
    idle = await house.sign_in()
    house.clock.advance(7 * 86_400 + 1)
    assert await house.sessions.find(idle) is None


async def test_the_database_has_no_token(house: House) -> None:
    """Whoever reads the table of sessions can enter none of them."""
    token = await house.sign_in()
    async with house.database.read() as view:
        row = (await view.session.scalars(select(Session))).one()
    assert all(token not in str(value) for value in vars(row).values())
    assert await house.sessions.find(row.hash.hex()) is None


async def test_a_password_counts_as_just_given_for_ten_minutes(house: House) -> None:
    """Then it has to be given again, and a wrong one does not do."""
    token = await house.sign_in()
    house.clock.advance(599)
    who = await house.sessions.find(token)
    assert who is not None
    assert house.sessions.confirmed(who)
    house.clock.advance(1)
    assert not house.sessions.confirmed(who)
    with pytest.raises(Refusal, match="wrong"):
        await house.door.confirm(who, "a wrong password", address="10.0.0.1")
    await house.door.confirm(who, PASSWORD, address="10.0.0.1")
    again = await house.sessions.find(token)
    assert again is not None
    assert house.sessions.confirmed(again)


async def test_guessing_is_blocked_ever_longer_and_known_users_look_like_unknown_ones(house: House) -> None:
    """Five wrong ones are free; then 30 s, 60 s, …; word for word the same for who does not exist."""
    for email, at in (("dev@example.com", "10.0.0.1"), ("nobody@example.com", "10.0.0.2")):
        assert [(await house.guess(email, at)).code for _ in range(5)] == [Code.BAD_KEY] * 5
        blocked = await house.guess(email, at)
        assert (blocked.code, blocked.retry_after) == (Code.RATE_LIMITED, 30)
    assert (await house.guess()).message == (await house.guess("nobody@example.com", "10.0.0.2")).message
    house.clock.advance(31)
    assert (await house.guess()).code is Code.BAD_KEY
    assert (await house.guess()).retry_after == 60


async def test_who_is_blocked_is_blocked_with_the_right_password_too_and_free_afterwards(
    house: House,
) -> None:
    """Else guessing would go on behind the block; a good sign-in forgets the address's failures."""
    for _ in range(5):
        await house.guess()
    with pytest.raises(Fault, match="30 seconds"):
        await house.sign_in()
    house.clock.advance(31)
    assert await house.sign_in()
    assert [(await house.guess()).code for _ in range(5)] == [Code.BAD_KEY] * 5


async def test_a_thousand_guesses_at_once_are_not_one(house: House) -> None:
    """Attempts are counted before they are judged, so those that run side by side share the five."""
    faults = await asyncio.gather(*(house.guess() for _ in range(12)))
    assert sum(fault.code is Code.BAD_KEY for fault in faults) <= 5


async def test_one_address_that_tries_many_users_is_blocked_and_others_are_not(house: House) -> None:
    """Twenty users from one address, and it waits; another address signs in."""
    codes = [(await house.guess(f"user{n}@example.com", "10.0.0.9")).code for n in range(21)]
    assert codes == [Code.BAD_KEY] * 20 + [Code.RATE_LIMITED]
    assert await house.sign_in(at="10.0.0.8")


async def test_a_day_later_everything_is_forgotten(house: House) -> None:
    """The window of a day begins anew, and the sweep takes the rows away."""
    for _ in range(5):
        await house.guess()
    house.clock.advance(86_400 + 3_601)
    await house.throttle.sweep()
    async with house.database.read() as view:
        assert (await view.session.scalars(select(SignInFailure))).all() == []
    assert [(await house.guess()).code for _ in range(5)] == [Code.BAD_KEY] * 5


@pytest.mark.parametrize(
    ("address", "subjects"),
    [
        ("10.0.0.1", (Subject("address", "10.0.0.1"),)),
        ("::ffff:10.0.0.1", (Subject("address", "10.0.0.1"),)),
        ("2001:db8::1", (Subject("address", "2001:db8::/64"),)),
        ("2001:db8::ffff:2", (Subject("address", "2001:db8::/64"),)),
        ("", ()),
    ],
)
def test_an_ipv6_network_counts_as_one_address(address: str, subjects: tuple[Subject, ...]) -> None:
    """Everybody has a network of 2^64 addresses there."""
    assert address_subjects(address) == subjects


async def test_a_new_password_ends_all_other_sessions(house: House) -> None:
    """Whoever had the old password is out; this browser stays in."""
    other, mine = await house.sign_in(), await house.sign_in()
    who = await house.sessions.find(mine)
    assert who is not None
    await house.door.change_password(who, PASSWORD, "a better password", address="10.0.0.1")
    assert await house.sessions.find(other) is None
    assert await house.sessions.find(mine) is not None
    assert (await house.guess()).code is Code.BAD_KEY
    assert await house.sign_in("a better password")


async def test_a_reset_link_works_once_within_its_hour_and_ends_every_session(house: House) -> None:
    """The event names the ticket; only who has the platform's secret can make the link of it."""
    before = await house.sign_in()
    async with house.database.write() as work:
        ticket = await ask_for_reset(work, house.clock, SECRET, "DEV@example.com")
        assert await ask_for_reset(work, house.clock, SECRET, "nobody@example.com") is None
    assert ticket is not None
    token = ticket_token(SECRET, ticket.id)
    async with house.database.read() as view:
        event = (await view.session.scalars(select(Event))).one()
        row = (await view.session.scalars(select(Ticket))).one()
    assert token not in event.payload
    assert ticket.id in event.payload
    assert all(token not in str(value) for value in vars(row).values())
    assert ticket_link("https://a.example", SECRET, "password_reset", ticket.id).endswith(f"/reset#{token}")

    new_hash = await hash_password("a new password")
    async with house.database.write() as work:
        await reset_password(work, house.clock, token, new_hash, address="10.0.0.1")
    assert await house.sessions.find(before) is None
    with pytest.raises(Refusal):
        async with house.database.write() as work:
            await reset_password(work, house.clock, token, new_hash, address="10.0.0.1")
    assert await house.sign_in("a new password")


async def test_a_reset_link_is_good_for_an_hour_and_a_newer_one_ends_it(house: House) -> None:
    """Of two links only the later one works, and none after its time."""
    async with house.database.write() as work:
        first = await ask_for_reset(work, house.clock, SECRET, "dev@example.com")
        second = await ask_for_reset(work, house.clock, SECRET, "dev@example.com")
    assert first is not None
    assert second is not None
    with pytest.raises(Refusal):
        async with house.database.write() as work:
            await reset_password(work, house.clock, ticket_token(SECRET, first.id), "*", address="")
    house.clock.advance(3600)
    with pytest.raises(Refusal):
        async with house.database.write() as work:
            await reset_password(work, house.clock, ticket_token(SECRET, second.id), "*", address="")


async def test_an_invitation_makes_a_member_of_the_account_once(house: House) -> None:
    """A second use, and an invitation of who signs in already, are refused."""
    terms = InviteTerms(standing="member")
    member = await house.join("New@Example.com", terms)
    async with house.database.read() as view:
        assert [(each.email, each.standing) for each in await list_members(view, house.account)] == [
            ("dev@example.com", "owner"),
            ("new@example.com", "member"),
        ]
        assert len(await list_accounts(view)) == 1
        assert (await find_account(view, "new@example.com")).id == house.account
        ticket = (await view.session.scalars(select(Ticket))).one()
    with pytest.raises(Refusal):
        async with house.database.write() as work:
            await accept(work, house.clock, ticket_token(SECRET, ticket.id), "*")
    with pytest.raises(Fault, match="signs in to an account already"):
        await house.join("new@example.com", terms)
    async with house.database.write() as work:
        await remove(work, house.clock, member, house.account)
    assert await house.join("new@example.com", terms) != member


async def test_an_account_keeps_an_owner_and_the_platform_an_operator(house: House) -> None:
    """The last of each can neither leave nor step down, nor can their account be suspended."""
    member = await house.join("second@example.com", InviteTerms(standing="member"))
    async with house.database.read() as view:
        owner = (await list_members(view, house.account))[0].id
    with pytest.raises(Fault, match="last owner"):
        async with house.database.write() as work:
            await remove(work, house.clock, owner, house.account)
    with pytest.raises(Fault, match="last owner"):
        async with house.database.write() as work:
            await set_standing(work, owner, house.account, "member")
    async with house.database.write() as work:
        await set_role(work, owner, "operator")
        await set_standing(work, member, house.account, "owner")
    with pytest.raises(Fault, match="last operator"):
        async with house.database.write() as work:
            await set_role(work, owner, "developer")
    with pytest.raises(Fault, match="last operator"):
        async with house.database.write() as work:
            await remove(work, house.clock, owner, house.account)
    with pytest.raises(Fault, match="last operator"):
        async with house.database.write() as work:
            await suspend(work, house.clock, house.account)
    async with house.database.read() as view:
        assert (await view.session.get_one(User, owner)).role == "operator"


@pytest.mark.parametrize("signup", ["closed", "invite"])
async def test_nobody_signs_up_where_that_is_not_open(house: House, signup: str) -> None:
    """By default people come by invitation; where it is closed, not even so."""
    kind = "closed" if signup == "closed" else "invite"
    with pytest.raises(Fault, match="not open for sign-up"):
        async with house.database.write() as work:
            await sign_up(
                work,
                house.clock,
                signup="closed" if kind == "closed" else "invite",
                email="a@b.example",
                password_hash="*",
                currency="USD",
                language=None,
            )
    if kind == "closed":
        with pytest.raises(Fault, match="takes no new users"):
            async with house.database.write() as work:
                await invite(
                    work,
                    house.clock,
                    SECRET,
                    "a@b.example",
                    signup="closed",
                    by=house.account,
                    into=None,
                    terms=InviteTerms(),
                )


async def test_a_user_without_a_password_cannot_sign_in_and_takes_as_long(house: House) -> None:
    """What is no hash fits nothing, by the same work as a wrong password."""
    assert not await password_fits("*", "anything")
    assert not await password_fits(None, "anything")
    assert not await password_fits(await hash_password(PASSWORD), "x" * 5000)


async def test_signing_in_leaves_an_audit_entry_and_failing_to_leaves_none(house: House) -> None:
    """The log only grows, so strangers must not be able to fill it."""
    await house.guess()
    await house.sign_in()
    async with house.database.read() as view:
        entries = (await view.session.scalars(select(AuditEntry))).all()
    assert [(entry.action, entry.actor, entry.address) for entry in entries] == [
        ("session.open", "dev@example.com", "10.0.0.1")
    ]


async def test_old_sessions_are_swept(house: House) -> None:
    """A month after its end nobody looks at a session any more."""
    await house.sign_in()
    house.clock.advance(timedelta(days=61).total_seconds())
    await house.sessions.sweep()
    async with house.database.read() as view:
        assert (await view.session.scalars(select(Session))).all() == []
