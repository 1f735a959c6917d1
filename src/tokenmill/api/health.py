"""Tells load balancers whether this node lives and whether it can serve."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from tokenmill.api.call import Call
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault

Probe = Callable[[], Awaitable[None]]
"""Returns when a thing works; raises the Fault that says why it does not."""

_KEPT = 1.0
"""Seconds for which an answer is good: anyone may ask, and asking writes to the database."""


class Health:
    """Liveness and readiness."""

    def __init__(self, probes: Mapping[str, Probe], clock: Clock) -> None:
        self._probes = probes
        self._clock = clock
        self._asked_at = float("-inf")
        self._checks: dict[str, str] = {}

    async def alive(self, call: Call) -> None:
        """`GET /healthz`: the process answers."""
        await call.respond(200, b'{"status":"ok"}')

    async def ready(self, call: Call) -> None:
        """`GET /readyz`: 200 when every probe works, else 503 with the reason of each that does not."""
        if self._clock.monotonic() - self._asked_at >= _KEPT:
            self._checks = {name: await _ask(probe) for name, probe in self._probes.items()}
            self._asked_at = self._clock.monotonic()
        ready = all(answer == "ok" for answer in self._checks.values())
        body = {"status": "ready" if ready else "not ready", "checks": self._checks}
        await call.respond(200 if ready else 503, msgspec.json.encode(body))


async def _ask(probe: Probe) -> str:
    try:
        await probe()
    except Fault as fault:
        return fault.message
    return "ok"
