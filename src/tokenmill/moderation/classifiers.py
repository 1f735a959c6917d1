"""Asks classifiers: moderation endpoints by HTTP, and guard models through an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec

from tokenmill.conversation.events import Failed, TextDelta
from tokenmill.conversation.request import Request, Sampling, Thinking, Turn
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import FROM_OPENAI, Category
from tokenmill.moderation.guards import GUARDS, Family, family_of, not_understood
from tokenmill.ports import Engine, Opinion, Route, Timeouts, Upstream

_LARGEST: Final = 2**20
"""Bytes of an answer."""


class _Result(msgspec.Struct):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(msgspec.Struct):
    results: list[_Result]


class ModerationEndpoint:
    """Any server that answers `POST …/moderations` as OpenAI does."""

    name = "endpoint"

    def __init__(
        self, upstream: Upstream, url: str, *, model: str = "", key: Callable[[], str], seconds: float = 10.0
    ) -> None:
        """`key` reads the server's key, empty for none; it may raise a Fault."""
        self._upstream = upstream
        self._url = moderations_url(url)
        self._model = model
        self._key = key
        self._timeouts = Timeouts(connect=min(seconds, 5.0), first=seconds, between=seconds, whole=seconds)

    async def judge(self, text: str, question: str | None) -> tuple[Opinion, ...]:
        """See `tokenmill.ports.Moderator.judge`; the question is not shown."""
        body: dict[str, str] = {"input": text}
        if self._model:
            body["model"] = self._model
        headers = {"content-type": "application/json"}
        if key := self._key():
            headers["authorization"] = f"Bearer {key}"
        async with self._upstream.post(
            self._url, headers, msgspec.json.encode(body), self._timeouts
        ) as reply:
            if reply.status != 200:
                raise Fault(Code.UPSTREAM_BROKE, f"The moderation's classifier answered HTTP {reply.status}.")
            said = await self._upstream.read(reply, _LARGEST)
        try:
            answer = msgspec.json.decode(said, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise not_understood() from None
        if not answer.results:
            raise not_understood()
        return tuple(opinion for result in answer.results for opinion in _opinions(result))


def _opinions(result: _Result) -> list[Opinion]:
    names = {*result.categories, *result.category_scores}
    found = []
    for name in sorted(names):
        flagged = bool(result.categories.get(name))
        score = result.category_scores.get(name)
        score = (1.0 if flagged else 0.0) if score is None else score
        if flagged or score:
            category = FROM_OPENAI.get(name, Category.CUSTOM)
            found.append(Opinion(category, score, flagged, name))
    if result.flagged and not any(opinion.flagged for opinion in found):
        found.append(Opinion(Category.CUSTOM, 1.0, True, "flagged"))
    return found


def moderations_url(url: str) -> str:
    """The address that is asked: `url` itself, or `moderations` below a Base URL."""
    bare = url.rstrip("/")
    if bare.endswith("/moderations"):
        return bare
    return f"{bare}/moderations" if bare.rpartition("/")[2].startswith("v1") else f"{bare}/v1/moderations"


class GuardModel:
    """A guard model behind one of the targets."""

    name = "guard"

    def __init__(
        self,
        find: Callable[[], tuple[Engine, Route]],
        *,
        style: Family | None = None,
        seconds: float = 10.0,
    ) -> None:
        """`find` tells where it is now, with its key; it may raise a Fault. `style` None: by its name."""
        self._find = find
        self._style = style
        self._seconds = seconds

    async def judge(self, text: str, question: str | None) -> tuple[Opinion, ...]:
        """See `tokenmill.ports.Moderator.judge`."""
        engine, route = self._find()
        family = GUARDS[self._style or family_of(route.upstream_model)]
        asked = family.asks(text, question)
        try:
            async with asyncio.timeout(self._seconds):
                answers = await asyncio.gather(
                    *(_ask(engine, route, turns, family.most_output) for _, turns in asked)
                )
        except TimeoutError:
            raise Fault(
                Code.UPSTREAM_TIMEOUT,
                f"The moderation's classifier did not answer within {self._seconds:g} seconds.",
            ) from None
        return tuple(
            opinion
            for (about, _), answer in zip(asked, answers, strict=True)
            for opinion in family.reads(answer, about)
        )


async def _ask(engine: Engine, route: Route, turns: tuple[Turn, ...], most_output: int) -> str:
    request = Request(
        model=route.upstream_model,
        turns=turns,
        max_output=most_output,
        sampling=Sampling(temperature=0.0),
        thinking=Thinking(on=False),
        stream=True,
    )
    plain = msgspec.structs.replace(route, thinking_switch="none")  # Guards think in no way that is switched.
    said: list[str] = []
    async with engine.open(request, plain) as reply, aclosing(reply.frames()) as frames:
        async for frame in frames:
            for event in frame.events:
                if isinstance(event, Failed):
                    raise event.fault
                if isinstance(event, TextDelta):
                    said.append(event.text)
    return "".join(said)
