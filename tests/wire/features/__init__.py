"""Writes down what a caller can say in each protocol: for every feature a request that says it."""

from __future__ import annotations

from typing import Final

from tests.wire.features.anthropic_messages import MESSAGES
from tests.wire.features.openai_chat import CHAT
from tests.wire.features.openai_responses import RESPONSES
from tests.wire.features.shapes import Feature
from tests.wire.pairs import Path
from tokenmill.conversation.parts import Vendor

FEATURES: Final[dict[Vendor, dict[str, Feature]]] = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic_messages": MESSAGES,
}


def at(feature: Feature) -> Path:
    """The path of the feature in its request."""
    return tuple(int(name) if name.isdecimal() else name for name in feature[0].split("."))
