"""Makes a lawful stream of events out of semantic events, however sloppy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from tokenmill.conversation.events import (
    Event,
    Failed,
    Finished,
    Started,
    Stop,
    UsageSeen,
    VendorEvent,
)
from tokenmill.conversation.parts import Part, Reasoning, Refusal, Text
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.openai_chat.assembly import BROKE_OFF
from tokenmill.wire.openai_responses.errors import decode_failure
from tokenmill.wire.openai_responses.facts import STOP_OF, read_usage
from tokenmill.wire.openai_responses.growing import Grower, Item, Slot, Told
from tokenmill.wire.openai_responses.lenient import lenient
from tokenmill.wire.openai_responses.schema import EventMember, ItemMember, ResponseMember

_LATEST = 2**53
"""Seconds; a time after it is none."""

_EVENT = msgspec.json.Decoder(EventMember)
_ITEM = msgspec.json.Decoder(ItemMember)

_WORDS: Mapping[str, tuple[str, Part]] = {
    "response.output_text": ("message", Text()),
    "response.refusal": ("message", Refusal()),
    "response.reasoning_text": ("reasoning", Reasoning()),
    "response.reasoning_summary_text": ("reasoning", Reasoning(form="summary")),
}
"""The events that bring words: the type of their item, and the part that the words are."""

_ARGUMENTS: Mapping[str, str] = {
    "response.function_call_arguments": "function_call",
    "response.custom_tool_call_input": "custom_tool_call",
}
"""The events that bring arguments, and the type of their item."""

_CALLS = frozenset(_ARGUMENTS.values())
_QUIET = frozenset(
    {
        "response.content_part", "response.reasoning_part", "response.reasoning_summary_part",
        "response.web_search_call", "",
    }
)  # fmt: skip
"""What is also told by other events."""


def read_event(data: bytes, kind: str) -> EventMember:
    """The event in `data`, of type `kind` where it does not say its own.

    Raises the Fault that an error tells of, or UPSTREAM_BROKE for what is no event.
    """
    try:
        event = _EVENT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = lenient(EventMember, data)
    event.type = event.type or kind
    if event.type == "error" or (event.response is None and tells_error(event.error)):
        raise decode_failure(data)
    return event


def tells_error(error: Raw) -> bool:
    """Does an `error` member say anything?"""
    return len(error) > 0 and bytes(error) not in (b"null", b"{}", b'""')


class Assembly:
    """One reply in the making.

    Nothing is said before the first item, so that a reply which fails at once can be asked for elsewhere.
    """

    def __init__(self, new_id: Callable[[], str], origin: str | None) -> None:
        self._grower = Grower(new_id, origin)
        self._head = ResponseMember()
        self._items: list[Item] = []
        self._by_index: dict[int, Item] = {}
        self._by_id: dict[str, Item] = {}
        self.started = False
        self.ended = False

    def take(self, event: EventMember, data: bytes) -> tuple[Event, ...]:
        """The events that one event tells of. Raises the Fault of a response that failed."""
        events = self._grower.events = []
        kind, _, phase = (event.type or "").rpartition(".")
        if kind in _WORDS:
            self._take_words(event, kind, phase)
        elif kind in _ARGUMENTS:
            self._take_arguments(event, kind, phase)
        elif kind == "response.output_item" and len(event.item):
            self._take_item(event, phase)
        elif kind == "response.output_text.annotation" and len(event.annotation):
            item = self._item(event, "message")
            self._grower.cite(item, ("content", event.content_index or 0), [event.annotation])
        elif event.response is not None:
            self._take_response(event.response, phase)
        elif self.started and kind not in _QUIET:
            events.append(VendorEvent("openai_responses", data))
        return tuple(events)

    def take_whole(self, response: ResponseMember) -> tuple[Event, ...]:
        """The events of a reply that came whole. Raises the Fault of one that failed."""
        events = self._grower.events = []
        self._take_response(response, response.status or "completed")
        return tuple(events)

    def end(self, *, vouched: bool) -> tuple[Event, ...]:
        """The upstream is done without saying how; `vouched` when it said itself that the reply is whole."""
        events = self._grower.events = []
        if not (vouched and self._grower.parts):
            return self.fail(Fault(Code.UPSTREAM_BROKE, BROKE_OFF))
        self._finish(ResponseMember())
        return tuple(events)

    def fail(self, fault: Fault) -> tuple[Event, ...]:
        """The reply breaks off: Failed, or the fault raised where nothing has been said yet."""
        self.ended = True
        if not self.started:
            raise fault
        return (Failed(fault),)

    # --- pieces of items ---

    def _take_words(self, event: EventMember, kind: str, phase: str) -> None:
        grower = self._grower
        type_, template = _WORDS[kind]
        item = self._item(event, type_)
        slot: Slot = ("content", event.content_index or 0)
        if kind == "response.reasoning_summary_text":
            slot = ("summary", event.summary_index or 0)
        if phase == "done":
            grower.add_rest(item, slot, template, event.refusal if event.text is None else event.text)
        elif phase == "delta":
            words = item.slots.get(slot)
            if event.delta:
                words = grower.say(item, slot, template, event.delta)
            if event.logprobs and words is not None and words is item.current:
                grower.weigh(words, event.logprobs)

    def _take_arguments(self, event: EventMember, kind: str, phase: str) -> None:
        item = self._item(event, _ARGUMENTS[kind])
        if item.done:
            return
        if item.call is None and event.name:
            self._grower.open_call(item, ItemMember(name=event.name))
        if phase == "delta":
            self._grower.argue(item, event.delta or "")
        elif phase == "done":
            whole = event.input if event.arguments is None else event.arguments
            self._grower.add_arguments(item, whole)

    def _item(self, event: EventMember, type_: str) -> Item:
        """The item that `event` speaks of: by its place, else by its id, else the last; or a new one."""
        if event.output_index is not None:
            item = self._by_index.get(event.output_index)
        elif event.item_id:
            item = self._by_id.get(event.item_id)
        else:
            item = self._items[-1] if self._items else None
        if item is not None and item.type == type_:
            return item
        if item is not None:
            self._grower.close(item)
        return self._new_item(type_, event.output_index, event.item_id)

    # --- whole items ---

    def _new_item(self, type_: str, index: int | None, id_: str | None) -> Item:
        self._start()
        item = Item(type_, id_ or "")
        self._items.append(item)
        if index is not None:
            self._by_index[index] = item
        if id_:
            self._by_id[id_] = item
        return item

    def _start(self) -> None:
        if not self.started:
            self.started = True
            head = self._head
            at = int(min(max(head.created_at or 0, 0), _LATEST))
            self._grower.events.append(Started(head.id or "", head.model or "", at))

    def _take_item(self, event: EventMember, phase: str) -> None:
        member = _read_item(event.item)
        type_ = member.type or "message"
        item = self._known(event.output_index, member.id, type_, phase)
        if item is not None and (item.type != type_ or (phase == "added" and item.id != (member.id or ""))):
            self._grower.close(item)
            item = None
        if item is None:
            item = self._new_item(type_, event.output_index, member.id)
        if item.call is None and type_ in _CALLS and member.name:
            self._grower.open_call(item, member)
        if phase == "done":
            self._grower.complete(item, member, bytes(event.item))

    def _known(self, index: int | None, id_: str | None, type_: str, phase: str) -> Item | None:
        """The item of an event that holds a whole one: by its place, by its id, or the last of its type."""
        if index is not None and index in self._by_index:
            return self._by_index[index]
        if id_ and id_ in self._by_id:
            return self._by_id[id_]
        if index is not None or phase == "added" or not self._items:
            return None
        last = self._items[-1]
        return last if last.type == type_ and not last.done else None

    def _take_output(self, output: list[Raw]) -> None:
        """What the final output has and no event told of; what was told already is left alone."""
        told = Told(self._items, self._by_index)
        for position, raw in enumerate(output):
            member = _read_item(raw)
            item = told.find(member, position) or self._new_item(member.type or "message", None, member.id)
            if item.call is None and item.type in _CALLS and member.name and not item.done:
                self._grower.open_call(item, member)
            self._grower.complete(item, member, bytes(raw))

    # --- the response around them ---

    def _take_response(self, response: ResponseMember, phase: str) -> None:
        match phase:
            case "created" | "queued" | "in_progress":
                self._head = response
            case "completed" | "incomplete":
                if not self.started:
                    self._head = response
                self._start()
                self._take_output(response.output or [])
                self._finish(response)
            case "failed":
                raise decode_failure(bytes(response.error) or b"{}")
            case "cancelled":
                raise Fault(Code.UPSTREAM_BROKE, BROKE_OFF)
            case _:
                pass

    def _finish(self, response: ResponseMember) -> None:
        for item in self._items:
            self._grower.close(item)
        events = self._grower.events
        usage = None if response.usage is None else read_usage(response.usage)
        if usage is not None:
            events.append(UsageSeen(usage))
        events.append(Finished(self._stop(response)))
        self.ended = True

    def _stop(self, response: ResponseMember) -> Stop:
        details = response.incomplete_details
        if details is not None or response.status == "incomplete":
            reason = None if details is None else details.reason
            return STOP_OF.get(reason or "", Stop.LENGTH)
        return Stop.TOOL if any(item.call_id for item in self._items) else Stop.END


def _read_item(raw: Raw) -> ItemMember:
    try:
        return _ITEM.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient(ItemMember, raw)
