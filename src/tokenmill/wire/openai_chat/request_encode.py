"""Writes a request for an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import assert_never

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import (
    Drop,
    Effort,
    JsonObject,
    JsonSchema,
    ReplyFormat,
    Request,
    Sampling,
    Thinking,
)
from tokenmill.ports import Route
from tokenmill.wire.checks import unsupported
from tokenmill.wire.extras import lost_extras, own_extras
from tokenmill.wire.openai_chat.joining import Json
from tokenmill.wire.openai_chat.tools_encode import STRICT, encode_tools
from tokenmill.wire.openai_chat.turns_encode import TurnWriter

DEGREES: Mapping[Effort, Effort] = {"minimal": "low", "xhigh": "high", "max": "high"}
"""What goes for the efforts beside low, medium and high, which MiMo's own servers answer with 400."""

LEAST_TOP_P = 0.01
"""vLLM refuses 0, MiMo whatever is below; OpenAI takes it."""

_MOST_STOPS = 4  # OpenAI's limit; most other servers have none.
_LONGEST_USER = 64  # OpenAI's limit.
_CONTINUING = {"continue_final_message": True, "add_generation_prompt": False}
"""How vLLM and SGLang are told to go on with the last message; what does not know it leaves it unread."""

_PUBLISHED = frozenset(
    {
        "audio", "logit_bias", "metadata", "modalities", "moderation", "prediction", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier", "store",
        "verbosity", "web_search_options",
    }
)  # fmt: skip
"""Members of OpenAI's schema that the canon has no word for."""


def encode_request(
    request: Request, route: Route, *, stream: bool = True, ask_usage: bool = True
) -> tuple[bytes, tuple[Drop, ...]]:
    """The body that asks `request` of `route`, and what it does not say.

    `ask_usage` False is for servers that refuse `stream_options`, which asks for the counts of a stream.
    Raises Fault(UNSUPPORTED) for a feature, naming it; a tuning knob the target lacks is a Drop.
    When nothing was dropped and the target is switched by `thinking`, `decode_request` gives the request
    back but for this: `model` is the upstream's, `stream` and `include_usage` are ours, an empty text
    beside other parts of an assistant is gone, its parts stand in the order reasoning, content, audio,
    tool calls with the reasoning in one piece, each tool result is a turn of its own and one text, and a
    target that is not strict hears `system` for `developer` and of no tools and calls with free text.
    """
    writer = TurnWriter(route)
    messages = writer.messages(request.turns)
    body: Json = {"model": route.upstream_model, "messages": messages}
    if stream:
        body["stream"] = True
        if ask_usage and not route.strict:
            body["stream_options"] = {"include_usage": True}
    body |= _prefill(request, route, messages, writer)
    body |= encode_tools(request, route, writer)
    if request.max_output is not None:
        body["max_completion_tokens" if route.strict else "max_tokens"] = request.max_output
    body |= _sampling(request.sampling, route, writer)
    body |= _thinking(request.thinking, route, writer)
    if request.format is not None:
        body["response_format"] = _format(request.format)
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs.top:
            body["top_logprobs"] = request.logprobs.top
    if request.choices != 1:
        body["n"] = request.choices
    if request.user is not None:
        body["user"] = _user(request.user, route, writer)
    _add_extras(request, route, body, writer)
    return msgspec.json.encode(body), tuple(writer.drops)


def _prefill(request: Request, route: Route, messages: list[Json], writer: TurnWriter) -> Json:
    """What lets the model go on with an answer that its caller has begun; nothing where it says so."""
    last = messages[-1] if messages else {}
    if last.get("role") != "assistant" or "tool_calls" in last or not last["content"]:
        return {}
    if route.strict:
        at = f"messages[{len(request.turns) - 1}]"
        writer.drop(at, "the target does not go on with it, but answers anew")
        return {}
    extras = own_extras(request.extras, "openai_chat")
    if any(name in extras for name in _CONTINUING):
        return {}
    return dict(_CONTINUING)


