from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, shown
from tokenmill.conversation.parts import (
    CacheMark,
    Media,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import Extras, Request, Thinking, Turn, UnknownTool
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.openai_chat.request import decode_request, encode_request

CASES = sorted((GOLDEN / "openai_chat").glob("*.request.json"))
USER: dict[str, Any] = {"role": "user", "content": "hi"}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
ROUTE = Route(target="t", engine="e", upstream_model="upstream")
STRICT = Route(target="t", engine="e", upstream_model="upstream", strict=True)


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER]} | members).encode()


def refusal(raw: bytes) -> Fault:
    with pytest.raises(Fault) as caught:
        decode_request(raw)
    return caught.value


def asked(request: Request, route: Route = ROUTE) -> tuple[dict[str, Any], list[str]]:
    raw, drops = encode_request(request, route)
    return json.loads(raw), [drop.field for drop in drops]


def of_turn(*turns: Turn, **members: Any) -> Request:
    return Request(model="m", turns=turns, **members)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_request_means_what_is_written_and_is_asked_as_written(path: Path) -> None:
    request = decode_request(path.read_bytes())
    stem = path.name.split(".")[0]
    check(path.with_name(f"{stem}.canon.json"), shown(request))
    told = []
    for route in (ROUTE, STRICT):
        raw, drops = encode_request(request, route)
        told.append({"body": json.loads(raw), "drops": [[drop.field, drop.reason] for drop in drops]})
    check(path.with_name(f"{stem}.upstream.json"), told)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_asking_again_what_was_asked_changes_nothing(path: Path) -> None:
    once, _ = encode_request(decode_request(path.read_bytes()), ROUTE)
    assert encode_request(decode_request(once), ROUTE) == (once, ())


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"model": None}, "model: this member is required"),
        ({"model": ""}, "model: this member is required"),
        ({"model": 5}, "model: expected a string, got a number"),
        ({"messages": None}, "messages: this member is required"),
        ({"messages": []}, "messages: the array is empty"),
        ({"messages": "hi"}, "messages: expected an array, got a string"),
        ({"messages": [5]}, "messages[0]: expected an object, got a number"),
        ({"messages": [{}]}, "messages[0].role: this member is required"),
        (
            {"messages": [USER | {"content": 5}]},
            "messages[0].content: expected a string or an array, got a number",
        ),
        (
            {"messages": [USER | {"content": None}]},
            "messages[0].content: expected a string or an array of parts",
        ),
        (
            {"messages": [USER | {"content": []}]},
            "messages[0].content: expected a string or an array of parts",
        ),
        (
            {"messages": [USER | {"content": ["x"]}]},
            "messages[0].content[0]: expected an object, got a string",
        ),
        (
            {"messages": [USER | {"content": [{"type": "text"}]}]},
            "messages[0].content[0].text: this member is required",
        ),
        (
            {"messages": [USER | {"content": [{"type": "image_url", "image_url": {"url": 1}}]}]},
            "messages[0].content[0].image_url.url: expected a string, got a number",
        ),
        (
            {"messages": [{"role": "alien", "content": "x"}]},
            "messages[0].role: 'alien' is not a role; use developer, system, user, assistant or tool",
        ),
        (
            {"messages": [{"role": "function", "content": "x"}]},
            "messages[0].role: 'function' is no longer used",
        ),
        (
            {"messages": [{"role": "assistant"}]},
            "messages[0].content: an assistant message needs content or tool_calls",
        ),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].tool_call_id: this member is required",
        ),
        (
            {"messages": [{"role": "tool", "tool_call_id": "c"}]},
            "messages[0].content: expected a string or an array of parts, got null",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
            "messages[0].tool_calls[0].function: this member is required",
        ),
        ({"functions": []}, "functions: it is no longer used; send tools"),
        ({"temperature": 1.6}, "temperature: 1.6 is out of range; use a number from 0 to 1.5"),
        ({"temperature": "hot"}, "temperature: expected a number, got a string"),
        ({"temperature": True}, "temperature: expected a number, got a boolean"),
        ({"top_p": 0}, "top_p: 0.0 is out of range; use a number from 0.01 to 1"),
        ({"presence_penalty": 2.1}, "presence_penalty: 2.1 is out of range"),
        ({"frequency_penalty": -2.1}, "frequency_penalty: -2.1 is out of range"),
        (
            {"max_completion_tokens": 0},
            "max_completion_tokens: 0 is out of range; use a number from 1 to 131072",
        ),
        ({"max_tokens": 131073}, "max_tokens: 131073 is out of range"),
        ({"max_tokens": True}, "max_tokens: expected an integer, got a boolean"),
        ({"max_tokens": 1.5}, "max_tokens: expected an integer, got a number with a fraction"),
        ({"stop": list("abcde")}, "stop: 5 sequences are too many; use at most 4"),
        ({"stop": ["a", ""]}, "stop[1]: an empty text"),
        ({"stop": ""}, "stop: an empty text"),
        ({"n": 9}, "n: 9 is out of range"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs: 21 is out of range"),
        ({"top_logprobs": 2}, "top_logprobs: it needs logprobs: true"),
        ({"seed": 2**64}, "seed: 18446744073709551616 is out of range"),
        ({"thinking": {"type": "maybe"}}, "thinking.type: 'maybe' is not a type"),
        ({"thinking": {}}, "thinking.type: this member is required"),
        ({"thinking": {"type": "enabled", "budget_tokens": 0}}, "thinking.budget_tokens: 0 is out of range"),
        ({"reasoning_effort": "huge"}, "reasoning_effort: 'huge' is not an effort; use none, minimal"),
        ({"response_format": {"type": "xml"}}, "response_format.type: 'xml' is not a format"),
        (
            {"response_format": {"type": "json_schema"}},
            "response_format.json_schema: this member is required",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0].function: this member is required"),
        (
            {"tools": [{"type": "function", "function": {"name": ""}}]},
            "tools[0].function.name: a name has 1 to 128",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a\nb"}}]},
            "tools[0].function.name: a name has no control",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters: expected an object",
        ),
        ({"tools": [TOOL, TOOL]}, "tools[1]: the name 'f' is taken"),
        ({"tools": [{"type": "web_search", "limit": 51}]}, "tools[0].limit: 51 is out of range"),
        (
            {"tools": [{"type": "web_search", "force_search": "yes"}]},
            "tools[0].force_search: expected true or false",
        ),
        ({"tool_choice": "maybe"}, "tool_choice: 'maybe' is not a choice"),
        ({"tool_choice": "required"}, "tool_choice: 'required' needs tools"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice: there is no tool 'g' in tools",
        ),
        ({"tools": [TOOL], "tool_choice": {"type": "x"}}, "tool_choice.type: 'x' is not a type"),
        ({"stream": "yes"}, "stream: expected true or false, got a string"),
    ],
    ids=lambda value: json.dumps(value)[:70] if isinstance(value, dict) else "",
)
def test_a_wrong_member_is_refused_by_its_path(members: dict[str, Any], message: str) -> None:
    fault = refusal(body(**members))
    assert fault.message.startswith(message)
    assert fault.code is Code.BAD_VALUE
    assert fault.field == message.split(": ")[0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The request body is not valid JSON"),
        (b"{", "The request body is not valid JSON"),
        (b"[1]", "The request body: expected an object, got an array"),
        (b'{"model": NaN}', "The request body is not valid JSON"),
        (b'{"model": "\xff"}', "The request body is not UTF-8: the byte at 11 is wrong"),
        (b'{"model": "\\ud800"}', "The request body is not valid JSON"),
        (b'{"model": "m", "x": {"y": "\\ude00 "}}', "The request body is not valid JSON"),
        (b'{"model": "m", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "The request body is nested too deeply"),
        (b'{"model": "m", "stream": true, "model": "n"}', "The request body names 'model' twice"),
        (b'{"model": "m", "\\u006dodel": "n"}', "The request body names 'model' twice"),
        (b'{"model": "m"} {}', "The request body is not valid JSON"),
    ],
    ids=range(11),
)
def test_a_body_that_is_no_clean_json_is_refused(raw: bytes, message: str) -> None:
    fault = refusal(raw)
    assert fault.message.startswith(message)
    assert fault.code is Code.BAD_JSON


