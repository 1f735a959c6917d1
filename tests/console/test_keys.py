"""Somebody makes a key, uses it, stops it, and ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

from playwright.async_api import Locator, Page, expect

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill
from tests.flow.admin_client import browser
from tokenmill.kit.clock import SystemClock

KEPT = """
() => JSON.stringify([
  document.documentElement.outerHTML, location.href, history.state,
  { ...localStorage }, { ...sessionStorage },
  [...document.querySelectorAll("input, textarea")].map((each) => each.value),
])
"""


async def make(page: Page, say: Words, name: str) -> Locator:
    """Makes a key by its name alone; the dialog that shows it."""
    await page.get_by_role("button", name=say("keys:new"), exact=True).first.click()
    form = page.get_by_role("dialog", name=say("keys:new"))
    await form.get_by_label(say("keys:field.name"), exact=True).fill(name)
    await form.get_by_role("button", name=say("keys:create")).click()
    shown = page.get_by_role("dialog", name=say("keys:created", name=name))
    await expect(shown).to_be_visible()
    return shown


async def done(shown: Locator, say: Words) -> None:
    """Says that the key is saved."""
    await shown.get_by_label(say("secret.saved")).check()
    await shown.get_by_role("button", name=say("action.done")).click()
    await expect(shown).to_be_hidden()


async def answered(mill: Mill, key: str, status: int) -> None:
    """Waits for the second that was promised, times ten for busy machines."""
    for _ in range(100):
        if (await mill.call(key))[0] == status:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the key is not answered {status}")


async def test_a_key_is_shown_once_and_then_nowhere(
    mill: Mill, signed_in: Open, say: Words, sound: Callable[[Page], Awaitable[None]]
) -> None:
    """A name is enough; Escape, a click beside or going back do not lose it; the list tells its first use."""
    page = await signed_in(await mill.newcomer(), "/console/keys")
    shown = await make(page, say, "laptop")
    key = await shown.get_by_label(say("secret.value")).inner_text()
    assert key.startswith("sk-")
    await sound(page)
    await expect(shown.get_by_role("button", name=say("action.done"))).to_be_disabled()
    await page.keyboard.press("Escape")
    await page.mouse.click(5, 5)
    await page.go_back()
    await expect(shown.get_by_label(say("secret.value"))).to_have_text(key)
    for tab in ("Claude Code", ".env", "curl"):
        await shown.get_by_role("tab", name=tab).click()
        await expect(shown.get_by_role("tabpanel", name=tab).locator("pre")).to_contain_text(key)
    await done(shown, say)
    assert key not in await page.evaluate(KEPT)
    row = page.get_by_role("row", name="laptop")
    await expect(row).to_contain_text(f"{key[:7]}…{key[-4:]}")
    await expect(row).to_contain_text(say("state.neverUsed"))
    await answered(mill, key, 200)
    await expect(row).to_contain_text("claude-code")


async def test_copying_works_without_the_clipboard_that_http_withholds(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """As on a console that is reached over plain http on a LAN, where `navigator.clipboard` is not there."""
    page = await signed_in(await mill.newcomer(), "/console/keys")
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
    shown = await make(page, say, "lan")
    key = await shown.get_by_label(say("secret.value")).inner_text()
    await shown.get_by_role("button", name=say("copy.label", what=say("keys:created", name="lan"))).click()
    await expect(page.get_by_text(say("copy.done")).first).to_be_visible()
    await done(shown, say)
    search = page.get_by_label(say("keys:search"))
    await search.press("Control+v")
    await expect(search).to_have_value(key)
    await search.fill("")


async def test_a_key_is_stopped_by_one_click_and_brought_back_by_another(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """It is refused within a second; Undo lets it work again."""
    page = await signed_in(await mill.newcomer(), "/console/keys")
    shown = await make(page, say, "ci")
    key = await shown.get_by_label(say("secret.value")).inner_text()
    await done(shown, say)
    await answered(mill, key, 200)
    row = page.get_by_role("row", name="ci")
    await row.get_by_role("button", name=say("action.disable")).click()
    await expect(row).to_contain_text(say("state.disabled"))
    await answered(mill, key, 401)
    await page.get_by_role("button", name=say("action.undo")).click()
    await expect(row).to_contain_text(say("state.active"))
    await answered(mill, key, 200)


async def test_deleting_names_what_used_the_key(mill: Mill, signed_in: Open, say: Words) -> None:
    """A key whose name is hostile is shown as text, tells its tools, and is gone for ever."""
    name = "<img src=x onerror=alert(1)>"
    email = await mill.newcomer()
    async with browser(mill.platform, email) as one:
        key = (await one.do("POST", "/keys", {"name": name}))["secret"]
    await answered(mill, key, 200)
    page = await signed_in(email, "/console/keys")
    await expect(page.get_by_text(name)).to_be_visible()
    await page.get_by_role("button", name=say("keys:more", name=name)).click()
    await page.get_by_role("menuitem", name=say("keys:delete.act")).click()
    asked = page.get_by_role("dialog", name=say("keys:delete.title", name=name))
    await expect(asked).to_contain_text("claude-code")
    await asked.get_by_role("button", name=say("keys:delete.act")).click()
    await expect(page.get_by_text(say("keys:none"))).to_be_visible()
    await answered(mill, key, 401)


async def test_limits_are_set_where_the_key_is_edited(
    mill: Mill, signed_in: Open, say: Words, sound: Callable[[Page], Awaitable[None]]
) -> None:
    """What is no address is told at its field; a cap is a bar in the list; a key that ends soon is marked."""
    email = await mill.newcomer()
    soon = (SystemClock().now() + timedelta(days=3)).isoformat()
    async with browser(mill.platform, email) as one:
        await one.do("POST", "/keys", {"name": "mine", "expires_at": soon})
        page = await signed_in(email, "/console/keys")
        row = page.get_by_role("row", name="mine")
        await expect(row).to_contain_text(say("state.expiring"))
        await row.get_by_role("button", name=say("action.edit")).click()
        form = page.get_by_role("dialog", name=say("keys:edit.title", name="mine"))
        await form.get_by_text(say("keys:field.limits")).click()
        await sound(page)
        await form.get_by_label(say("keys:field.cap")).fill("50")
        addresses = form.get_by_label(say("keys:field.addresses"))
        await addresses.fill("somewhere")
        await addresses.press("Enter")
        await form.get_by_role("button", name=say("action.save")).click()
        await expect(form.get_by_text(say("keys:wrong.addresses"))).to_be_visible()
        while await form.get_by_title("somewhere").count():  # Just after typing, the field keeps what it has.
            await addresses.press("Backspace")
        await addresses.fill("203.0.113.7")
        await addresses.press("Enter")
        await form.get_by_role("button", name=say("action.save")).click()
        await expect(form).to_be_hidden()
        await expect(row.get_by_role("meter", name=say("keys:capName", name="mine"))).to_be_visible()
        (kept,) = (await one.get("/keys"))["data"]
    assert json.dumps([kept["cap"], kept["addresses"]]) == '["50.00", ["203.0.113.7/32"]]'


async def test_a_reset_is_seen_in_another_browser_within_five_seconds(
    mill: Mill, signed_in: Open, say: Words
) -> None:
    """The old key is dead, and the second browser's list shows the new one by itself."""
    email = await mill.newcomer()
    async with browser(mill.platform, email) as one:
        old = (await one.do("POST", "/keys", {"name": "shared"}))["secret"]
    page = await signed_in(email, "/console/keys")
    other = await signed_in(email, "/console/keys")
    await expect(other.get_by_role("row", name="shared")).to_contain_text(old[-4:])
    await page.get_by_role("button", name=say("keys:more", name="shared")).click()
    await page.get_by_role("menuitem", name=say("keys:reset.act")).click()
    asked = page.get_by_role("dialog", name=say("keys:reset.title", name="shared"))
    await asked.get_by_role("button", name=say("keys:reset.act")).click()
    shown = page.get_by_role("dialog", name=say("keys:created", name="shared"))
    fresh = await shown.get_by_label(say("secret.value")).inner_text()
    await expect(other.get_by_role("row", name="shared")).to_contain_text(fresh[-4:])
    await answered(mill, old, 401)
    await done(shown, say)
