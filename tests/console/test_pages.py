"""Every page of the console is sound: within its policy, readable for everybody, no wider than the screen."""

from __future__ import annotations

import pytest

from tests.console.browsing import LANGUAGES, THEMES, WIDTHS, Language, Theme, Width, picture, settle
from tests.console.conftest import Open, Visits
from tests.console.pages import PLACES, Place


def _mix(place: Place, language: Language) -> tuple[Width, Theme]:
    """A width and a theme for each page and language: neighbours differ, and so do a page's two languages."""
    at = PLACES.index(place) + LANGUAGES.index(language)
    return WIDTHS[at % len(WIDTHS)], THEMES[at % len(THEMES)]


async def look(
    place: Place, width: Width, theme: Theme, visits: Visits, signed_in: Open, language: Language
) -> None:
    """Opens the page as those for whom it is, keeps a picture, and judges it."""
    path = f"/console{place.path}"
    page = await (
        visits.open(path, width=width, theme=theme)
        if place.who is None
        else signed_in(place.who, path, width=width, theme=theme)
    )
    await settle(page)
    await picture(page, f"{place.name}-{language}-{width}-{theme}")
    await visits.check(page)
    assert await page.evaluate("document.documentElement.lang") == language
    assert await page.evaluate("document.documentElement.dataset.theme") == theme
    refused = [each for each in visits.pages[page].refusals if place.who or not each.endswith("/session")]
    assert not refused, refused
    await page.close()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_page_is_sound(place: Place, language: Language, visits: Visits, signed_in: Open) -> None:
    """No error, no request elsewhere, no serious finding of axe, no sideways scroll, no refusal."""
    await look(place, *_mix(place, language), visits, signed_in, language)


@pytest.mark.proof
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_page_is_sound_in_every_look(
    place: Place, language: Language, width: Width, theme: Theme, visits: Visits, signed_in: Open
) -> None:
    """On phones and desks, by day and by night."""
    await look(place, width, theme, visits, signed_in, language)
