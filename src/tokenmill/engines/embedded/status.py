"""Says how the embedded server is, in values that do not change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """Tokens a second, measured once after loading."""

    prefill: float
    decode: float


@dataclass(frozen=True)
class Endpoint:
    """Where the loaded model answers; port and key change with every start.

    `model` is the name to ask for, `context_window` is in tokens, `speed` is None until measured.
    """

    base_url: str
    api_key: str
    model: str
    context_window: int
    calls_tools: bool
    speed: Speed | None = None


@dataclass(frozen=True)
class Loading:
    """The child is starting; `since` is the clock's monotonic time."""

    since: float


@dataclass(frozen=True)
class Ready:
    """The model answers."""

    endpoint: Endpoint


@dataclass(frozen=True)
class Down:
    """Nobody answers; `retry_after` in seconds, None if no restart will help."""

    reason: str
    retry_after: float | None


Status = Loading | Ready | Down
