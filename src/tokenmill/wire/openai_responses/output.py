"""Holds the output items of a response while they are being written, each with its own events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import msgspec
from msgspec import Raw

from tokenmill.conversation.parts import (
    Citation,
    Reasoning,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    UrlCitation,
    found_by,
)
from tokenmill.wire.openai_responses.facts import search_action, write_citation, write_logprobs
from tokenmill.wire.openai_responses.names import Names

Json = dict[str, object]
Said = list[tuple[str, Json]]
"""Events: the type without its `response.`, and the members."""

_encode = msgspec.json.Encoder().encode


class Item(ABC):
    """One output item. Its words go between `before` and `after`, which are ready once it has begun."""

    prefix: ClassVar[str]
    whole_only: ClassVar[bool] = False
    """Must it be whole to be called done? Clients run what is done."""

    def __init__(self, key: str, index: int) -> None:
        self.id = self.prefix + key
        self.index = index
        self.begun = False
        self.words: list[str] = []
        self.before = b""
        self.after = b',"sequence_number":'

    @property
    def place(self) -> Json:
        """The members that say where an event belongs."""
        return {"item_id": self.id, "output_index": self.index}

    @property
    def text(self) -> str:
        """All words so far."""
        return "".join(self.words)

    @abstractmethod
    def item(self, status: str) -> object:
        """The item as it stands."""

    def begin(self) -> Said:
        """What goes before the first words."""
        self.begun = True
        return []

    def end(self) -> Said:
        """What goes after the last words."""
        return []

    def _lead(self, kind: str, place: Json) -> None:
        event = f"response.{kind}.delta"
        head = _encode({"type": event} | place)
        self.before = b"event: " + event.encode() + b"\ndata: " + head[:-1] + b',"delta":'


class _Content(Item):
    """A part among an item's `content`; the only one, as every part of ours is an item of its own."""

    kind: ClassVar[str]

    @property
    def place(self) -> Json:
        return super().place | {"content_index": 0}

    @abstractmethod
    def part(self) -> Json:
        """The part as it stands."""

    def begin(self) -> Said:
        super().begin()
        self._lead(self.kind, self.place)
        return [("content_part.added", self.place | {"part": self.part()})]

    def end(self) -> Said:
        if not self.begun:
            return []
        return [
            (f"{self.kind}.done", self.place | self._whole()),
            ("content_part.done", self.place | {"part": self.part()}),
        ]

    def _whole(self) -> Json:
        return {"text": self.text}


class Message(_Content):
    """Words for the reader."""

    prefix = "msg_"
    kind = "output_text"

    def __init__(self, key: str, index: int) -> None:
        super().__init__(key, index)
        self.after = b',"logprobs":[],"sequence_number":'
        self.annotations: list[object] = []
        self.logprobs: list[TokenLogprob] = []

    def item(self, status: str) -> object:
        content = [self.part()] if self.begun else []
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def part(self) -> Json:
        return {
            "type": "output_text",
            "text": self.text,
            "annotations": self.annotations,
            "logprobs": write_logprobs(self.logprobs),
        }

    def cite(self, citation: Citation) -> Said:
        """What says a source."""
        annotation = write_citation(citation)
        if annotation is None:
            return []
        place = self.place | {"annotation_index": len(self.annotations)}
        self.annotations.append(annotation)
        return [("output_text.annotation.added", place | {"annotation": annotation})]

    def _whole(self) -> Json:
        return {"text": self.text, "logprobs": write_logprobs(self.logprobs)}


class Refused(_Content):
    """A message that declines."""

    prefix = "msg_"
    kind = "refusal"

    def item(self, status: str) -> object:
        content = [self.part()] if self.begun else []
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def part(self) -> Json:
        return {"type": "refusal", "refusal": self.text}

    def _whole(self) -> Json:
        return {"refusal": self.text}


Sealer = Callable[[Reasoning], str | None]
"""Makes what a caller keeps of reasoning without being able to read it; None for one who did not ask."""


