"""Takes the pictures of the console that the documentation shows, of a platform that has some traffic.

`make screenshots` writes `docs/pictures/console/NAME.LANGUAGE.png`.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from playwright.async_api import Browser, Page, StorageState, async_playwright
from tests.console.browsing import LANGUAGES, Language, Theme, Words, chromium_running, settle, visiting
from tests.console.mill import PEOPLE, Mill, Role, open_mill

from tokenmill.testing import PASSWORD

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "console"
MOST_BYTES: Final = 200_000
"""Of one picture: a repository keeps each for ever."""

Act = Callable[[Page, Words], Awaitable[None]]


async def _nothing(page: Page, say: Words) -> None:
    """The page as it opens."""


async def _chat(page: Page, say: Words) -> None:
    """A question, and its answer to the end."""
    await page.get_by_role("textbox", name=say("playground:message"), exact=True).fill("Hello")
    await page.get_by_role("button", name=say("playground:send"), exact=True).click()
    await page.get_by_role("link", name=say("playground:usage.receipt")).first.wait_for()


class Picture(NamedTuple):
    name: str
    who: Role
    path: str
    theme: Theme = "light"
    act: Act = _nothing


PICTURES: Final = (
    Picture("overview", "developer", "/"),
    Picture("usage", "developer", "/usage"),
    Picture("plan", "developer", "/plan"),
    Picture("playground", "developer", "/playground", act=_chat),
    Picture("tool", "developer", "/tools/claude-code", "dark"),
    Picture("targets", "operator", "/op/targets", "dark"),
)


async def main() -> int:
    program = shutil.which("chromium")
    if program is None:
        print("There is no Chromium. Run: make browser", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        async with (
            open_mill(Path(directory)) as mill,
            async_playwright() as playwright,
            chromium_running(playwright, program) as browser,
        ):
            for language in LANGUAGES:
                for picture in PICTURES:
                    state = await _signed_in(browser, mill, picture.who)
                    look = visiting(browser, mill.url, language=language, theme=picture.theme, state=state)
                    async with look as (context, _):
                        await _take(await context.new_page(), picture, language)
    heavy = [path.name for path in FOLDER.glob("*.png") if path.stat().st_size > MOST_BYTES]
    if heavy:
        print(f"Too heavy for a repository: {', '.join(sorted(heavy))}", file=sys.stderr)
    return 1 if heavy else 0


async def _signed_in(browser: Browser, mill: Mill, who: Role) -> StorageState:
    context = await browser.new_context(base_url=mill.url)
    body = {"email": PEOPLE[who], "password": PASSWORD}
    reply = await context.request.post("/console/api/v1/session", data=body)
    assert reply.ok, await reply.text()
    state = await context.storage_state()
    await context.close()
    return state


async def _take(page: Page, picture: Picture, language: Language) -> None:
    await page.goto(f"/console{picture.path}")
    await settle(page)
    await picture.act(page, Words(language))
    await settle(page)
    await page.screenshot(path=FOLDER / f"{picture.name}.{language}.png", scale="css")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
