"""Has what goes into an exchange and what comes out of it judged, by the policy of its account and model."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from tokenmill.conversation.parts import (
    Media,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tokenmill.conversation.places import tool_places
from tokenmill.conversation.request import Drop, Request, Turn
from tokenmill.exchange.media.tokens import words_of_text
from tokenmill.exchange.steps.moderation import Screen
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.judging import AT_ONCE, Judgement, judge
from tokenmill.moderation.live import Moderation
from tokenmill.moderation.policies import Direction, Policy
from tokenmill.moderation.reading import words_of_call, words_of_result, words_of_tool, words_of_unknown
from tokenmill.moderation.record import Record
from tokenmill.moderation.review import Review, must_not_fail
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.verdicts import Whose
from tokenmill.moderation.watch import Finding
from tokenmill.ports import Moderator, Source
from tokenmill.search.web_search import Found

REMEMBERED: Final = 50_000
"""Texts without any phrase of the lists; agents send the same conversation again and again."""
WITHHELD: Final = "the moderation of this platform has withheld all that it found"


class _Said(NamedTuple):
    """A text of the request: what kind it is, where it stands, whether it is new since the last reply."""

    kind: str
    place: str
    text: str
    new: bool


class _Unread(NamedTuple):
    """Something that is not looked at, and why."""

    kind: str
    why: str


class Moderating:
    """The moderation of one exchange; made where its policy looks at anything."""

    def __init__(self, moderation: Moderation, clean: Clean, policy: Policy, whose: Whose) -> None:
        self._moderation = moderation
        self._clean = clean
        self._policy = policy
        self._whose = whose
        self._records: dict[Direction, Record] = {}

    async def check(self, request: Request) -> None:
        """Judges what is asked.

        Raises Fault(CONTENT_BLOCKED) for what must not be asked, and Unjudged.
        """
        if not self._policy.acts("input"):
            return
        record = self._record("input")
        book = await self._moderation.book()
        for said in _said(request, self._policy):
            if isinstance(said, _Unread):
                record.skipped(said.kind, said.why)
                continue
            record.scanned(said.kind)
            judged = await self._judged(said, book, record)
            record.judged(said.place, judged)
            if (finding := judged.blocks) is not None:
                raise blocked(finding, said.place)
            must_not_fail(judged.failed, self._policy, "input")

    async def screen(self, request: Request) -> Screen | None:
        """What the reply is led past; None where nobody looks at replies."""
        if not self._policy.acts("output"):
            return None
        review = Review(
            await self._moderation.book(),
            self._policy,
            self._record("output"),
            self._moderation.moderator,
            window=self._moderation.window,
            question=_question(request),
        )
        return Screen(review)

    async def of_search(self, found: Found) -> Found:
        """`found` without the sources that the model must not be shown, or its caller not be told of.

        Raises Unjudged.
        """
        allowed: list[Source] = []
        for at in range(0, len(found.sources), AT_ONCE):
            some = found.sources[at : at + AT_ONCE]
            verdicts = await asyncio.gather(*map(self._allows, some))
            allowed += [source for source, allows in zip(some, verdicts, strict=True) if allows]
        if len(allowed) == len(found.sources):
            return found
        return msgspec.structs.replace(found, sources=tuple(allowed), error=None if allowed else WITHHELD)

    def notes(self) -> tuple[Drop, ...]:
        """The audit, for the receipt."""
        return tuple(
            Drop(f"moderation.{direction}", record.line()) for direction, record in self._records.items()
        )

    def _record(self, direction: Direction) -> Record:
        """The one there is: a reply may have several turns, or have begun at another target."""
        if direction not in self._records:
            moderation = self._moderation
            self._records[direction] = Record(moderation.verdicts, moderation.clock, self._whose, direction)
        return self._records[direction]

    async def _judged(self, said: _Said, book: Rulebook, record: Record) -> Judgement:
        moderator = self._moderation.moderator if self._policy.classifier else None
        if moderator is not None and not said.new:
            record.skipped("earlier turns", "the classifier sees what is new")
            moderator = None
        return await self._looked_at(said.text, book, "input", moderator)

    async def _allows(self, source: Source) -> bool:
        """May the model read the source as what it is asked, and its caller as what is said?"""
        told = "\n".join((source.title, source.site_name, source.url, source.summary))
        sides: tuple[tuple[Direction, str], ...] = (("input", f"{told}\n{source.text}"), ("output", told))
        moderator = self._moderation.moderator if self._policy.classifier else None
        for direction, words in sides:
            if not self._policy.acts(direction):
                continue
            record = self._record(direction)
            record.scanned("search results")
            book = await self._moderation.book()
            judged = await self._looked_at(words, book, direction, moderator)
            record.judged("search results", judged)
            must_not_fail(judged.failed, self._policy, direction)
            if judged.blocks is not None:
                return False
        return True

    async def _looked_at(
        self, text: str, book: Rulebook, direction: Direction, moderator: Moderator | None
    ) -> Judgement:
        key = self._clean.key(text)
        if moderator is None and self._clean.has(book, key):
            return Judgement()
        judged = await judge(text, book, self._policy, direction, moderator)
        if judged.untouched:
            self._clean.add(book, key)
        return judged


class Clean:
    """Remembers texts in which the lists find nothing at all."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._book: Rulebook | None = None
        self._known: OrderedDict[tuple[int, int], None] = OrderedDict()

    def key(self, text: str) -> tuple[int, int]:
        """Python's hash has a secret of its process's own: nobody can prepare a text that has another's."""
        return hash(text), len(text)

    def has(self, book: Rulebook, key: tuple[int, int]) -> bool:
        """Was it looked through with these lists?"""
        return book is self._book and key in self._known

    def add(self, book: Rulebook, key: tuple[int, int]) -> None:
        """It was, and there was nothing."""
        if book is not self._book:
            self._book = book
            self._known.clear()
        self._known[key] = None
        if len(self._known) > self._most:
            self._known.popitem(last=False)


