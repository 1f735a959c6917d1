"""Each tool, on each wire it speaks, in each scenario: what it printed, and what the upstream saw."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.agents.installing import installed
from tests.agents.known import why
from tests.agents.running import run
from tests.agents.scenarios import MODEL, OTHER_MODEL, SCENARIOS, Scenario, judge
from tests.agents.table import Book
from tests.agents.tools import AGENTS, Agent
from tests.agents.upstream import FILES, WorkingModel
from tests.agents.watching import Watcher, record, watching
from tests.flow.upstreams import listening
from tokenmill.accounts.keys import create_key
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import MILLI, Name, Plan
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.connect.connection import Connection, ModelFigures, Wire
from tokenmill.kit.clock import SystemClock
from tokenmill.settings import read_secret
from tokenmill.testing import TestPlatform, open_test_platform

pytestmark = [pytest.mark.agents, pytest.mark.timeout(1800)]

WANTED = [name for name in os.environ.get("AGENTS", "").replace(" ", "").split(",") if name]
SECONDS = 150.0
MUCH, LITTLE = 10**12, 1
"""Credits of a plan that lasts, and of one that covers no request."""


def cases() -> Iterator[tuple[Agent, Wire, Scenario]]:
    for tool in AGENTS:
        if not WANTED or tool.id in WANTED:
            for wire in tool.settings.wires:
                for scenario in SCENARIOS:
                    # Without tools there is no call to leak, and no turn that called to bring reasoning back.
                    if tool.read is not None or not (scenario.leaks or scenario.demands):
                        yield tool, wire, scenario


@pytest.fixture(scope="session")
def book() -> Iterator[Book]:
    """Where the verdicts are written down."""
    unknown = set(WANTED) - {tool.id for tool in AGENTS}
    assert not unknown, f"AGENTS names {', '.join(sorted(unknown))}; there are {[t.id for t in AGENTS]}"
    book = Book()
    yield book
    book.close()


@pytest.mark.parametrize(
    ("tool", "wire", "scenario"),
    [pytest.param(*case, id=f"{case[0].id}-{case[1]}-{case[2].name}") for case in cases()],
)
async def test_a_tool_comes_through(
    tool: Agent, wire: Wire, scenario: Scenario, tmp_path: Path, book: Book
) -> None:
    """It reads three files in two turns and tells what is in them, or says why it may not."""
    work, words = _prepared(tmp_path)
    model = WorkingModel(
        tool,
        str(work),
        words,
        stumbles=scenario.fails,
        leaks=scenario.leaks,
        demands=scenario.demands,
    )
    async with _running(tmp_path, model, scenario) as (seen, url, key):
        program = installed(tool.id, tool.source)
        now = SystemClock().now()
        connection = Connection(url, key, scenario.model, ModelFigures(), wire, now)
        ran = await run(tool, program, connection, tmp_path, SECONDS)
        wrong = judge(scenario, tool, words, ran, seen, model)

    if kept := os.environ.get("AGENTS_RECORD"):
        record(seen, Path(kept) / f"{tool.id}.{wire}.{scenario.name}.json")
    known = why(tool, wire, scenario) if wrong is not None else None
    book.write(tool, wire, scenario, wrong, known)
    asked = [f"{each.method} {each.path} {each.status}" for each in seen.seen]
    assert wrong is None or known is not None, (wrong, asked, ran.output[-3000:])


def _prepared(directory: Path) -> tuple[Path, list[str]]:
    """A clean home, a working directory with the files, and what is in them."""
    work = directory / "work"
    for each in (work, directory / "home" / "tmp", directory / "platform"):
        each.mkdir(parents=True)
    names = [name for turn in FILES for name in turn]
    words = [f"quince-{random.randrange(10**6, 10**7)}" for _ in names]
    for name, word in zip(names, words, strict=True):
        (work / name).write_text(f"The word is {word}.\n")
    return work, words


@asynccontextmanager
async def _running(
    directory: Path, model: WorkingModel, scenario: Scenario
) -> AsyncIterator[tuple[Watcher, str, str]]:
    """A platform in front of the model: what it sees, its root for the key's kind, and the key."""
    back = "required" if scenario.demands else "accepted"
    async with (
        listening(model),
        open_test_platform(
            directory / "platform",
            catalogue=_catalogue(model.url, back),
            balance="0.00" if scenario.spent else "100.00",
        ) as platform,
        watching(platform.url) as seen,
    ):
        if scenario.kind == "sk":
            yield seen, seen.url, platform.key
        else:
            yield seen, f"{seen.url}/token-plan", await _plan_key(platform, scenario)


async def _plan_key(platform: TestPlatform, scenario: Scenario) -> str:
    clock = SystemClock()
    secret = read_secret(platform.settings.security.secret, {})
    plan = Plan(id="tiny", name=Name("Tiny", "小"), credits=(LITTLE if scenario.spent else MUCH) * MILLI)
    async with platform.database.write() as work:
        await put_plan(work, clock, plan)
        opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id=plan.id)
        key, _ = await create_key(
            work,
            clock,
            secret,
            account_id=platform.account_id,
            name="plan",
            kind="tp",
            subscription_id=opened.id,
        )
    return key


def _catalogue(url: str, back: str) -> str:
    models = "".join(
        f'[[models]]\nid = "{name}"\ntargets = [{{ target = "up", model = "up-model" }}]\nfamily = "mimo"\n'
        for name in (MODEL, OTHER_MODEL)
    )
    return (
        f'[[targets]]\nid = "up"\nengine = "openai"\nbase_url = "{url}/v1"\nreasoning_back = "{back}"\n'
        + models
    )
