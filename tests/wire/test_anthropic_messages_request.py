from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, shown
from tokenmill.conversation.parts import (
    Media,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Url,
    UrlCitation,
    VendorCitation,
)
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    Extras,
    FunctionTool,
    JsonObject,
    JsonSchema,
    Logprobs,
    Request,
    Sampling,
    Thinking,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.exchange.prefix import with_stable_prefix
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.request import decode_request, encode_request
from tokenmill.wire.openai_chat.request import encode_request as encode_chat_request

CASES = sorted((GOLDEN / "anthropic_messages").glob("*.request.json"))
USER: dict[str, Any] = {"role": "user", "content": "hi"}
HI = Turn("user", (Text("hi"),))
ROUTE = Route(target="t", engine="e", upstream_model="upstream")
STRICT = Route(
    target="t", engine="e", upstream_model="upstream", thinking_switch="reasoning_effort", strict=True
)
UNKNOWN_TOOL = UnknownTool("openai_responses", "namespace", b"{}", "n")
TOOL = FunctionTool("f", parameters=b'{"type":"object"}')
CALLING = Turn("assistant", (ToolCall("c", "f", "{}"),))
RESULT = Turn("tool", (ToolResult("c", (Text("r"),)),))
SIGNED = Reasoning("hm", origin="o", signature="s")


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER]} | members).encode()


def asked(request: Request, route: Route = ROUTE, **options: Any) -> tuple[dict[str, Any], list[str]]:
    raw, drops = encode_request(request, route, **options)
    return json.loads(raw), [drop.field for drop in drops]


def of_turn(*turns: Turn, **members: Any) -> Request:
    return Request(model="m", turns=turns, **members)


def told(*turns: Turn, **options: Any) -> tuple[list[Any], list[str]]:
    said, drops = asked(of_turn(*turns), **options)
    return said["messages"], drops


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_request_means_what_is_written_and_is_asked_as_written(path: Path) -> None:
    request = decode_request(path.read_bytes())
    stem = path.name.split(".")[0]
    check(path.with_name(f"{stem}.canon.json"), shown(request))
    said = []
    for route, origin, in_place in ((ROUTE, None, False), (STRICT, "anthropic", True)):
        raw, drops = encode_request(request, route, origin=origin, system_in_place=in_place)
        said.append({"body": json.loads(raw), "drops": [[drop.field, drop.reason] for drop in drops]})
    check(path.with_name(f"{stem}.upstream.json"), said)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_asking_again_what_was_asked_changes_nothing(path: Path) -> None:
    once, _ = encode_request(decode_request(path.read_bytes()), ROUTE, system_in_place=True)
    again, drops = encode_request(decode_request(once), ROUTE, system_in_place=True)
    assert again == once
    assert [drop for drop in drops if drop.field != "messages[0].role"] == []


def test_what_claude_code_sends_reaches_a_chat_upstream_whole() -> None:
    case = GOLDEN / "anthropic_messages" / "claude_code_second_turn.request.json"
    request, unsaid = with_stable_prefix(decode_request(case.read_bytes()))
    raw, drops = encode_chat_request(request, ROUTE)
    said = json.loads(raw)
    assert [message["role"] for message in said["messages"]] == [
        *("system", "user", "system", "assistant", "tool", "tool", "user", "system")
    ]
    assert "billing" not in raw.decode()
    assert [drop.field for drop in unsaid] == ["messages[0].content[0]"]
    assert said["messages"][5]["content"] == "The tool WebFetch has been found and can be called now."
    assert [tool["function"]["name"] for tool in said["tools"]] == ["Read", "ToolSearch", "WebFetch"]
    assert {"thinking.display", "context_management"} <= {drop.field for drop in drops}


def test_null_means_absent_everywhere() -> None:
    names = (
        "max_tokens system tools tool_choice thinking output_config output_format metadata temperature top_p"
        " top_k stop_sequences stream context_management"
    )
    assert decode_request(body(**dict.fromkeys(names.split()))) == decode_request(body())


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"thinking": {"type": "enabled"}}, Thinking(on=True)),
        ({"thinking": {"type": "adaptive"}}, Thinking(on=True)),
        ({"thinking": {"type": "between_tools"}}, Thinking(on=True)),
        ({"thinking": {"type": "disabled"}}, Thinking(on=False)),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Thinking(on=True, budget=9)),
        ({"output_config": {"effort": "max"}}, Thinking(effort="max")),
    ],
)
def test_ways_to_ask_for_thinking(members: dict[str, Any], thinking: Thinking) -> None:
    assert decode_request(body(**members)).thinking == thinking


