"""Serves a platform from a thread of its own, since the clients here block or are processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest

from tests.clients import model
from tests.flow.upstreams import ScriptedUpstream, listening
from tokenmill.testing import open_test_platform

MODEL = "mimo-v2.5-pro"
ALIASES = ("gpt-5", "claude-opus-4-6")
"""Names by which some clients judge what a model can do."""

WAITS = (0.0,)
CATALOGUE = """
[[targets]]
id = "up"
engine = "{engine}"
base_url = "{url}"

[[models]]
id = "mimo-v2.5-pro"
aliases = ["gpt-5", "claude-opus-4-6"]
thinking = "off"
limits = {{ rpm = 1000000, tpm = 1000000000 }}
targets = [{{ target = "up", model = "up-model" }}]
"""
"""Thinking is off unless asked for, so that stories can be told both ways; limits are out of the way."""


@dataclass(frozen=True)
class Served:
    """A platform that answers on another thread; `wire` is what its upstream speaks."""

    url: str
    key: str
    wire: str


def in_thread(open_one: Callable[[], AbstractAsyncContextManager[Served]]) -> Iterator[Served]:
    """Opens on a thread with an event loop of its own; closed when the iterator is."""
    ready: Future[tuple[Served, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with open_one() as served:
            stop = asyncio.Event()
            ready.set_result((served, asyncio.get_running_loop(), stop))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        served, loop, stop = ready.result()
        yield served
        loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()


@pytest.fixture(scope="session", params=["openai", "anthropic"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The platform before the model of rules, which speaks one wire and then the other."""
    wire: str = request.param
    directory = tmp_path_factory.mktemp("platform")

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Served]:
        async with listening(ScriptedUpstream(model.answer)) as upstream:
            path = "/v1" if wire == "openai" else ""
            text = CATALOGUE.format(engine=wire, url=upstream.url + path)
            async with open_test_platform(directory, catalogue=text, waits=WAITS) as platform:
                yield Served(platform.url, platform.key, wire)

    with contextmanager(in_thread)(open_one) as running:
        yield running
