"""Tasks and leases, on both databases: at least once, by one at a time, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from tokenmill.jobs.leases import Leases
from tokenmill.jobs.tasks import AT_ONCE, CLAIM, Chore, Claimed, TaskFailed, TaskRunner
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.database import Database, open_database
from tokenmill.store.tasks import ask_for
from tokenmill.store.work_tables import Task
from tokenmill.testing import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


class Doing:
    """Does tasks by raising what it was given, one after the other; the last one for ever."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self._outcomes = list(outcomes) or [None]
        self.done: list[str] = []

    async def __call__(self, task: Claimed) -> None:
        self.done.append(task.payload["name"])
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if outcome is not None:
            raise outcome


def runner(database: Database, clock: FixedClock, doing: Doing, node: str = "node_1") -> TaskRunner:
    return TaskRunner(database, clock, node, {"sing": Chore(doing, (5.0, 60.0))})


async def asked(database: Database, clock: FixedClock, name: str, kind: str = "sing") -> bool:
    async with database.write() as work:
        return await ask_for(work, clock, kind, {"name": name}, f"{kind}:{name}")


async def run(tasks: TaskRunner) -> int:
    begun = await tasks.run_due()
    await tasks.settled()
    return begun


async def only(database: Database) -> Task:
    async with database.read() as work:
        return (await work.session.scalars(select(Task))).one()


async def test_a_task_is_done_once_and_asked_for_once(database: Database, clock: FixedClock) -> None:
    doing = Doing()
    assert await asked(database, clock, "la")
    assert not await asked(database, clock, "la")

    assert [1, 0] == [await run(runner(database, clock, doing)) for _ in range(2)]
    assert ["la"] == doing.done
    assert not await asked(database, clock, "la")
    row = await only(database)
    assert (clock.now(), None, None) == (row.done_at, row.claimed_by, row.last_error)


async def test_a_task_that_fails_is_tried_again_later_and_later(
    database: Database, clock: FixedClock
) -> None:
    doing = Doing(TaskFailed("hoarse"), Fault(Code.UNAVAILABLE, "no air"), None)
    tasks = runner(database, clock, doing)
    await asked(database, clock, "la")

    assert 1 == await run(tasks)
    assert "hoarse" == (await only(database)).last_error
    clock.advance(4.9)
    assert 0 == await run(tasks)
    clock.advance(0.1)
    assert 1 == await run(tasks)
    assert "no air" == (await only(database)).last_error
    clock.advance(60)
    assert 1 == await run(tasks)
    assert (await only(database)).done_at is not None


async def test_a_task_is_given_up_with_its_last_error(database: Database, clock: FixedClock) -> None:
    doing = Doing(TaskFailed("hoarse"))
    tasks = runner(database, clock, doing)
    await asked(database, clock, "la")
    for _ in range(10):
        await run(tasks)
        clock.advance(3600)
    row = await only(database)
    assert 3 == len(doing.done)
    assert (None, "hoarse", 3) == (row.done_at, row.last_error, row.attempts)
    assert row.failed_at is not None


async def test_what_cannot_succeed_is_given_up_at_once(database: Database, clock: FixedClock) -> None:
    doing = Doing(TaskFailed("mute", final=True))
    await asked(database, clock, "la")
    await run(runner(database, clock, doing))
    assert (await only(database)).failed_at is not None


async def test_a_bug_in_a_task_shows_its_kind_and_not_its_text(database: Database, clock: FixedClock) -> None:
    await asked(database, clock, "la")
    await run(runner(database, clock, Doing(ValueError("a secret"))))
    assert "ValueError" == (await only(database)).last_error


async def test_nodes_share_the_tasks_out(database: Database, clock: FixedClock) -> None:
    """Every task is done, and none by two."""
    doing = Doing()
    for number in range(20):
        await asked(database, clock, str(number))
    nodes = [runner(database, clock, doing, f"node_{number}") for number in range(3)]
    while await asyncio.gather(*(run(node) for node in nodes)) != [0, 0, 0]:
        pass
    assert sorted(map(str, range(20))) == sorted(doing.done)


async def test_a_node_does_so_many_at_a_time(database: Database, clock: FixedClock) -> None:
    started, go_on = [], asyncio.Event()

    async def slowly(task: Claimed) -> None:
        started.append(task.id)
        await go_on.wait()

    for number in range(AT_ONCE + 3):
        await asked(database, clock, str(number))
    async with TaskRunner(database, clock, "node_1", {"sing": Chore(slowly, ())}) as tasks:
        assert [AT_ONCE, 0] == [await tasks.run_due(), await tasks.run_due()]
        go_on.set()
        await tasks.settled()
        assert 3 == await tasks.run_due()


async def test_a_task_of_a_dead_node_is_taken_up_again(database: Database, clock: FixedClock) -> None:
    """And the node that was thought dead changes nothing any more."""
    go_on, doing = asyncio.Event(), Doing()

    async def hangs(task: Claimed) -> None:
        await go_on.wait()
        raise TaskFailed("late")

    await asked(database, clock, "la")
    dead = TaskRunner(database, clock, "node_1", {"sing": Chore(hangs, (5.0,))})
    await dead.run_due()
    clock.advance(CLAIM - 1)
    assert 0 == await run(runner(database, clock, doing, "node_2"))
    clock.advance(1)
    assert 1 == await run(runner(database, clock, doing, "node_2"))

    go_on.set()
    await dead.settled()
    row = await only(database)
    assert (clock.now(), None) == (row.done_at, row.last_error)


async def test_a_node_that_stops_gives_its_tasks_back(database: Database, clock: FixedClock) -> None:
    """At once, instead of after the claim has run out."""

    async def hangs(task: Claimed) -> None:
        await asyncio.Event().wait()

    await asked(database, clock, "la")
    tasks = TaskRunner(database, clock, "node_1", {"sing": Chore(hangs, ())})
    await tasks.run_due()
    await asyncio.sleep(0)
    for running in tasks._running:
        running.cancel()
    await tasks.settled()

    doing = Doing()
    assert 1 == await run(runner(database, clock, doing, "node_2"))
    assert ["la"] == doing.done


async def test_kinds_that_a_node_does_not_know_are_left_alone(database: Database, clock: FixedClock) -> None:
    await asked(database, clock, "x", kind="dance")
    assert 0 == await run(runner(database, clock, Doing()))
    assert 0 == (await only(database)).attempts


async def test_a_lease_has_one_holder_until_it_runs_out(database: Database, clock: FixedClock) -> None:
    one, two = Leases(database, clock, "node_1"), Leases(database, clock, "node_2")
    assert sorted(await asyncio.gather(one.take("job", 60), two.take("job", 60))) == [False, True]
    holder, other = (one, two) if await one.take("job", 60) else (two, one)
    clock.advance(59)
    assert not await other.take("job", 60)
    assert await holder.take("job", 60)
    clock.advance(60)
    assert await other.take("job", 60)
    assert not await holder.take("job", 60)
    assert await holder.take("another job", 60)


async def test_a_node_that_stops_leaves_its_leases_to_others(database: Database, clock: FixedClock) -> None:
    ran = []

    async def job() -> None:
        ran.append("job")

    one, two = Leases(database, clock, "node_1"), Leases(database, clock, "node_2")
    await one.guarded("job", 60, job)()
    await two.guarded("job", 60, job)()
    assert 1 == len(ran)
    await one.give_back()
    await two.guarded("job", 60, job)()
    assert 2 == len(ran)
