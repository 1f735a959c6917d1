"""Fills in the console: for now one plain page that says what runs here and how to call it."""

from __future__ import annotations

from html import escape
from importlib.resources import files


def console_page(base_url: str, served: str) -> bytes:
    """The page, as HTML; `base_url` is the platform's public address, `served` what answers by default."""
    page = (files("tokenmill.admin") / "console.html").read_text(encoding="utf-8")
    return page.replace("{{base_url}}", escape(base_url)).replace("{{served}}", escape(served)).encode()
