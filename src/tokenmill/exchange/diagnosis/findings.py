"""Says what a diagnosis finds."""

from __future__ import annotations

from typing import Final, Literal

from tokenmill.conversation.parts import Value

State = Literal["yes", "no", "unknown"]
Ability = Literal["answers", "streams", "usage", "tools", "results", "thinks", "caches"]

ABILITIES: Final[dict[Ability, str]] = {
    "answers": "answers",
    "streams": "streams",
    "usage": "reports usage",
    "tools": "calls tools",
    "results": "takes tool results",
    "thinks": "thinks",
    "caches": "reports cache hits",
}
"""What is looked for, in the order in which it is said."""


class Finding(Value, frozen=True):
    """Whether a target has an ability; `detail` says how that was seen, or what to do."""

    state: State
    detail: str


class Examined(Value, frozen=True, kw_only=True):
    """What one target is like when it is asked for one model; `context` is in tokens."""

    target: str
    engine: str
    model: str
    upstream_model: str
    context: int
    findings: dict[Ability, Finding]

    @property
    def answers(self) -> bool:
        """Can it be used at all?"""
        return self.findings["answers"].state == "yes"
