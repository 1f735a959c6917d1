"""What a page costs before it can be used: bytes in any build, and seconds where they are measured alone."""

from __future__ import annotations

import gzip
import json
import statistics
import time
from functools import cache
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.console.browsing import Words, visiting
from tests.console.mill import Mill
from tokenmill.admin.console import STATIC

KILO = 1000
SIGN_IN, FIRST_PAGE, WHOLE = 300 * KILO, 600 * KILO, 900 * KILO
"""Bytes after gzip; the last is for operators' pages as well."""

_SHELL = "src/shell/Shell.tsx"
_SIGN_IN = "src/pages/entry/SignIn.tsx"


def _manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STATIC / ".vite" / "manifest.json").read_text("utf-8"))
    return found


def _needed(manifest: dict[str, Any], *chunks: str) -> set[str]:
    """The files without which none of these chunks runs, in one language."""
    files: set[str] = set()
    waiting = ["index.html", "src/i18n/zh-CN/common.json", *chunks]
    seen: set[str] = set()
    while waiting:
        chunk = waiting.pop()
        if chunk in seen:
            continue
        seen.add(chunk)
        entry = manifest[chunk]
        files |= {entry["file"], *entry.get("css", ())}
        waiting += entry.get("imports", ())
    return files


def _weight(files: set[str]) -> int:
    return sum(map(_size, files))


@cache
def _size(name: str) -> int:
    return len(gzip.compress((STATIC / name).read_bytes(), 9))


def test_the_sign_in_page_is_light() -> None:
    """Nobody waits for charts before they have come in."""
    files = _needed(_manifest(), _SIGN_IN)
    heaviest = ", ".join(f"{name} {_size(name)}" for name in sorted(files, key=_size, reverse=True)[:8])

    assert _weight(files) <= SIGN_IN, heaviest


def test_every_page_is_within_its_budget() -> None:
    """With the shell around it, as its first visitor loads it."""
    manifest = _manifest()
    pages = [
        chunk
        for chunk in manifest
        if chunk.startswith("src/pages/") and manifest[chunk].get("isDynamicEntry")
    ]
    weights = {page: _weight(_needed(manifest, _SHELL, page)) for page in pages}

    assert len(weights) >= 20
    heavy = {
        page: weight for page, weight in weights.items() if weight > (WHOLE if "/op/" in page else FIRST_PAGE)
    }
    assert not heavy


@pytest.mark.proof
async def test_the_first_page_is_usable_in_a_second_and_a_half(chromium: Browser, mill: Mill) -> None:
    """From the address to the button that signs in, by a browser that has never been here."""
    seconds = []
    for _ in range(5):
        async with visiting(chromium, mill.url) as (context, _):
            page = await context.new_page()
            begun = time.perf_counter()
            await page.goto("/console/sign-in", wait_until="commit")
            await expect(page.get_by_role("button", name=Words("en")("action.signIn"))).to_be_visible()
            seconds.append(time.perf_counter() - begun)
    print(f"usable after {statistics.median(seconds):.2f} s (median of {len(seconds)})")
    assert statistics.median(seconds) <= 1.5