@pytest.mark.parametrize(
    ("switch", "thinking", "said", "drops"),
    [
        ("thinking", Thinking(on=True, budget=2000), {"type": "enabled", "budget_tokens": 2000}, []),
        (
            "thinking",
            Thinking(on=True, budget=9999),
            {"type": "enabled", "budget_tokens": 8191},
            ["thinking.budget_tokens"],
        ),
        (
            "thinking",
            Thinking(on=True, budget=5),
            {"type": "enabled", "budget_tokens": 1024},
            ["thinking.budget_tokens"],
        ),
        ("thinking", Thinking(on=True), {"type": "enabled", "budget_tokens": 4095}, []),
        (
            "thinking",
            Thinking(effort="minimal"),
            {"type": "enabled", "budget_tokens": 1024},
            ["reasoning_effort"],
        ),
        ("thinking", Thinking(on=False), {"type": "disabled"}, []),
        ("enable_thinking", Thinking(on=True), {"type": "enabled"}, []),
        ("enable_thinking", Thinking(effort="low"), {"type": "enabled"}, ["reasoning_effort"]),
        ("enable_thinking", Thinking(on=False, budget=3), {"type": "disabled"}, ["thinking.budget_tokens"]),
        ("reasoning_effort", Thinking(on=True), {"type": "adaptive"}, []),
        ("reasoning_effort", Thinking(on=True, budget=3), {"type": "adaptive"}, ["thinking.budget_tokens"]),
        ("reasoning_effort", Thinking(on=False), {"type": "disabled"}, []),
        ("reasoning_effort", Thinking(effort="high"), None, []),
        ("reasoning_effort", Thinking(effort="minimal"), None, ["reasoning_effort"]),
        ("none", Thinking(on=True), None, ["thinking"]),
        ("none", Thinking(on=False), None, ["thinking"]),
        ("thinking", Thinking(), None, []),
    ],
)
def test_thinking_is_said_by_the_switch_of_the_target(
    switch: Any, thinking: Thinking, said: dict[str, Any] | None, drops: list[str]
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch=switch)
    sent, dropped = asked(of_turn(HI, thinking=thinking), route)
    assert sent.get("thinking") == said
    assert dropped == drops
    if switch == "reasoning_effort" and thinking.effort is not None:
        assert sent["output_config"] == {"effort": "low" if thinking.effort == "minimal" else "high"}


def test_thinking_gives_way_where_there_is_no_room_for_it() -> None:
    said, drops = asked(of_turn(HI, thinking=Thinking(on=True), max_output=1024))
    assert "thinking" not in said
    assert drops == ["thinking"]


@pytest.mark.parametrize(
    ("turns", "choice", "switch", "thinks"),
    [
        ((HI,), ChooseAny(), "thinking", False),
        ((HI,), ChooseOne("f"), "reasoning_effort", False),
        ((HI,), ChooseFrom(("f",)), "thinking", True),
        ((HI, CALLING, RESULT), ChooseNone(), "thinking", False),
        ((HI, CALLING, RESULT), ChooseNone(), "reasoning_effort", True),
        ((HI, Turn("assistant", (SIGNED, *CALLING.parts)), RESULT), ChooseNone(), "thinking", True),
        ((HI, CALLING, RESULT, Turn("assistant", (Text("x"),)), HI), ChooseNone(), "thinking", True),
        ((HI, Turn("assistant", (Text("{"),))), ChooseNone(), "thinking", False),
    ],
)
def test_a_signing_target_is_not_asked_to_think_where_it_would_refuse(
    turns: tuple[Turn, ...], choice: Any, switch: Any, thinks: bool
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch=switch)
    request = of_turn(*turns, tools=(TOOL,), tool_choice=choice, thinking=Thinking(on=True))
    said, drops = asked(request, route, origin="o")
    assert (said.get("thinking", {"type": "disabled"})["type"] != "disabled") == thinks
    assert ("thinking" in drops) == (not thinks)


def test_a_signing_target_hears_no_sampling_that_it_refuses_while_it_thinks() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=5)
    request = of_turn(HI, sampling=sampling, thinking=Thinking(on=True))
    said, drops = asked(request, origin="o")
    assert not {"temperature", "top_p", "top_k"} & set(said)
    assert drops == ["temperature", "top_p", "top_k"]
    calm = of_turn(HI, sampling=sampling, thinking=Thinking(on=False))
    assert asked(calm, origin="o")[0]["temperature"] == 0.5
    assert asked(request)[0]["temperature"] == 0.5


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"logprobs": Logprobs()}, "logprobs"),
        ({"choices": 2}, "n"),
        ({"format": JsonObject()}, "response_format"),
        ({"tools": (UNKNOWN_TOOL,), "tool_choice": ChooseOne("n")}, "tool_choice"),
        ({"tools": (UNKNOWN_TOOL,), "tool_choice": ChooseAny()}, "tool_choice"),
    ],
)
def test_a_feature_that_the_wire_lacks_is_refused_by_name(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Fault) as caught:
        asked(of_turn(HI, **members))
    assert caught.value.code is Code.UNSUPPORTED
    assert caught.value.field == field


