"""An operator adds a target, tries it before it is saved, switches it off and takes it out."""

from __future__ import annotations

import secrets

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open, Sound
from tests.console.mill import Mill


async def test_a_target_is_tried_as_it_stands_before_it_is_saved(
    mill: Mill, signed_in: Open, sound: Sound, say: Words
) -> None:
    """A wrong address fails in the upstream's words; the right one answers; only then it is saved."""
    name = f"gpu-{secrets.token_hex(3)}"
    page = await signed_in(await mill.newcomer(role="operator"), "/console/op/targets")
    await page.get_by_role("button", name=say("opTargets:add")).click()
    form = page.get_by_role("dialog", name=say("opTargets:add"))
    await form.get_by_label(say("opTargets:field.id"), exact=True).fill(name)
    await form.get_by_label("Base URL").fill("http://127.0.0.1:9/v1")
    await form.get_by_label(say("opTargets:test.model")).fill("up-model")
    test = form.get_by_role("button", name=say("opTargets:test.act"), exact=True)
    await test.click()
    await expect(form.get_by_text(say("opTargets:test.failed"))).to_be_visible()
    await expect(form.get_by_text("upstream_away")).to_be_visible()
    await sound(page)
    await form.get_by_label("Base URL").fill(f"{mill.upstream.url}/v1")
    await test.click()
    answered, _, _ = say("opTargets:test.ok", time="|").partition("|")
    await expect(form.get_by_text(answered)).to_be_visible()
    await form.get_by_role("button", name=say("common:action.save")).click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    await expect(page.get_by_text(f'id = "{name}"')).to_be_visible()

    await page.get_by_role("button", name=say("common:action.disable")).click()
    await expect(page.get_by_text(say("opTargets:state.off"), exact=True)).to_be_visible()
    await page.get_by_role("button", name=say("common:action.enable")).click()
    await expect(page.get_by_text(say("opTargets:state.unknown"), exact=True)).to_be_visible()

    await page.get_by_role("button", name=say("common:action.delete")).click()
    asked = page.get_by_role("dialog")
    await expect(asked).to_contain_text(name)
    await asked.get_by_role("button", name=say("common:action.delete")).click()
    await expect(page.get_by_role("heading", name=say("opTargets:title"), level=1)).to_be_visible()
    await expect(page.get_by_role("link", name=name)).to_have_count(0)
