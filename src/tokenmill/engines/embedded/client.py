"""Asks the server process about itself."""

from __future__ import annotations

import aiohttp
import msgspec

from tokenmill.engines.embedded.status import Speed

_FACTS = aiohttp.ClientTimeout(total=30)
_WARM_UP = aiohttp.ClientTimeout(total=20)  # Callers wait meanwhile.
_WARM_UP_TOKENS = 16
# About 60 tokens: enough to time the reading of a prompt, little enough to be done in a second or two.
_WARM_UP_TEXT = (
    "Describe a windmill by a river in early spring, its sails, its stones and the miller's daily work, "
    "for a reader who has never seen one and wonders how grain becomes flour, how the wind is caught, "
    "and why such mills stood wherever the land was flat."
)


class _Generation(msgspec.Struct, frozen=True):
    n_ctx: int


class _Caps(msgspec.Struct, frozen=True):
    supports_tools: bool = False


class _Props(msgspec.Struct, frozen=True):
    default_generation_settings: _Generation
    chat_template_caps: _Caps = _Caps()


class _Timings(msgspec.Struct, frozen=True):
    prompt_per_second: float
    predicted_per_second: float


class _Reply(msgspec.Struct, frozen=True):
    timings: _Timings


class Facts(msgspec.Struct, frozen=True):
    """What the server found out about its model; `context_window` in tokens."""

    context_window: int
    calls_tools: bool


class ChildClient:
    """llama.cpp's own addresses, which no caller of ours ever reaches."""

    def __init__(self, session: aiohttp.ClientSession, address: str, api_key: str) -> None:
        self._session = session
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}

    @property
    def base_url(self) -> str:
        """The OpenAI dialect's base address."""
        return f"{self._address}/v1"

    async def is_well(self, within: float) -> bool:
        """Does it answer its health check within so many seconds?"""
        limit = aiohttp.ClientTimeout(total=within)
        try:
            async with self._session.get(f"{self._address}/health", timeout=limit) as reply:
                return reply.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def facts(self) -> Facts:
        """Raises aiohttp.ClientError, TimeoutError or msgspec.MsgspecError while it is not ready."""
        async with self._session.get(
            f"{self._address}/props", headers=self._headers, timeout=_FACTS, raise_for_status=True
        ) as reply:
            props = msgspec.json.decode(await reply.read(), type=_Props)
        return Facts(props.default_generation_settings.n_ctx, props.chat_template_caps.supports_tools)

    async def measured_speed(self) -> Speed | None:
        """Warms the model up with a short answer; None when that fails."""
        question = {
            "messages": [{"role": "user", "content": _WARM_UP_TEXT}],
            "max_tokens": _WARM_UP_TOKENS,
            "temperature": 0,
            "cache_prompt": False,
        }
        try:
            async with self._session.post(
                f"{self.base_url}/chat/completions",
                headers=self._headers,
                json=question,
                timeout=_WARM_UP,
                raise_for_status=True,
            ) as reply:
                timings = msgspec.json.decode(await reply.read(), type=_Reply).timings
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
            return None
        return Speed(round(timings.prompt_per_second, 1), round(timings.predicted_per_second, 1))
