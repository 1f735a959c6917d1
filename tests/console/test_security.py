"""Somebody hostile, somebody too curious, a server that goes away: the console stands them all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import FilePayload, Locator, Page, expect
from sqlalchemy import update

from tests.clients import model
from tests.console.browsing import PATIENCE, Words, settle
from tests.console.conftest import Open, Visits
from tests.console.mill import CATALOGUE, Mill, Role
from tests.console.test_entry import sign_in
from tests.console.test_keys import KEPT, done, make
from tests.flow.admin_client import API, browser
from tests.flow.upstreams import ScriptedUpstream, listening
from tokenmill.accounts.passwords import hash_password
from tokenmill.store.tables import User
from tokenmill.testing import EMAIL, PASSWORD, TestPlatform, open_test_platform

EVIL = '"><img src=x onerror="harmed=1">{{email}}$t(common:balance)'
"""Harms a page that takes it for HTML, and changes where it is taken for a template."""

HARM = "() => typeof harmed !== 'undefined' || document.querySelector('img[src=x]') !== null"
SHOWN: tuple[tuple[Role, str], ...] = (
    *(("developer", path) for path in ("keys", "plan", "wallet", "playground", "tools/claude-code", "usage")),
    *(("operator", path) for path in ("op/plans", "op/audit")),
)
"""Pages on which a hostile name stands as it was given."""
TOLD: tuple[tuple[Role, str], ...] = (
    *(("developer", path) for path in ("", "account")),
    *(("operator", path) for path in ("op", "op/live", "op/accounts", "op/moderation")),
)
"""Pages that tell of something with a hostile name, in words of their own."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wild(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a platform on which everything that can be named has a hostile name."""
    async with listening(ScriptedUpstream(model.answer)) as upstream:
        text = CATALOGUE.format(url=upstream.url)
        directory = tmp_path_factory.mktemp("wild")
        async with open_test_platform(directory, catalogue=text, operator=True) as platform:
            password = await hash_password(PASSWORD)
            async with platform.database.write() as work:
                await work.session.execute(
                    update(User).where(User.email == EMAIL).values(password_hash=password)
                )
            await _name_all(platform)
            yield platform.url