class Moderators:
    """Says for each exchange whether it is moderated."""

    def __init__(self, moderation: Moderation) -> None:
        self._moderation = moderation
        self._clean = Clean()

    def of(self, whose: Whose) -> Moderating | None:
        """None where the policy of its account and model looks at nothing."""
        policy = self._moderation.policy(whose.account_id, whose.model)
        return None if policy is None else Moderating(self._moderation, self._clean, policy, whose)


def blocked(finding: Finding, place: str) -> Fault:
    """The fault of a request that must not be asked; it names the category, and never the phrase."""
    return Fault(
        Code.CONTENT_BLOCKED,
        f"Moderation Block: the request was rejected because {place} was considered high risk "
        f"({finding.category.value}). Change it before you send the request again.",
        field=place,
    )


def _said(request: Request, policy: Policy) -> Iterator[_Said | _Unread]:
    """Every text of the request, and what is left out."""
    last = max((at for at, turn in enumerate(request.turns) if turn.role == "assistant"), default=-1)
    for at, turn in enumerate(request.turns):
        if turn.role in ("system", "developer") and not policy.system_prompts:
            yield _Unread("system prompts", "by policy")
            continue
        for number, part in enumerate(turn.parts):
            yield _part(part, _place(turn, at, number), _kind(turn.role), new=at > last)
    if request.tools and not policy.system_prompts:
        yield _Unread("tool definitions", "by policy")
        return
    for tool, place in zip(request.tools, tool_places(request), strict=True):
        yield _Said("tool definitions", place, words_of_tool(tool), new=True)


def _part(part: Part, place: str, kind: str, *, new: bool) -> _Said | _Unread:
    match part:
        case Text(text=text) | Refusal(text=text):
            return _Said(kind, place, text, new)
        case Reasoning(form="redacted"):
            return _Unread("reasoning", "it is sealed")
        case Reasoning(text=text):
            return _Said("reasoning", place, text, new)
        case ToolCall():
            return _Said("arguments", place, words_of_call(part), new)
        case ToolResult():
            documents = (words_of_text(each) for each in part.content if isinstance(each, Media))
            told = "\n".join([words_of_result(part), *filter(None, documents)])
            return _Said("tool_results", place, told, new)
        case Media() if (words := words_of_text(part)) is not None:
            return _Said(kind, place, words, new)
        case Media(kind=media):
            return _Unread(media, "it is no text")
        case Unknown():
            return _Said("unknown parts", place, words_of_unknown(part), new)


def _place(turn: Turn, at: int, number: int) -> str:
    return turn.at[number] if number < len(turn.at) else f"messages[{at}].content[{number}]"


def _kind(role: str) -> Literal["text", "system prompts"]:
    return "system prompts" if role in ("system", "developer") else "text"


def _question(request: Request) -> str:
    """What the reply answers: the last words of a user."""
    for turn in reversed(request.turns):
        if turn.role == "user":
            words = "\n".join(part.text for part in turn.parts if isinstance(part, Text))
            if words.strip():
                return words
    return ""
