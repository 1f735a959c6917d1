"""An operator writes a list and a policy, and sees what would come of a text."""

from __future__ import annotations

import secrets

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill


async def test_a_text_is_tried_against_a_policy_of_ones_own(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """What fits is shown with its rule, category and action; afterwards everything is as before."""
    name = f"company-{secrets.token_hex(3)}"
    phrase = f"project {secrets.token_hex(4)}"
    page = await signed_in(await mill.newcomer(role="operator"), "/console/op/moderation?tab=lists")
    await page.get_by_role("button", name=say("opModeration:list.new")).click()
    writing = page.get_by_role("dialog", name=say("opModeration:list.new"))
    await writing.get_by_label(say("opModeration:list.name"), exact=True).fill(name)
    await writing.get_by_label(say("opModeration:list.text"), exact=True).fill(phrase)
    await sound(page)
    await writing.get_by_role("button", name=say("common:action.save")).click()
    await expect(writing).to_be_hidden()
    await expect(page.get_by_text(name)).to_be_visible()

    await page.get_by_role("tab", name=say("opModeration:tab.policies")).click()
    await page.get_by_role("button", name=say("opModeration:policy.new")).click()
    policy = page.get_by_role("dialog", name=say("opModeration:policy.new"))
    await policy.get_by_label(say("opModeration:policy.model")).click()
    await page.get_by_title("mimo-v2.5-flash").click()
    inwards = policy.get_by_role("radiogroup", name=say("opModeration:direction.input"))
    await inwards.get_by_text(say("opModeration:action.block")).click()
    await policy.get_by_role("button", name=say("common:action.save")).click()
    await expect(policy).to_be_hidden()
    row = page.get_by_role("row").filter(has_text="mimo-v2.5-flash")
    await expect(row).to_contain_text(say("opModeration:action.block"))

    await page.get_by_role("tab", name=say("opModeration:tab.test")).click()
    await page.get_by_label(say("opModeration:test.text"), exact=True).fill(f"Tell me of {phrase.upper()}")
    await page.get_by_label(say("opModeration:policy.model")).click()
    await page.get_by_title("mimo-v2.5-flash").click()
    test = page.get_by_role("button", name=say("opModeration:test.act"))
    blocked = page.get_by_role("alert").filter(has_text=say("opModeration:verdict.block"))
    for _ in range(20):  # Nodes go by a new list within a second.
        await test.click()
        await expect(page.get_by_role("region", name=say("opModeration:test.normalised"))).to_be_visible()
        if await blocked.count():
            break
        await page.wait_for_timeout(200)
    await expect(blocked).to_be_visible()
    found = page.get_by_role("row").filter(has_text=name)
    await expect(found).to_contain_text(phrase)
    await expect(found).to_contain_text(say("opModeration:category.custom"))
    await sound(page)

    await page.get_by_role("tab", name=say("opModeration:tab.policies")).click()
    await row.get_by_role("button", name=say("common:action.delete")).click()
    gone = page.get_by_role("dialog")
    await gone.get_by_role("button", name=say("common:action.delete")).click()
    await expect(row).to_have_count(0)
    await page.get_by_role("tab", name=say("opModeration:tab.lists")).click()
    row = page.get_by_role("row").filter(has_text=name)
    await row.get_by_role("button", name=say("common:action.delete")).click()
    await gone.get_by_role("button", name=say("common:action.delete")).click()
    await expect(row).to_have_count(0)
