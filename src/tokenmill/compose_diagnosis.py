"""Builds the engines with which a diagnosis asks targets, without a platform around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tokenmill.engines.aiohttp_upstream import AiohttpUpstream
from tokenmill.engines.anthropic import AnthropicEngine
from tokenmill.engines.embedded.engine import EmbeddedEngine
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.supervisor import EmbeddedServer
from tokenmill.engines.openai import OpenAIEngine
from tokenmill.kit.faults import Fault
from tokenmill.ports import Engine

LOADING = 120.0
"""Seconds that the embedded model may take to load; what it is not ready by then, its probes tell."""


@asynccontextmanager
async def engines_running(model: ModelFile | None) -> AsyncIterator[Mapping[str, Engine]]:
    """The engines by name; the embedded one only with a `model`, in a process of its own."""
    async with AsyncExitStack() as held:
        upstream = AiohttpUpstream()
        held.push_async_callback(upstream.close)
        chat = OpenAIEngine(upstream)
        running: dict[str, Engine] = {"openai": chat, "anthropic": AnthropicEngine(upstream)}
        if model is not None:
            server = await held.enter_async_context(EmbeddedServer(model))
            with suppress(Fault):  # Each of its probes will say so.
                await server.ready(within=LOADING)
            running["embedded"] = EmbeddedEngine(server, chat)
        yield running
