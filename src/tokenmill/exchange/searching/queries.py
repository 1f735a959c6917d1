"""Finds out what to search for: in a question, or in what a model's call says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request

LONGEST: Final = 200
"""Characters of a query; search engines take little more into account."""

_LEAD = re.compile(
    r"(?:perform a web search for the query|please (?:search|look up)(?: the web)?(?: for)?"
    r"|search(?: the web)? for"
    r"|请?(?:联网)?(?:搜索|查询|查)一下)[:：\s]*",
    re.IGNORECASE,
)
"""What people, and Claude Code, say before what is to be searched for."""
_SPACE = re.compile(r"\s+")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")


def question_of(request: Request) -> str | None:
    """What the user asks, as a query; None where the last turn is not a user's, or has no words.

    After the results of tools the search that was demanded has been made, for the question before them.
    """
    last = request.turns[-1] if request.turns else None
    if last is None or last.role != "user":
        return None
    texts = [part.text for part in last.parts if isinstance(part, Text)]
    return query_of(texts[-1]) if texts else None


def query_of(text: str) -> str | None:
    """The text as a query: of a long one its last question, else its beginning."""
    words = _SPACE.sub(" ", text).strip()
    lead = _LEAD.match(words)
    words = (words[lead.end() :] if lead else words).strip(" \"“”'")
    if len(words) > LONGEST:
        sentences = [sentence.strip() for sentence in _SENTENCE.findall(text[-5_000:])]
        asked = [each for each in sentences if each.endswith(("?", "？")) and len(each) <= LONGEST]
        words = _SPACE.sub(" ", asked[-1]) if asked else words[:LONGEST]
    return words or None


def queries_of(arguments: str) -> list[str]:
    """What a call asks to search for, each once, whatever form the model gave it."""
    try:
        said = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        said = arguments.strip().strip('{}"')
    found = (_SPACE.sub(" ", text).strip()[:LONGEST] for text in _texts(said))
    return list(dict.fromkeys(text for text in found if text))


def _texts(said: Any) -> Iterator[str]:
    match said:
        case str():
            yield said
        case list():
            yield from (each for each in said if isinstance(each, str))
        case dict():
            for key in ("queries", "query", "keywords", "keyword", "q"):
                if key in said:
                    yield from _texts(said[key])
                    return
            yield from (each for each in said.values() if isinstance(each, str))
        case _:
            return
