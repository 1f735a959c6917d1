"""Somebody new comes to the first page, and somebody whose plan is used up."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect
from sqlalchemy import update

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill, open_mill
from tests.flow.admin_client import browser
from tokenmill.store.ledger_tables import Purse


async def test_the_first_steps_tick_themselves(mill: Mill, signed_in: Open, say: Words) -> None:
    """A key is made and used elsewhere; the page tells so by itself, down to the request's receipt."""
    email = await mill.newcomer()
    page = await signed_in(email)
    steps = page.get_by_role("list").filter(has_text=say("overview:steps.key"))
    await expect(steps.get_by_text(say("overview:steps.isOpen"))).to_have_count(3)
    async with browser(mill.platform, email) as one:
        key = (await one.do("POST", "/keys", {"name": "laptop"}))["secret"]
    status, _ = await mill.call(key)
    assert status == 200
    await expect(steps.get_by_text(say("overview:steps.isDone"))).to_have_count(3)
    await expect(page.get_by_text(say("overview:steps.done"))).to_be_visible()
    recent = page.get_by_role("region", name=say("overview:recent.title"))
    await expect(recent.get_by_role("row", name="laptop")).to_contain_text("claude-code")


async def test_what_is_left_stands_on_the_first_screen_of_a_phone(
    signed_in: Open, mill: Mill, say: Words
) -> None:
    """Balance, plan and today, above the fold; the balance is the ledger's."""
    page = await signed_in("developer", width=390)
    async with browser(mill.platform, "dev@example.com") as one:
        free = (await one.get("/wallet"))["free"]
    shown = page.locator(".tm-hero").first
    await expect(shown).to_have_text(f"${float(free):,.2f}")
    for key in ("balance.title", "today.title"):
        title = page.get_by_role("heading", level=2, name=say(f"overview:{key}"), exact=True)
        await expect(title).to_be_in_viewport()
    await expect(page.get_by_role("meter").first).to_be_in_viewport()


async def test_a_used_up_plan_is_told_on_every_page(tmp_path: Path, signed_in: Open, say: Words) -> None:
    """With the ways out; the balance is not touched by it."""
    async with open_mill(tmp_path) as mill:
        async with mill.platform.database.write() as work:
            await work.session.execute(update(Purse).where(Purse.id.startswith("credits/")).values(balance=0))
        for path in ("/console/", "/console/account"):
            page = await signed_in("developer", path, url=mill.url)
            await expect(page.get_by_text(say("exhaustedWays"))).to_be_visible()
            await page.close()
