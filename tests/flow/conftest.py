"""Opens whole platforms for the stories told here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from tokenmill.ports import Engine
from tokenmill.store.tables import Usage
from tokenmill.testing import TestPlatform, open_test_platform

Opener = Callable[..., Awaitable[TestPlatform]]


@pytest.fixture
async def platform_with(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens a platform around one engine; closed when the test ends."""
    async with AsyncExitStack() as held:

        async def open_one(engine: Engine | None, **options: Any) -> TestPlatform:
            engines = {"openai": engine} if engine is not None else None
            return await held.enter_async_context(open_test_platform(tmp_path, engines, **options))

        yield open_one


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def usage_rows(platform: TestPlatform) -> list[Usage]:
    """Every usage row, the oldest first."""
    async with platform.database.read() as work:
        return list(await work.session.scalars(select(Usage).order_by(Usage.id)))
