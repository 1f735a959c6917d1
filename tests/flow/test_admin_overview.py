"""What the console's first page says about who really answers."""

from __future__ import annotations

from tests.flow.admin_client import browser
from tests.flow.conftest import Opener
from tests.flow.test_chat import HELLO
from tokenmill.ports import ServedBy
from tokenmill.testing import ScriptedEngine


async def test_the_overview_names_what_stands_in_for_models(platform_with: Opener) -> None:
    """By the real name that the engine gives, with the public names that it answers for."""
    real = ServedBy(name="Small-Model-1B", context_window=4096, max_output=2048)
    platform = await platform_with(ScriptedEngine(HELLO, real=real), operator=True)
    async with browser(platform) as one:
        (found,) = (await one.get("/first-steps"))["stand_ins"]
    assert found["name"] == "Small-Model-1B"
    assert "mimo-v2.5-pro" in found["models"]


async def test_the_overview_is_silent_where_models_are_what_they_say(platform_with: Opener) -> None:
    """An engine that knows no other name than the catalogue's is taken at its word."""
    platform = await platform_with(ScriptedEngine(HELLO), operator=True)
    async with browser(platform) as one:
        assert (await one.get("/first-steps"))["stand_ins"] == []
