"""Somebody sets a coding agent up."""

from __future__ import annotations

from playwright.async_api import expect

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.mill import Mill
from tests.flow.admin_client import browser


async def test_the_guide_waits_for_the_tool(mill: Mill, signed_in: Open, say: Words) -> None:
    """It is filled in with this platform's address, and sees the first request arrive."""
    email = await mill.newcomer()
    async with browser(mill.platform, email) as api:
        key = (await api.do("POST", "/keys", {"name": "laptop"}))["secret"]
    page = await signed_in(email, "/console/tools/claude-code")
    await expect(page.get_by_role("region", name="~/.claude/settings.json")).to_contain_text("/anthropic")
    await expect(page.get_by_text(say("tools:waiting", name="Claude Code"))).to_be_visible()
    await mill.call(key, tool="claude-cli/2.1.0 (external, cli)")
    seen = say("tools:arrived", model="mimo-v2.5-pro")
    await expect(page.get_by_text(seen)).to_be_visible()


async def test_a_wrong_address_is_explained(signed_in: Open, say: Words) -> None:
    """What somebody has put into the tool is held against what belongs there."""
    page = await signed_in("developer", "/console/tools/claude-code")
    field = page.get_by_label(say("tools:check.label"))
    right = await field.get_attribute("placeholder") or ""
    for given, finding in ((f"{right}/v1", "needlessV1"), (right, "right")):
        await field.fill(given)
        said = say(f"tools:check.{finding}", url=right)
        await expect(page.get_by_text(said)).to_be_visible()
