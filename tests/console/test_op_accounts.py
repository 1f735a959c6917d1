"""An operator makes an account, pays into it, stops it and ends it."""

from __future__ import annotations

import re
import secrets

from playwright.async_api import Locator, Page, expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill
from tests.console.test_keys import KEPT, answered
from tests.flow.admin_client import browser
from tokenmill.testing import PASSWORD

HOSTILE = "<img src=x onerror=alert(1)>"


async def fresh_operator(mill: Mill, signed_in: Open, path: str) -> Page:
    """A page of an operator of their own, who has just signed in."""
    return await signed_in(await mill.newcomer(role="operator"), path)


async def account_of(mill: Mill, email: str) -> str:
    """The id of somebody's account."""
    async with browser(mill.platform, email) as one:
        found: str = (await one.get("/session"))["account_id"]
        return found


async def tab(page: Page, say: Words, name: str) -> Locator:
    """Goes to a view of the account."""
    await page.get_by_role("tab", name=say(f"opAccounts:tab.{name}"), exact=True).click()
    return page.get_by_role("tabpanel", name=say(f"opAccounts:tab.{name}"), exact=True)


async def test_an_account_is_made_and_paid_into(
    mill: Mill, signed_in: Open, visit: Open, sound: Sound, say: Words
) -> None:
    """Its password is shown once and is to be replaced; what is granted shows in balance and statement."""
    email = f"made-{secrets.token_hex(4)}@example.com"
    page = await fresh_operator(mill, signed_in, "/console/op/accounts")
    await page.get_by_role("button", name=say("opAccounts:new")).click()
    form = page.get_by_role("dialog", name=say("opAccounts:make.title"))
    await form.get_by_label(say("opAccounts:field.email")).fill(email)
    await sound(page)
    await form.get_by_role("button", name=say("opAccounts:make.act")).click()
    shown = page.get_by_role("dialog", name=say("opAccounts:make.made", email=email))
    password = await shown.get_by_label(say("opAccounts:make.value")).inner_text()
    await shown.get_by_role("checkbox").check()
    await shown.get_by_role("button", name=say("action.done")).click()
    await expect(page.get_by_role("heading", name=email)).to_be_visible()
    assert password not in await page.evaluate(KEPT)

    panel = await tab(page, say, "money")
    await panel.get_by_role("button", name=say("opAccounts:wallet.grant")).click()
    grant = page.get_by_role("dialog", name=say("opAccounts:wallet.title", email=email))
    await grant.get_by_label(say("opAccounts:wallet.amount")).fill("12.50")
    await grant.get_by_label(say("opAccounts:wallet.note")).fill(HOSTILE)
    await expect(grant.get_by_role("row", name=say("opAccounts:wallet.after"))).to_contain_text("$12.50")
    await grant.get_by_role("button", name=say("opAccounts:wallet.grant")).click()
    await expect(grant).to_be_hidden()
    row = panel.get_by_role("row", name=say("opAccounts:wallet.kinds.grant"))
    await expect(row).to_contain_text(HOSTILE)
    await expect(row).to_contain_text("$12.50")

    theirs = await visit("/console/sign-in")
    await theirs.get_by_label(say("email"), exact=True).fill(email)
    await theirs.get_by_label(say("password"), exact=True).fill(password)
    await theirs.get_by_role("button", name=say("action.signIn")).click()
    await theirs.wait_for_url("**/new-password")


async def test_a_suspended_account_reads_why_until_it_is_restored(
    mill: Mill, signed_in: Open, visit: Open, sound: Sound, say: Words
) -> None:
    """The reason is asked for, shown as text to both sides, and kept in the audit trail."""
    email = await mill.newcomer()
    reason = f"{HOSTILE} unpaid"
    page = await fresh_operator(mill, signed_in, f"/console/op/accounts/{await account_of(mill, email)}")
    await page.get_by_role("button", name=say("opAccounts:suspend.act")).click()
    asked = page.get_by_role("dialog", name=say("opAccounts:suspend.title", email=email))
    await asked.get_by_role("button", name=say("opAccounts:suspend.act")).click()
    await expect(asked.get_by_label(say("opAccounts:reason"))).to_have_attribute("aria-invalid", "true")
    await asked.get_by_label(say("opAccounts:reason")).fill(reason)
    await sound(page)
    await asked.get_by_role("button", name=say("opAccounts:suspend.act")).click()
    await expect(asked).to_be_hidden()
    await expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()

    theirs = await visit("/console/sign-in")
    await theirs.get_by_label(say("email"), exact=True).fill(email)
    await theirs.get_by_label(say("password"), exact=True).fill(PASSWORD)
    await theirs.get_by_role("button", name=say("action.signIn")).click()
    await expect(theirs.get_by_role("alert")).to_contain_text(reason)

    await page.get_by_role("button", name=say("opAccounts:restore.act")).first.click()
    await expect(page.get_by_text(say("state.active"), exact=True)).to_be_visible()
    await theirs.get_by_label(say("password"), exact=True).fill(PASSWORD)
    await theirs.get_by_role("button", name=say("action.signIn")).click()
    await theirs.wait_for_url(re.compile(r"/console/?$"))

    await page.get_by_role("link", name=say("opAccounts:audit")).click()
    await expect(page.get_by_role("row", name="account.suspend")).to_contain_text(reason)


