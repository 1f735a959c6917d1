"""Reads a caller's request."""

from __future__ import annotations

from typing import Final, cast, get_args

import msgspec

from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseNone,
    ChooseOne,
    Effort,
    Extras,
    FunctionTool,
    JsonSchema,
    Request,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.wire.anthropic_messages.facts import read_mark
from tokenmill.wire.anthropic_messages.schema import ChoiceMember, FormatMember, ToolMember
from tokenmill.wire.anthropic_messages.turns_decode import MESSAGES, SYSTEM, decode_system, decode_turns
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
    read_members,
)

FORMAT_NAME = "reply"
"""What a reply's schema is called in the canon; this wire gives it no name."""

_MOST: Final = 10**9
_EFFORTS = get_args(Effort)
_THINKING = ("enabled", "disabled", "adaptive", "between_tools")

_FUNCTION = frozenset(
    {"type", "name", "description", "input_schema", "strict", "defer_loading", "cache_control"}
)
_SEARCH = frozenset({"type", "name", "max_uses", "user_location", "allowed_domains", "blocked_domains"})
"""The members of tools that the canon has words for."""

_TEXTS = msgspec.json.Decoder(list[str])
_TOOL = msgspec.json.Decoder(ToolMember)
_TOOL_CHOICE = msgspec.json.Decoder(ChoiceMember)
_FORMAT = msgspec.json.Decoder(FormatMember)


def decode_request(body: bytes) -> Request:
    """The question that `body` asks. Raises Fault(BAD_JSON | BAD_VALUE) naming the member.

    Members that this wire does not define become `Extras`, as they were written; those of `thinking`,
    `output_config` and `metadata` under their path (`thinking.display`). What is normalised away: Claude
    Code's billing header in `system`, empty signatures, an empty `system`, assistant messages without
    blocks, members of blocks that no target but their vendor's own understands
    (`caller`), which version of the web search is asked for, and whether `disabled`
    parallel calls were switched off or never mentioned. `max_tokens` may be left out, as MiMo has it.
    """
    members = read_members(body)
    model = members.take("model", STRING)
    messages = members.take("messages", MESSAGES)
    if not model:
        raise bad_value("model", "this member is required; name a model of GET /anthropic/v1/models")
    if messages is None:
        raise bad_value("messages", "this member is required; send an array of messages")
    system = members.take("system", SYSTEM)
    tools, names = _tools(members)
    config, switch, metadata = (members.take_object(n) for n in ("output_config", "thinking", "metadata"))
    choice, parallel = _tool_choice(members, tools, names)
    request = Request(
        model=model,
        turns=decode_system(system or "") + decode_turns(messages),
        tools=tools,
        tool_choice=choice,
        parallel_tools=parallel,
        max_output=within(members.take("max_tokens", INTEGER), "max_tokens", 1, _MOST),
        sampling=_sampling(members),
        thinking=_thinking(switch, config),
        format=_format(members, config),
        stream=members.take("stream", BOOLEAN) or False,
        user=metadata.take("user_id", STRING),
    )
    left = (*members.left(), *switch.left(), *config.left(), *metadata.left())
    return msgspec.structs.replace(request, extras=Extras("anthropic_messages", left)) if left else request


def _sampling(members: Members) -> Sampling:
    top_k = members.take("top_k", INTEGER)
    stop = members.take("stop_sequences", _TEXTS) or []
    if "" in stop:
        at = f"stop_sequences[{stop.index('')}]"
        raise bad_value(at, "an empty text would stop every reply at once; leave it out")
    return Sampling(
        temperature=within(members.take("temperature", NUMBER), "temperature", 0, 2),
        top_p=within(members.take("top_p", NUMBER), "top_p", 0, 1),
        top_k=top_k if top_k is not None and top_k > 0 else None,  # 0 and -1 mean "no limit".
        stop=tuple(stop),
    )


