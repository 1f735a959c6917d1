from __future__ import annotations

import json
from typing import Any

import pytest

from tokenmill.conversation.parts import (
    CacheMark,
    FileId,
    Inline,
    Media,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Url,
)
from tokenmill.conversation.request import (
    Request,
    Turn,
)
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.request import encode_request

HI = Turn("user", (Text("hi"),))
ROUTE = Route(target="t", engine="e", upstream_model="upstream")


def asked(request: Request, route: Route = ROUTE, **options: Any) -> tuple[dict[str, Any], list[str]]:
    raw, drops = encode_request(request, route, **options)
    return json.loads(raw), [drop.field for drop in drops]


def of_turn(*turns: Turn, **members: Any) -> Request:
    return Request(model="m", turns=turns, **members)


def told(*turns: Turn, **options: Any) -> tuple[list[Any], list[str]]:
    said, drops = asked(of_turn(*turns), **options)
    return said["messages"], drops


CALLING = Turn("assistant", (ToolCall("c", "f", "{}"),))
RESULT = Turn("tool", (ToolResult("c", (Text("r"),)),))
SIGNED = Reasoning("hm", origin="o", signature="s")


@pytest.mark.parametrize(
    ("origin", "back", "thought", "said", "drops"),
    [
        ("o", "accepted", SIGNED, [{"type": "thinking", "thinking": "hm", "signature": "s"}], 0),
        (
            "o",
            "accepted",
            Reasoning("", origin="o", signature="s"),
            [{"type": "thinking", "thinking": "", "signature": "s"}],
            0,
        ),
        (
            "o",
            "accepted",
            Reasoning(form="redacted", origin="o", signature="d"),
            [{"type": "redacted_thinking", "data": "d"}],
            0,
        ),
        ("o", "accepted", Reasoning("hm", origin="other", signature="s"), [], 1),
        ("o", "accepted", Reasoning("hm", signature="s"), [], 1),
        ("o", "accepted", Reasoning("hm", origin="o"), [], 1),
        ("o", "accepted", Reasoning(form="redacted", origin="other", signature="d"), [], 1),
        (None, "accepted", Reasoning("hm"), [{"type": "thinking", "thinking": "hm", "signature": ""}], 0),
        (None, "accepted", SIGNED, [{"type": "thinking", "thinking": "hm", "signature": ""}], 1),
        (None, "accepted", Reasoning("", signature="s"), [], 1),
        (None, "accepted", Reasoning(form="redacted", signature="d"), [], 1),
        (
            None,
            "accepted",
            Reasoning("hm", form="summary"),
            [{"type": "thinking", "thinking": "hm", "signature": ""}],
            1,
        ),
        (None, "refused", Reasoning("hm"), [], 1),
        (
            None,
            "required",
            Reasoning(form="redacted"),
            [{"type": "thinking", "thinking": " ", "signature": ""}],
            2,
        ),
    ],
)
def test_reasoning_goes_back_only_as_its_target_can_have_it(
    origin: str | None, back: Any, thought: Reasoning, said: list[Any], drops: int
) -> None:
    route = Route(target="t", engine="e", upstream_model="m", reasoning_back=back)
    turn = Turn("assistant", (thought, ToolCall("c", "f", "{}")))
    messages, dropped = told(HI, turn, route=route, origin=origin)
    assert messages[1]["content"][:-1] == said
    assert messages[1]["content"][-1]["type"] == "tool_use"
    assert len(dropped) == drops


def test_an_answer_of_which_nothing_is_left_leaves_no_message_behind() -> None:
    thought = Turn("assistant", (Reasoning("hm"), Text("")))
    messages, drops = told(HI, thought, HI, origin="o")
    assert messages == [{"role": "user", "content": [{"type": "text", "text": "hi"}] * 2}]
    assert len(drops) == 1


