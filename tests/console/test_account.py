"""Somebody looks after their account."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill
from tests.flow.admin_client import browser
from tokenmill.testing import PASSWORD

FRESH = "a password of my own"


def section(page: Page, title: str) -> Any:
    """The card with this title."""
    return page.locator(".tm-section").filter(
        has=page.get_by_role("heading", level=2, name=title, exact=True)
    )


async def test_a_new_password_ends_all_other_sessions(mill: Mill, signed_in: Open, say: Words) -> None:
    """The old one has to be right; the other browser asks its user to sign in again, over the page."""
    email = await mill.newcomer()
    page = await signed_in(email, "/console/account")
    async with browser(mill.platform, email) as other:
        card = section(page, say("account:password.title"))
        for old in ("a guess", PASSWORD):
            await card.get_by_label(say("account:password.old")).fill(old)
            await card.get_by_label(say("account:password.new")).fill(FRESH)
            await card.get_by_role("button", name=say("account:password.change")).click()
            if old != PASSWORD:
                await expect(card.get_by_text(say("account:password.wrongOld"))).to_be_visible()
        await expect(page.get_by_text(say("account:password.changed"))).to_be_visible()
        assert await other.refused("GET", "/session") == (401, "signed_out")
        await other.sign_in(email, FRESH)


async def test_language_theme_and_zone_are_kept(mill: Mill, signed_in: Open, say: Words) -> None:
    """Each holds after a reload; the zone is named at the top of every page."""
    page = await signed_in(await mill.newcomer(), "/console/account")
    card = section(page, say("account:preferences.title"))
    await card.get_by_text(say("account:preferences.dark"), exact=True).click()
    zone = card.get_by_label(say("zone"), exact=True)
    await zone.fill("Kathmandu")
    await zone.press("Enter")
    await expect(page.get_by_role("link", name="Asia/Kathmandu (UTC+5:45)")).to_be_visible()
    other = Words("en" if say.language == "zh-CN" else "zh-CN")
    await card.get_by_text("English" if other.language == "en" else "中文", exact=True).click()
    heading = page.get_by_role("heading", level=1, name=other("account:title"))
    await expect(heading).to_be_visible()
    await page.reload()
    await expect(heading).to_be_visible()
    await expect(page.get_by_role("link", name="Asia/Kathmandu (UTC+5:45)")).to_be_visible()
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_other_browsers_are_signed_out(mill: Mill, signed_in: Open, say: Words) -> None:
    """All of them at once; this one stays."""
    email = await mill.newcomer()
    page = await signed_in(email, "/console/account")
    async with browser(mill.platform, email) as other:
        await page.reload()
        card = section(page, say("account:sessions.title"))
        await expect(card.get_by_text(say("account:sessions.here"))).to_have_count(1)
        await card.get_by_role("button", name=say("account:sessions.others")).click()
        await expect(page.get_by_text(say("account:sessions.othersEnded"))).to_be_visible()
        assert await other.refused("GET", "/session") == (401, "signed_out")


async def test_somebody_is_invited_and_the_invitation_taken_back(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """The link is shown once, with a button that copies it."""
    page = await signed_in(await mill.newcomer(), "/console/account")
    card = section(page, say("account:members.title"))
    await card.get_by_role("button", name=say("account:members.invite")).click()
    form = page.get_by_role("dialog", name=say("account:members.inviteTitle"))
    await form.get_by_label(say("account:who.email")).fill("friend@example.com")
    await form.get_by_role("button", name=say("account:members.inviteAct")).click()
    made = page.get_by_role("dialog", name=say("account:members.invited", email="friend@example.com"))
    await expect(made.get_by_text("/console/invite#")).to_be_visible()
    await made.get_by_role("button", name=say("action.done")).click()
    await card.get_by_role("button", name=say("account:members.withdraw")).click()
    await expect(card.get_by_text("friend@example.com")).to_have_count(0)


async def test_the_account_chooses_what_it_is_told_and_what_is_remembered(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """A notice of a low balance, a webhook whose secret is shown once, the memory of reasoning."""
    email = await mill.newcomer()
    page = await signed_in(email, "/console/account")
    notices = section(page, say("account:notices.title"))
    await notices.get_by_label(say("account:notices.amount")).fill("12.50")
    await notices.get_by_role("button", name=say("action.save")).click()
    await expect(page.get_by_text(say("saved"))).to_be_visible()
    webhook = section(page, say("account:webhook.title"))
    await webhook.get_by_label(say("account:webhook.url")).fill("https://example.com/hook")
    await webhook.get_by_role("button", name=say("account:webhook.save")).click()
    shown = page.get_by_role("dialog", name=say("account:webhook.secretTitle"))
    await expect(shown.get_by_label(say("secret.value"))).to_contain_text("whsec_")
    await shown.get_by_label(say("secret.saved")).check()
    await shown.get_by_role("button", name=say("action.done")).click()
    await section(page, say("account:vault.title")).get_by_role("switch").click()
    await expect(page.get_by_text(say("account:vault.off"))).to_be_visible()
    async with browser(mill.platform, email) as one:
        account = await one.get("/account")
    assert (account["low_balance"], account["webhook_url"], account["vault"]) == (
        "12.50",
        "https://example.com/hook",
        False,
    )


async def test_an_account_is_deleted_by_whoever_types_its_address(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """After that nobody comes in with it."""
    email = await mill.newcomer(balance="0")
    page = await signed_in(email, "/console/account")
    await page.get_by_role("button", name=say("account:end.act")).click()
    asked = page.get_by_role("dialog", name=say("account:end.sure"))
    await expect(asked.get_by_role("button", name=say("account:end.act"))).to_be_disabled()
    await asked.get_by_label(say("account:end.type", email=email)).fill(email)
    await asked.get_by_role("button", name=say("account:end.act")).click()
    await expect(page.get_by_role("heading", level=1, name=say("entry:title"))).to_be_visible()
    async with browser(mill.platform, None) as one:
        body = {"email": email, "password": PASSWORD}
        assert await one.refused("POST", "/session", body) == (401, "wrong_password")
