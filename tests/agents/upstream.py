"""A model that works with whatever tool asks: it thinks, reads one file, then two at once, and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.agents.tools import Agent
from tests.flow.forgetful import MISSING, thought
from tests.flow.upstreams import Answer, ScriptedUpstream, chat_events, stream, whole

Json = dict[str, Any]

FILES = (("note-1.txt",), ("note-2.txt", "note-3.txt"))
"""What it reads in each of its turns."""

WORD = re.compile(r"The word is ([a-z]+-[0-9]+)")


class WorkingModel(ScriptedUpstream):
    """Speaks chat completions; where it stands, the history tells.

    `stumbles` are what it answers first, in turn; a model that `leaks` writes its calls as markup into its
    thinking; one that `demands` answers 400 to a turn of its own that comes back without its reasoning.
    """

    def __init__(
        self,
        tool: Agent,
        directory: str,
        words: Sequence[str],
        *,
        stumbles: Sequence[Answer] = (),
        leaks: bool = False,
        demands: bool = False,
    ) -> None:
        super().__init__()
        self._tool = tool
        self._directory = directory
        self._words = words
        self._stumbles = list(stumbles)
        self._leaks = leaks
        self._demands = demands
        self.stumbled = 0
        self.refused = 0
        self.back: list[list[str]] = []
        self.answered: set[str] = set()
        """The calls whose results have come back, by their bare ids."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One turn, or a title for the conversation."""
        body = json.loads(await request.read())
        self.asked.append(body)
        if self._stumbles:
            self.stumbled += 1
            return await self._stumbles.pop(0)(request)
        offers = body.get("tools") or []
        if not offers and self._tool.read is not None:
            return await stream(*chat_events({"content": "Notes"}))(request)
        turns = [message for message in body["messages"] if message.get("tool_calls")]
        back = [message.get("reasoning_content") for message in turns]
        self.back.append([words or "" for words in back])
        self.answered |= {
            bare(message["tool_call_id"]) for message in body["messages"] if message["role"] == "tool"
        }
        if self._demands and not all(back):
            self.refused += 1
            error = {"code": "400", "message": "Param Incorrect", "param": MISSING, "type": ""}
            return await whole({"error": error}, 400)(request)
        return await stream(*self._turn(len(turns), body["messages"]))(request)

    def _turn(self, number: int, messages: Sequence[Json]) -> list[bytes]:
        thinking = [{"reasoning_content": thought(number)}]
        read = self._tool.read
        if number >= len(FILES) or read is None:
            return chat_events(*thinking, {"content": f"FOUND {' '.join(self._found(messages))}"})
        calls = [read(f"{self._directory}/{name}") for name in FILES[number]]
        if self._leaks:
            markup = "\n".join(_markup(*call) for call in calls)
            return chat_events({"reasoning_content": f"{thought(number)}{markup}"})
        deltas = [_delta(at, self.id_of(number, at), *call) for at, call in enumerate(calls)]
        return chat_events(*thinking, *deltas, finish="tool_calls")

    @staticmethod
    def id_of(number: int, at: int) -> str:
        """The id of a turn's call."""
        return f"call_{number:020x}{at:04x}"

    def _found(self, messages: Sequence[Json]) -> list[str]:
        """The words that the tool brought; a tool that reads nothing is told them."""
        if self._tool.read is None:
            return list(self._words)
        results = [json.dumps(message["content"]) for message in messages if message["role"] == "tool"]
        return list(dict.fromkeys(WORD.findall(" ".join(results))))


def bare(id_: str) -> str:
    """An id without punctuation, which one of the tools takes out."""
    return "".join(filter(str.isalnum, id_))


def _delta(at: int, id_: str, name: str, arguments: Json) -> Json:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": at, "id": id_, "type": "function", "function": function}]}


def _markup(name: str, arguments: Json) -> str:
    """A call as MiMo's chat template has it."""
    said = "".join(
        f"<parameter={key}>\n{value if isinstance(value, str) else json.dumps(value)}\n</parameter>\n"
        for key, value in arguments.items()
    )
    return f"<tool_call>\n<function={name}>\n{said}</function>\n</tool_call>"
