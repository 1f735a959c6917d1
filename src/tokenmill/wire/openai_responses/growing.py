"""Grows the parts of output items out of what an upstream tells of them, in pieces or whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Raw

from tokenmill.conversation.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    LogprobsAdded,
    PartClosed,
    PartOpened,
    SignatureDelta,
    TextDelta,
)
from tokenmill.conversation.parts import Part, Reasoning, Refusal, Text, ToolCall, Unknown
from tokenmill.wire.openai_responses.facts import read_citation, read_logprobs
from tokenmill.wire.openai_responses.names import flatten
from tokenmill.wire.openai_responses.schema import ContentMember, ItemMember, LogprobMember

Slot = tuple[Literal["content", "summary"], int]
"""Where words stand in their item: among its `content` or its `summary`, and at which place."""


class Words:
    """Words that are being written, as the part `index` of the stream."""

    __slots__ = ("cited", "index", "part", "said", "weighed")

    def __init__(self, index: int, part: Part, said: int) -> None:
        self.index = index
        self.part = part
        self.said = said
        self.cited = 0
        self.weighed = False


class Item:
    """One output item; `call` is the part of an item that has no words, once it is open."""

    __slots__ = ("argued", "call", "call_id", "current", "done", "held", "id", "slots", "type")

    def __init__(self, type_: str, id_: str) -> None:
        self.type = type_
        self.id = id_
        self.call_id = ""
        self.call: int | None = None
        self.slots: dict[Slot, Words] = {}
        self.current: Words | None = None
        self.held: list[str] = []
        self.argued = 0
        self.done = False


class Told:
    """Finds again, in a final output, the items that events told of; each is found once."""

    def __init__(self, items: Sequence[Item], by_index: Mapping[int, Item]) -> None:
        self._by_index = dict(by_index)
        self._by_id = {(item.type, item.id): item for item in items if item.id}
        self._by_call = {(item.type, item.call_id): item for item in items if item.call_id}
        self._by_type: dict[str, list[Item]] = {}
        for item in reversed(items):
            self._by_type.setdefault(item.type, []).append(item)
        self._found: set[int] = set()

    def find(self, member: ItemMember, position: int) -> Item | None:
        """The item: by its id, by its call's id, by its place, or, where an id is missing, by its type."""
        type_ = member.type or "message"
        placed = self._by_index.get(position)
        for item in (
            self._by_id.get((type_, member.id or "")),
            self._by_call.get((type_, member.call_id or "")),
            placed if placed is not None and placed.type == type_ else None,
        ):
            if item is not None and id(item) not in self._found:
                self._found.add(id(item))
                return item
        alike = self._by_type.get(type_, [])
        while alike:
            item = alike.pop()
            if id(item) not in self._found and not (item.id and member.id):
                self._found.add(id(item))
                return item
        return None


