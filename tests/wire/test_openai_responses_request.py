from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, shown
from tokenmill.conversation.parts import (
    CacheMark,
    FileId,
    Inline,
    Media,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
    UrlCitation,
)
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseOne,
    Extras,
    FunctionTool,
    Logprobs,
    Request,
    Sampling,
    Thinking,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.openai_responses.names import Names, flatten
from tokenmill.wire.openai_responses.request import decode_request, encode_request

CASES = sorted((GOLDEN / "openai_responses").glob("*.request.json"))
ORIGIN = "issuer"
ROUTE = Route(target="t", engine="e", upstream_model="upstream")
STRICT = Route(target="t", engine="e", upstream_model="upstream", strict=True)
SAID = Turn("user", (Text("x"),))


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hi"} | members).encode()


def asked(request: Request, route: Route = ROUTE) -> tuple[dict[str, Any], list[str]]:
    raw, drops = encode_request(request, route, origin=ORIGIN)
    return json.loads(raw), [drop.field for drop in drops]


def of_turn(*turns: Turn, **members: Any) -> Request:
    return Request(model="m", turns=turns, **members)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_a_golden_request_means_what_is_written_and_is_asked_as_written(path: Path) -> None:
    decoded = decode_request(path.read_bytes(), origin=ORIGIN)
    stem = path.name.split(".")[0]
    check(path.with_name(f"{stem}.canon.json"), shown(decoded))
    told = []
    for route in (ROUTE, STRICT):
        raw, drops = encode_request(decoded.request, route, origin=ORIGIN)
        told.append({"body": json.loads(raw), "drops": [[drop.field, drop.reason] for drop in drops]})
    check(path.with_name(f"{stem}.upstream.json"), told)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_asking_again_what_was_asked_changes_nothing(path: Path) -> None:
    once, _ = encode_request(decode_request(path.read_bytes(), origin=ORIGIN).request, ROUTE, origin=ORIGIN)
    again = decode_request(once, origin=ORIGIN).request
    assert encode_request(again, ROUTE, origin=ORIGIN) == (once, ())


def test_null_means_absent_everywhere() -> None:
    names = (
        "instructions temperature top_p max_output_tokens stream stream_options tools tool_choice reasoning"
        " text include top_logprobs user parallel_tool_calls previous_response_id store conversation prompt"
        " background truncation metadata service_tier"
    )
    assert decode_request(body(**dict.fromkeys(names.split()))) == decode_request(body())
    nulls = {"reasoning": {"effort": None, "summary": None}, "text": {"format": None, "verbosity": None}}
    assert decode_request(body(**nulls)).request == decode_request(body()).request


def test_instructions_can_be_told_from_a_system_message() -> None:
    given = decode_request(body(instructions="Be brief."))
    said = decode_request(
        body(input=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}])
    )
    assert given.request == said.request
    assert given.options.instructions == "Be brief."
    assert said.options.instructions is None


@pytest.mark.parametrize(
    ("members", "thinking", "summary"),
    [
        ({}, Thinking(), None),
        ({"reasoning": {"effort": "none"}}, Thinking(on=False), None),
        ({"reasoning": {"effort": "minimal"}}, Thinking(effort="minimal"), None),
        ({"reasoning": {"effort": "max", "summary": "concise"}}, Thinking(effort="max"), "concise"),
    ],
)
def test_ways_to_ask_for_thinking(members: dict[str, Any], thinking: Thinking, summary: str | None) -> None:
    decoded = decode_request(body(**members))
    assert decoded.request.thinking == thinking
    assert decoded.options.summary == summary


@pytest.mark.parametrize(
    ("members", "logprobs"),
    [
        ({"include": ["message.output_text.logprobs"]}, Logprobs(0)),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, Logprobs(2)),
        ({"top_logprobs": 2}, Logprobs(2)),
        ({"top_logprobs": 0}, None),
    ],
)
def test_ways_to_ask_for_log_probabilities(members: dict[str, Any], logprobs: Logprobs | None) -> None:
    assert decode_request(body(**members)).request.logprobs == logprobs


