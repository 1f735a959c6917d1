"""Brings the small real model, once for all tests."""

from __future__ import annotations

import asyncio

import pytest

from tokenmill.engines.embedded.models import SMALL_MODEL, ModelFile
from tokenmill.engines.embedded.store import ModelStore


@pytest.fixture(scope="session")
def small_model() -> ModelFile:
    """SmolLM2 from the user's own store; fetched on first use, 93 MB."""
    return asyncio.run(ModelStore.of_environment().fetch(SMALL_MODEL))
