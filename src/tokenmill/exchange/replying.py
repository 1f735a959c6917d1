"""Says what a reply is to whoever passes it on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from tokenmill.conversation.frames import Frame
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Sampling
from tokenmill.kit.faults import Fault
from tokenmill.ports import ServedBy


class Replying(Protocol):
    """A reply on its way to the caller, of one upstream turn or of several."""

    @property
    def served_by(self) -> ServedBy | None:
        """What really answers, if an engine knows."""
        ...

    @property
    def sampling(self) -> Sampling:
        """What the upstream was asked for."""
        ...

    @property
    def wire(self) -> Vendor | None:
        """Whose bytes the frames' `raw` holds."""
        ...

    @property
    def prompt_estimate(self) -> int:
        """About how many tokens the prompt is, for callers who want to know before it is counted."""
        ...

    def note(self, drops: Iterable[Drop]) -> None:
        """What the caller could not be told of the reply goes on the record."""
        ...

    async def elsewhere(self, fault: Fault) -> Replying:
        """Another target's reply in place of this one. Raises `fault` where no other target may answer."""
        ...

    def frames(self) -> AsyncGenerator[Frame]:
        """The reply's frames, with its usage before the end. Raises the Fault of a reply that breaks off."""
        ...
