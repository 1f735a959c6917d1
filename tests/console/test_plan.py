"""Somebody buys a Token Plan, and replaces its key."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill

KEY = re.compile(r"tp-[A-Za-z0-9]{40,}")


async def shown_once(page: Page, say: Words) -> str:
    """The key that the dialog shows; the dialog is gone afterwards."""
    dialog = page.get_by_role("dialog", name=say("plan:newKey"))
    value = dialog.get_by_label(say("secret.value"))
    await expect(value).to_have_text(KEY)
    key = await value.inner_text()
    await page.keyboard.press("Escape")
    await expect(value).to_be_visible()
    await dialog.get_by_role("checkbox").check()
    await dialog.get_by_role("button", name=say("action.done")).click()
    await expect(dialog).to_be_hidden()
    assert key not in await page.content()
    return key


async def ended(mill: Mill, key: str) -> None:
    """Waits for the second that was promised, times ten for busy machines."""
    for _ in range(100):
        if (await mill.call(key, base="/token-plan"))[0] == 401:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the key of before is still good")


async def test_a_plan_is_bought_and_its_key_replaced(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """The rules come first, the key is shown once; after the reset only the new one is good."""
    page = await signed_in(await mill.newcomer(), "/console/plan")
    await page.get_by_role("button", name=re.compile(say("plan:subscribe"))).first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text(say("plan:rules.never_from_the_wallet"))).to_be_visible()
    pay = dialog.get_by_role("button", name=say("plan:buy"))
    await expect(pay).to_be_disabled()
    await dialog.get_by_role("checkbox", name=say("plan:agree")).check()
    await sound(page)
    await pay.click()
    first = await shown_once(page, say)
    assert (await mill.call(first, base="/token-plan"))[0] == 200

    await page.get_by_role("button", name=say("plan:resetKey")).click()
    await page.get_by_role("dialog").get_by_role("button", name=say("plan:resetKey")).click()
    second = await shown_once(page, say)
    assert (await mill.call(second, base="/token-plan"))[0] == 200
    await ended(mill, first)


async def test_a_plan_that_is_too_dear_says_what_is_missing(mill: Mill, signed_in: Open, say: Words) -> None:
    """Nothing can be bought with an empty wallet, and the dialog says where money comes from."""
    page = await signed_in(await mill.newcomer(balance="1.00"), "/console/plan")
    await page.get_by_role("button", name=re.compile(say("plan:subscribe"))).first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name=say("plan:agree")).check()
    await expect(dialog.get_by_role("link", name=say("plan:redeem"))).to_be_visible()
    await expect(dialog.get_by_role("button", name=say("plan:buy"))).to_be_disabled()