def _thinking(switch: Members, config: Members) -> Thinking:
    """A budget as large as `max_tokens` is let pass: some clients send that."""
    kind = switch.take("type", STRING)
    if kind is not None and kind not in _THINKING:
        raise bad_value(
            "thinking.type", f"{kind!r} is not a type; use {', '.join(_THINKING[:2])} or adaptive"
        )
    budget = within(switch.take("budget_tokens", INTEGER), "thinking.budget_tokens", 1, _MOST)
    effort = config.take("effort", STRING)
    if effort is not None and effort not in _EFFORTS:
        raise bad_value(
            "output_config.effort", f"{effort!r} is not an effort; use {', '.join(_EFFORTS[:-1])} or max"
        )
    return Thinking(None if kind is None else kind != "disabled", cast("Effort | None", effort), budget)


def _format(members: Members, config: Members) -> JsonSchema | None:
    older = members.take("output_format", _FORMAT)  # Where the feature stood before it left its beta.
    wish = config.take("format", _FORMAT)
    at = "output_format" if wish is None else "output_config.format"
    wish = wish or older
    if wish is None:
        return None
    if wish.type != "json_schema":
        raise bad_value(f"{at}.type", f"{wish.type!r} is not a format; use json_schema")
    schema = object_bytes(wish.schema, f"{at}.schema")
    if schema is None:
        raise bad_value(f"{at}.schema", "this member is required")
    return JsonSchema(FORMAT_NAME, schema)


def _tools(members: Members) -> tuple[tuple[Tool, ...], set[str]]:
    """The tools, and the names by which they may be chosen."""
    tools: list[Tool] = []
    names: set[str] = set()
    raws = members.take("tools", ITEMS) or []
    for i, raw in enumerate(raws):
        member = decode_at(_TOOL, raw, f"tools[{i}]")
        tools.append(_tool(member, raw, f"tools[{i}]"))
        if member.name is not None:
            if member.name in names:
                raise bad_value(f"tools[{i}]", f"the name {member.name!r} is taken by a tool before it")
            names.add(member.name)
    return tuple(tools), names


def _tool(tool: ToolMember, raw: msgspec.Raw, at: str) -> Tool:
    if tool.type is None or tool.type == "custom":
        if tool.name is None:
            raise bad_value(f"{at}.name", "this member is required")
        check_tool_name(tool.name, f"{at}.name")
        return FunctionTool(
            tool.name,
            tool.description,
            object_bytes(tool.input_schema, f"{at}.input_schema"),
            tool.strict,
            tool.defer_loading or False,
            read_mark(tool.cache_control),
            extras_of("anthropic_messages", raw, _FUNCTION),
        )
    fenced = tool.allowed_domains or tool.blocked_domains  # Not to be lost on a search of another kind.
    if tool.type.startswith("web_search_") and not fenced:
        return WebSearchTool(
            max_keyword=within(tool.max_uses, f"{at}.max_uses", 1, _MOST),
            location=object_bytes(tool.user_location, f"{at}.user_location"),
            extras=extras_of("anthropic_messages", raw, _SEARCH),
        )
    return UnknownTool("anthropic_messages", tool.type, bytes(raw), tool.name)


def _tool_choice(
    members: Members, tools: tuple[Tool, ...], names: set[str]
) -> tuple[ToolChoice, bool | None]:
    wish = members.take("tool_choice", _TOOL_CHOICE)
    if wish is None:
        return ChooseFreely(), None
    parallel = False if wish.disable_parallel_tool_use else None
    match wish.type:
        case "auto":
            return ChooseFreely(), parallel
        case "none":
            return ChooseNone(), None
        case "any":
            if not tools:
                raise bad_value("tool_choice", "'any' needs tools, and there are none")
            return ChooseAny(), parallel
        case "tool":
            if wish.name is None:
                raise bad_value("tool_choice.name", "this member is required")
            return ChooseOne(offered(wish.name, names, "tool_choice.name")), parallel
        case other:
            raise bad_value("tool_choice.type", f"{other!r} is not a type; use auto, any, tool or none")