class Grower:
    """Says the events of items; `events` gathers them.

    An item has one part of words open at a time; it is closed when the next one of its item begins, or
    when the item is done. What an item has when it is told whole, and its pieces had not, is added.
    """

    def __init__(self, new_id: Callable[[], str], origin: str | None) -> None:
        self._new_id = new_id
        self._origin = origin
        self.parts = 0
        self.events: list[Event] = []

    def complete(self, item: Item, member: ItemMember, raw: bytes) -> None:
        """Takes the whole item, and closes it."""
        if item.done:
            return
        match item.type:
            case "message":
                for i, content in enumerate(member.content or ()):
                    self._add_content(item, ("content", i), content)
            case "reasoning":
                for i, content in enumerate(member.summary or ()):
                    self.add_rest(item, ("summary", i), Reasoning(form="summary"), content.text)
                for i, content in enumerate(member.content or ()):
                    self.add_rest(item, ("content", i), Reasoning(), content.text)
                self._sign(item, member.encrypted_content)
            case "function_call" | "custom_tool_call":
                if item.call is None:
                    self.open_call(item, member)
                self.add_arguments(item, member.arguments if item.type == "function_call" else member.input)
            case "web_search_call":
                call = ToolCall(member.id or self._new_id(), "web_search", "", "server")
                item.call = self._open(call)
                if len(member.action):
                    self.events.append(ArgumentsDelta(item.call, bytes(member.action).decode()))
            case other:
                item.call = self._open(Unknown("openai_responses", other, raw))
        self.close(item)

    def close(self, item: Item) -> None:
        """Closes what is open of the item."""
        if item.done:
            return
        if item.current is not None:
            self.events.append(PartClosed(item.current.index))
            item.current = None
        if item.call is None and item.held:
            self.open_call(item, ItemMember())
        if item.call is not None:
            self.events.append(PartClosed(item.call))
        item.done = True

    # --- words ---

    def say(self, item: Item, slot: Slot, template: Part, text: str) -> Words:
        """More words of the slot; the part they are in."""
        words = item.slots.get(slot)
        if words is None or words is not item.current or type(words.part) is not type(template):
            words = self._open_words(item, slot, template)
        words.said += len(text)
        self.events.append(TextDelta(words.index, text))
        return words

    def add_rest(self, item: Item, slot: Slot, template: Part, whole: str | None) -> None:
        """What of the slot's whole words has not been said."""
        known = item.slots.get(slot)
        said = 0 if known is None else known.said
        if whole is not None and len(whole) > said:
            self.say(item, slot, template, whole[said:])

    def weigh(self, words: Words, logprobs: list[LogprobMember]) -> None:
        """Log probabilities of the words; those of refusals and of reasoning are not carried."""
        if isinstance(words.part, Text):
            words.weighed = True
            self.events.append(LogprobsAdded(words.index, read_logprobs(logprobs)))

    def cite(self, item: Item, slot: Slot, annotations: Sequence[Raw]) -> None:
        """Sources of the words that are being written."""
        words = item.slots.get(slot)
        if words is not None and words is item.current and isinstance(words.part, Text):
            words.cited += len(annotations)
            self.events.extend(CitationAdded(words.index, read_citation(raw)) for raw in annotations)

    def _add_content(self, item: Item, slot: Slot, content: ContentMember) -> None:
        if content.type == "refusal" or (content.text is None and content.refusal):
            self.add_rest(item, slot, Refusal(), content.refusal)
            return
        self.add_rest(item, slot, Text(), content.text)
        words = item.slots.get(slot)
        if words is not None and words is item.current:
            if content.logprobs and not words.weighed:
                self.weigh(words, content.logprobs)
            self.cite(item, slot, (content.annotations or [])[words.cited :])

    def _open_words(self, item: Item, slot: Slot, template: Part) -> Words:
        if item.current is not None:
            self.events.append(PartClosed(item.current.index))
        if isinstance(template, Reasoning):
            template = Reasoning(form=template.form, origin=self._origin)
        said = item.slots[slot].said if slot in item.slots else 0
        words = item.slots[slot] = item.current = Words(self._open(template), template, said)
        item.done = False  # Words that come after the end are kept all the same.
        return words

    def _sign(self, item: Item, sealed: str | None) -> None:
        if sealed is None:
            return
        if item.current is None:
            redacted = Reasoning(form="redacted", origin=self._origin)
            item.current = Words(self._open(redacted), redacted, 0)
        self.events.append(SignatureDelta(item.current.index, sealed))

    # --- calls ---

    def open_call(self, item: Item, member: ItemMember) -> None:
        """The call begins: its name is known, or never will be."""
        name = flatten(member.namespace, member.name or "") if member.namespace else member.name or ""
        item.call_id = member.call_id or member.id or item.id or self._new_id()
        kind: Literal["function", "custom"] = "custom" if item.type == "custom_tool_call" else "function"
        item.call = self._open(ToolCall(item.call_id, name, "", kind))
        item.done = False
        if item.held:
            self.events.append(ArgumentsDelta(item.call, "".join(item.held)))
            item.held = []

    def argue(self, item: Item, text: str) -> None:
        """More of the call's arguments; held back until it has begun."""
        item.argued += len(text)
        if item.call is None:
            item.held.append(text)
        elif text:
            self.events.append(ArgumentsDelta(item.call, text))

    def add_arguments(self, item: Item, whole: str | None) -> None:
        """What of the whole arguments has not been said."""
        if whole is not None and len(whole) > item.argued:
            self.argue(item, whole[item.argued :])

    def _open(self, part: Part) -> int:
        index = self.parts
        self.parts += 1
        self.events.append(PartOpened(index, part))
        return index
