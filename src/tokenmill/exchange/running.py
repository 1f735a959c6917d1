"""Tells of one upstream turn as it passes: through its steps, watched, paid for, with its usage in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

import structlog

from tokenmill.conversation.events import Finished, UsageSeen
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Sampling
from tokenmill.exchange.attempts import passes_elsewhere
from tokenmill.exchange.hold import Hold
from tokenmill.exchange.steps.chain import Chain
from tokenmill.exchange.steps.moderation import Screen, screened
from tokenmill.exchange.ticket import Ticket
from tokenmill.kit.faults import Fault
from tokenmill.ports import ServedBy

log = structlog.get_logger()

_UNSAID = Sampling()


class Running:
    """A reply on its way to the caller.

    `wire` names the protocol in which its frames' bytes are; `sampling` is what the upstream was asked for.
    """

    def __init__(
        self,
        ticket: Ticket,
        hold: Hold,
        chain: Chain,
        opening: list[Frame],
        rest: AsyncGenerator[Frame],
        served_by: ServedBy | None,
        wire: Vendor | None,
        sampling: Sampling = _UNSAID,
        again: Callable[[], Awaitable[Running]] | None = None,
        screen: Screen | None = None,
    ) -> None:
        self.served_by = served_by
        self.sampling = sampling
        self.wire = wire
        self._ticket = ticket
        self._hold = hold
        self._chain = chain
        self._opening = opening
        self._rest = rest
        self._again = again
        self._screen = screen

    @property
    def prompt_estimate(self) -> int:
        """About how many tokens the prompt is, for callers who want to know before it is counted."""
        return self._ticket.prompt_estimate

    def note(self, drops: Iterable[Drop]) -> None:
        """What the caller could not be told of the reply goes on the record."""
        self._ticket.drops.extend(drops)

    async def elsewhere(self, fault: Fault) -> Running:
        """Another target's reply, in place of this one, of which the caller has not got a word.

        Raises `fault`, with which this one broke off, where no other target may answer.
        """
        if self._again is None or not passes_elsewhere(fault):
            raise fault
        log.warning("target failed", target=self._ticket.target, fault=fault.message)
        self._ticket.drops.append(tried(self._ticket.target, fault))
        self._ticket.start_over()
        return await self._again()

    def frames(self) -> AsyncGenerator[Frame]:
        """The reply's frames as they leave the steps; usage is in them before the end, reported or counted.

        Raises the Fault of a reply that breaks off; what the steps held back comes before it.
        """
        if self._screen is None:
            return self._stepped(self._watched)
        return screened(self._stepped(lambda frame: frame), self._screen, self._watched, self._unpaid)

    async def _unpaid(self, waiting: int) -> Frame | None:
        """How the reply ends where nobody pays for what moderation holds back of it, in tokens; else None."""
        output = self._ticket.output + waiting
        if self._chain.cut or not self._hold.runs_low(output):
            return None
        await self._hold.keep_ahead(output)
        return Frame(self._chain.run_out()) if self._hold.spent(output) else None

    async def _stepped(self, watched: Callable[[Frame], Frame]) -> AsyncGenerator[Frame]:
        try:
            for frame in self._opening:
                for ready in self._chain.take(frame):
                    yield watched(ready)
            async for frame in self._rest:
                for ready in self._chain.take(frame):
                    yield watched(ready)
                if self._hold.runs_low(self._ticket.output):
                    await self._hold.keep_ahead(self._ticket.output)
                    if self._hold.spent(self._ticket.output):
                        yield watched(Frame(self._chain.run_out()))
                if self._chain.cut:
                    break
        except Fault:
            if held := self._chain.close():
                yield watched(Frame(held))
            raise
        finally:
            self._ticket.drops.extend(self._chain.notes())
        if held := self._chain.close():
            yield watched(Frame(held))

    @property
    def _ended_here(self) -> bool:
        """Is it we who end the reply? Then the upstream will not say what it took."""
        return self._chain.cut or (self._screen is not None and self._screen.over)

    def _watched(self, frame: Frame) -> Frame:
        ticket = self._ticket
        for at, event in enumerate(frame.events):
            if type(event) is Finished and (self._ended_here or not ticket.reported):
                return self._with_counted_usage(frame)
            if type(event) is UsageSeen:
                told = ticket.completed(event.usage)
                if told is not event.usage:
                    event = UsageSeen(told)
                    frame = Frame((*frame.events[:at], event, *frame.events[at + 1 :]))
            ticket.watch(event)
        return frame

    def _with_counted_usage(self, frame: Frame) -> Frame:
        """The caller is told the same counts that the row keeps."""
        if self._ended_here:
            self._ticket.cut_short()
        counted = UsageSeen(self._ticket.usage)
        at = next(i for i, event in enumerate(frame.events) if type(event) is Finished)
        for event in frame.events[at:]:
            self._ticket.watch(event)
        return Frame((*frame.events[:at], counted, *frame.events[at:]))


def tried(target: str, fault: Fault) -> Drop:
    """For the receipt: who was asked and did not answer."""
    return Drop("target", f"{target}: {fault.code.value}")
