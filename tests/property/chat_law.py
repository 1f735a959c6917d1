"""Checks that a stream is one that every client of Chat Completions can read."""

from __future__ import annotations

from typing import Any

from openai.types.chat import ChatCompletionChunk

from tests.property.clients import read_json
from tokenmill.wire.sse import SseReader

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_HEAD = ("id", "object", "created", "model")


class Seen:
    """What a lawful stream said; `see` raises an AssertionError that names the law it breaks.

    With `typed` each chunk must be valid by the official types, which know no custom tool calls and no
    members of other vendors.
    """

    def __init__(self, *, typed: bool) -> None:
        self.pings = 0
        self.over = False
        self.error: dict[str, Any] | None = None
        self.usage: dict[str, Any] | None = None
        self.words: dict[tuple[int, str], str] = {}
        self.sources: dict[int, int] = {}
        self.calls: dict[int, list[dict[str, Any]]] = {}
        self.ends: dict[int, str] = {}
        self._typed = typed
        self._head: list[Any] | None = None

    def see(self, data: bytes) -> None:
        """Takes the data of the next event."""
        assert not self.over, "nothing follows [DONE]"
        if data == b"[DONE]":
            self.over = True
            return
        assert self.error is None, "only [DONE] follows an error"
        chunk = read_json(data)
        if "error" in chunk:
            assert isinstance(chunk["error"]["message"], str)
            self.error = chunk
            return
        if self._typed:
            ChatCompletionChunk.model_validate(chunk)
        head = [chunk[name] for name in _HEAD]
        assert head == (self._head or head), "all chunks are of one reply"
        self._head = head
        assert chunk["object"] == "chat.completion.chunk"
        for choice in chunk["choices"]:
            self._see_choice(choice)
        if chunk.get("usage") is not None:
            self.usage = chunk["usage"]
            assert all(chunk["usage"][name] >= 0 for name in _COUNTS)

    def _see_choice(self, choice: dict[str, Any]) -> None:
        index, delta = choice["index"], choice["delta"]
        assert index not in self.ends, "nothing of a choice follows its end"
        for member in ("content", "reasoning_content", "refusal"):
            if words := delta.get(member):
                self.words[index, member] = self.words.get((index, member), "") + words
        for source in delta.get("annotations") or ():
            assert isinstance(source, dict), "a source is an object"
            self.sources[index] = self.sources.get(index, 0) + 1
        for call in delta.get("tool_calls") or ():
            self._see_call(self.calls.setdefault(index, []), call)
        if choice.get("finish_reason") is not None:
            self.ends[index] = choice["finish_reason"]

    def _see_call(self, calls: list[dict[str, Any]], delta: dict[str, Any]) -> None:
        said, words = ("custom", "input") if "custom" in delta else ("function", "arguments")
        if delta["index"] == len(calls):
            assert delta["id"], "a call begins with its id"
            assert delta["type"] == said
            calls.append({"id": delta["id"], "name": delta[said]["name"], words: ""})
        else:
            assert 0 <= delta["index"] < len(calls), "calls are numbered from 0 without gaps"
            assert not delta.get("id"), "a call begins once"
            assert not delta[said].get("name"), "a name is said once"
        calls[delta["index"]][words] += delta[said].get(words) or ""

    def must_agree(self) -> None:
        """The end fits what went before it."""
        assert self.over, "a stream ends with [DONE]"
        if self.error is None:
            said = {index for index, _ in self.words} | set(self.calls)
            assert said <= set(self.ends), "every choice that spoke has ended"


def read_lawfully(stream: bytes, *, typed: bool = True) -> Seen:
    """What `stream` says; an AssertionError names the law that it breaks."""
    reader = SseReader()
    seen = Seen(typed=typed)
    for block in reader.feed(stream) + reader.close():
        if block.data is None:
            seen.pings += 1
        else:
            assert not block.event, "events have no names"
            seen.see(block.data)
    seen.must_agree()
    return seen
