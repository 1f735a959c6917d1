"""What a caller leaves open is filled from the catalogue, and what the model cannot do is not asked of it."""

from __future__ import annotations

import msgspec
import pytest

from tokenmill.catalog.entries import Model, TargetRef
from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Request, Sampling, Thinking, Turn
from tokenmill.exchange.defaults import with_defaults
from tokenmill.ports import Route

MODEL = Model(id="m", targets=(TargetRef("t", "upstream"),))
ASK = Request(model="m", turns=(Turn("user", (Text("hi"),)),), sampling=Sampling(temperature=0.2))


def route(engine: str = "openai") -> Route:
    return Route(target="t", engine=engine, upstream_model="upstream")


@pytest.mark.parametrize(
    ("asked", "drops"),
    [
        (Thinking(), []),
        (Thinking(on=False), []),
        (Thinking(on=True, budget=1024), ["thinking"]),
        (Thinking(effort="high"), ["thinking"]),
    ],
)
def test_a_model_that_never_thinks_is_not_told_about_thinking(asked: Thinking, drops: list[str]) -> None:
    """Agents ask every model to think; the wish is recorded, and the caller's sampling stays."""
    never = msgspec.structs.replace(MODEL, thinking="never")
    request = msgspec.structs.replace(ASK, thinking=asked)

    ready, lost = with_defaults(request, never, route(), None)

    assert (ready.thinking, ready.sampling.temperature) == (Thinking(), 0.2)
    assert [drop.field for drop in lost] == drops


@pytest.mark.parametrize(
    ("engine", "most", "asked", "sent"),
    [
        ("anthropic", 131_072, None, 32_000),
        ("anthropic", 4096, None, 4096),
        ("anthropic", 131_072, 100, 100),
        ("openai", 131_072, None, None),
    ],
)
def test_a_messages_target_always_gets_a_limit_and_no_small_one(
    engine: str, most: int, asked: int | None, sent: int | None
) -> None:
    """Its wire demands one; agents that set none expect long replies."""
    model = msgspec.structs.replace(MODEL, max_output_tokens=most)
    request = msgspec.structs.replace(ASK, max_output=asked)

    ready, _ = with_defaults(request, model, route(engine), None)

    assert ready.max_output == sent