def test_keys_with_escapes_and_odd_spacing_are_read() -> None:
    request = decode_request(
        b' {\n"model" :"m" ,"\\u006dessages":[{"role":"user","content":"x"}],"a\\"b":1}\r\n'
    )
    assert request.extras == Extras("openai_chat", (('a"b', b"1"),))


def test_null_means_absent_everywhere() -> None:
    names = (
        "temperature top_p top_k stop n max_tokens max_completion_tokens stream stream_options tools"
        " tool_choice"
        " thinking reasoning_effort response_format logprobs top_logprobs seed user functions logit_bias"
        " parallel_tool_calls presence_penalty frequency_penalty"
    )
    assert decode_request(body(**dict.fromkeys(names.split()))) == decode_request(body())


def test_the_newer_name_of_the_output_limit_wins() -> None:
    assert decode_request(body(max_tokens=5, max_completion_tokens=6)).max_output == 6
    assert decode_request(body(max_tokens=5)).max_output == 5


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"thinking": {"type": "enabled"}}, Thinking(on=True)),
        ({"thinking": {"type": "adaptive"}}, Thinking(on=True)),
        ({"reasoning_effort": "none"}, Thinking(on=False)),
        ({"reasoning_effort": "max"}, Thinking(effort="max")),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "none"}, Thinking(on=True)),
    ],
)
def test_ways_to_ask_for_thinking(members: dict[str, Any], thinking: Thinking) -> None:
    assert decode_request(body(**members)).thinking == thinking


