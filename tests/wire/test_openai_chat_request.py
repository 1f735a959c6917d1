from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.golden import GOLDEN, check, shown
from tokenmill.conversation.parts import (
    CacheMark,
    FileId,
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
    ChooseOne,
    Extras,
    FunctionTool,
    Request,
    Thinking,
    Turn,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.openai_chat.request import decode_request, encode_request

CASES = sorted((GOLDEN / "openai_chat").glob("*.request.json"))
USER: dict[str, Any] = {"role": "user", "content": "hi"}
ROUTE = Route(target="t", engine="e", upstream_model="upstream")
STRICT = Route(target="t", engine="e", upstream_model="upstream", strict=True)


def body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER]} | members).encode()


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
        try:
            raw, drops = encode_request(request, route)
        except Fault as fault:
            told.append(shown(fault))
        else:
            told.append({"body": json.loads(raw), "drops": [[drop.field, drop.reason] for drop in drops]})
    check(path.with_name(f"{stem}.upstream.json"), told)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.split(".")[0])
def test_asking_again_what_was_asked_changes_nothing(path: Path) -> None:
    once, _ = encode_request(decode_request(path.read_bytes()), ROUTE)
    assert encode_request(decode_request(once), ROUTE) == (once, ())


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
        ("thinking", Thinking(effort="medium"), {"reasoning_effort": "medium"}, []),
        ("thinking", Thinking(effort="minimal"), {"reasoning_effort": "low"}, ["reasoning_effort"]),
        ("thinking", Thinking(effort="xhigh"), {"reasoning_effort": "high"}, ["reasoning_effort"]),
        ("thinking", Thinking(effort="max"), {"reasoning_effort": "high"}, ["reasoning_effort"]),
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
        ("reasoning_effort", Thinking(budget=5), {"reasoning_effort": "medium"}, ["thinking.budget_tokens"]),
        ("none", Thinking(on=True), {}, ["thinking"]),
        ("none", Thinking(on=False), {}, ["thinking"]),
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
        ("accepted", Turn("assistant", (Reasoning("hm", form="summary"), Text("x"))), "hm", 1),
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
        of_turn(Turn("user", (Media("image", FileId("file-1")),))),
        of_turn(Turn("user", (Media("audio", FileId("file-1")),))),
        of_turn(
            Turn("user", (Text("x"),)),
            tools=(UnknownTool("openai_responses", "file_search", b"{}", "n"),),
            tool_choice=ChooseOne("n"),
        ),
    ],
    ids=[
        "unknown part",
        "reasoning of a user",
        "call of a user",
        "text of a tool",
        "image id",
        "audio id",
        "unknown tool",
    ],
)
def test_a_feature_that_the_wire_cannot_say_is_refused_by_name(request_: Request) -> None:
    with pytest.raises(Fault) as caught:
        encode_request(request_, ROUTE)
    assert caught.value.code is Code.UNSUPPORTED
    assert caught.value.field


def test_marks_that_the_wire_does_not_know_are_dropped_by_name() -> None:
    mark = CacheMark()
    request = of_turn(
        Turn("user", (Text("a", cache=mark), Media("image", Url("u"), cache=mark))),
        Turn("assistant", (Text("b", (UrlCitation("u"),)), ToolCall("c", "f", cache=mark))),
        Turn("assistant", (ToolCall("s", "search", kind="server"),)),
        Turn("user", (Text("d"), ToolResult("c", (Text("e"),), cache=mark))),
        tools=(FunctionTool("f", deferred=True, cache=mark),),
    )
    told, drops = asked(request)
    assert [message["role"] for message in told["messages"]] == [
        "user",
        "assistant",
        "user",
        "tool",
    ]
    assert drops == [
        "messages[0].content[0].cache_control",
        "messages[0].content[1].cache_control",
        "messages[1].content[1].cache_control",
        "messages[1].content[0].citations",
        "messages[2].content[0]",
        "messages[3].content[1].cache_control",
        "tools[0].cache_control",
        "tools[0].defer_loading",
    ]


@pytest.mark.parametrize(
    ("extra", "drops"), [(("stream", b"false"), ["stream"]), (("chat_template_kwargs", b"5"), [])]
)
def test_extras_do_not_override_what_the_platform_says(extra: tuple[str, bytes], drops: list[str]) -> None:
    request = of_turn(
        Turn("user", (Text("x"),)),
        thinking=Thinking(on=True),
        extras=Extras("openai_chat", (extra,)),
    )
    route = Route(target="t", engine="e", upstream_model="m", thinking_switch="enable_thinking")
    told, dropped = asked(request, route)
    assert told["stream"] is True
    assert told["chat_template_kwargs"] == {"enable_thinking": True}
    assert dropped == drops


def test_extras_of_another_protocol_are_dropped_by_name() -> None:
    extras = Extras("anthropic_messages", (("metadata", b"{}"),), (("anthropic-beta", "b-2026-01-01"),))
    told, drops = asked(of_turn(Turn("user", (Text("x"),)), extras=extras))
    assert "metadata" not in told
    assert drops == ["anthropic-beta", "metadata"]


def test_without_tools_nothing_is_said_of_their_choice() -> None:
    """OpenAI answers 400 to a choice among no tools; agents send one all the same."""
    told, drops = asked(decode_request(body(tool_choice="none", parallel_tool_calls=True)))
    assert "tool_choice" not in told
    assert "parallel_tool_calls" not in told
    assert drops == []


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
    assert drops == [
        "messages[0].content[0].is_error",
        "messages[0].content[1]",
        "messages[0].content[2].cache_control",
    ]


