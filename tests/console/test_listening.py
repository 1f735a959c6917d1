"""The ear with which pages are judged hears what it is there for."""

from __future__ import annotations

from playwright.async_api import Page

from tests.console.browsing import faults, picture
from tests.console.conftest import Visits

_INSERT = "(html) => document.body.append(document.createRange().createContextualFragment(html))"


async def opened(visits: Visits) -> Page:
    """A page of the console whose sins are not this test's."""
    page = await visits.open("/console/sign-in")
    visits.pages[page].errors.clear()
    return page


async def forgiven(visits: Visits, page: Page, what: str) -> None:
    """The page has to be found wanting in `what`; after that it is gone, and judged by nobody."""
    found = await faults(page, visits.pages[page])
    assert any(what in fault for fault in found), found
    await page.close()


async def test_a_breach_of_the_policy_is_heard(visits: Visits) -> None:
    """Styles and scripts without the nonce."""
    for sin in ('<p style="color: red">', "<script>1</script>"):
        page = await opened(visits)
        await page.evaluate(_INSERT, sin)
        await page.wait_for_timeout(100)
        await forgiven(visits, page, "console: policy: ")


async def test_an_error_in_the_console_is_heard(visits: Visits) -> None:
    """And so is one that nobody caught."""
    page = await opened(visits)
    await page.evaluate("console.error('on purpose')")
    await forgiven(visits, page, "console: on purpose")
    page = await opened(visits)
    await page.evaluate("setTimeout(() => { throw new Error('nobody caught it') })")
    await page.wait_for_timeout(100)
    await forgiven(visits, page, "uncaught: ")


async def test_a_request_to_another_address_is_heard(visits: Visits) -> None:
    """Although the policy keeps it from leaving."""
    page = await opened(visits)
    await page.evaluate("new Image().src = 'https://example.com/pixel.png'")
    await page.wait_for_timeout(100)
    await forgiven(visits, page, "example.com")


async def test_a_page_wider_than_the_screen_is_seen(visits: Visits) -> None:
    """With what sticks out."""
    page = await opened(visits)
    await page.evaluate(
        "document.body.append(Object.assign(document.createElement('p'), { textContent: 'x'.repeat(9999) }))"
    )
    await forgiven(visits, page, "scrolls sideways: ")


async def test_what_few_can_read_is_found(visits: Visits) -> None:
    """By axe: a button without a name."""
    page = await opened(visits)
    await page.evaluate("document.body.append(document.createElement('button'))")
    await forgiven(visits, page, "axe: button-name")


async def test_a_picture_leaves_the_page_as_it_was(visits: Visits) -> None:
    """Taking it breaks no policy."""
    page = await visits.open("/console/sign-in")
    assert (await picture(page, "listening")).stat().st_size > 1000
