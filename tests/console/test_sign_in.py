"""Somebody signs in, as the page lets them."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill
from tokenmill.testing import PASSWORD


async def test_who_opens_a_page_signs_in_and_arrives_there(mill: Mill, visit: Open, say: Words) -> None:
    """After a wrong password is told; the session outlives a reload, and no password is kept."""
    email = await mill.newcomer()
    page = await visit("/console/keys")
    for password in ("a guess", PASSWORD):
        await page.get_by_label(say("email")).fill(email)
        await page.get_by_label(say("password"), exact=True).fill(password)
        await page.get_by_role("button", name=say("action.signIn")).click()
        if password != PASSWORD:
            await expect(page.get_by_role("alert")).to_be_visible()
    heading = page.get_by_role("heading", level=1, name=say("nav.keys"))
    await expect(heading).to_be_visible()
    await page.reload()
    await expect(heading).to_be_visible()
    kept = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"
    assert PASSWORD not in await page.evaluate(kept)
