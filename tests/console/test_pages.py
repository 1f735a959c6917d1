"""Every page of the console is sound: within its policy, readable for everybody, no wider than the screen."""

from __future__ import annotations

import pytest

from tests.console.browsing import LANGUAGES, THEMES, WIDTHS, Language, Theme, Width, picture, settle
from tests.console.conftest import Open
from tests.console.pages import PLACES, Place


def _mix(place: Place, language: Language) -> tuple[Width, Theme]:
    """A width and a theme for each page and language: neighbours differ, and so do a page's two languages."""
    at = PLACES.index(place) + LANGUAGES.index(language)
    return WIDTHS[at % len(WIDTHS)], THEMES[at % len(THEMES)]


async def look(
    place: Place, language: Language, width: Width, theme: Theme, visit: Open, signed_in: Open
) -> None:
    """Opens the page as those for whom it is, and keeps a picture; `visits` judges it."""
    path = f"/console{place.path}"
    page = await (
        visit(path, width=width, theme=theme)
        if place.who is None
        else signed_in(place.who, path, width=width, theme=theme)
    )
    await settle(page)
    assert await page.evaluate("document.documentElement.lang") == language
    assert await page.evaluate("document.documentElement.dataset.theme") == theme
    await picture(page, f"{place.name}-{language}-{width}-{theme}")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_page_is_sound(place: Place, language: Language, visit: Open, signed_in: Open) -> None:
    """No error, no request elsewhere, no serious finding of axe, no sideways scroll."""
    await look(place, language, *_mix(place, language), visit, signed_in)


@pytest.mark.proof
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_page_is_sound_in_every_look(
    place: Place, language: Language, width: Width, theme: Theme, visit: Open, signed_in: Open
) -> None:
    """On phones and desks, by day and by night."""
    await look(place, language, width, theme, visit, signed_in)
