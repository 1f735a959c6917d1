"""A platform, a browser and people who are signed in, for all tests of the console.

All of it runs in one event loop for each process that runs tests, since browser and platform outlive them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.console.browsing import (
    LANGUAGES,
    Heard,
    Language,
    Theme,
    Width,
    Words,
    chromium_running,
    faults,
    picture,
    settle,
    visiting,
)
from tests.console.mill import PEOPLE, Mill, Role, open_mill
from tests.flow.admin_client import API
from tokenmill.testing import PASSWORD

FOLDER = Path(__file__).parent
FAILED = pytest.StashKey[bool]()

Open = Callable[..., Awaitable[Page]]
Sound = Callable[[Page], Awaitable[None]]


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the groups.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One loop for all; tests of a language go to one worker, which opens one platform for them."""
    for item in items:
        if FOLDER not in item.path.parents or not isinstance(item, pytest.Function):
            continue
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group(f"console-{_language_of(item)}"))


def _language_of(item: pytest.Item) -> Language:
    call = getattr(item, "callspec", None)
    return cast(Language, call.params.get("language", "en")) if call is not None else "en"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = cast(pytest.TestReport, (yield))
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report  # type: ignore[return-value]  # What a wrapper returns is the hook's result.


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language in turn."""
    return cast(Language, request.param)


@pytest.fixture
def say(language: Language) -> Words:
    """The console's words in this test's language: `say("keys:new")`."""
    return Words(language)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mill(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mill]:
    """The platform that all tests share; what one changes there, others see."""
    async with open_mill(tmp_path_factory.mktemp("mill")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The real browser."""
    program = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    assert program is not None, "There is no Chromium. Run: make browser"
    async with async_playwright() as playwright, chromium_running(playwright, program) as browser:
        yield browser


class Visits:
    """The pages that one test has open, and what was heard of each."""

    def __init__(self, browser: Browser, url: str, language: Language, held: AsyncExitStack) -> None:
        self.pages: dict[Page, Heard] = {}
        self._browser = browser
        self._url = url
        self._language = language
        self._held = held

    async def open(
        self,
        path: str = "/console/",
        *,
        language: Language | None = None,
        width: Width = 1280,
        theme: Theme = "light",
        state: Any = None,
        url: str | None = None,
    ) -> Page:
        """A new browser at `path`; the language is the test's unless it says otherwise."""
        look = visiting(
            self._browser,
            url or self._url,
            language=language or self._language,
            width=width,
            theme=theme,
            state=state,
        )
        context, heard = await self._held.enter_async_context(look)
        page = await context.new_page()
        self.pages[page] = heard
        await page.goto(path)
        return page

    async def check(self, page: Page) -> None:
        """Fails with all that is wrong with what is on the screen now."""
        await settle(page)
        found = await faults(page, self.pages[page])
        assert not found, "\n".join(found)


@pytest_asyncio.fixture(loop_scope="session")
async def visits(request: pytest.FixtureRequest, chromium: Browser, mill: Mill) -> AsyncIterator[Visits]:
    """The pages of this test: a passed one has to leave each of them sound, a failed one leaves pictures."""
    async with AsyncExitStack() as held:
        every = Visits(chromium, mill.url, _language_of(request.node), held)
        yield every
        failed = request.node.stash.get(FAILED, True)
        for number, page in enumerate(every.pages):
            if page.is_closed():
                continue
            if failed:
                await picture(page, f"failed-{re.sub(r'[^a-zA-Z0-9-]+', '-', request.node.name)}-{number}")
            else:
                await every.check(page)


@pytest.fixture
def visit(visits: Visits) -> Open:
    """Opens a page for somebody unknown: `await visit("/console/sign-in", width=390, theme="dark")`."""
    return visits.open


@pytest.fixture
def sound(visits: Visits) -> Sound:
    """Judges a page in the middle of a test, as with a dialog open: `await sound(page)`."""
    return visits.check


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def states() -> dict[str, Any]:
    """Cookies of whoever has signed in, by address of the platform and of the person."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def signed_in(visit: Open, chromium: Browser, mill: Mill, states: dict[str, Any]) -> Open:
    """Opens a page for somebody: `await signed_in("developer", "/console/keys", width=390)`.

    `who` is a role, whose account all tests share, or the e-mail address of a newcomer.
    """

    async def open_one(who: Role | str, path: str = "/console/", **how: Any) -> Page:
        url: str = how.get("url", mill.url)
        email = PEOPLE.get(cast(Role, who), who)
        known = f"{url} {email}"
        if known not in states:
            context = await chromium.new_context(base_url=url)
            body = {"email": email, "password": PASSWORD}
            reply = await context.request.post(f"{API}/session", data=body)
            assert reply.ok, await reply.text()
            states[known] = await context.storage_state()
            await context.close()
        return await visit(path, state=states[known], **how)

    return open_one