async def _name_all(platform: TestPlatform) -> None:
    asked = {"model": "mimo-v2.5-pro", "messages": [{"role": "user", "content": EVIL}]}
    async with browser(platform, None) as one:
        one.http.headers["user-agent"] = EVIL
        await one.sign_in(EMAIL)
        key = (await one.do("POST", "/keys", {"name": EVIL}))["secret"]
        headers = {"authorization": f"Bearer {key}"}
        url = f"{platform.url}/v1/chat/completions"
        async with one.http.post(url, json=asked, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
    async with browser(platform) as operator:
        plan = {"name": {"en": EVIL, "zh": EVIL}, "credits": "1000", "prices": {"USD": {"month": "1.00"}}}
        await operator.do("PUT", "/operator/plans/evil", plan)
        grant = {"amount": "1.00", "currency": "USD", "note": EVIL}
        await operator.do("POST", f"/operator/accounts/{platform.account_id}/grant", grant)
        made = await operator.do(
            "POST", "/operator/accounts", {"email": "<img/src=x/onerror=harmed=1>@example.com"}
        )
        suspension = f"/operator/accounts/{made['account']['id']}/suspend"
        await operator.do("POST", suspension, {"reason": EVIL})
        await operator.do("PUT", "/operator/moderation/lists/evil", {"text": EVIL})


@pytest.mark.parametrize(("who", "path"), [*SHOWN, *TOLD])
async def test_hostile_names_are_words(wild: str, signed_in: Open, who: Role, path: str) -> None:
    """They stand there letter by letter, and nothing of them runs or is filled in."""
    page = await signed_in(who, f"/console/{path}", url=wild)
    await settle(page)
    if (who, path) in SHOWN:
        await expect(page.get_by_text(EVIL).first).to_be_visible()
    assert not await page.evaluate(HARM)


async def test_a_hostile_file_is_named_in_words(wild: str, signed_in: Open) -> None:
    """Also where its name is cut to fit."""
    page = await signed_in("developer", "/console/playground", url=wild)
    await settle(page)
    file = FilePayload(name=f"{EVIL}.txt", mimeType="text/plain", buffer=b"a text")
    await page.locator("input[type=file]").first.set_input_files([file])
    await expect(page.get_by_text('"><img').first).to_be_visible()
    assert not await page.evaluate(HARM)


async def test_operators_pages_are_closed_to_developers(mill: Mill, signed_in: Open, visits: Visits) -> None:
    """Whatever address they type they are told so, and the page asks for nothing; the API refuses, too."""
    say = Words("en")
    page = await signed_in("developer", "/console/keys")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in (
        "op",
        "op/accounts",
        f"op/accounts/{mill.platform.account_id}",
        "op/models/mimo/x",
        "op/settings",
    ):
        await page.goto(f"/console/{path}")
        await expect(page.get_by_role("heading", level=1, name=say("error.forbidden"))).to_be_visible()
        await expect(page.get_by_role("link", name=say("nav.opTargets"))).to_have_count(0)
    assert not [url for url in asked if "/operator/" in url]
    status = "(path) => fetch(path).then((reply) => reply.status)"
    assert await page.evaluate(status, f"{API}/operator/accounts") == 403


@pytest.mark.parametrize(
    "then",
    ["//example.com/", "https://example.com/", "/\\example.com", "javascript:alert(1)", "/\t/example.com"],
)
async def test_signing_in_leads_nowhere_else(mill: Mill, visit: Open, then: str) -> None:
    """An address that is not the console's is not gone to."""
    page = await visit(f"/console/sign-in?then={quote(then, safe='')}")
    say = Words("en")
    await sign_in(page, say, EMAIL, PASSWORD)
    await expect(page.get_by_role("heading", level=1, name=say("nav.overview"))).to_be_visible()
    assert page.url.rstrip("/") == f"{mill.url}/console"


REPEATED = """
async (secret) => {
  const { paths } = await (await fetch("/console/api/openapi.json")).json();
  const asked = Object.keys(paths).filter((path) => paths[path].get && !/[{]|operator|oidc/.test(path));
  const said = await Promise.all(asked.map(async (path) => [path, await (await fetch(path)).text()]));
  return [asked.length, said.filter(([, text]) => text.includes(secret)).map(([path]) => path)];
}
"""
"""How many addresses of the API were asked, and which of them gave the secret away."""


async def test_what_was_shown_once_is_nowhere(mill: Mill, signed_in: Open) -> None:
    """No other reply holds the key, nor any page that one goes to or back to."""
    say = Words("en")
    page = await signed_in(await mill.newcomer(), "/console/keys")
    shown = await make(page, say, "laptop")
    key = await shown.get_by_label(say("secret.value")).inner_text()
    await done(shown, say)
    asked, repeated = await page.evaluate(REPEATED, key)
    assert asked >= 15
    assert repeated == []
    await page.go_back()
    await page.reload()
    for path in ("tools/claude-code", "playground", "keys"):
        await page.goto(f"/console/{path}")
        await settle(page)
        assert key not in await page.evaluate(KEPT)
    assert key not in str(await page.context.storage_state())


async def test_a_tab_follows_who_is_signed_in(mill: Mill, signed_in: Open) -> None:
    """Somebody else has signed in in another tab: the page is theirs, and the first one's keys are gone."""
    say = Words("en")
    first, second = await mill.newcomer(), await mill.newcomer()
    async with browser(mill.platform, first) as one:
        await one.do("POST", "/keys", {"name": "of the first"})
    page = await signed_in(first, "/console/keys")
    await expect(page.get_by_role("row", name="of the first")).to_be_visible()
    body = {"email": second, "password": PASSWORD}
    assert (await page.context.request.post(f"{API}/session", data=body)).ok
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    await expect(page.get_by_role("button", name=second)).to_be_visible()
    await expect(page.get_by_text("of the first")).to_have_count(0)
    await expect(page.get_by_text(say("keys:none"))).to_be_visible()


async def test_nothing_is_left_after_signing_out(mill: Mill, signed_in: Open, say: Words) -> None:
    """Going back leads to the page of sign-in; the language that was chosen stays."""
    other = Words("en" if say.language == "zh-CN" else "zh-CN")
    email = await mill.newcomer()
    page = await signed_in(email, "/console/keys")
    await page.get_by_role("button", name="EN" if other.language == "en" else "中文", exact=True).click()
    await expect(page.get_by_role("heading", level=1, name=other("nav.keys"))).to_be_visible()
    await page.get_by_role("button", name=email).click()
    await page.get_by_role("menuitem", name=other("action.signOut")).click()
    entry = page.get_by_role("heading", level=1, name=other("entry:title"))
    await expect(entry).to_be_visible()
    await page.go_back()
    await expect(entry).to_be_visible()
    assert email not in await page.content()


async def test_a_server_that_is_away_is_waited_for(mill: Mill, signed_in: Open, visits: Visits) -> None:
    """A bar says so within 5 s, what was there stays, and what is gone to meanwhile comes by itself."""
    say = Words("en")
    page = await signed_in("developer", "/console/keys")
    key = page.get_by_role("row", name="laptop")
    await expect(key).to_be_visible()
    await page.context.route("**/*", lambda route: route.abort("connectionrefused"))
    bar = page.get_by_text(say("offline"))
    await expect(bar).to_be_visible()
    await expect(key).to_be_visible()
    await page.get_by_role("link", name=say("nav.help")).click()
    await expect(page).to_have_url(re.compile("/console/help"))
    await expect(bar).to_be_visible()
    await page.context.unroute("**/*")
    await expect(page.get_by_role("heading", level=1, name=say("nav.help"))).to_be_visible(
        timeout=2 * PATIENCE
    )
    await expect(bar).to_have_count(0)
    heard = visits.pages[page]
    heard.errors[:] = [error for error in heard.errors if "net::ERR_CONNECTION_REFUSED" not in error]


async def tab_to(page: Page, wanted: Locator) -> None:
    """Presses Tab until `wanted` has the focus."""
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError("the focus does not get there")


async def test_a_key_is_made_without_a_mouse(mill: Mill, signed_in: Open) -> None:
    """By the keyboard alone: the focus is where one goes on."""
    say = Words("en")
    page = await signed_in(await mill.newcomer(), "/console/keys")
    await page.get_by_role("button", name=say("keys:new"), exact=True).first.focus()
    await page.keyboard.press("Enter")
    name = page.get_by_role("dialog", name=say("keys:new")).get_by_label(say("keys:field.name"), exact=True)
    await expect(name).to_be_focused()
    await page.keyboard.type("by hand")
    await page.keyboard.press("Enter")
    shown = page.get_by_role("dialog", name=say("keys:created", name="by hand"))
    await expect(shown.get_by_label(say("secret.value"))).to_be_focused()
    await tab_to(page, shown.get_by_label(say("secret.saved")))
    await page.keyboard.press("Space")
    await tab_to(page, shown.get_by_role("button", name=say("action.done")))
    await page.keyboard.press("Enter")
    await expect(shown).to_be_hidden()
    await expect(page.get_by_role("row", name="by hand")).to_be_visible()
