"""People come in: for the first time, by a link, after a forgotten password, when their session has ended."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import select, update

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill
from tests.flow.admin_client import browser
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.passwords import hash_password
from tokenmill.accounts.recovery import ask_for_reset
from tokenmill.accounts.tickets import ticket_link
from tokenmill.kit.clock import SystemClock
from tokenmill.store.tables import User
from tokenmill.store.work_tables import Session
from tokenmill.testing import PASSWORD, TestPlatform, open_test_platform

FRESH = "a password of my own"


@dataclass(frozen=True)
class Gate:
    """A platform that lets everybody sign up; not the one that all share, since people fail here."""

    platform: TestPlatform
    secret: bytes

    async def person(self, *, given: bool = False) -> str:
        """The address of somebody new, who signs in with PASSWORD."""
        email = f"person-{secrets.token_hex(4)}@example.com"
        password_hash = await hash_password(PASSWORD)
        async with self.platform.database.write() as work:
            await create_account(work, SystemClock(), email=email, password_hash=password_hash, given=given)
        return email

    async def reset_link(self, email: str) -> str:
        """What the letter to who forgot their password holds, as an address of this platform."""
        async with self.platform.database.write() as work:
            ticket = await ask_for_reset(work, SystemClock(), self.secret, email)
        assert ticket is not None
        return ticket_link(self.platform.url, self.secret, "password_reset", ticket.id)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gate(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gate]:
    """One for all tests here."""
    directory: Path = tmp_path_factory.mktemp("gate")
    environ = {"TOKENMILL__ACCOUNTS__SIGNUP": "open"}
    async with open_test_platform(directory, operator=True, environ=environ) as platform:
        yield Gate(platform, (directory / "secret").read_bytes())


async def sign_in(page: Page, say: Words, email: str, password: str) -> None:
    """Fills the form in and sends it."""
    await page.get_by_label(say("email")).fill(email)
    await page.get_by_label(say("password"), exact=True).fill(password)
    await page.get_by_role("button", name=say("action.signIn")).click()


async def test_guessing_is_slowed_down_and_tells_nobody_who_is_here(
    gate: Gate, visit: Open, say: Words
) -> None:
    """A known and an unknown address are refused in the same words; after five guesses there is a wait."""
    page = await visit("/console/sign-in", url=gate.platform.url)
    said = page.get_by_role("alert").filter(has_text=say("fault.wrongPassword"))
    await sign_in(page, say, await gate.person(), "a guess")
    await expect(said).to_be_visible()
    stranger = f"nobody-{secrets.token_hex(4)}@example.com"
    for _ in range(5):
        async with page.expect_response("**/console/api/v1/session"):
            await sign_in(page, say, stranger, "a guess")
        await expect(said).to_be_visible()
    await sign_in(page, say, stranger, "a guess")
    await expect(page.get_by_role("timer")).to_be_visible()
    await expect(page.get_by_role("button", name=say("action.signIn"))).to_be_hidden()
    counting = re.compile(say("entry:signInIn", seconds=r"\d+"))
    await expect(page.get_by_role("button", name=counting)).to_be_disabled()


async def test_who_signs_up_is_in(gate: Gate, visit: Open, say: Words) -> None:
    """From the page of sign-in to the first page, which begins with the first steps."""
    page = await visit("/console/sign-in", url=gate.platform.url)
    await page.get_by_role("link", name=say("entry:toSignUp")).click()
    await expect(page.get_by_role("heading", level=1, name=say("entry:signUp.title"))).to_be_visible()
    await page.get_by_label(say("email")).fill(f"new-{secrets.token_hex(4)}@example.com")
    await page.get_by_label(say("password"), exact=True).fill(FRESH)
    await page.get_by_role("button", name=say("entry:signUp.submit")).click()
    await expect(page.get_by_role("heading", level=1, name=say("nav.overview"))).to_be_visible()
    await expect(page.get_by_role("heading", name=say("overview:steps.title"))).to_be_visible()


async def test_an_invitation_is_followed_once(gate: Gate, visit: Open, say: Words) -> None:
    """Its link opens the page, which asks for a password alone; after that the link is dead."""
    email = f"guest-{secrets.token_hex(4)}@example.com"
    async with browser(gate.platform) as owner:
        link: str = (await owner.do("POST", "/invitations", {"email": email}))["link"]
    path = link[link.index("/console/") :]
    page = await visit(path, url=gate.platform.url)
    await expect(page.get_by_label(say("email"))).to_have_value(email)
    await page.get_by_label(say("entry:invite.choose")).fill(FRESH)
    await page.get_by_role("button", name=say("entry:invite.submit")).click()
    await expect(page.get_by_role("heading", level=1, name=say("nav.overview"))).to_be_visible()
    again = await visit(path, url=gate.platform.url)
    await expect(again.get_by_role("heading", level=1, name=say("entry:invite.badTitle"))).to_be_visible()


async def test_a_password_that_was_given_is_replaced_before_anything_else(
    gate: Gate, visit: Open, say: Words
) -> None:
    """No page opens before; the given password is not asked for again."""
    email = await gate.person(given=True)
    page = await visit("/console/keys", url=gate.platform.url)
    await sign_in(page, say, email, PASSWORD)
    title = page.get_by_role("heading", level=1, name=say("entry:newPassword.title"))
    await expect(title).to_be_visible()
    await page.goto("/console/keys")
    await expect(title).to_be_visible()
    await page.get_by_label(say("entry:newPassword.old")).fill(PASSWORD)
    await page.get_by_label(say("entry:newPassword.new")).fill(FRESH)
    await page.get_by_role("button", name=say("entry:newPassword.submit")).click()
    await expect(page.get_by_role("heading", level=1, name=say("nav.overview"))).to_be_visible()


async def test_a_forgotten_password_is_replaced_by_the_link_in_a_letter(
    gate: Gate, visit: Open, say: Words
) -> None:
    """The page says the same to everybody; the link asks for a new password, which then lets one in."""
    email = await gate.person()
    page = await visit("/console/sign-in", url=gate.platform.url)
    await page.get_by_role("link", name=say("entry:forgot")).click()
    await expect(page.get_by_role("heading", level=1, name=say("entry:reset.askTitle"))).to_be_visible()
    await page.get_by_label(say("email")).fill(email)
    await page.get_by_role("button", name=say("entry:reset.submit")).click()
    await expect(page.get_by_text(say("entry:reset.sent", email=email))).to_be_visible()
    page = await visit(await gate.reset_link(email), url=gate.platform.url)
    await page.get_by_label(say("entry:newPassword.new")).fill(FRESH)
    await page.get_by_role("button", name=say("entry:reset.useSubmit")).click()
    await expect(page.get_by_text(say("entry:reset.done"))).to_be_visible()
    await sign_in(page, say, email, FRESH)
    await expect(page.get_by_role("heading", level=1, name=say("nav.overview"))).to_be_visible()


async def test_what_was_typed_outlives_the_session(mill: Mill, signed_in: Open, say: Words) -> None:
    """The session ends while a key is being named: one signs in over the page, and the key is made."""
    email = await mill.newcomer()
    page = await signed_in(email, "/console/keys?new=1")
    form = page.get_by_role("dialog", name=say("keys:new"))
    await form.get_by_label(say("keys:field.name"), exact=True).fill("typed before")
    await page.context.clear_cookies()
    # By whatever means: the list behind may have noticed first, so that the question covers the button.
    await form.get_by_role("button", name=say("keys:create")).dispatch_event("click")
    again = page.get_by_role("dialog", name=say("action.signIn"))
    await expect(again.get_by_text(say("sessionEnded"))).to_be_visible()
    await again.get_by_label(say("password"), exact=True).fill(PASSWORD)
    await again.get_by_role("button", name=say("action.signIn")).click()
    await expect(page.get_by_role("dialog", name=say("keys:created", name="typed before"))).to_be_visible()
    await page.close(run_before_unload=False)


async def test_a_far_reaching_act_asks_for_the_password_again(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """A wrong one is refused in place; with the right one the act goes on by itself."""
    email = await mill.newcomer()
    page = await signed_in(email, "/console/account")
    old = SystemClock().now() - timedelta(hours=1)
    async with mill.platform.database.write() as work:
        user = await work.session.scalar(select(User.id).where(User.email == email))
        await work.session.execute(update(Session).where(Session.user_id == user).values(confirmed_at=old))
    async with page.expect_download() as saved:
        await page.get_by_role("button", name=say("account:data.export")).click()
        asked = page.get_by_role("dialog", name=say("confirmPassword.title"))
        for password in ("a guess", PASSWORD):
            await asked.get_by_label(say("password"), exact=True).fill(password)
            await asked.get_by_role("button", name=say("action.confirm")).click()
            if password != PASSWORD:
                await expect(asked.get_by_text(say("fault.wrongPasswordOnly"))).to_be_visible()
    assert (await saved.value).suggested_filename.endswith(".json")
