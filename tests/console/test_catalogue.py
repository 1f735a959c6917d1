"""An operator adds a model with a price, changes the price after a preview, and takes the model out."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect
from sqlalchemy import select, update

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill
from tokenmill.store.tables import User
from tokenmill.store.work_tables import Session
from tokenmill.testing import PASSWORD


async def forget_password(mill: Mill, email: str) -> None:
    """The last time that it was given is a while ago."""
    mine = select(User.id).where(User.email == email).scalar_subquery()
    long_ago = datetime.now(UTC) - timedelta(days=30)
    async with mill.platform.database.write() as work:
        stale = update(Session).where(Session.user_id == mine)
        await work.session.execute(stale.values(confirmed_at=long_ago))


async def price(page: Page, say: Words, rate: str, amount: str) -> None:
    await page.get_by_label(say(f"opModels:rate.{rate}")).first.fill(amount)


async def test_a_price_is_changed_after_its_meaning_was_seen(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """Before and after, one receipt old and new; the password is asked for by itself."""
    name = f"model-{secrets.token_hex(3)}"
    email = await mill.newcomer(role="operator")
    page = await signed_in(email, "/console/op/models")
    await page.get_by_role("link", name=say("opModels:add")).click()
    await page.get_by_label(say("opModels:field.id"), exact=True).fill(name)
    preview = page.get_by_role("button", name=say("common:action.preview"))
    await preview.click()  # The first field that is wrong is on another tab, and is shown.
    await expect(page.get_by_text(say("opModels:wrong.upstream"))).to_be_visible()
    await page.get_by_role("combobox", name=say("opModels:field.target"), exact=True).click()
    await page.get_by_title("gpu-1 · openai").click()
    await page.get_by_label(say("opModels:field.upstream")).fill("up-model")
    await page.get_by_role("tab", name=say("opModels:tab.price")).click()
    await page.get_by_role("switch", name=say("opModels:soldIn", currency="USD")).click()
    await price(page, say, "input", "2")
    await price(page, say, "output", "8")
    await preview.click()
    dialog = page.get_by_role("dialog", name=say("opModels:preview.title"))
    await expect(dialog.get_by_text("price.USD.output")).to_be_visible()
    await sound(page)
    await dialog.get_by_role("button", name=say("common:action.apply")).click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()

    await page.get_by_role("tab", name=say("opModels:tab.price")).click()
    await price(page, say, "input", "4")
    await preview.click()
    row = dialog.get_by_role("row").filter(has_text="price.USD.input")
    await expect(row).to_contain_text("2.00")
    await expect(row).to_contain_text("4.00")
    receipt = dialog.get_by_role("row").filter(has_text=say("opModels:trend.up"))
    # 50,000 cached and 1,000 fresh tokens at the price of input, 800 of output.
    await expect(receipt).to_contain_text("$0.108400000")
    await expect(receipt).to_contain_text("$0.210400000")
    await sound(page)
    await forget_password(mill, email)
    await dialog.get_by_role("button", name=say("common:action.apply")).click()
    asked = page.get_by_role("dialog", name=say("common:confirmPassword.title"))
    await asked.get_by_label(say("common:password"), exact=True).fill(PASSWORD)
    await asked.get_by_role("button", name=say("common:action.confirm")).click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("input = 4.00").first).to_be_visible()

    await page.get_by_role("button", name=say("common:action.delete")).click()
    gone = page.get_by_role("dialog")
    await gone.get_by_role("button", name=say("common:action.delete")).click()
    await expect(page.get_by_role("heading", name=say("opModels:title"), level=1)).to_be_visible()
    await expect(page.get_by_role("link", name=name)).to_have_count(0)
