"""Names the operations of the hot store, and who waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog

from tokenmill.kit.faults import Code, Fault
from tokenmill.store.rows import Growth, HoldAsked, RunningCount, Settlement, UsageRow

_RETRY_AFTER = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Counted:
    """Notes what running exchanges have used so far."""

    counts: Sequence[RunningCount]


@dataclass(frozen=True, slots=True)
class WriteProbed:
    """Writes, and changes nothing."""


@dataclass(frozen=True, slots=True)
class KeyAsked:
    """Asks for the key whose keyed hash this is."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class ChangesAsked:
    """Asks for the oldest `limit` changes after `last_id`."""

    last_id: int
    limit: int


@dataclass(frozen=True, slots=True)
class LatestChangeAsked:
    """Asks for the id of the newest change."""


@dataclass(frozen=True, slots=True)
class RunningAsked:
    """Asks for the oldest `limit` holds of `nodes` that are not settled."""

    nodes: Sequence[str]
    limit: int


Write = HoldAsked | Growth | Settlement | UsageRow | Counted | WriteProbed
Read = KeyAsked | ChangesAsked | LatestChangeAsked | RunningAsked


Asked = TypeVar("Asked", bound=Write | Read)


class Waiting(Generic[Asked]):
    """An operation, and the future of whoever asked for it; a cancelled one is carried out all the same."""

    __slots__ = ("asked", "future")

    def __init__(self, asked: Asked, future: asyncio.Future[Any]) -> None:
        self.asked = asked
        self.future = future


class Group(Protocol):
    """A database that carries out operations, those that wait in one transaction."""

    async def open(self) -> None:
        """Gets ready; raises Fault where there is nothing to open."""
        ...

    def take_read(self, read: Waiting[Read]) -> None:
        """Reads, sooner or later; its future is told."""
        ...

    def take_writes(self, batch: list[Waiting[Write]]) -> None:
        """Carries out the batch, sooner or later; each one's future is told."""
        ...

    async def close(self) -> None:
        """Carries out what was taken, then closes."""
        ...


def tell(batch: Iterable[Waiting[Any]], outcomes: Iterable[Any]) -> None:
    """Gives every waiting one its outcome: an answer, or the error to raise."""
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.future.done():
            continue  # Its caller was cancelled.
        if isinstance(outcome, BaseException):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)


def refused(error: BaseException) -> Fault:
    """The fault of an operation that failed for what is in it, and would fail again."""
    fault = Fault(Code.INTERNAL, f"The database refused an operation ({type(error).__name__}).")
    fault.__cause__ = error
    return fault


def unavailable(reason: str) -> Fault:
    """The fault of every operation while the database is away."""
    return Fault(
        Code.UNAVAILABLE, f"The database cannot be used right now ({reason}).", retry_after=_RETRY_AFTER
    )


def note_split(size: int, error: BaseException) -> None:
    """Logs that a group failed twice and is now done one by one."""
    _log.warning("a group of operations failed and is done one by one", size=size, error=str(error))