def test_turns_of_one_side_become_one_message_with_results_first() -> None:
    messages, drops = told(
        HI,
        Turn("user", (Text("again"),)),
        CALLING,
        Turn("assistant", (ToolCall("d", "g"),)),
        Turn("system", (Text("mind"),)),
        Turn("tool", (ToolResult("d"),)),
        Turn("user", (Text("so?"),)),
        Turn("tool", (ToolResult("c", (Text("no"),), is_error=True, cache=CacheMark("1h")),)),
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == [{"type": "text", "text": "hi"}, {"type": "text", "text": "again"}]
    assert [block["id"] for block in messages[1]["content"]] == ["c", "d"]
    assert messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "d"},
        {
            "type": "tool_result",
            "tool_use_id": "c",
            "content": "no",
            "is_error": True,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "text", "text": "<system-message>\nmind\n</system-message>"},
        {"type": "text", "text": "so?"},
    ]
    assert drops == ["messages[4].role"]


MIND = Turn("system", (Text("mind"),))
YES = Turn("assistant", (Text("yes"),))


@pytest.mark.parametrize(
    ("turns", "roles"),
    [
        ((HI, MIND), ["user", "system"]),
        ((HI, MIND, Turn("developer", (Text("well"),)), YES, HI), ["user", "system", "assistant", "user"]),
        ((HI, MIND, HI), ["user"]),
        ((HI, YES, MIND, HI), ["user", "assistant", "user"]),
        ((HI, YES, MIND), ["user", "assistant", "user"]),
        ((MIND, HI, YES), ["user", "assistant"]),
    ],
)
def test_instructions_stand_in_place_only_where_the_wire_has_a_place_for_them(
    turns: tuple[Turn, ...], roles: list[str]
) -> None:
    said, drops = asked(of_turn(*turns), system_in_place=True)
    assert [message["role"] for message in said["messages"]] == roles
    in_place = "system" in roles or turns[0] is MIND
    assert (drops == []) == in_place
    assert json.dumps(said).count("mind") == 1


def test_leading_instructions_are_the_system() -> None:
    said, drops = asked(of_turn(Turn("developer", (Text("a", cache=CacheMark()),)), MIND, HI))
    assert said["system"] == [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "mind"},
    ]
    assert drops == []


@pytest.mark.parametrize("turns", [(MIND,), (YES, HI)])
def test_a_conversation_that_the_user_does_not_begin_gets_a_beginning(turns: tuple[Turn, ...]) -> None:
    messages, drops = told(*turns)
    assert messages[0] == {"role": "user", "content": "."}
    assert drops == ["messages[0]"]


def test_ids_of_calls_are_lawful_and_unique_and_results_find_their_calls() -> None:
    odd = "call:1|" + "x" * 80
    messages, _ = told(
        HI,
        Turn("assistant", (ToolCall(odd, "f"), ToolCall("call_0", "f"), ToolCall("call_0", "g"))),
        Turn(
            "tool", (ToolResult("call_0", (Text("f"),)), ToolResult("call_0", (Text("g"),)), ToolResult(odd))
        ),
        Turn("assistant", (ToolCall("call_0", "h"),)),
        Turn("tool", (ToolResult("call_0", (Text("h"),)),)),
    )
    calls = [block["id"] for i in (1, 3) for block in messages[i]["content"]]
    results = [block["tool_use_id"] for i in (2, 4) for block in messages[i]["content"]]
    assert calls[1] == "call_0"
    assert len(set(calls)) == 4
    assert all(len(id_) <= 64 and id_.replace("_", "").replace("-", "").isalnum() for id_ in calls)
    assert results == [calls[1], calls[2], calls[0], calls[3]]


@pytest.mark.parametrize(
    ("call", "input_", "drops"),
    [
        (ToolCall("c", "f", ""), {}, []),
        (ToolCall("c", "f", '{"a": 1}'), {"a": 1}, []),
        (ToolCall("c", "f", '{"a": "cu'), {"arguments": '{"a": "cu'}, ["messages[1].content[0].input"]),
        (ToolCall("c", "f", "[1]"), {"arguments": "[1]"}, ["messages[1].content[0].input"]),
        (ToolCall("c", "f", "[" * 5000), {"arguments": "[" * 5000}, ["messages[1].content[0].input"]),
        (ToolCall("c", "f", "free text", "custom"), {"input": "free text"}, []),
    ],
)
def test_arguments_become_an_object_and_nothing_of_them_is_lost(
    call: ToolCall, input_: dict[str, Any], drops: list[str]
) -> None:
    messages, dropped = told(HI, Turn("assistant", (call,)))
    assert messages[1]["content"][0]["input"] == input_
    assert dropped == drops