@pytest.mark.parametrize(
    ("thinking", "switch", "said", "drops"),
    [
        (Thinking(), "thinking", None, []),
        (Thinking(on=False), "thinking", {"effort": "none"}, []),
        (Thinking(on=True, effort="high"), "reasoning_effort", {"effort": "high"}, []),
        (Thinking(on=True), "thinking", {"effort": "medium"}, ["thinking.type"]),
        (Thinking(budget=9), "thinking", {"effort": "medium"}, ["thinking.budget_tokens"]),
        (Thinking(on=True), "none", None, ["thinking"]),
        (Thinking(on=False), "none", None, []),
    ],
)
def test_thinking_is_said_as_effort(
    thinking: Thinking, switch: Any, said: dict[str, Any] | None, drops: list[str]
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch=switch)
    told, dropped = asked(of_turn(SAID, thinking=thinking), route)
    assert told.get("reasoning") == said
    assert dropped == drops


CALLING = Turn("assistant", (ToolCall("c", "f", "{}"),))
SIGNED = Reasoning("hm", origin=ORIGIN, signature="E")
FOREIGN = Reasoning(form="redacted", origin="other", signature="E")


@pytest.mark.parametrize(
    ("route", "turn", "kinds", "drops"),
    [
        ({}, Turn("assistant", (SIGNED, Text("x"))), ["reasoning", None], 0),
        ({"strict": True}, Turn("assistant", (SIGNED, Text("x"))), ["reasoning", None], 0),
        ({"strict": True}, Turn("assistant", (Reasoning("hm"), Text("x"))), [None], 1),
        ({"reasoning_back": "refused"}, Turn("assistant", (SIGNED, Text("x"))), [None], 1),
        ({"reasoning_back": "required"}, CALLING, ["reasoning", "function_call"], 1),
        ({"reasoning_back": "required"}, Turn("assistant", (Text("x"),)), [None], 0),
        (
            {},
            Turn("assistant", (FOREIGN, Text("x"))),
            [None],
            1,
        ),
    ],
)
def test_reasoning_goes_back_as_the_target_wants_it(
    route: dict[str, Any], turn: Turn, kinds: list[str | None], drops: int
) -> None:
    told, dropped = asked(of_turn(turn), Route(target="t", engine="e", upstream_model="m", **route))
    assert [item.get("type") for item in told["input"]] == kinds
    assert len(dropped) == drops


def test_encrypted_reasoning_goes_to_its_issuer_only() -> None:
    turn = Turn("assistant", (Reasoning("a", "summary"), Reasoning("b", origin="other", signature="E")))
    told, drops = asked(of_turn(turn))
    assert told["input"] == [
        {
            "type": "reasoning",
            "id": "rs_0",
            "summary": [{"type": "summary_text", "text": "a"}],
            "content": [{"type": "reasoning_text", "text": "b"}],
        }
    ]
    assert drops == ["input[0].encrypted_content"]


def test_only_open_servers_are_given_ids_of_reasoning() -> None:
    turn = Turn("assistant", (SIGNED, SIGNED))
    assert [item.get("id") for item in asked(of_turn(turn))[0]["input"]] == ["rs_0", "rs_1"]
    assert [item.get("id") for item in asked(of_turn(turn), STRICT)[0]["input"]] == [None, None]


@pytest.mark.parametrize(
    "request_",
    [
        of_turn(Turn("user", (Unknown("anthropic_messages", "document", b"{}"),))),
        of_turn(Turn("user", (Reasoning("x"),))),
        of_turn(Turn("user", (ToolCall("c", "f"),))),
        of_turn(Turn("tool", (Text("x"),))),
        of_turn(Turn("user", (Media("video", FileId("file-1")),))),
        of_turn(Turn("user", (Media("audio", Url("https://example.org/a.mp3")),))),
        of_turn(Turn("assistant", (Media("image", Url("u")),))),
        of_turn(Turn("assistant", (Unknown("openai_chat", "hologram", b"{}"),))),
        of_turn(
            SAID, tools=(UnknownTool("anthropic_messages", "bash", b"{}", "b"),), tool_choice=ChooseOne("b")
        ),
        of_turn(SAID, choices=2),
    ],
    ids=[
        "unknown part",
        "reasoning of a user",
        "call of a user",
        "text of a tool",
        "video id",
        "audio url",
        "image of an assistant",
        "unknown part of an assistant",
        "unknown tool",
        "two replies",
    ],
)
def test_a_feature_that_the_wire_cannot_say_is_refused_by_name(request_: Request) -> None:
    with pytest.raises(Fault) as caught:
        encode_request(request_, ROUTE)
    assert caught.value.code is Code.UNSUPPORTED
    assert caught.value.field