class _Reasoned(Item):
    """Reasoning, sealed as a whole where there is a sealer."""

    prefix = "rs_"

    def __init__(self, key: str, index: int, part: Reasoning, sealer: Sealer | None) -> None:
        super().__init__(key, index)
        self.signature = part.signature
        self._given = part
        self._sealer = sealer
        self._sealed: str | None = None

    def sealed(self) -> str | None:
        """What goes as `encrypted_content`; reasoning that says nothing has none."""
        if self._sealer is None or not (self.signature or self.words):
            return self.signature
        if self._sealed is None:
            given = self._given
            self._sealed = self._sealer(Reasoning(self.text, given.form, given.origin, self.signature))
        return self._sealed

    def _item(self, status: str, members: Json) -> Json:
        sealed = None if status == "in_progress" else self.sealed()
        item = {"id": self.id, "type": "reasoning"} | members
        return item if sealed is None else item | {"encrypted_content": sealed}


class Thought(_Reasoned, _Content):
    """Reasoning as the model wrote it."""

    kind = "reasoning_text"

    def item(self, status: str) -> object:
        return self._item(status, {"summary": [], "content": [self.part()] if self.begun else []})

    def part(self) -> Json:
        return {"type": "reasoning_text", "text": self.text}


class Summary(_Reasoned):
    """Reasoning told as a summary."""

    @property
    def place(self) -> Json:
        return super().place | {"summary_index": 0}

    def item(self, status: str) -> object:
        return self._item(status, {"summary": [self._part()] if self.begun else []})

    def begin(self) -> Said:
        super().begin()
        self._lead("reasoning_summary_text", self.place)
        return [("reasoning_summary_part.added", self.place | {"part": self._part()})]

    def end(self) -> Said:
        if not self.begun:
            return []
        return [
            ("reasoning_summary_text.done", self.place | {"text": self.text}),
            ("reasoning_summary_part.done", self.place | {"part": self._part()}),
        ]

    def _part(self) -> Json:
        return {"type": "summary_text", "text": self.text}


class Call(Item):
    """A call of a function or of a custom tool."""

    prefix = "fc_"
    whole_only = True
    type: ClassVar[str] = "function_call"
    field: ClassVar[str] = "arguments"

    def __init__(self, key: str, index: int, call: ToolCall, call_id: str, names: Names) -> None:
        super().__init__(key, index)
        self.call_id = call_id
        self.namespace, self.name = names.apart(call.name)

    def item(self, status: str) -> object:
        spaced: Json = {} if self.namespace is None else {"namespace": self.namespace}
        members: Json = {"id": self.id, "type": self.type, "status": status, "call_id": self.call_id}
        return members | spaced | {"name": self.name, self.field: self.text}

    def begin(self) -> Said:
        super().begin()
        self._lead(f"{self.type}_{self.field}", self.place)
        return []

    def end(self) -> Said:
        named: Json = {"name": self.name} if self.type == "function_call" else {}
        return [(f"{self.type}_{self.field}.done", self.place | named | {self.field: self.text})]

    def is_whole(self) -> bool:
        """Can nothing be missing? Text that is no JSON never tells."""
        if self.type != "function_call":
            return False
        try:
            msgspec.json.decode(self.text)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class CustomCall(Call):
    """A call of a tool that takes free text."""

    prefix = "ctc_"
    type = "custom_tool_call"
    field = "input"


class Search(Item):
    """A search on the web that the platform or its upstream runs; its words are the action, as JSON."""

    prefix = "ws_"
    whole_only = True

    def __init__(self, key: str, index: int, call_id: str) -> None:
        super().__init__(key, index)
        self.call_id = call_id
        self._sources: tuple[UrlCitation, ...] = ()
        self._failed = False

    def found(self, result: ToolResult) -> None:
        """Takes what the search has found."""
        self._sources, _ = found_by(result)
        self._failed = result.is_error

    def item(self, status: str) -> object:
        action = {"type": "search", "query": ""} if status == "in_progress" else search_action(self.text)
        if self._sources and isinstance(action, dict):
            action |= {"sources": [{"type": "url", "url": source.url} for source in self._sources]}
        told = "failed" if self._failed and status == "completed" else status
        return {"id": self.id, "type": "web_search_call", "status": told, "action": action}

    def begin(self) -> Said:
        super().begin()
        return [("web_search_call.in_progress", self.place), ("web_search_call.searching", self.place)]

    def end(self) -> Said:
        return [("web_search_call.completed", self.place)]


class Foreign(Item):
    """An item of this wire that we do not know, passed on whole."""

    prefix = "item_"

    def __init__(self, key: str, index: int, unknown: Unknown) -> None:
        super().__init__(key, index)
        self._raw = Raw(unknown.raw)

    def item(self, status: str) -> object:
        return self._raw
