"""Measures what a hold, its settlement and its usage row cost, in CPU time of this process with its threads.

`python -m tests.bench.hot [sqlite:///FILE | postgresql://…]`; the database has to be migrated, and is written
to. Without a URL it makes a SQLite file and takes it away again.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from msgspec.structs import replace

from tests.books import fill, hold, settlement
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
        asyncio.run(_measure(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/tokenmill.db"
        migrate(url, Path(directory) / "lock")
        asyncio.run(_measure(url))


async def _measure(url: str) -> None:
    purses = [f"wallet/{sortable('acc')}" for _ in range(ACCOUNTS)]
    await fill(url, dict.fromkeys(purses, 10**15))
    kind = url.partition(":")[0]
    print(f"{kind}: CPU of a hold, its settlement and its usage row (goal {GOAL[kind]} µs)")
    print(f"{'exchanges/s':>12} {'reached':>9} {'CPU µs':>8} {'without':>8} {'hold ms':>9} {'settle ms':>10}")
    async with HotStore(url) as hot:
        await _run(hot, purses, RATES[0])
        for rate in RATES:
            without = min([(await _run(None, purses, rate)).cpu for _ in range(SLICES)])
            best = min([await _run(hot, purses, rate) for _ in range(SLICES)])
            print(
                f"{rate:>12} {best.reached:>9.0f} {(best.cpu - without) * 1e6:>8.1f} {without * 1e6:>8.1f} "
                f"{best.held * 1e3:>9.2f} {best.settled * 1e3:>10.2f}"
            )


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
    import uvloop

    uvloop.install()
    main()
