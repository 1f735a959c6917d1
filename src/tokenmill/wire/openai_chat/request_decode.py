"""Reads a caller's request."""

from __future__ import annotations

from typing import assert_never, cast, get_args

import msgspec

from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    Effort,
    Extras,
    FunctionTool,
    JsonObject,
    JsonSchema,
    Logprobs,
    ReplyFormat,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.wire.checks import check_tool_name, object_bytes, offered, within
from tokenmill.wire.extras import extras_of
from tokenmill.wire.members import (
    BOOLEAN,
    INTEGER,
    ITEMS,
    NUMBER,
    STRING,
    Members,
    bad_value,
    decode_at,
    is_null,
    read_members,
)
from tokenmill.wire.openai_chat.schema import (
    ChoiceMember,
    FunctionMember,
    ResponseFormat,
    StreamOptions,
    ThinkingMember,
    ToolMember,
)
from tokenmill.wire.openai_chat.turns_decode import MESSAGES, cache_mark, decode_turns

MAX_OUTPUT_LIMIT = 10**9
"""Tokens; more than any model writes. What is above a model's own limit is cut to that, and never refused."""

MOST_TOOLS = 1024

_STOP = msgspec.json.Decoder(str | list[str])
_TOOL = msgspec.json.Decoder(ToolMember)
_TOOL_CHOICE = msgspec.json.Decoder(str | ChoiceMember)
_RESPONSE_FORMAT = msgspec.json.Decoder(ResponseFormat)
_STREAM_OPTIONS = msgspec.json.Decoder(StreamOptions)
_THINKING = msgspec.json.Decoder(ThinkingMember)
_EFFORTS = get_args(Effort)
_SEARCH = frozenset({"type", "force_search", "forced_search", "max_keyword", "limit", "user_location"})


def decode_request(body: bytes) -> Request:
    """The question that `body` asks. Raises Fault(BAD_JSON | BAD_VALUE) naming the member.

    Members that this wire does not define become `Extras`, as they were written.
    """
    members = read_members(body)
    model = members.take("model", STRING)
    messages = members.take("messages", MESSAGES)
    if not model:
        raise bad_value("model", "this member is required; name a model of GET /v1/models")
    if messages is None:
        raise bad_value("messages", "this member is required; send an array of messages")
    _refuse_legacy(members)
    tools = _tools(members)
    stream_options = members.take("stream_options", _STREAM_OPTIONS)
    most = within(members.take("max_tokens", INTEGER), "max_tokens", 1, MAX_OUTPUT_LIMIT)
    newer = within(
        members.take("max_completion_tokens", INTEGER), "max_completion_tokens", 1, MAX_OUTPUT_LIMIT
    )
    request = Request(
        model=model,
        turns=decode_turns(messages),
        tools=tools,
        tool_choice=_tool_choice(members, tools),
        parallel_tools=members.take("parallel_tool_calls", BOOLEAN),
        max_output=most if newer is None else newer,
        sampling=_sampling(members),
        thinking=_thinking(members),
        format=_format(members),
        logprobs=_logprobs(members),
        choices=within(members.take("n", INTEGER), "n", 1, 8) or 1,
        stream=members.take("stream", BOOLEAN) or False,
        include_usage=None if stream_options is None else stream_options.include_usage,
        user=members.take("user", STRING),
    )
    left = members.left()
    return msgspec.structs.replace(request, extras=Extras("openai_chat", left)) if left else request


def _refuse_legacy(members: Members) -> None:
    for old, new in (("functions", "tools"), ("function_call", "tool_choice")):
        if members.take_raw(old) is not None:
            raise bad_value(old, f"it is no longer used; send {new}")


def _sampling(members: Members) -> Sampling:
    top_k = members.take("top_k", INTEGER)
    return Sampling(
        temperature=within(members.take("temperature", NUMBER), "temperature", 0, 2),
        top_p=within(members.take("top_p", NUMBER), "top_p", 0, 1),
        top_k=top_k if top_k is not None and top_k > 0 else None,  # 0 and -1 mean "no limit".
        presence_penalty=within(members.take("presence_penalty", NUMBER), "presence_penalty", -2, 2),
        frequency_penalty=within(members.take("frequency_penalty", NUMBER), "frequency_penalty", -2, 2),
        seed=within(members.take("seed", INTEGER), "seed", -(2**63), 2**63 - 1),
        stop=_stop(members.take("stop", _STOP)),
    )


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    texts = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(texts) > 4:
        raise bad_value("stop", f"{len(texts)} sequences are too many; use at most 4")
    if "" in texts:
        at = "stop" if isinstance(stop, str) else f"stop[{texts.index('')}]"
        raise bad_value(at, "an empty text would stop every reply at once; leave it out")
    return texts


def _thinking(members: Members) -> Thinking:
    wish = members.take("thinking", _THINKING)
    effort = members.take("reasoning_effort", STRING)
    if effort is not None and effort != "none" and effort not in _EFFORTS:
        raise bad_value(
            "reasoning_effort", f"{effort!r} is not an effort; use none, {', '.join(_EFFORTS[:-1])} or max"
        )
    if wish is not None and wish.type not in ("enabled", "disabled", "adaptive"):
        raise bad_value("thinking.type", f"{wish.type!r} is not a type; use enabled, disabled or adaptive")
    on = None if wish is None else wish.type != "disabled"
    budget = None if wish is None else wish.budget_tokens
    if budget is not None and budget < 1:
        raise bad_value("thinking.budget_tokens", f"{budget} is out of range; use 1 or more")
    if effort == "none":
        return Thinking(False if on is None else on, None, budget)
    return Thinking(on, cast("Effort | None", effort), budget)