@pytest.mark.parametrize(
    ("switch", "thinking", "said", "drops"),
    [
        ("thinking", Thinking(on=True, budget=9), {"thinking": {"type": "enabled", "budget_tokens": 9}}, []),
        ("thinking", Thinking(on=False), {"thinking": {"type": "disabled"}}, []),
        ("enable_thinking", Thinking(on=False), {"chat_template_kwargs": {"enable_thinking": False}}, []),
        (
            "enable_thinking",
            Thinking(effort="low", budget=5),
            {"chat_template_kwargs": {"enable_thinking": True}},
            ["reasoning_effort", "thinking.budget_tokens"],
        ),
        ("reasoning_effort", Thinking(on=False), {"reasoning_effort": "none"}, []),
        ("reasoning_effort", Thinking(on=True, effort="high"), {"reasoning_effort": "high"}, []),
        ("reasoning_effort", Thinking(on=True), {"reasoning_effort": "medium"}, ["thinking.type"]),
        ("none", Thinking(on=True), {}, ["thinking"]),
        ("none", Thinking(on=False), {}, []),
        ("none", Thinking(), {}, []),
    ],
)
def test_thinking_is_said_by_the_switch_of_the_target(
    switch: Any, thinking: Thinking, said: dict[str, Any], drops: list[str]
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch=switch)
    told, dropped = asked(of_turn(Turn("user", (Text("x"),)), thinking=thinking), route)
    keys = ("thinking", "chat_template_kwargs", "reasoning_effort")
    assert {name: told[name] for name in keys if name in told} == said
    assert dropped == drops


def test_template_arguments_of_the_caller_are_kept_beside_ours() -> None:
    request = decode_request(body(chat_template_kwargs={"a": 1.5}, thinking={"type": "disabled"}))
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch="enable_thinking")
    assert asked(request, route)[0]["chat_template_kwargs"] == {"a": 1.5, "enable_thinking": False}


CALLING = Turn("assistant", (ToolCall("c", "f", "{}"),))


@pytest.mark.parametrize(
    ("back", "turn", "said", "drops"),
    [
        ("accepted", Turn("assistant", (Reasoning("hm"), Text("x"))), "hm", 0),
        ("accepted", CALLING, None, 0),
        ("refused", Turn("assistant", (Reasoning("hm"), Text("x"))), None, 1),
        ("required", CALLING, " ", 1),
        ("required", Turn("assistant", (Reasoning("hm"), ToolCall("c", "f"))), "hm", 0),
        ("required", Turn("assistant", (Text("x"),)), None, 0),
        (
            "required",
            Turn("assistant", (Reasoning(form="redacted", signature="s"), ToolCall("c", "f"))),
            " ",
            2,
        ),
        ("accepted", Turn("assistant", (Reasoning("hm", signature="s"), Text("x"))), "hm", 1),
    ],
)
def test_reasoning_goes_back_as_the_target_wants_it(
    back: Any, turn: Turn, said: str | None, drops: int
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", reasoning_back=back)
    told, dropped = asked(of_turn(turn), route)
    assert told["messages"][0].get("reasoning_content") == said
    assert len(dropped) == drops


@pytest.mark.parametrize(
    "request_",
    [
        of_turn(Turn("user", (Unknown("anthropic_messages", "document", b"{}"),))),
        of_turn(Turn("user", (Reasoning("x"),))),
        of_turn(Turn("user", (Media("video", source=Url("u")), ToolCall("c", "f")))),
        of_turn(Turn("tool", (Text("x"),))),
        of_turn(Turn("user", (Text("x"),)), tools=(UnknownTool("openai_responses", "namespace", b"{}"),)),
    ],
    ids=["unknown part", "reasoning of a user", "call of a user", "text of a tool", "unknown tool"],
)
def test_a_feature_that_the_wire_cannot_say_is_refused_by_name(request_: Request) -> None:
    with pytest.raises(Fault) as caught:
        encode_request(request_, ROUTE)
    assert caught.value.code is Code.UNSUPPORTED
    assert caught.value.field


def test_extras_of_another_protocol_are_dropped_by_name() -> None:
    request = of_turn(Turn("user", (Text("x"),)), extras=Extras("anthropic_messages", (("metadata", b"{}"),)))
    told, drops = asked(request)
    assert "metadata" not in told
    assert drops == ["metadata"]


def test_results_of_tools_in_one_turn_become_one_message_each() -> None:
    turn = Turn(
        "user",
        (
            ToolResult("a", (Text("no"),), is_error=True),
            ToolResult("b", server=True),
            Text("go on", cache=CacheMark()),
        ),
    )
    told, drops = asked(of_turn(turn))
    assert told["messages"] == [
        {"role": "tool", "tool_call_id": "a", "content": "Error: no"},
        {"role": "user", "content": "go on"},
    ]
    assert drops == ["messages[0].is_error", "messages[0]", "messages[0].content.cache_control"]


def test_text_after_a_tool_call_is_moved_before_it_and_that_is_recorded() -> None:
    told, drops = asked(of_turn(Turn("assistant", (ToolCall("c", "f"), Text("x")))))
    assert told["messages"][0]["content"] == "x"
    assert drops == ["messages[0].content"]


def test_a_whole_reply_can_be_asked_for() -> None:
    raw, _ = encode_request(of_turn(Turn("user", (Text("x"),))), ROUTE, stream=False)
    assert "stream" not in json.loads(raw)