def test_marks_and_knobs_that_the_wire_does_not_know_are_dropped_by_name() -> None:
    mark = CacheMark()
    request = of_turn(
        Turn("user", (Text("a", cache=mark), Media("image", Url("u"), cache=mark)), name="ann"),
        Turn("assistant", (Text("b", (UrlCitation("u"),)), ToolCall("c", "f", cache=mark))),
        Turn("assistant", (ToolCall("s", "bash", kind="server"), ToolResult("s", server=True))),
        Turn("user", (ToolResult("c", (Text("no"),), is_error=True, cache=mark), Text("d"))),
        tools=(FunctionTool("f", cache=mark), WebSearchTool(limit=3)),
        sampling=Sampling(top_k=3, seed=1, stop=("x",)),
    )
    told, drops = asked(request)
    assert [item.get("role", item.get("type")) for item in told["input"]] == [
        "user",
        "assistant",
        "function_call",
        "function_call_output",
        "user",
    ]
    assert told["input"][3]["output"] == "Error: no"
    assert drops == [
        "input[0].name",
        "input[0].content[0].cache_control",
        "input[0].content[1].cache_control",
        "input[1].annotations",
        "input[1].cache_control",
        "input[2]",
        "input[2]",
        "input[3].cache_control",
        "input[3].is_error",
        "tools[0].cache_control",
        "tools[1].limit",
        "top_k",
        "seed",
        "stop",
    ]


def test_the_answer_to_a_custom_tool_has_its_own_type() -> None:
    turns = (
        Turn("assistant", (ToolCall("c", "patch", "***", "custom"), ToolCall("d", "f", "{}"))),
        Turn("tool", (ToolResult("c", (Text("ok"),)), ToolResult("d"))),
    )
    told, _ = asked(of_turn(*turns))
    assert [item["type"] for item in told["input"]] == [
        "custom_tool_call",
        "function_call",
        "custom_tool_call_output",
        "function_call_output",
    ]


def test_a_media_type_beside_the_data_is_written_into_its_url() -> None:
    turn = Turn("user", (Media("image", Inline("AAAA"), "png"), Media("audio", Inline("AAAA"), "audio/wav")))
    content = asked(of_turn(turn))[0]["input"][0]["content"]
    assert content[0]["image_url"] == "data:image/png;base64,AAAA"
    assert content[1]["input_audio"] == {"data": "data:audio/wav;base64,AAAA"}


def test_every_request_is_stateless() -> None:
    told, _ = asked(decode_request(body(store=True, previous_response_id="resp_0")).request)
    assert told["store"] is False
    assert told["include"] == ["reasoning.encrypted_content"]
    assert "previous_response_id" not in told


def test_extras_of_another_protocol_are_dropped_by_name() -> None:
    told, drops = asked(of_turn(SAID, extras=Extras("anthropic_messages", (("metadata", b"{}"),))))
    assert "metadata" not in told
    assert drops == ["metadata"]


def test_extras_do_not_override_what_the_platform_says() -> None:
    extras = Extras("openai_responses", (("store", b"true"), ("reasoning.effort", b'"max"')))
    told, drops = asked(of_turn(SAID, thinking=Thinking(effort="low"), extras=extras))
    assert told["store"] is False
    assert told["reasoning"] == {"effort": "low"}
    assert drops == ["store"]


def test_a_forced_search_gives_way_to_a_named_tool_and_that_is_recorded() -> None:
    forced = of_turn(SAID, tools=(WebSearchTool(force=True),))
    assert asked(forced)[0]["tool_choice"] == {"type": "web_search"}
    told, drops = asked(of_turn(SAID, tools=(WebSearchTool(force=True),), tool_choice=ChooseAny()))
    assert told["tool_choice"] == "required"
    assert drops == ["tools.force_search"]


def test_names_of_namespaces_are_reversible_and_of_bounded_length() -> None:
    assert flatten("mcp__docs__", "search") == flatten("mcp__docs", "search") == "mcp__docs__search"
    long = flatten("n" * 60, "tool")
    assert len(long) == 64
    assert long == flatten("n" * 60, "tool") != flatten("n" * 60, "tooth")
    assert Names().apart("a__b") == (None, "a__b")


def test_a_whole_reply_can_be_asked_for() -> None:
    raw, _ = encode_request(of_turn(SAID), ROUTE, stream=False)
    assert "stream" not in json.loads(raw)