def _user(user: str, route: Route, writer: TurnWriter) -> str:
    if not route.strict or len(user) <= _LONGEST_USER:
        return user
    writer.drop("user", f"said as its hash: the target takes {_LONGEST_USER} characters")
    return sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def _add_extras(request: Request, route: Route, body: Json, writer: TurnWriter) -> None:
    writer.drops.extend(lost_extras(request.extras, "openai_chat"))
    for name, value in own_extras(request.extras, "openai_chat").items():
        if route.strict and name not in _PUBLISHED:
            writer.drop(name, STRICT)
        elif name == "chat_template_kwargs" and name in body:
            body[name] = _merged(value, body[name])
        elif name in body:
            writer.drop(name, "the platform sets it by itself")
        else:
            body[name] = value


def _merged(raw: Raw, ours: object) -> object:
    """The caller's template arguments with ours among them; ours win, as they come from `thinking`."""
    assert isinstance(ours, dict)  # `_thinking` wrote it.
    if not bytes(raw).startswith(b"{"):
        return ours
    return msgspec.json.decode(raw, type=dict[str, Raw]) | ours


def _sampling(sampling: Sampling, route: Route, writer: TurnWriter) -> Json:
    members: Json = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    if route.strict and len(sampling.stop) > _MOST_STOPS:
        raise unsupported("stop", f"more than {_MOST_STOPS} texts to stop at")
    if not route.strict and sampling.top_p is not None and sampling.top_p < LEAST_TOP_P:
        writer.drop("top_p", f"said as {LEAST_TOP_P}, the least that the target takes")
        members["top_p"] = LEAST_TOP_P
    if sampling.top_k is not None and route.strict:
        writer.drop("top_k", STRICT)
    else:
        members["top_k"] = sampling.top_k
    return {name: value for name, value in members.items() if value is not None}


def _thinking(thinking: Thinking, route: Route, writer: TurnWriter) -> Json:
    if thinking == Thinking():
        return {}
    match route.thinking_switch:
        case "thinking":
            return _by_thinking(thinking, route, writer)
        case "enable_thinking":
            if thinking.effort is not None:
                writer.drop("reasoning_effort", "the target can only switch thinking on and off")
            if thinking.budget is not None:
                writer.drop("thinking.budget_tokens", "the target can only switch thinking on and off")
            on = thinking.on if thinking.on is not None else True
            return {"chat_template_kwargs": {"enable_thinking": on}}
        case "reasoning_effort":
            if thinking.budget is not None:
                writer.drop("thinking.budget_tokens", "the target knows degrees of effort only")
            if thinking.on is False:
                return {"reasoning_effort": "none"}
            if thinking.effort is None and thinking.on:
                writer.drop(
                    "thinking.type", "said as reasoning_effort 'medium', the only switch of the target"
                )
            return {"reasoning_effort": thinking.effort or "medium"}
        case "none":
            writer.drop("thinking", "the target's thinking cannot be switched")
            return {}
        case _:
            assert_never(route.thinking_switch)


def _by_thinking(thinking: Thinking, route: Route, writer: TurnWriter) -> Json:
    members: Json = {}
    if (thinking.on is not None or thinking.budget is not None) and route.strict:
        writer.drop("thinking", STRICT)
    elif thinking.on is not None or thinking.budget is not None:
        switch: Json = {"type": "disabled" if thinking.on is False else "enabled"}
        if thinking.budget is not None:
            switch["budget_tokens"] = thinking.budget
        members["thinking"] = switch
    if thinking.effort is not None:
        degree = DEGREES.get(thinking.effort, thinking.effort)
        members["reasoning_effort"] = degree
        if degree != thinking.effort:
            writer.drop("reasoning_effort", f"said as {degree!r}: the target refuses {thinking.effort!r}")
    return members


def _format(format_: ReplyFormat) -> Json:
    match format_:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema(name=name, schema=schema, description=description, strict=strict):
            members: Json = {"name": name, "schema": Raw(schema)}
            if description is not None:
                members["description"] = description
            if strict is not None:
                members["strict"] = strict
            return {"type": "json_schema", "json_schema": members}
        case _:
            assert_never(format_)
