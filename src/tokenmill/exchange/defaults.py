"""Fills what the caller left open from the model's entry in the catalogue."""

from __future__ import annotations

import msgspec

from tokenmill.catalog.entries import Model
from tokenmill.conversation.request import Drop, Request, Sampling, Thinking
from tokenmill.ports import Route, ServedBy

MESSAGES_OUTPUT = 32_000
"""Tokens where the caller set no limit; a Messages server demands one. It is what Claude Code asks for."""


def with_defaults(
    request: Request, model: Model, route: Route, served_by: ServedBy | None
) -> tuple[Request, tuple[Drop, ...]]:
    """`request` as it goes to `route`: thinking and sampling settled, `max_output` within the limit.

    What the caller had asked for and does not get comes back as drops.
    """
    thinking, drops = _thinking(request.thinking, model, route)
    sampling, unsampled = _sampling(request, model, thinks=thinking.on is True)
    drops = (*drops, *unsampled)
    limit = (
        model.max_output_tokens if served_by is None else min(model.max_output_tokens, served_by.max_output)
    )
    wanted = request.max_output
    if wanted is not None and wanted > limit:
        drops = (*drops, Drop("max_completion_tokens", f"this model writes at most {limit} tokens"))
        wanted = limit
    elif wanted is None and route.engine == "anthropic":
        wanted = min(MESSAGES_OUTPUT, limit)
    return msgspec.structs.replace(request, thinking=thinking, sampling=sampling, max_output=wanted), drops


def _thinking(asked: Thinking, model: Model, route: Route) -> tuple[Thinking, tuple[Drop, ...]]:
    if model.thinking == "never":
        wanted = asked.on or (asked.on is None and asked != Thinking())
        return Thinking(), (Drop("thinking", "this model does not think"),) if wanted else ()
    if asked.on is not None or route.thinking_switch == "none":
        return asked, ()
    if route.strict and route.thinking_switch == "thinking" and route.engine != "anthropic":
        return asked, ()  # OpenAI's schema has no such switch.
    if asked.effort is not None or asked.budget is not None:
        return msgspec.structs.replace(asked, on=True), ()
    return Thinking(on=model.thinking == "on"), ()


def _sampling(request: Request, model: Model, *, thinks: bool) -> tuple[Sampling, tuple[Drop, ...]]:
    asked, advice = request.sampling, model.sampling
    if thinks:
        best = advice.thinking or advice
        drops = tuple(
            Drop(name, f"while thinking, this model samples at {name} {recommended:g}")
            for name, wish, recommended in (
                ("temperature", asked.temperature, best.temperature),
                ("top_p", asked.top_p, best.top_p),
            )
            if wish is not None and wish != recommended
        )
        return msgspec.structs.replace(asked, temperature=best.temperature, top_p=best.top_p), drops
    best = (advice.tools if request.tools else None) or advice
    if asked.temperature is not None and asked.top_p is not None:
        return asked, ()
    return msgspec.structs.replace(
        asked,
        temperature=best.temperature if asked.temperature is None else asked.temperature,
        top_p=best.top_p if asked.top_p is None else asked.top_p,
    ), ()
