"""Somebody switches web search on."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill


async def test_a_second_browser_sees_the_switch(mill: Mill, signed_in: Open, say: Words) -> None:
    """It acts at once, and is not asked for twice."""
    email = await mill.newcomer()
    one = await signed_in(email, "/console/plugins")
    other = await signed_in(email, "/console/plugins")
    switch = one.get_by_role("switch", name=say("plugins:webSearch"))
    await expect(switch).not_to_be_checked()
    await switch.click()
    await expect(one.get_by_text(say("plugins:nowOn"))).to_be_visible()
    await expect(other.get_by_role("switch", name=say("plugins:webSearch"))).to_be_checked()