SEARCH = Unknown("anthropic_messages", "web_search_tool_result", b'{"type":"web_search_tool_result"}')


def test_a_search_that_another_platform_ran_does_not_go_along() -> None:
    ours = (ToolCall("s", "web_search", "{}", "server"), ToolResult("s", (SEARCH,), server=True))
    theirs = (ToolCall("ws_1", "web_search", "{}", "server"), ToolResult("ws_1", server=True))
    messages, drops = told(HI, Turn("assistant", (*ours, *theirs, Text("x"))))
    assert [block["type"] for block in messages[1]["content"]] == [
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]
    assert drops == ["messages[1].content[2]", "messages[1].content[3]"]


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (Media("image", Url("u")), {"type": "image", "source": {"type": "url", "url": "u"}}),
        (Media("image", FileId("f")), {"type": "image", "source": {"type": "file", "file_id": "f"}}),
        (
            Media("image", Inline("/9j/AA")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/AA"}},
        ),
        (
            Media("image", Inline("AA"), "png"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
        ),
        (
            Media("file", Inline("JVBERi0="), None, "a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                "title": "a.pdf",
            },
        ),
        (
            Media("file", Inline("bmHDr3Zl"), "text/plain"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "naïve"}},
        ),
    ],
)
def test_media_become_the_blocks_of_this_wire(media: Media, block: dict[str, Any]) -> None:
    assert told(Turn("user", (media,)))[0][0]["content"] == [block]


@pytest.mark.parametrize(
    "part",
    [
        Media("audio", Inline("AAAA"), "wav"),
        Media("video", Url("u")),
        Media("image", Inline("????")),
        Media("file", Inline("//8="), "text/plain"),
        Media("file", Inline("%"), "text/plain"),
        Unknown("openai_chat", "hologram", b"{}"),
        Reasoning("x"),
        ToolResult("c", (Unknown("openai_chat", "refusal", b"{}"),)),
    ],
    ids=lambda part: type(part).__name__ + str(getattr(part, "kind", "")),
)
def test_a_part_that_the_wire_cannot_say_is_refused_by_name(part: Part) -> None:
    with pytest.raises(Fault) as caught:
        told(Turn("user", (part,)))
    assert caught.value.code is Code.UNSUPPORTED
    assert str(caught.value.field).startswith("messages[0].content[0]")


@pytest.mark.parametrize(
    "part", [Unknown("openai_chat", "x", b"{}"), Media("audio", FileId("f"))], ids=["unknown", "media"]
)
def test_an_answer_that_the_wire_cannot_say_is_refused_by_name(part: Part) -> None:
    with pytest.raises(Fault, match=r"messages\[1\].content\[0\]"):
        told(HI, Turn("assistant", (part,)))


def test_an_instruction_is_words() -> None:
    with pytest.raises(Fault, match="as an instruction"):
        told(Turn("system", (Media("image", Url("u")),)))


def test_a_result_among_an_answers_parts_goes_to_the_users_side() -> None:
    messages, drops = told(HI, Turn("assistant", (ToolCall("c", "f"), ToolResult("c", (Text("r"),)))))
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[2]["content"] == [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]
    assert drops == []


def test_an_instruction_that_only_this_wire_knows_stands_where_it_stood() -> None:
    odd = Turn("system", (Text(""), Unknown("anthropic_messages", "odd", b'{"type":"odd"}')))
    assert told(HI, odd, system_in_place=True)[0][1] == {"role": "system", "content": [{"type": "odd"}]}
    said, _ = asked(of_turn(odd, HI))
    assert said["system"] == [{"type": "odd"}]
