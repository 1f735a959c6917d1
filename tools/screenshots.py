"""Takes the pictures of the console that the documentation shows, of a platform that has some traffic.

`make screenshots` writes `docs/pictures/console/NAME.LANGUAGE.png`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web
from playwright.async_api import Browser, Page, StorageState, async_playwright
from tests.console.browsing import LANGUAGES, Language, Theme, Words, chromium_running, settle, visiting
from tests.console.mill import PEOPLE, Mill, Role, open_mill
from tests.flow.upstreams import chat_events, stream

from tokenmill.testing import PASSWORD

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "console"
MOST_BYTES: Final = 200_000
"""Of one picture: a repository keeps each for ever."""

QUESTION: Final[dict[Language, str]] = {
    "en": "Why does a mill stone have furrows? In one table, please.",
    "zh-CN": "石磨上为什么要刻沟槽？请用一张表格回答。",
}
THOUGHT: Final[dict[Language, str]] = {
    "en": "Furrows cut, cool and carry. Three rows will do.",
    "zh-CN": "沟槽的作用是剪切、散热和输送，三行即可。",
}
WORDS: Final[dict[Language, str]] = {
    "en": (
        "Furrows do three things at once:\n\n| Furrow | What it does |\n|---|---|\n"
        "| sharp edge | shears the grain instead of crushing it |\n"
        "| hollow | lets air in, so that flour stays cool |\n"
        "| slant | carries the meal to the rim |\n\n"
        "Without them a stone only **squeezes**, and soon runs hot."
    ),
    "zh-CN": (
        "沟槽同时起三种作用：\n\n| 沟槽 | 作用 |\n|---|---|\n| 锋利的边缘 | 剪切谷粒，而不是压碎 |\n"
        "| 凹处 | 让空气进入，面粉不会过热 |\n| 倾斜 | 把面粉送到磨盘边缘 |\n\n"
        "没有沟槽的石磨只能**挤压**，而且很快发热。"
    ),
}

Act = Callable[[Page, Words], Awaitable[None]]


async def _answer(request: web.Request) -> web.StreamResponse:
    """What a model would answer, with counts as coding agents cause them."""
    asked = await request.text()
    words = json.loads(asked)["messages"][-1]["content"]
    language: Language = "en" if words.isascii() else "zh-CN"
    *events, counts, done = chat_events(
        {"reasoning_content": THOUGHT[language]}, {"content": WORDS[language]}
    )
    prompt, output = 38_000 + len(asked) * 37 % 9_000, 700 + len(asked) * 13 % 400
    told = json.loads(counts.removeprefix(b"data: ")) | {
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            "prompt_tokens_details": {"cached_tokens": prompt * 5 // 6},
            "completion_tokens_details": {"reasoning_tokens": output // 3},
        }
    }
    return await stream(*events, b"data: " + json.dumps(told).encode() + b"\n\n", done, pause=0.05)(request)


async def _nothing(page: Page, say: Words) -> None:
    """The page as it opens."""


async def _chat(page: Page, say: Words) -> None:
    """A question, and its answer to the end."""
    await page.get_by_role("textbox", name=say("playground:message"), exact=True).fill(QUESTION[say.language])
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
    Picture("playground", "developer", "/playground?model=mimo-v2.5-pro", act=_chat),
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
            open_mill(Path(directory), _answer) as mill,
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
