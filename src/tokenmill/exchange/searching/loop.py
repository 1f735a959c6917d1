"""Runs the turns of a reply that may search, without doing any of it: it asks, and is answered."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

import msgspec

from tokenmill.conversation.events import Stop
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall, ToolResult, Value
from tokenmill.conversation.request import ChooseFreely, ChooseNone, Request, Turn
from tokenmill.exchange.searching.queries import queries_of
from tokenmill.exchange.searching.rules import Rules, closed
from tokenmill.exchange.searching.sources import Sources
from tokenmill.search.web_search import Found

_WHOLE: Final = frozenset({Stop.END, Stop.TOOL, Stop.STOP_SEQUENCE})
_NO_QUERY: Final = "The call names nothing to search for. Name it under `queries`."


class AskModel(Value, frozen=True):
    """What does the model say to this?"""

    request: Request


class AskSearch(Value, frozen=True):
    """What do searches for these bring?"""

    queries: tuple[str, ...]


class Said(Value, frozen=True):
    """What the model said, whole."""

    parts: tuple[Part, ...]
    stop: Stop


class Brought(Value, frozen=True):
    """What the searches brought, in their order; fewer than were asked for where nobody pays for more."""

    found: tuple[Found, ...]


Ask = AskModel | AskSearch
Answer = Said | Brought


def search_turns(request: Request, rules: Rules, sources: Sources) -> Generator[Ask, Answer, None]:
    """Asks the model, and for it the web, until the model has answered.

    A turn in which the model calls tools of the caller's ends the reply, whatever it wanted to search for:
    it can do so when it has their results.
    """
    used = rounds = 0
    if rules.first is not None:
        brought = yield AskSearch((rules.first,))
        assert isinstance(brought, Brought)
        used, rounds = 1, 1
        request = _with_findings(request, _written(brought.found, rules, sources))
    while True:
        may_search = rules.offered and rounds < rules.rounds and used < rules.total
        said = yield AskModel(request if may_search else closed(request, rules))
        assert isinstance(said, Said)
        calls = searches_in(said.parts, rules)
        if not may_search or not calls or said.stop not in _WHOLE or _calls_others(said.parts, rules):
            return
        asked = [queries_of(call.arguments) for call in calls]
        wanted = tuple(dict.fromkeys(query for queries in asked for query in queries))
        wanted = wanted[: min(rules.per_round, rules.total - used)]
        found: tuple[Found, ...] = ()
        if wanted:
            brought = yield AskSearch(wanted)
            assert isinstance(brought, Brought)
            found = brought.found
        used += len(wanted)
        rounds += 1
        request = _after(request, said.parts, calls, asked, found, rules, sources)


def searches_in(parts: Sequence[Part], rules: Rules) -> list[ToolCall]:
    """The searches that the model wants."""
    return [part for part in parts if isinstance(part, ToolCall) and is_search(part, rules)]


def is_search(part: Part, rules: Rules) -> bool:
    """Does the model call the function that its caller does not see?"""
    return isinstance(part, ToolCall) and part.kind == "function" and part.name == rules.name


def _calls_others(parts: Sequence[Part], rules: Rules) -> bool:
    return any(
        isinstance(part, ToolCall) and part.kind != "server" and not is_search(part, rules) for part in parts
    )


def _written(found: Sequence[Found], rules: Rules, sources: Sources) -> str:
    share = rules.characters // max(1, len(found))
    return "\n\n".join(sources.written(each, share) for each in found)


def _with_findings(request: Request, findings: str) -> Request:
    """The question with what was found for it; nothing before it changes, so that caches stay warm."""
    *before, last = request.turns
    at = (*last.at, last.at[-1]) if last.at else ()
    asked = Turn(last.role, (*last.parts, Text(findings)), last.name, at)
    return msgspec.structs.replace(request, turns=(*before, asked))


def _after(
    request: Request,
    said: Sequence[Part],
    calls: Sequence[ToolCall],
    asked: Sequence[Sequence[str]],
    found: Sequence[Found],
    rules: Rules,
    sources: Sources,
) -> Request:
    """The next request: what the model said, its searches, and what they brought."""
    by_query = {each.query: each for each in found}
    share = rules.characters // max(1, len(found))
    ids = _ids(request, calls)
    spoken = [part for part in said if isinstance(part, Reasoning | Text) and part.text]
    called = [ToolCall(id_, call.name, call.arguments) for id_, call in zip(ids, calls, strict=True)]
    turns = [Turn("assistant", (*_plain(spoken), *called))]
    told: set[str] = set()
    for id_, queries in zip(ids, asked, strict=True):
        texts: list[str] = []
        for query in queries:
            if query in told:
                texts.append(f"The web search for {query!r} has its results above.")
            elif query in by_query:
                texts.append(sources.written(by_query[query], share))
            else:
                texts.append(f"There was no web search for {query!r}: no more are allowed.")
            told.add(query)
        turns.append(Turn("tool", (ToolResult(id_, (Text("\n\n".join(texts) or _NO_QUERY),)),)))
    choice = request.tool_choice if isinstance(request.tool_choice, ChooseNone) else ChooseFreely()
    return msgspec.structs.replace(request, turns=(*request.turns, *turns), tool_choice=choice)


def _plain(parts: Sequence[Reasoning | Text]) -> list[Part]:
    return [Text(part.text) if isinstance(part, Text) else part for part in parts]


def _ids(request: Request, calls: Sequence[ToolCall]) -> list[str]:
    """The calls' ids; one that the conversation has used before is told apart."""
    used = {part.id for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
    ids: list[str] = []
    for at, call in enumerate(calls):
        id_ = call.id if call.id not in used else f"{call.id}_{len(request.turns)}_{at}"
        used.add(id_)
        ids.append(id_)
    return ids