def test_knobs_and_marks_that_the_wire_lacks_are_dropped_by_name() -> None:
    request = of_turn(
        Turn(
            "user",
            (Text("a", (UrlCitation("u"),)), Media("image", Url("u"), options=(("detail", b"1"),))),
            "n",
        ),
        Turn(
            "assistant",
            (Text("b", (UrlCitation("u"), VendorCitation("anthropic_messages", b'{"type":"x"}'))),),
        ),
        Turn("assistant", (Refusal("no"),)),
        tools=(WebSearchTool(force=True, limit=3),),
        sampling=Sampling(presence_penalty=1, frequency_penalty=1, seed=1),
        format=JsonSchema("n", b"{}", "d", strict=False),
        extras=Extras("openai_chat", (("logit_bias", b"{}"),)),
    )
    said, drops = asked(request)
    assert said["messages"][1]["content"] == [
        {"type": "text", "text": "b", "citations": [{"type": "x"}]},
        {"type": "text", "text": "no"},
    ]
    assert drops == [
        "messages[0].name",
        "messages[0].content[0].citations",
        "messages[0].content[1].detail",
        "messages[1].content[0].citations",
        "tools[0].limit",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "response_format.json_schema.description",
        "response_format.json_schema.strict",
        "logit_bias",
    ]


def test_a_tool_that_only_its_vendor_runs_is_left_out_unless_it_is_demanded() -> None:
    said, drops = asked(of_turn(HI, tools=(UNKNOWN_TOOL, TOOL)))
    assert [tool["name"] for tool in said["tools"]] == ["f"]
    assert drops == ["tools[0]"]


def test_a_search_that_is_demanded_is_called_for_by_name_and_keeps_the_target_from_thinking() -> None:
    search = WebSearchTool(force=True)
    said, drops = asked(of_turn(HI, tools=(search,), thinking=Thinking(on=True)), origin="o")
    assert said["tool_choice"] == {"type": "tool", "name": "web_search"}
    assert "thinking" not in said
    assert drops == ["thinking"]
    said, drops = asked(of_turn(HI, tools=(search, TOOL), tool_choice=ChooseNone()))
    assert said["tool_choice"] == {"type": "none"}
    assert drops == ["tools[0].force_search"]


def test_some_tools_of_many_are_allowed_by_offering_no_others() -> None:
    tools = (TOOL, FunctionTool("g"), WebSearchTool())
    said, _ = asked(of_turn(HI, tools=tools, tool_choice=ChooseFrom(("g",), required=True)))
    assert said["tools"] == [{"name": "g", "input_schema": {"type": "object"}}]
    assert said["tool_choice"] == {"type": "any"}


def test_a_schema_without_a_type_is_told_that_it_is_an_object() -> None:
    said, _ = asked(of_turn(HI, tools=(FunctionTool("g", parameters=b'{"properties":{"a":{}}}'),)))
    assert said["tools"][0]["input_schema"] == {"type": "object", "properties": {"a": {}}}


def test_a_strict_target_hears_only_what_its_schema_has() -> None:
    request = of_turn(
        HI,
        sampling=Sampling(temperature=1.4),
        extras=Extras("anthropic_messages", (("speed", b'"fast"'), ("context_management", b"{}"))),
    )
    said, drops = asked(request, STRICT)
    assert said["temperature"] == 1
    assert said["speed"] == "fast"
    assert "context_management" not in said
    assert drops == ["temperature", "context_management"]
    assert asked(request)[0]["context_management"] == {}


@pytest.mark.parametrize(
    ("fields", "drops"),
    [
        ((("stream", b"false"),), ["stream"]),
        ((("thinking.display", b'"omitted"'),), ["thinking.display"]),
        ((("metadata.tenant", b'"x"'), ("output_config.task_budget", b"5")), []),
    ],
)
def test_extras_go_where_they_came_from_and_override_nothing(fields: Any, drops: list[str]) -> None:
    said, dropped = asked(of_turn(HI, user="u", extras=Extras("anthropic_messages", fields)))
    assert said["stream"] is True
    assert dropped == drops
    if not drops:
        assert said["metadata"] == {"user_id": "u", "tenant": "x"}
        assert said["output_config"] == {"task_budget": 5}


def test_the_limit_of_output_is_the_callers_else_the_default() -> None:
    assert asked(of_turn(HI, max_output=5), default_output=77)[0]["max_tokens"] == 5
    assert asked(of_turn(HI), default_output=77)[0]["max_tokens"] == 77


def test_a_whole_reply_can_be_asked_for() -> None:
    assert "stream" not in asked(of_turn(HI), stream=False)[0]


def test_there_is_one_search_to_a_request() -> None:
    said, drops = asked(of_turn(HI, tools=(WebSearchTool(), TOOL, WebSearchTool(limit=3))))
    assert [tool["name"] for tool in said["tools"]] == ["web_search", "f"]
    assert drops == ["tools[2]"]
    with pytest.raises(Fault, match=r"tools\[1\]: .* beside a tool of the name 'web_search'"):
        asked(of_turn(HI, tools=(FunctionTool("web_search"), WebSearchTool())))
