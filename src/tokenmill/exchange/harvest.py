"""Gathers, while a reply passes, what of it is to be remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import structlog

from tokenmill.conversation.events import (
    ArgumentsDelta,
    Event,
    PartClosed,
    PartOpened,
    SignatureDelta,
    TextDelta,
)
from tokenmill.conversation.parts import Reasoning, Refusal, Text, ToolCall, Vendor
from tokenmill.conversation.request import ChooseNone, Request
from tokenmill.exchange.call_keys import call_key
from tokenmill.exchange.vault import is_own, story_of
from tokenmill.kit.ids import AccountId, KeyId, sortable
from tokenmill.memory.remembered import CallKey, Remembered, Thought
from tokenmill.wire.anthropic_messages.tool_ids import ToolIds

log = structlog.get_logger()

MOST: Final = 4 * 2**20
"""Characters of a reply beyond which nothing of it is remembered; no model says an eighth of it."""

_PART: Final = 100
"""What a part takes beside its text."""


class _Heard:
    """A part that matters here, as far as it has been said."""

    __slots__ = ("choice", "closed", "part", "signature", "text")

    def __init__(self, opened: PartOpened, part: Reasoning | ToolCall | Text | Refusal) -> None:
        self.part = part
        self.choice = opened.choice
        self.text: list[str] = []
        self.signature: list[str] = []
        self.closed = False

    def thought(self, part: Reasoning) -> Reasoning:
        signature = (part.signature or "") + "".join(self.signature)
        signed = bool(self.signature) or part.signature is not None
        return Reasoning(
            part.text + "".join(self.text), part.form, part.origin, signature if signed else None
        )

    def call(self, part: ToolCall, id_: str) -> ToolCall:
        return ToolCall(id_, part.name, part.arguments + "".join(self.text), part.kind)


class Harvest:
    """Hears one reply. Only requests that offer tools have one, so others pay nothing."""

    def __init__(self, request: Request, account: AccountId, key: KeyId, protocol: Vendor) -> None:
        """`protocol` is the caller's: it decides under which ids the caller knows the calls."""
        self._request = request
        self._account = account
        self._key = key
        self._protocol = protocol
        self._heard: dict[int, _Heard] = {}
        self._size = 0

    def start_over(self) -> None:
        """What was heard has reached nobody."""
        self._heard.clear()
        self._size = 0

    def watch(self, event: Event) -> None:
        """Takes the next event."""
        if self._size > MOST:
            return
        match event:
            case TextDelta(index=index, text=text) | ArgumentsDelta(index=index, text=text):
                if (heard := self._heard.get(index)) is not None:
                    heard.text.append(text)
                    self._grow(len(text))
            case SignatureDelta(index=index, signature=signature):
                if (heard := self._heard.get(index)) is not None:
                    heard.signature.append(signature)
                    self._grow(len(signature))
            case PartOpened(index=index, part=Reasoning() | ToolCall() | Text() | Refusal() as part):
                self._heard[index] = _Heard(event, part)
                self._grow(_PART + len(part.arguments if isinstance(part, ToolCall) else part.text))
            case PartClosed(index=index):
                if (heard := self._heard.get(index)) is not None:
                    heard.closed = True
            case _:
                pass

    def _grow(self, by: int) -> None:
        self._size += by
        if self._size > MOST:
            self._heard.clear()
            log.warning("a reply is too long to be remembered", account=self._account)

    def turns(self, now: datetime) -> Iterator[Remembered]:
        """What is to be remembered: the reasoning of each choice that thought and called tools."""
        ids = ToolIds()
        calls: dict[int, list[CallKey]] = {}
        thoughts: dict[int, list[Thought]] = {}
        texts: dict[int, int] = {}
        for _, heard in sorted(self._heard.items()):
            choice = heard.choice
            made = calls.setdefault(choice, [])
            match heard.part:
                case Reasoning() as part:
                    thought = heard.thought(part)
                    if thought.text.strip() or thought.signature is not None:
                        thoughts.setdefault(choice, []).append(
                            Thought(thought, len(made), texts.get(choice, 0))
                        )
                case ToolCall() as part:
                    id_ = ids.of_call(part.id) if self._protocol == "anthropic_messages" else part.id
                    if is_own(part) and heard.closed:
                        made.append(call_key(heard.call(part, id_)))
                        texts[choice] = 0
                case Text() | Refusal() as part:
                    if part.text or heard.text:
                        texts[choice] = texts.get(choice, 0) + 1
        for choice in thoughts:
            if calls[choice]:
                yield Remembered(
                    id=sortable("vt"),
                    account_id=self._account,
                    key_id=self._key,
                    created_at=now,
                    before=story_of(self._request.turns),
                    calls=tuple(calls[choice]),
                    thoughts=tuple(thoughts[choice]),
                )


def calls_tools(request: Request) -> bool:
    """May the reply call tools that the caller runs?"""
    return bool(request.tools) and not isinstance(request.tool_choice, ChooseNone)
