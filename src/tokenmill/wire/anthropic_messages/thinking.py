"""Says on this wire how much a model is to think."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseOne,
    Effort,
    Request,
    Thinking,
    WebSearchTool,
)
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.media import Json
from tokenmill.wire.anthropic_messages.turns_encode import TurnWriter

LEAST_BUDGET = 1024
"""Tokens; the wire takes no smaller budget, and none that reaches `max_tokens`."""

BUDGETS: Mapping[Effort | None, int] = {
    "minimal": 1024,
    "low": 4096,
    "medium": 8192,
    None: 16384,
    "high": 16384,
    "xhigh": 24576,
    "max": 31999,
}
"""The budget that stands for each effort, in tokens; without one it is the wire's default, `high`."""


def encode_thinking(
    request: Request, route: Route, writer: TurnWriter, *, max_tokens: int, signing: bool
) -> Json:
    """The `thinking` and `output_config` members, as the target's switch has them.

    `thinking` is a switch with a budget, `reasoning_effort` one with an effort (`adaptive`), and
    `enable_thinking` a bare one. A target that checks signatures (`signing`) refuses to think in some
    histories and while a tool is demanded: there the thinking gives way, as the smaller loss.
    """
    thinking = request.thinking
    if thinking == Thinking():
        return {}
    match route.thinking_switch:
        case "none":
            writer.drop("thinking", "the target's thinking cannot be switched")
            return {}
        case "enable_thinking":
            _drop_degrees(thinking, writer, effort=True)
            return {"thinking": {"type": "disabled" if thinking.on is False else "enabled"}}
        case "thinking" | "reasoning_effort":
            pass
        case _:
            assert_never(route.thinking_switch)
    wanted = thinking.on is not False and (thinking.on or thinking.effort or thinking.budget)
    if wanted and signing and (obstacle := _obstacle(request, route, writer)):
        writer.drop("thinking", obstacle)
        wanted = False
        if route.thinking_switch == "thinking":
            return {}
    if route.thinking_switch == "reasoning_effort":
        return _by_effort(thinking, writer, wanted=bool(wanted))
    return _by_budget(thinking, writer, max_tokens) if wanted else {"thinking": {"type": "disabled"}}


def _obstacle(request: Request, route: Route, writer: TurnWriter) -> str | None:
    match request.tool_choice:
        case ChooseAny() | ChooseOne() | ChooseFrom(required=True) if request.tools:
            return "the target does not think while a tool call is demanded of it"
        case ChooseFreely() if any(isinstance(tool, WebSearchTool) and tool.force for tool in request.tools):
            return "the target does not think while a search is demanded of it"
    if route.thinking_switch == "thinking" and not writer.may_think:
        return "the target does not think on from an answer or a call that it cannot see the thoughts of"
    return None


def _by_effort(thinking: Thinking, writer: TurnWriter, *, wanted: bool) -> Json:
    _drop_degrees(thinking, writer, effort=False)
    members: Json = {}
    if wanted and thinking.on:
        members["thinking"] = {"type": "adaptive"}
    elif thinking.on is not None:
        members["thinking"] = {"type": "disabled"}
    if thinking.effort is not None:
        members["output_config"] = {"effort": "low" if thinking.effort == "minimal" else thinking.effort}
        if thinking.effort == "minimal":
            writer.drop("reasoning_effort", "said as 'low', the least that the target knows")
    return members


def _by_budget(thinking: Thinking, writer: TurnWriter, max_tokens: int) -> Json:
    room = max_tokens - 1
    if room < LEAST_BUDGET:
        writer.drop("thinking", f"it needs room for {LEAST_BUDGET} tokens below max_tokens")
        return {}
    if thinking.effort is not None:
        writer.drop("reasoning_effort", "said as a budget, the only degree of the target")
    if thinking.budget is None:
        budget = min(BUDGETS[thinking.effort], max(room // 2, LEAST_BUDGET))
    else:
        budget = min(max(thinking.budget, LEAST_BUDGET), room)
        if budget != thinking.budget:
            writer.drop("thinking.budget_tokens", f"said as {budget}, what the target takes here")
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _drop_degrees(thinking: Thinking, writer: TurnWriter, *, effort: bool) -> None:
    if thinking.effort is not None and effort:
        writer.drop("reasoning_effort", "the target can only switch thinking on and off")
    if thinking.budget is not None:
        writer.drop("thinking.budget_tokens", "the target knows no budgets")
