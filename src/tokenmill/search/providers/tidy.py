"""Brings what providers say of pages into one form."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from tokenmill.ports import SearchAsked, Source

MOST_SUMMARY: Final = 1_000
MOST_TITLE: Final = 300
_MOST_SITES: Final = 5  # Engines take no longer queries; the rest is sorted out afterwards.

_MARKS = re.compile(r"</?(?:strong|b|em|mark|span|p|br)\b[^<>]*>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_SHANGHAI: Final = timezone(timedelta(hours=8))


def words_of(asked: SearchAsked) -> str:
    """What to type into a search engine: the query, the place, and the domains as all of them know it."""
    sites = [f"site:{domain}" for domain in asked.only[:_MOST_SITES]]
    fence = f"({' OR '.join(sites)})" if len(sites) > 1 else "".join(sites)
    return " ".join(filter(None, (asked.query, asked.place, fence)))


def source_of(
    url: str | None,
    title: str | None,
    summary: str | None,
    site: str | None,
    at: str | None,
    logo: str | None,
) -> Source:
    """A page as a provider tells of it, in plain text; the site's name is its host where nobody tells it."""
    return Source(
        url=(url or "").strip(),
        title=_plain(title)[:MOST_TITLE],
        summary=_plain(summary)[:MOST_SUMMARY],
        site_name=_plain(site)[:MOST_TITLE] or host_of(url or ""),
        publish_time=moment(at),
        logo_url=(logo or "").strip() if (logo or "").startswith(("http://", "https://")) else "",
    )


def host_of(url: str) -> str:
    """`https://www.example.com/x` → `example.com`; empty for what is no address."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def moment(text: str | None) -> str:
    """A date in one of the forms that providers use, as RFC 3339 at +08:00; empty for anything else."""
    if not text:
        return ""
    found: datetime | None = None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return ""
    if found.tzinfo is None:
        found = found.replace(tzinfo=_SHANGHAI)
    try:
        return found.astimezone(_SHANGHAI).isoformat(timespec="seconds")
    except OverflowError:
        return ""


def _plain(text: str | None) -> str:
    return _SPACE.sub(" ", unescape(_MARKS.sub("", text or ""))).strip()