async def test_a_key_that_an_operator_stops_is_dead(mill: Mill, signed_in: Open, say: Words) -> None:
    """Its owner cannot enable it again, the operator can; a hostile name is shown as text."""
    email = await mill.newcomer()
    async with browser(mill.platform, email) as one:
        made = await one.do("POST", "/keys", {"name": HOSTILE})
        key = made["secret"]
        await answered(mill, key, 200)
        path = f"/console/op/accounts/{await account_of(mill, email)}?tab=keys"
        page = await fresh_operator(mill, signed_in, path)
        row = page.get_by_role("row", name=HOSTILE)
        await row.get_by_role("button", name=say("action.disable")).click()
        await expect(row).to_contain_text(say("opAccounts:keys.byOperator"))
        await answered(mill, key, 401)
        assert await one.refused("POST", f"/keys/{made['key']['id']}/enable") == (403, "forbidden")
        await row.get_by_role("button", name=say("action.enable")).click()
        await expect(row).to_contain_text(say("state.active"))
        await answered(mill, key, 200)


async def test_what_holds_for_one_account_alone(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """It gets limits, a price of its own and a plan, which show at once, and loses the plan again."""
    email = await mill.newcomer()
    page = await fresh_operator(
        mill, signed_in, f"/console/op/accounts/{await account_of(mill, email)}?tab=terms"
    )
    await page.get_by_label(say("opAccounts:terms.rpm")).fill("7")
    await page.get_by_role("button", name=say("action.save")).click()
    await expect(page.get_by_text(say("saved"))).to_be_visible()
    await page.get_by_role("button", name=say("opAccounts:terms.add")).click()
    form = page.get_by_role("dialog", name=say("opAccounts:terms.addTitle"))
    await form.get_by_label(say("opAccounts:terms.model")).press("ArrowDown")
    await page.get_by_title("mimo-v2.5-flash").click()
    money = form.get_by_role("group", name=say("opAccounts:terms.money"))
    await money.get_by_label(say("opAccounts:terms.input")).fill("0.07")
    await form.get_by_role("button", name=say("action.save")).click()
    await expect(money.get_by_text(say("opAccounts:terms.need"))).to_be_visible()
    await money.get_by_label(say("opAccounts:terms.output")).fill("0.14")
    await sound(page)
    await form.get_by_role("button", name=say("action.save")).click()
    await expect(page.get_by_role("row", name="mimo-v2.5-flash")).to_contain_text("$0.14")

    panel = await tab(page, say, "plan")
    await panel.get_by_role("button", name=say("opAccounts:plan.give")).click()
    gift = page.get_by_role("dialog", name=say("opAccounts:plan.giveTitle", email=email))
    await gift.get_by_label(say("opAccounts:plan.tier")).press("ArrowDown")
    await page.get_by_title("Lite" if say.language == "en" else "轻量版").click()
    await gift.get_by_role("button", name=say("opAccounts:plan.act"), exact=True).click()
    shown = page.get_by_role("dialog", name=say("opAccounts:plan.made", email=email))
    key = await shown.get_by_label(say("secret.value")).inner_text()
    assert re.fullmatch(r"tp-[A-Za-z0-9]{40,}", key)
    await shown.get_by_role("checkbox").check()
    await shown.get_by_role("button", name=say("action.done")).click()
    assert (await mill.call(key, base="/token-plan"))[0] == 200
    await panel.get_by_role("button", name=say("opAccounts:plan.end")).click()
    asked = page.get_by_role("dialog", name=say("opAccounts:plan.endTitle", email=email))
    await asked.get_by_label(say("opAccounts:reason")).fill(HOSTILE)
    await asked.get_by_role("button", name=say("opAccounts:plan.end")).click()
    await expect(page.get_by_text(say("opAccounts:plan.none"))).to_be_visible()

    async with browser(mill.platform, email) as one:
        models = (await one.get("/models"))["data"]
    assert [each["price"]["input"] for each in models if each["special"]] == ["0.07"]


async def test_an_exchange_is_refunded_once(mill: Mill, signed_in: Open, say: Words) -> None:
    """What it cost is in the statement again; the second time says that nothing was changed."""
    email = await mill.newcomer()
    async with browser(mill.platform, email) as one:
        key = (await one.do("POST", "/keys", {"name": "ci"}))["secret"]
        await answered(mill, key, 200)
        page = await fresh_operator(
            mill, signed_in, f"/console/op/accounts/{await account_of(mill, email)}?tab=exchanges"
        )
        for said in ("first", "again"):
            await page.get_by_role("row", name="ci").get_by_role("button").click()
            asked = page.get_by_role("dialog", name=say("opAccounts:exchanges.refundTitle"))
            await asked.get_by_label(say("opAccounts:exchanges.note")).fill("our fault")
            await asked.get_by_role("button", name=say("opAccounts:exchanges.refund"), exact=True).click()
            await expect(page.get_by_text(say(f"opAccounts:exchanges.{said}"))).to_be_visible()
            await expect(asked).to_be_hidden()
        assert (await one.get("/wallet"))["balance"] == "100.00"


async def test_somebody_is_invited_and_a_link_sets_a_password(
    mill: Mill, signed_in: Open, visit: Open, sound: Sound, say: Words
) -> None:
    """The invitation is pending until it is withdrawn; the link opens the page of passwords."""
    guest = f"guest-{secrets.token_hex(4)}@example.com"
    page = await fresh_operator(mill, signed_in, "/console/op/accounts")
    await page.get_by_role("button", name=say("opAccounts:invite"), exact=True).click()
    form = page.get_by_role("dialog", name=say("opAccounts:inviting.title"))
    await form.get_by_label(say("opAccounts:field.email")).fill(guest)
    await form.get_by_role("button", name=say("opAccounts:inviting.act"), exact=True).click()
    sent = page.get_by_role("dialog", name=say("opAccounts:inviting.sent", email=guest))
    await expect(sent.get_by_text(re.compile("/console/invite#"))).to_be_visible()
    await sound(page)
    await sent.get_by_role("button", name=say("action.done")).click()
    pending = page.get_by_role("region", name=say("opAccounts:inviting.pending")).get_by_role(
        "row", name=guest
    )
    await pending.get_by_role("button", name=say("opAccounts:inviting.withdraw")).click()
    await expect(pending).to_be_hidden()

    email = await mill.newcomer()
    await page.get_by_label(say("opAccounts:search")).fill(email)
    await page.get_by_label(say("opAccounts:search")).press("Enter")
    await page.get_by_role("link", name=email).click()
    panel = await tab(page, say, "people")
    await panel.get_by_role("button", name=say("opAccounts:people.reset")).click()
    given = page.get_by_role("dialog", name=say("opAccounts:people.resetTitle", email=email))
    link = await given.get_by_text(re.compile("/console/reset#")).inner_text()
    theirs = await visit(f"{mill.url}{link[link.index('/console/') :]}")
    await expect(theirs.locator("input[type=password]").first).to_be_visible()


async def test_deleting_an_account_asks_for_its_money_to_be_given_up(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """Without that word it is refused; one's own cannot be deleted at all."""
    email = await mill.newcomer(balance="5.00")
    page = await fresh_operator(mill, signed_in, f"/console/op/accounts/{await account_of(mill, email)}")
    await page.get_by_role("button", name=say("opAccounts:remove.act")).click()
    asked = page.get_by_role("dialog", name=say("opAccounts:remove.title", email=email))
    await asked.get_by_label(say("opAccounts:reason")).fill("left us")
    await asked.get_by_label(say("opAccounts:remove.type", email=email)).fill(email)
    act = asked.get_by_role("button", name=say("opAccounts:remove.act"))
    await act.click()
    await expect(asked.get_by_text(say("opAccounts:remove.conflict"))).to_be_visible()
    await sound(page)
    await asked.get_by_role("checkbox").check()
    await act.click()
    await page.wait_for_url("**/op/accounts")
    await page.get_by_role("row", name=re.compile(say("opAccounts:you"))).get_by_role("link").click()
    await expect(page.get_by_text(say("opAccounts:ownAccount"))).to_be_visible()
    await expect(page.get_by_role("button", name=say("opAccounts:suspend.act"))).to_be_hidden()


async def test_every_view_of_an_account_is_sound_on_a_phone(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """The account with traffic, a plan and keys: nothing sticks out, and all of it can be read."""
    path = f"/console/op/accounts/{mill.platform.account_id}"
    views = ("usage", "money", "plan", "exchanges", "keys", "terms", "people")
    page = await signed_in("operator", path, width=390, theme="dark")
    for view in views:
        await page.goto(f"{path}?tab={view}")
        await expect(
            page.get_by_role("tabpanel", name=say(f"opAccounts:tab.{view}"), exact=True)
        ).to_be_visible()
        await sound(page)
