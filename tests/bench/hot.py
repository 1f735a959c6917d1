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
from typing import Final

from msgspec.structs import replace

from tests.books import fill, hold, settlement
from tokenmill.kit.ids import AccountId, ExchangeId, sortable
from tokenmill.store.hot import HotStore
from tokenmill.store.migrate import migrate

GOAL: Final = {"sqlite": 45, "postgresql": 60}
"""Microseconds an exchange, set for a machine that is about twice as fast as the ones of small clouds."""
RATES: Final = (100, 500, 1000, 2000)
SECONDS: Final = 6
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
    print(f"{'exchanges/s':>12} {'reached':>9} {'CPU µs':>8} {'of it idle':>11} {'hold ms':>9} {'settle ms':>10}")
    async with HotStore(url) as hot:
        await _run(hot, purses, 200, 1)
        for rate in RATES:
            _, empty, _, _ = await _run(None, purses, rate, SECONDS)
            reached, cpu, held, settled = await _run(hot, purses, rate, SECONDS)
            print(
                f"{rate:>12} {reached:>9.0f} {(cpu - empty) * 1e6:>8.1f} {empty * 1e6:>11.1f} "
                f"{held * 1e3:>9.2f} {settled * 1e3:>10.2f}"
            )


async def _run(
    hot: HotStore | None, purses: list[str], rate: int, seconds: float
) -> tuple[float, float, float, float]:
    """Rate reached; CPU an exchange; and the medians of how long holds and settlements took.

    Without a hot store it measures what the bench itself costs.
    """
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
    before, start, count = _cpu(), loop.time(), int(rate * seconds)
    for number in range(count):
        if (early := start + number / rate - loop.time()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(exchange(number))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    spent, took = _cpu() - before, loop.time() - start
    middle = len(waits) // 2
    return count / took, spent / count, sorted(w[0] for w in waits)[middle], sorted(w[1] for w in waits)[middle]


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
