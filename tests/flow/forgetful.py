"""Agents that drop, blank or rewrite what they were told, and upstreams that want it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
from aiohttp import web

from tests.flow.upstreams import ScriptedUpstream, chat_events, messages_events, stream, whole

Wire = Literal["chat", "messages", "responses"]
Json = dict[str, Any]

MISSING = "The reasoning_content in the thinking mode must be passed back to the API."
TOOL = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
PATHS: dict[Wire, str] = {
    "chat": "/v1/chat/completions",
    "messages": "/anthropic/v1/messages",
    "responses": "/v1/responses",
}


def thought(number: int) -> str:
    """What the model thinks in this turn; no two are alike, and each has what bytes are easily lost from."""
    return f"  Turn {number}: caf\u00e9 \u2192 \U0001f600\t\u201cquote\u201d \\n {'x' * number}\n\n"


class DemandingUpstream(ScriptedUpstream):
    """Thinks and calls a tool in each turn, and answers 400 to a turn of its own that lacks its reasoning.

    `back` holds, for each request, the reasoning of every turn that called tools, as it came back.
    """

    def __init__(
        self,
        engine: Literal["openai", "anthropic"],
        *,
        ids: Callable[[int], str] = "call_{:024x}".format,
        calls: Callable[[int], list[Json]] = lambda number: [{"path": f"{number}.txt", "n": 1.0}],
        signature: str | None = None,
    ) -> None:
        super().__init__()
        self.engine = engine
        self.back: list[list[str]] = []
        self.refused = 0
        self._ids = ids
        self._calls = calls
        self._signature = signature

    @staticmethod
    def thought(number: int) -> str:
        """What it thinks in this turn."""
        return thought(number)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One turn; which one it is, the history tells."""
        body = json.loads(await request.read())
        self.asked.append(body)
        self.paths.append(request.path)
        history = [message for message in body["messages"] if _calls_tools(message)]
        back = [_reasoning(message) for message in history]
        self.back.append(["" if words is None else words for words in back])
        if not all(words is not None and words for words in back):
            self.refused += 1
            error = {"code": "400", "message": "Param Incorrect", "param": MISSING, "type": ""}
            return await whole({"error": error}, 400)(request)
        return await stream(*self._events(len(history)))(request)

    def _events(self, number: int) -> list[bytes]:
        calls = [
            (f"{self._ids(number)}" if at == 0 else f"{self._ids(number)}-{at}", json.dumps(arguments))
            for at, arguments in enumerate(self._calls(number))
        ]
        if self.engine == "openai":
            thinking = [{"reasoning_content": piece} for piece in _pieces(self.thought(number))]
            tools = [
                {
                    "tool_calls": [
                        {
                            "index": at,
                            "id": id_,
                            "type": "function",
                            "function": {"name": "read", "arguments": text},
                        }
                    ]
                }
                for at, (id_, text) in enumerate(calls)
            ]
            return chat_events(*thinking, *tools, finish="tool_calls")
        deltas: list[Json] = [
            {"type": "thinking_delta", "thinking": piece} for piece in _pieces(self.thought(number))
        ]
        if self._signature is not None:
            deltas.append({"type": "signature_delta", "signature": f"{self._signature}{number}"})
        blocks: list[tuple[Json, list[Json]]] = [
            ({"type": "thinking", "thinking": "", "signature": ""}, deltas)
        ]
        for id_, text in calls:
            block = {"type": "tool_use", "id": id_, "name": "read", "input": {}}
            blocks.append((block, [{"type": "input_json_delta", "partial_json": text}]))
        return messages_events(*blocks, stop="tool_use")


def _pieces(text: str) -> list[str]:
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def _calls_tools(message: Json) -> bool:
    if message["role"] != "assistant":
        return False
    if message.get("tool_calls"):
        return True
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_use" for block in content)


def _reasoning(message: Json) -> str | None:
    if "tool_calls" in message:
        words: str | None = message.get("reasoning_content")
        return words
    thinking = [block["thinking"] for block in message["content"] if block["type"] == "thinking"]
    return "".join(thinking) if thinking else None


Rewrite = Callable[[Json], Json | None]
"""What a client does to a piece of a reply before it sends it back: an assistant's message or an item."""


class Agent:
    """Runs a tool in each turn and sends the whole conversation again, as `rewrite` leaves it."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        key: str,
        wire: Wire,
        rewrite: Rewrite,
        *,
        task: str = "Read the files.",
    ) -> None:
        self._http = http
        self._url = url
        self._headers = {"authorization": f"Bearer {key}"}
        self.wire = wire
        self.rewrite = rewrite
        self.task = task
        self.history: list[Json] = [{"role": "user", "content": task}]

    def at(self, url: str) -> Agent:
        """The same agent, who speaks to another node from now on."""
        self._url = url
        return self

    async def turn(self, **members: Any) -> Json:
        """Asks once and goes on; the reply."""
        reply = await self.ask(**members)
        self.take(reply)
        return reply

    async def ask(self, **members: Any) -> Json:
        """Asks without going on."""
        body = {"model": "mimo-v2.5-pro", "tools": self._tools(), self._messages: self.history, **members}
        if self.wire == "messages":
            body["max_tokens"] = 4000
        async with self._http.post(
            self._url + PATHS[self.wire], json=body, headers=self._headers
        ) as answered:
            reply: Json = await answered.json()
            assert answered.status == 200, reply
            return reply

    @property
    def _messages(self) -> str:
        return "input" if self.wire == "responses" else "messages"

    def _tools(self) -> list[Json]:
        match self.wire:
            case "chat":
                return [{"type": "function", "function": {"name": "read", "parameters": TOOL}}]
            case "messages":
                return [{"name": "read", "input_schema": TOOL}]
            case "responses":
                return [{"type": "function", "name": "read", "parameters": TOOL}]

    def take(self, reply: Json) -> None:
        """The reply as this client keeps it, and what its tools say."""
        match self.wire:
            case "chat":
                message = self.rewrite(reply["choices"][0]["message"])
                assert message is not None
                results = [
                    {"role": "tool", "tool_call_id": call["id"], "content": "done"}
                    for call in message["tool_calls"]
                ]
                self.history += [message, *results]
            case "messages":
                said = self.rewrite({"role": "assistant", "content": reply["content"]})
                assert said is not None
                done = [
                    {"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
                    for block in said["content"]
                    if block["type"] == "tool_use"
                ]
                self.history += [said, {"role": "user", "content": done}]
            case "responses":
                kept = [item for item in map(self.rewrite, reply["output"]) if item is not None]
                self.history += kept
                self.history += [
                    {"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
                    for item in kept
                    if item["type"] == "function_call"
                ]


def without_reasoning(said: Json) -> Json | None:
    """As most clients that were recorded: the reasoning is gone, on whatever wire."""
    if said.get("type") == "reasoning":
        return None
    said = {name: value for name, value in said.items() if name not in ("reasoning_content", "reasoning")}
    if isinstance(said.get("content"), list) and "type" not in said:
        said["content"] = [block for block in said["content"] if block["type"] != "thinking"]
    return said
