"""Opens pages of the console in Chromium, with an ear for all that a sound page never does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
)

Language = Literal["en", "zh-CN"]
Theme = Literal["light", "dark"]
Width = Literal[390, 1280, 1920]
LANGUAGES: tuple[Language, ...] = get_args(Language)
THEMES: tuple[Theme, ...] = get_args(Theme)
WIDTHS: tuple[Width, ...] = get_args(Width)

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "console"
ZONE = "Asia/Shanghai"
PATIENCE = 20_000
"""Milliseconds in which a page has to do what is asked of it."""

_HEIGHTS: dict[Width, int] = {390: 844, 1280: 800, 1920: 1080}
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # Nothing leaves this machine.
)
_LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
_SETTLED = """
() => document.querySelector("h1") !== null
  && document.querySelector('[aria-busy="true"], .ant-skeleton, .ant-spin-spinning') === null
"""
_SIDEWAYS = """
() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > clientWidth + 1)
    .map((each) => `${each.tagName}.${each.className} "${(each.textContent ?? "").slice(0, 40)}"`);
  return [`${scrollWidth} > ${clientWidth}`, ...wide.slice(-5)];
}
"""
_AXE = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => [id, node]))
    .map(([id, node]) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`);
}
"""
_REFUSAL = re.compile(r"Failed to load resource: .*status of 4\d\d")


@dataclass
class Heard:
    """What pages of one context did that none may do; `refusals` are the API's answers of 4xx to them."""

    url: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        at = message.location.get("url", "")
        if _REFUSAL.match(message.text) and at.startswith(f"{self.url}/console/api/"):
            self.refusals.append(f"{message.text} {at}")
        elif message.type == "error":
            self.errors.append(f"{message.text} ({at})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.outside.append(request.url)


@asynccontextmanager
async def chromium_running(playwright: Playwright, program: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)  # It knows nothing of a context's patience.
    browser = await playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
    try:
        yield browser
    finally:
        await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    language: Language = "en",
    width: Width = 1280,
    theme: Theme = "light",
    state: Any = None,
) -> AsyncIterator[tuple[BrowserContext, Heard]]:
    """A browser of somebody new, or of whoever `state` has signed in; language and theme are the system's."""
    context = await browser.new_context(
        base_url=url,
        locale=language,
        timezone_id=ZONE,
        color_scheme=theme,
        reduced_motion="reduce",
        viewport={"width": width, "height": _HEIGHTS[width]},
        has_touch=width == 390,
        storage_state=state,
    )
    context.set_default_timeout(PATIENCE)
    await context.add_init_script(_LISTEN)
    heard = Heard(url)
    context.on("page", heard.listen)
    try:
        yield context, heard
    finally:
        await context.close()


async def settle(page: Page) -> None:
    """Waits until the page has its title and nothing on it is still loading."""
    await page.wait_for_function(_SETTLED)
    await page.evaluate("document.fonts.ready.then(() => undefined)")


async def faults(page: Page, heard: Heard) -> list[str]:
    """All that is wrong with what is on the screen, and with what was heard until now."""
    await page.evaluate(f"{_axe()}; undefined")
    return [
        *(f"console: {error}" for error in heard.errors),
        *(f"outside request: {address}" for address in heard.outside),
        *(f"scrolls sideways: {what}" for what in await page.evaluate(_SIDEWAYS)),
        *(f"axe: {finding}" for finding in await page.evaluate(_AXE)),
    ]


async def picture(page: Page, name: str) -> Path:
    """Keeps what is on the screen in `build/console/NAME.png`, as far down as the page goes."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    await page.screenshot(path=path, full_page=True, animations="allow", caret="initial")
    return path


class Words:
    """The console's own words in one language, so that tests find things by the names that people read."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The text of `page:path.to.key`, with its `{{names}}` filled in; without a page, of `common`."""
        page, _, path = key.rpartition(":")
        found: Any = _table(self.language, page or "common")
        for step in path.split("."):
            found = found[step]
        assert isinstance(found, str), key
        return re.sub(r"{{(\w+)}}", lambda match: str(values[match[1]]), found)


@cache
def _table(language: Language, page: str) -> Any:
    path = ROOT / "console" / "src" / "i18n" / language / f"{page}.json"
    return json.loads(path.read_text("utf-8"))


@cache
def _axe() -> str:
    return (ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
