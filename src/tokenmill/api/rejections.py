"""Maps a fault to the HTTP status and headers that report it in each dialect; its words are the wire's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tokenmill.api.rate_headers import anthropic_rates, openai_rates
from tokenmill.conversation.parts import Value
from tokenmill.kit.faults import Blame, Code, Fault
from tokenmill.limits.limiter import Standing
from tokenmill.wire.anthropic_messages.errors import fault_body as anthropic_body
from tokenmill.wire.openai_chat.errors import fault_body as openai_body

LONGEST_WAIT = 60
"""Seconds; agents obey `retry-after` to the letter, so it never tells them to sleep for long."""


STATUSES: Mapping[Code, int] = {
    Code.BAD_JSON: 400,
    Code.BAD_VALUE: 400,
    Code.UNSUPPORTED: 400,
    Code.CONTEXT_EXCEEDED: 400,
    Code.UPSTREAM_REFUSED: 400,
    Code.TOO_LARGE: 413,
    Code.SLOW_BODY: 408,
    Code.NO_KEY: 401,
    Code.BAD_KEY: 401,
    Code.KEY_ENDED: 401,
    Code.UNKNOWN_MODEL: 404,
    Code.NOT_FOUND: 404,
    Code.WRONG_METHOD: 405,
    Code.HTTP_ONLY: 426,
    Code.CONFLICT: 409,
    Code.FORBIDDEN: 403,
    Code.CONTENT_BLOCKED: 400,
    Code.MODEL_NOT_SOLD: 403,
    Code.NO_FUNDS: 402,
    Code.PLAN_USED_UP: 429,
    Code.RATE_LIMITED: 429,
    Code.UPSTREAM_AWAY: 503,
    Code.UPSTREAM_BUSY: 503,
    Code.UPSTREAM_TIMEOUT: 503,
    Code.UPSTREAM_BROKE: 503,
    Code.ENGINE_LOADING: 503,
    Code.NO_TARGET: 503,
    Code.STOPPING: 503,
    Code.NODE_LOST: 503,
    Code.UNAVAILABLE: 503,
    Code.MISCONFIGURED: 500,
    Code.INTERNAL: 500,
}

if missing := set(Code) - set(STATUSES):
    raise ValueError(f"no status for {sorted(missing)}")


USUAL_WAIT: Mapping[Code, float] = {
    Code.UPSTREAM_AWAY: 2,
    Code.UPSTREAM_BUSY: 5,
    Code.UPSTREAM_TIMEOUT: 5,
    Code.UPSTREAM_BROKE: 2,
    Code.ENGINE_LOADING: 2,
    Code.STOPPING: 5,
    Code.UNAVAILABLE: 2,
}
"""Seconds to wait where the fault itself does not say."""

HOPELESS = frozenset({Code.NO_TARGET, Code.UPSTREAM_REFUSED, Code.MISCONFIGURED})
"""Faults of others that the same request will meet again, until somebody has done something."""


OVERLOADED = 529
"""Anthropic's status for "not now", which its clients know better than 503."""


class Dialect(Value, frozen=True):
    """How one vendor's clients are told of faults: `id_headers` carry the request's id."""

    body: Callable[[Fault, str | None], bytes]
    statuses: Mapping[Code, int]
    id_headers: tuple[bytes, ...]
    address: str
    rates: Callable[[Standing], list[tuple[bytes, bytes]]]

    def status_of(self, fault: Fault) -> int:
        """The HTTP status that reports `fault`."""
        return self.statuses[fault.code]


OPENAI = Dialect(
    openai_body,
    STATUSES,
    (b"x-request-id",),
    "The OpenAI protocols are served below /v1: POST /v1/chat/completions, POST /v1/responses and "
    "GET /v1/models.",
    openai_rates,
)
ANTHROPIC = Dialect(
    anthropic_body,
    {code: OVERLOADED if status == 503 else status for code, status in STATUSES.items()},
    (b"request-id", b"x-request-id"),
    "The Anthropic protocol is served below /anthropic: POST /anthropic/v1/messages, "
    "POST /anthropic/v1/messages/count_tokens and GET /anthropic/v1/models.",
    anthropic_rates,
)


def headers_of(fault: Fault) -> list[tuple[bytes, bytes]]:
    """`retry-after` and `x-should-retry`, which steer the official SDKs' retries.

    Without the latter an SDK repeats every 408, 409, 429 and 5xx, and Claude Code even a 401.
    """
    wait = fault.retry_after if fault.retry_after is not None else USUAL_WAIT.get(fault.code)
    if wait is not None:
        seconds = min(LONGEST_WAIT, max(1, math.ceil(wait)))
        return [(b"retry-after", str(seconds).encode()), (b"x-should-retry", b"true")]
    if fault.blame in (Blame.CALLER, Blame.PLAN) or fault.code in HOPELESS:
        return [(b"x-should-retry", b"false")]
    return []
