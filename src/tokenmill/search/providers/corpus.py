"""Searches documents of the operator's own, read from a file of JSON lines into a full-text index."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import SearchAsked, SearchFailed, Source
from tokenmill.search.passages import best_passages
from tokenmill.search.providers.tidy import host_of, moment
from tokenmill.search.terms import terms_of

MOST_TERMS: Final = 60
"""Of a query: more of them only make it slower."""
SUMMARY: Final = 300


class _Document(msgspec.Struct):
    """A line of the file."""

    url: str
    title: str = ""
    text: str = ""
    site_name: str = ""
    publish_time: str = ""
    logo_url: str = ""


class Corpus:
    """A full-text index of a file, made anew when the file has changed; it is never on disk by name."""

    name = "corpus"

    def __init__(self, path: Path) -> None:
        """Raises Fault(MISCONFIGURED) that names the line, unless the file is JSON lines of documents."""
        self._path = path
        self._lock = Lock()
        self._index, self._seen = self._read()

    async def search(self, asked: SearchAsked) -> tuple[Source, ...]:
        """The documents that say most about the query. Raises SearchFailed."""
        return await asyncio.to_thread(self._search, asked)

    async def close(self) -> None:
        """Lets the index go."""
        with self._lock:
            self._index.close()

    def _search(self, asked: SearchAsked) -> tuple[Source, ...]:
        terms = dict.fromkeys(islice(terms_of(asked.query), MOST_TERMS))
        if not terms:
            return ()
        wanted = " OR ".join(f'"{term}"' for term in terms)  # Terms are letters and digits alone.
        with self._lock:
            self._renew()
            rows = self._index.execute(
                "SELECT document FROM pages WHERE pages MATCH ?"
                " ORDER BY bm25(pages, 3.0, 1.0), rowid LIMIT ?",
                (wanted, asked.limit),
            ).fetchall()
        return tuple(_source(msgspec.json.decode(row[0], type=_Document), asked.query) for row in rows)

    def _renew(self) -> None:
        try:
            if _stamp(self._path) == self._seen:
                return
            index, seen = self._read()
        except (Fault, OSError):
            raise SearchFailed("the corpus cannot be read") from None
        self._index.close()
        self._index, self._seen = index, seen

    def _read(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        try:
            seen = _stamp(self._path)
            index = sqlite3.connect("", check_same_thread=False)  # A private file, gone with the process.
            index.execute("CREATE VIRTUAL TABLE pages USING fts5(title, text, document UNINDEXED)")
            rows = (
                (" ".join(terms_of(page.title)), " ".join(terms_of(page.text)), msgspec.json.encode(page))
                for page in self._documents()
            )
            index.executemany("INSERT INTO pages VALUES (?, ?, ?)", rows)
            index.commit()
        except OSError as error:
            raise Fault(
                Code.MISCONFIGURED, f"[search] corpus {self._path} cannot be read: {error.strerror}"
            ) from None
        return index, seen

    def _documents(self) -> Iterator[_Document]:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield msgspec.json.decode(line, type=_Document)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise Fault(
                        Code.MISCONFIGURED,
                        f"[search] corpus {self._path}, line {number}: {error}. Each line is an object with "
                        "url, title, text, site_name and publish_time.",
                    ) from None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _source(page: _Document, query: str) -> Source:
    return Source(
        url=page.url,
        title=page.title,
        summary=best_passages(page.text, query, SUMMARY),
        site_name=page.site_name or host_of(page.url),
        publish_time=moment(page.publish_time) or page.publish_time,
        logo_url=page.logo_url,
        text=page.text,
    )
