"""Talks to the Valkey (or Redis) server that nodes share: many commands a round trip, and never for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from tokenmill.kit.faults import Code, Fault

PATIENCE: Final = 0.4
"""Seconds for a batch, connecting included; who waits longer is let in by this node's own windows."""
BACK_OFF: Final = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to find the server again; the last one repeats."""
_BATCH: Final = 500
_CLOSING: Final = 2.0

log = structlog.get_logger()

Command = tuple[str | bytes | int | float, ...]


class Away(Exception):
    """The server is not there, or too slow to be waited for."""


@dataclass(slots=True)
class _Asked:
    command: Command
    answer: asyncio.Future[Any] | None


class ValkeyLink:
    """One connection that is kept up; while the server is away, questions fail at once."""

    def __init__(
        self,
        url: str,
        scripts: Sequence[str] = (),
        *,
        patience: float = PATIENCE,
        back_off: Sequence[float] = BACK_OFF,
    ) -> None:
        """`scripts` are loaded before they are asked for; nothing is opened before `async with`."""
        self._client = Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            max_connections=2,
        )
        self._scripts = scripts
        self._patience = patience
        self._back_off = back_off
        self._waiting: list[_Asked] = []
        self._work = asyncio.Event()
        self._lost = asyncio.Event()
        self.outages = 0

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._serve()), asyncio.create_task(self._find_again())]
        with suppress(Away):  # A platform starts without it, and says so.
            await self.ask("PING")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Sends what waits, then closes."""
        if not self.away:
            with suppress(Away, TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await self.ask("PING")  # Behind all that was told before.
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail(self._waiting)
        await self._client.aclose()

    @property
    def away(self) -> bool:
        """Is the server known not to answer?"""
        return self._lost.is_set()

    async def ask(self, *command: str | bytes | int | float) -> Any:
        """The answer to a command. Raises Away, at once while the server is known to be away."""
        if self.away:
            raise Away
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._push(_Asked(command, answer))
        return await answer

    def tell(self, *command: str | bytes | int | float) -> None:
        """Sends a command soon, and waits for nothing; it is lost while the server is away."""
        if not self.away:
            self._push(_Asked(command, None))

    async def probe(self) -> None:
        """Raises Fault(UNAVAILABLE) when the server does not answer."""
        try:
            await self.ask("PING")
        except Away:
            raise Fault(
                Code.UNAVAILABLE,
                "The server of [cache] url does not answer. Requests are let in by each node's own limits.",
            ) from None

    def _push(self, asked: _Asked) -> None:
        self._waiting.append(asked)
        self._work.set()

    async def _serve(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while batch := self._waiting[:_BATCH]:
                del self._waiting[:_BATCH]
                await self._send(batch)

    async def _send(self, batch: list[_Asked]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                answers = await self._execute([asked.command for asked in batch])
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            self._fail(batch)
            await self._drop_connection()
            return
        except asyncio.CancelledError:
            self._fail(batch)
            raise
        for asked, answer in zip(batch, answers, strict=True):
            _resolve(asked, answer)

    async def _execute(self, commands: Sequence[Command]) -> list[Any]:
        answers = await self._round_trip(commands)
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # A server that has started anew; what it did not know it has not done.
            await self._round_trip([("SCRIPT LOAD", script) for script in self._scripts])
            again = await self._round_trip([commands[at] for at in unknown])
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = answer
        return answers

    async def _round_trip(self, commands: Sequence[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))

    async def _find_again(self) -> None:
        while True:
            await self._lost.wait()
            attempt = 0
            while not await self._answers():
                await asyncio.sleep(self._back_off[min(attempt, len(self._back_off) - 1)])
                attempt += 1
            self._lost.clear()
            log.warning("the shared cache is back; nodes share their windows again")

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                return (await self._round_trip([("PING",)])) == [True]
        except (RedisError, OSError, TimeoutError):
            await self._drop_connection()
            return False

    def _lose(self, error: Exception) -> None:
        if not self.away:
            self.outages += 1
            reason = type(error).__name__  # Its text may hold the URL, and that a password.
            log.error("the shared cache is away; every node limits by itself", reason=reason)
            self._lost.set()
        self._fail(self._waiting)
        self._waiting = []

    async def _drop_connection(self) -> None:
        with suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=True)

    @staticmethod
    def _fail(batch: Sequence[_Asked]) -> None:
        for asked in batch:
            if asked.answer is not None and not asked.answer.done():
                asked.answer.set_exception(Away())


def _resolve(asked: _Asked, answer: Any) -> None:
    if isinstance(answer, ResponseError):
        log.error("the shared cache refused a command", reason=str(answer))
    if asked.answer is None or asked.answer.done():
        return
    if isinstance(answer, Exception):
        asked.answer.set_exception(Away())
    else:
        asked.answer.set_result(answer)
