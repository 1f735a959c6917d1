"""An operator writes tiers, and makes codes that a developer redeems."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill
from tests.console.test_keys import KEPT
from tests.console.test_op_accounts import HOSTILE, fresh_operator
from tests.flow.admin_client import browser


async def test_a_tier_is_written_looked_at_and_retired(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """What would change is shown before it does; a hostile name is text; a retired tier is not on offer."""
    tier = f"team-{secrets.token_hex(4)}"
    page = await fresh_operator(mill, signed_in, "/console/op/plans")
    await page.get_by_role("button", name=say("opPlans:new")).click()
    form = page.get_by_role("dialog", name=say("opPlans:edit.newTitle"))
    await form.get_by_label(say("opPlans:field.id"), exact=True).fill(tier)
    for language in ("nameEn", "nameZh"):
        await form.get_by_label(say(f"opPlans:field.{language}")).fill(f"{HOSTILE}{tier}")
    await form.get_by_label(say("opPlans:field.month", currency="USD")).fill("20")
    await form.get_by_label(say("opPlans:field.credits")).fill("1000000")
    await form.get_by_role("button", name=say("opPlans:field.addWindow")).click()
    await form.get_by_role("button", name=say("opPlans:field.addHours")).click()
    await form.get_by_label(say("opPlans:field.atMost")).fill("5000.5")
    await form.get_by_role("button", name=say("opPlans:edit.preview")).click()
    await expect(form.get_by_text(say("opPlans:field.windowNameWrong"))).to_be_visible()
    await form.get_by_label(say("opPlans:field.windowName")).fill("5h")
    await sound(page)
    await form.get_by_role("button", name=say("opPlans:edit.preview")).click()
    await expect(form.get_by_role("row", name=say("opPlans:field.nameEn"))).to_contain_text(HOSTILE)
    await form.get_by_role("button", name=say("opPlans:edit.apply")).click()
    await expect(form).to_be_hidden()
    row = page.get_by_role("row", name=tier)
    await expect(row).to_contain_text(HOSTILE)

    await row.get_by_role("button", name=say("action.edit")).click()
    edit = page.get_by_role("dialog", name=re.compile(tier))
    await edit.get_by_label(say("opPlans:field.month", currency="USD")).fill("25")
    await edit.get_by_role("button", name=say("opPlans:edit.preview")).click()
    (changed,) = await edit.get_by_role("row").filter(has_text="$").all()
    await expect(changed).to_contain_text("$20.00")
    await expect(changed).to_contain_text("$25.00")
    await sound(page)
    await edit.get_by_role("button", name=say("opPlans:edit.apply")).click()
    await expect(edit).to_be_hidden()
    await expect(row).to_contain_text("$25.00")

    async with browser(mill.platform, await mill.newcomer()) as one:
        offered = {each["id"]: each for each in (await one.get("/plans"))["data"]}
        assert [(each["seconds"], each["credits"]) for each in offered[tier]["windows"]] == [
            (18000, "5000.5")
        ]
        assert [each["permille"] for each in offered[tier]["off_peak"]] == [800]
        await row.get_by_role("button", name=say("opPlans:retire.act")).click()
        asked = page.get_by_role("dialog", name=say("opPlans:retire.title", plan=f"{HOSTILE}{tier}"))
        await asked.get_by_role("button", name=say("opPlans:retire.act")).click()
        await expect(row).to_contain_text(say("opPlans:retired"))
        assert tier not in {each["id"] for each in (await one.get("/plans"))["data"]}


async def test_a_batch_is_shown_once_and_its_codes_redeemed(
    mill: Mill, signed_in: Open, sound: Sound, say: Words, tmp_path: Path
) -> None:
    """The file has what the page shows; a redeemed code is counted, and the rest are taken out of use."""
    page = await fresh_operator(mill, signed_in, "/console/op/codes")
    await page.get_by_role("button", name=say("opCodes:new")).click()
    form = page.get_by_role("dialog", name=say("opCodes:make.title"))
    await form.get_by_label(say("opCodes:make.amount")).fill("2.50")
    await form.get_by_label(say("opCodes:make.count")).fill("3")
    await expect(form.get_by_text("$7.50")).to_be_visible()
    await sound(page)
    await form.get_by_role("button", name=say("opCodes:make.act")).click()
    shown = page.get_by_role("dialog", name=say("opCodes:shown.title_other", number=3))
    codes = (await shown.get_by_label(say("opCodes:shown.value")).inner_text()).split("\n")
    assert len(codes) == 3
    async with page.expect_download() as saving:
        await shown.get_by_role("button", name=say("opCodes:shown.file")).click()
    saved = tmp_path / "codes.csv"
    await (await saving.value).save_as(saved)
    head, *lines = saved.read_text("utf-8-sig").splitlines()
    assert (head, [line.split(",")[0] for line in lines]) == ("code,amount,currency,expires_at", codes)
    await sound(page)
    await shown.get_by_role("checkbox").check()
    await shown.get_by_role("button", name=say("action.done")).click()
    kept = await page.evaluate(KEPT)
    assert not [code for code in codes if code in kept]

    async with browser(mill.platform, await mill.newcomer(balance="0.00")) as one:
        await one.do("POST", "/wallet/redeem", {"code": codes[0]})
        assert (await one.get("/wallet"))["balance"] == "2.50"
        await page.reload()
        row = page.get_by_role("row").filter(has_text=say("opCodes:leftOf", left=2, count=3)).first
        await expect(row.get_by_role("meter")).to_have_attribute("aria-valuenow", "2")
        await row.get_by_role("button", name=say("opCodes:codes")).click()
        drawer = page.get_by_role("dialog")
        await expect(drawer.get_by_role("row").filter(has_text=say("opCodes:open"))).to_have_count(2)
        await expect(drawer.get_by_role("link", name=re.compile("acc_"))).to_have_count(1)
        await sound(page)
        await page.keyboard.press("Escape")
        await row.get_by_role("button", name=say("opCodes:stop.act")).click()
        asked = page.get_by_role("dialog")
        await asked.get_by_role("button", name=say("opCodes:stop.act")).click()
        await expect(page.get_by_text(say("opCodes:stop.done", number=2))).to_be_visible()
        said = await one.ask("POST", "/wallet/redeem", {"code": codes[1]})
        assert one.status >= 400, said
