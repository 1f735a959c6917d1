"""What becomes of money when the database is lost in the middle."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from tests.books import WALLET, fill, hold, read_books, settlement
from tests.servers import PostgresServer
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import ExchangeId
from tokenmill.store.database import open_database
from tokenmill.store.hot import HotStore
from tokenmill.store.rows import HoldAnswer, Settled
from tokenmill.store.sqlite import sqlite_file

MOST_SECONDS = 5.0


class Proxy:
    """Stands before PostgreSQL; it can lose one answer with its connection, or fall silent."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._silent = asyncio.Event()
        self._loses_answer = False
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The URL under which the server is reached through here."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        place = self._server.netloc.rpartition(":")[0]
        try:
            yield urlunsplit(self._server._replace(netloc=f"{place}:{port}"))
        finally:
            server.close()
            for each in self._connections:
                each.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def lose_an_answer(self) -> None:
        """The next request is carried out, and its connection breaks before the answer."""
        self._loses_answer = True

    def fall_silent(self) -> None:
        """Nothing passes any more, and nothing is closed, as when a cable is pulled."""
        self._silent.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        upstream, onward = await asyncio.open_connection(self._server.hostname, self._server.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, onward, answers=False))
                group.create_task(self._pass(upstream, writer, answers=True))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for each in (writer, onward):
                with suppress(Exception):
                    each.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while data := await reader.read(65536):
            if answers and self._loses_answer:
                self._loses_answer = False
                break
            if self._silent.is_set():
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionAbortedError


async def test_a_settlement_whose_answer_was_lost_is_done_once_and_known_as_ours(postgres_url: str) -> None:
    await fill(postgres_url, {WALLET: 100})
    proxy = Proxy(postgres_url)
    async with proxy.open() as url, HotStore(url) as hot:
        await hot.hold(hold("ex_1", 30))
        proxy.lose_an_answer()
        assert await hot.settle(settlement("ex_1", 20)) == Settled(20, 0, first=True)
    books = await read_books(postgres_url)
    assert (books.purses[WALLET], books.usage) == ((80, 0), {"ex_1": (20, 0)})


async def test_a_group_whose_answer_was_lost_is_done_once(postgres_url: str) -> None:
    await fill(postgres_url, {WALLET: 100})
    proxy = Proxy(postgres_url)
    async with proxy.open() as url, HotStore(url) as hot:
        await hot.hold(hold("ex_1", 20))
        proxy.lose_an_answer()
        grown, held, settled = await asyncio.gather(
            hot.grow(ExchangeId("ex_1"), held=20, want=30, least=1),
            hot.hold(hold("ex_2", 10)),
            hot.settle(settlement("ex_3", 5)),
        )
    assert (grown, held.granted, settled) == (30, 10, Settled(5, 0))
    books = await read_books(postgres_url)
    assert books.purses[WALLET] == (95, 60)
    assert books.holds == {"ex_1": ("held", 50), "ex_2": ("held", 10), "ex_3": ("settled", 0)}


async def test_connections_that_are_ended_all_the_time_cost_nobody_anything(
    postgres: PostgresServer, postgres_url: str
) -> None:
    """Callers repeat what was refused as the exchange does, and every exchange is charged exactly once."""
    await fill(postgres_url, {WALLET: 100_000})
    ending = asyncio.Event()
    database = urlsplit(postgres_url).path.strip("/")

    async def end_connections() -> int:
        ended = 0
        while not ending.is_set():
            ended += (
                await asyncio.to_thread(
                    postgres.psql,
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'",
                )
            ).count("t")
            await asyncio.sleep(0.02)
        return ended

    async def exchange(hot: HotStore, number: int) -> Settled:
        await asyncio.sleep(number * 0.005)
        for _ in range(50):
            with suppress(Fault):
                await hot.hold(hold(f"ex_{number}", 50, 10))
                break
        for _ in range(50):
            with suppress(Fault):
                return await hot.settle(settlement(f"ex_{number}", 7))
            await asyncio.sleep(0.02)
        raise AssertionError("it could not be settled")

    async with HotStore(postgres_url) as hot:
        killer = asyncio.create_task(end_connections())
        settled = await asyncio.gather(*(exchange(hot, number) for number in range(200)))
        ending.set()
        assert await killer > 1
    assert {(each.taken, each.shortfall) for each in settled} == {(7, 0)}
    books = await read_books(postgres_url)
    assert books.purses[WALLET] == (100_000 - 200 * 7, 0)
    assert len(books.usage) == 200


async def refused(operation: object) -> float:
    """How long it took to hear that the database is away."""
    begun = time.monotonic()
    with pytest.raises(Fault) as caught:
        await operation  # type: ignore[misc]  # Any awaitable of the store.
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.retry_after is not None
    return time.monotonic() - begun


async def test_while_postgres_is_down_everything_is_refused_soon_and_works_again_after(
    postgres: PostgresServer, postgres_url: str
) -> None:
    await fill(postgres_url, {WALLET: 100})
    async with HotStore(postgres_url) as hot:
        assert (await hot.hold(hold("ex_1", 30))).granted == 30
        postgres.kill()
        waits = await asyncio.gather(
            refused(hot.settle(settlement("ex_1", 20))),
            refused(hot.hold(hold("ex_2", 30))),
            refused(hot.latest_change()),
        )
        assert max(waits) < MOST_SECONDS
        postgres.start()
        assert await hot.settle(settlement("ex_1", 20)) == Settled(20, 0)
        assert await hot.latest_change() == 0
    assert (await read_books(postgres_url)).purses[WALLET] == (80, 0)


async def test_a_silent_postgres_is_given_up_in_time_by_all_who_wait(postgres_url: str) -> None:
    proxy = Proxy(postgres_url)
    async with proxy.open() as url, HotStore(url) as hot:
        proxy.fall_silent()
        first = asyncio.create_task(refused(hot.hold(hold("ex_1", 30))))
        await asyncio.sleep(1)  # It comes while the first is under way, and waits behind it.
        second = asyncio.create_task(refused(hot.hold(hold("ex_2", 30))))
        assert max(await asyncio.gather(first, second)) < MOST_SECONDS


async def test_a_row_that_stays_locked_is_given_up_in_time(postgres_url: str) -> None:
    await fill(postgres_url, {WALLET: 100})
    async with HotStore(postgres_url) as hot, open_database(postgres_url) as database:
        async with database.write() as work:
            await work.session.execute(text("UPDATE purses SET balance = balance"))
            assert await refused(hot.hold(hold("ex_1", 30))) < MOST_SECONDS
        assert await hot.hold(hold("ex_1", 30)) == HoldAnswer(30, (100,), (100,))


async def test_a_sqlite_file_that_stays_locked_is_given_up_in_time_by_all_who_wait(sqlite_url: str) -> None:
    await fill(sqlite_url, {WALLET: 100})
    async with HotStore(sqlite_url) as hot:
        with closing(sqlite3.connect(sqlite_file(sqlite_url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            first = asyncio.create_task(refused(hot.hold(hold("ex_1", 30))))
            await asyncio.sleep(1)
            second = asyncio.create_task(refused(hot.hold(hold("ex_2", 30))))
            assert max(await asyncio.gather(first, second)) < MOST_SECONDS
        assert (await hot.hold(hold("ex_1", 30))).granted == 30


async def test_opening_a_postgres_that_is_away_says_so(postgres: PostgresServer, postgres_url: str) -> None:
    postgres.kill()
    with pytest.raises(Fault) as caught:
        async with HotStore(postgres_url):
            pass
    assert caught.value.code is Code.UNAVAILABLE