def _logprobs(members: Members) -> Logprobs | None:
    wanted = members.take("logprobs", BOOLEAN)
    top = within(members.take("top_logprobs", INTEGER), "top_logprobs", 0, 20)
    if top and not wanted:
        raise bad_value("top_logprobs", "it needs logprobs: true")
    return Logprobs(top or 0) if wanted else None


def _format(members: Members) -> ReplyFormat | None:
    wish = members.take("response_format", _RESPONSE_FORMAT)
    match None if wish is None else wish.type:
        case None | "text":
            return None
        case "json_object":
            return JsonObject()
        case "json_schema":
            schema = wish.json_schema if wish is not None else None
            if schema is None:
                raise bad_value("response_format.json_schema", "this member is required")
            raw = object_bytes(schema.schema, "response_format.json_schema.schema")
            return JsonSchema(schema.name, raw or b"{}", schema.description, schema.strict)
        case other:
            raise bad_value(
                "response_format.type", f"{other!r} is not a format; use text, json_object or json_schema"
            )


def _tools(members: Members) -> tuple[Tool, ...]:
    raws = members.take("tools", ITEMS) or []
    if len(raws) > MOST_TOOLS:
        raise bad_value("tools", f"{len(raws)} are too many; send at most {MOST_TOOLS}")
    tools = tuple(_tool(raw, f"tools[{i}]") for i, raw in enumerate(raws))
    seen: set[str] = set()
    for i, tool in enumerate(tools):
        if isinstance(tool, FunctionTool | CustomTool):
            if tool.name in seen:
                raise bad_value(f"tools[{i}]", f"the name {tool.name!r} is taken by a tool before it")
            seen.add(tool.name)
    return tools


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    tool = decode_at(_TOOL, raw, at)
    match tool.type:
        case "function":
            function = tool.function
            if function is None:
                raise bad_value(f"{at}.function", "this member is required")
            return _function(function, f"{at}.function", tool)
        case "custom":
            if tool.custom is None:
                raise bad_value(f"{at}.custom", "this member is required")
            shape = tool.custom.format
            check_tool_name(tool.custom.name, f"{at}.custom.name")
            written = None if is_null(shape) else bytes(shape)
            return CustomTool(tool.custom.name, tool.custom.description, written)
        case "web_search":
            return _web_search(tool, raw, at)
        case other:
            return UnknownTool("openai_chat", other, bytes(raw))


def _function(function: FunctionMember, at: str, tool: ToolMember) -> FunctionTool:
    check_tool_name(function.name, f"{at}.name")
    return FunctionTool(
        function.name,
        function.description,
        object_bytes(function.parameters, f"{at}.parameters"),
        function.strict,
        cache=cache_mark(tool.cache_control),
    )


def _web_search(tool: ToolMember, raw: msgspec.Raw, at: str) -> WebSearchTool:
    wish = tool.force_search if tool.force_search is not None else tool.forced_search
    if isinstance(wish, str):
        if wish not in ("true", "false"):
            raise bad_value(f"{at}.force_search", f"expected true or false, got {wish!r}")
        wish = wish == "true"
    return WebSearchTool(
        force=wish or False,
        max_keyword=within(tool.max_keyword, f"{at}.max_keyword", 1, 50),
        limit=within(tool.limit, f"{at}.limit", 1, 50),
        location=object_bytes(tool.user_location, f"{at}.user_location"),
        extras=extras_of("openai_chat", raw, _SEARCH),
    )


def _tool_choice(members: Members, tools: tuple[Tool, ...]) -> ToolChoice:
    choice = members.take("tool_choice", _TOOL_CHOICE)
    names = {tool.name for tool in tools if isinstance(tool, FunctionTool | CustomTool)}
    match choice:
        case None | "auto":
            return ChooseFreely()
        case "none":
            return ChooseNone()
        case "required":
            if not tools:
                raise bad_value("tool_choice", "'required' needs tools, and there are none")
            return ChooseAny()
        case str():
            raise bad_value(
                "tool_choice", f"{choice!r} is not a choice; use auto, none, required or name a tool"
            )
        case ChoiceMember(type="function", function=named) | ChoiceMember(type="custom", custom=named):
            if named is None:
                raise bad_value(f"tool_choice.{choice.type}", "this member is required")
            return ChooseOne(offered(named.name, names, "tool_choice"))
        case ChoiceMember(type="allowed_tools", allowed_tools=allowed):
            if allowed is None:
                raise bad_value("tool_choice.allowed_tools", "this member is required")
            if allowed.mode not in ("auto", "required"):
                raise bad_value("tool_choice.allowed_tools.mode", "use auto or required")
            chosen = [tool.function or tool.custom for tool in allowed.tools]
            at = "tool_choice.allowed_tools.tools"
            return ChooseFrom(
                tuple(offered(named.name, names, at) for named in chosen if named is not None),
                allowed.mode == "required",
            )
        case ChoiceMember(type=other):
            raise bad_value(
                "tool_choice.type", f"{other!r} is not a type; use function, custom or allowed_tools"
            )
        case _:
            assert_never(choice)
