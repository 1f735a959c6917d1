"""Fills what the caller left open from the model's entry in the catalogue."""

from __future__ import annotations

import msgspec

from tokenmill.catalog.entries import Model
from tokenmill.conversation.places import tool_places
from tokenmill.conversation.request import ChooseFreely, Drop, Request, Sampling, Thinking, WebSearchTool
from tokenmill.kit.faults import Code, Fault
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


def without_search(request: Request, model: Model) -> tuple[Request, tuple[Drop, ...]]:
    """`request` without the web search that `model` does not offer.

    Coding agents offer a search with every request, so one that the model is free to use is dropped; one that
    the caller insists on raises Fault(UNSUPPORTED).
    """
    if model.web_search or not any(isinstance(tool, WebSearchTool) for tool in request.tools):
        return request, ()
    drops: list[Drop] = []
    for at, tool in enumerate(request.tools):
        if isinstance(tool, WebSearchTool):
            if tool.force:
                raise Fault(
                    Code.UNSUPPORTED,
                    f"The model '{model.id}' does not search the web here, and this request demands it. "
                    "Leave the web_search tool out.",
                    field=f"tools[{at}]",
                )
            drops.append(Drop(f"tools[{at}]", "this model does not search the web here"))
    kept = [
        (tool, at)
        for tool, at in zip(request.tools, tool_places(request), strict=True)
        if not isinstance(tool, WebSearchTool)
    ]
    tools, places = tuple(tool for tool, _ in kept), tuple(at for _, at in kept)
    choice = request.tool_choice if tools else ChooseFreely()
    changed = msgspec.structs.replace(request, tools=tools, tools_at=places, tool_choice=choice)
    return changed, tuple(drops)


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