def test_what_tools_show_follows_their_results_as_words_of_the_user() -> None:
    """A tool message holds only text; results of parallel calls stay together."""
    picture = Media("image", Url("https://example.org/a.png"))
    told, drops = asked(
        of_turn(
            Turn("tool", (ToolResult("a", (Text("see"), picture)), ToolResult("b", (picture,)))),
            Turn("user", (Text("go on"),)),
        )
    )
    roles = [message["role"] for message in told["messages"]]
    shown = told["messages"][2]["content"]

    assert roles == ["tool", "tool", "user", "user"]
    assert told["messages"][0]["content"] == "see\nThe image follows in a message of the user."
    assert told["messages"][1]["content"] == "The image follows in a message of the user."
    assert [part["type"] for part in shown] == ["text", "image_url", "text", "image_url"]
    assert "call b" in shown[2]["text"]
    assert drops == ["messages[0].content[0].content[1]", "messages[0].content[1].content[0]"]


def test_a_strict_target_hears_neighbours_of_one_role_as_one() -> None:
    """Some servers refuse two messages of one role in a row; results of tools stay apart."""
    turns = (
        Turn("user", (Text("a"),)),
        Turn("user", (Text("b"),)),
        Turn("assistant", (Text("c"),)),
        Turn("assistant", (Reasoning("hm"), ToolCall("1", "f"), ToolCall("2", "f"))),
        Turn("tool", (ToolResult("1", (Text("r"),)), ToolResult("2", (Media("image", Url("https://u/i")),)))),
        Turn("user", (Text("d"),)),
        Turn("user", (Text("e"),), "bob"),
    )
    told, drops = asked(of_turn(*turns), STRICT)
    user, assistant, first, second, shown, bob = told["messages"]

    assert (user["content"], assistant["content"]) == ("a\n\nb", "c")
    assert assistant["reasoning_content"] == "hm"
    assert [call["function"]["arguments"] for call in assistant["tool_calls"]] == ["{}", "{}"]
    assert [first["role"], second["role"]] == ["tool", "tool"]
    assert [part["type"] for part in shown["content"]] == ["text", "image_url", "text"]
    assert bob == {"role": "user", "name": "bob", "content": "e"}
    assert drops == ["messages[1]", "messages[3]", "messages[4].content[1].content[0]", "messages[5]"]
    assert len(asked(of_turn(*turns))[0]["messages"]) == 9


def test_text_after_a_tool_call_is_moved_before_it_and_that_is_recorded() -> None:
    told, drops = asked(of_turn(Turn("assistant", (ToolCall("c", "f"), Text("x")))))
    assert told["messages"][0]["content"] == "x"
    assert drops == ["messages[0].content[1]"]


def test_a_turn_of_which_nothing_can_be_said_is_left_out() -> None:
    """An empty answer would teach the model to give one."""
    search = Turn("assistant", (ToolCall("s", "web_search", kind="server"), ToolResult("s", server=True)))
    sealed = Turn("assistant", (Reasoning(form="redacted", signature="x"),))
    told, drops = asked(of_turn(Turn("user", (Text("a"),)), search, sealed, Turn("user", (Text("b"),))))
    assert [message["role"] for message in told["messages"]] == ["user", "user"]
    assert len(drops) == 3


BEGUN = (Turn("user", (Text("hi"),)), Turn("assistant", (Text("so"),)))


def test_an_open_server_goes_on_with_an_answer_that_the_caller_has_begun() -> None:
    told, drops = asked(of_turn(*BEGUN))
    assert (told["continue_final_message"], told["add_generation_prompt"]) == (True, False)
    assert drops == []


def test_a_caller_that_says_itself_how_to_go_on_is_not_corrected() -> None:
    extras = Extras("openai_chat", (("add_generation_prompt", b"true"),))
    told, _ = asked(of_turn(*BEGUN, extras=extras))
    assert told["add_generation_prompt"] is True
    assert "continue_final_message" not in told


@pytest.mark.parametrize(
    "last", [Turn("assistant", (Text("so"), ToolCall("c", "f"))), Turn("user", (Text("x"),))]
)
def test_nothing_is_gone_on_with_but_words_of_the_assistant(last: Turn) -> None:
    told, _ = asked(of_turn(BEGUN[0], last))
    assert "continue_final_message" not in told


def test_a_strict_target_hears_nothing_that_its_schema_lacks() -> None:
    request = of_turn(
        *BEGUN,
        tools=(WebSearchTool(), FunctionTool("f")),
        thinking=Thinking(on=True, effort="high"),
        user="u" * 65,
        extras=Extras("openai_chat", (("verbosity", b'"low"'), ("repetition_penalty", b"1"))),
    )
    told, drops = asked(request, STRICT)
    assert [tool["type"] for tool in told["tools"]] == ["function"]
    assert "thinking" not in told
    assert told["reasoning_effort"] == "high"
    assert told["verbosity"] == "low"
    assert len(told["user"]) == 64
    assert drops == ["messages[1]", "tools[0]", "thinking", "user", "repetition_penalty"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (of_turn(Turn("user", (Media("video", Url("u")),))), "messages[0].content[0]"),
        (of_turn(*BEGUN[:1], tools=(WebSearchTool(force=True),)), "tools[0]"),
    ],
)
def test_a_strict_target_is_not_asked_for_what_its_schema_lacks(request_: Request, field: str) -> None:
    with pytest.raises(Fault) as caught:
        encode_request(request_, STRICT)
    assert (caught.value.code, caught.value.field) == (Code.UNSUPPORTED, field)


def test_a_whole_reply_can_be_asked_for() -> None:
    raw, _ = encode_request(of_turn(Turn("user", (Text("x"),))), ROUTE, stream=False)
    assert "stream" not in json.loads(raw)
