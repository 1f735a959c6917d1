"""Two turns of one agent share what the upstream sees, but for the new tail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.pairs import read_request
from tokenmill.conversation.parts import CacheMark, Text
from tokenmill.conversation.request import Drop, FunctionTool, Request, Turn
from tokenmill.exchange.prefix import with_stable_prefix
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.request_encode import encode_request as to_messages
from tokenmill.wire.openai_chat.request_encode import encode_request as to_chat

NONCE = "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli; cch={};"
RULES = Text("Be brief.", cache=CacheMark())
HELLO = Turn("user", (Text("Hello"),))
WHY = "it speaks to its vendor and not to a model, and would keep the prompt from being cached"


def asking(*turns: Turn, tools: tuple[FunctionTool, ...] = (), **members: Any) -> Request:
    return Request(model="m", turns=turns, tools=tools, **members)


def test_the_block_with_the_nonce_is_not_sent_and_that_is_recorded_once() -> None:
    """Whatever follows keeps its marks and its place."""
    said = Turn("system", (Text(NONCE.format("a1")), RULES), at=("system[0]", "system[1]"))
    request, drops = with_stable_prefix(asking(said, HELLO))

    assert request.turns == (Turn("system", (RULES,)), HELLO)
    assert request.turns[0].at == ("system[1]",)
    assert drops == (Drop("messages[0].content[0]", WHY),)


def test_a_line_before_the_instructions_is_taken_off_them() -> None:
    """A gateway between the agent and us has made one text of its blocks."""
    said = Turn("system", (Text(NONCE.format("a1") + "\n\nBe brief.\nBe kind."),))
    request, _ = with_stable_prefix(asking(said, HELLO))

    assert request.turns[0].parts == (Text("Be brief.\nBe kind."),)
    alone = Turn("system", (Text(NONCE.format("a1")),))
    assert with_stable_prefix(asking(alone, HELLO))[0].turns == (HELLO,)


@pytest.mark.parametrize(
    "turns",
    [
        (Turn("user", (Text(NONCE),)),),
        (Turn("system", (RULES, Text(NONCE))), HELLO),
        (HELLO, Turn("system", (Text(NONCE),))),
        (Turn("system", (Text(f"What is {NONCE}?"),)), HELLO),
    ],
)
def test_elsewhere_it_is_a_quotation(turns: tuple[Turn, ...]) -> None:
    """Nothing is changed, and the very request comes back."""
    request = asking(*turns)

    assert with_stable_prefix(request) == (request, ())
    assert with_stable_prefix(request)[0] is request


def test_tools_that_come_later_stand_behind_those_that_were_there() -> None:
    """The caller puts them in the middle; names of places stay with their tools."""
    fixed, late = FunctionTool("b"), FunctionTool("a", deferred=True)
    request, drops = with_stable_prefix(asking(HELLO, tools=(fixed, late, FunctionTool("c"))))

    assert [tool.name for tool in request.tools if isinstance(tool, FunctionTool)] == ["b", "c", "a"]
    assert (request.tools_at, drops) == (("tools[0]", "tools[2]", "tools[1]"), ())


# What agents were recorded to do from one turn to the next, on the wire of Anthropic's clients.


def step(number: int, habits: dict[str, Any]) -> list[dict[str, Any]]:
    id_ = f"toolu_{number}"
    call = {"type": "tool_use", "id": id_, "name": "Read", "input": {"b": number, "a": "ü"}}
    thinking = [{"type": "thinking", "thinking": f"t{number}", "signature": ""}] if habits["thinks"] else []
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": id_, "content": f"r{number}"}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": [*thinking, call]},
        {"role": "user", "content": [result]},
    ]
    if habits["reminds"]:
        messages.append({"role": "system", "content": f"reminder {number}"})
    if habits["context"]:
        messages.append({"role": "user", "content": f"context {number}"})
    return messages


def turn_of(steps: int, habits: dict[str, Any]) -> dict[str, Any]:
    """The agent's request after so many steps: nonce first, marks at the end, new tools in the middle."""
    schema = {"type": "object", "properties": {"z": {"type": "number"}, "a": {"enum": [1.0, 1]}}}
    tools: list[dict[str, Any]] = [{"name": f"T{n}", "input_schema": schema} for n in range(4)]
    if habits["defers"]:
        tools.insert(2, {"name": "Later", "input_schema": schema, "defer_loading": True})
        for number in range(steps):
            found = {"name": f"Found{number}", "input_schema": schema, "defer_loading": True}
            tools.insert(1 + number, found)
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Read."}]}]
    for number in range(steps):
        messages += step(number, habits)
    last = messages[-1]["content"]
    if isinstance(last, list):
        last[-1]["cache_control"] = {"type": "ephemeral"}
    system = [{"type": "text", "text": NONCE.format(steps)}, {"type": "text", "text": "You are an agent."}]
    return {"model": "m", "max_tokens": 9, "system": system, "tools": tools, "messages": messages}


HABITS = st.fixed_dictionaries(dict.fromkeys(["thinks", "reminds", "context", "defers"], st.booleans()))


def sent(body: dict[str, Any], engine: str) -> dict[str, Any]:
    request, _ = with_stable_prefix(read_request("anthropic_messages", body))
    route = Route(target="t", engine=engine, upstream_model="m", reasoning_back="required")
    data, _ = to_chat(request, route) if engine == "openai" else to_messages(request, route)
    assert b'{"enum": [1.0, 1]}' in data  # Schemas stay as their caller wrote them.
    decoded: dict[str, Any] = json.loads(data)
    return decoded


def unmarked(value: Any) -> Any:
    """Marks move to what is last, and say nothing to the model."""
    if isinstance(value, dict):
        return {name: unmarked(item) for name, item in value.items() if name != "cache_control"}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def blocks(messages: list[dict[str, Any]]) -> list[str]:
    """Every message as bytes, one block a piece: a message may grow at its end when words follow on it."""
    said: list[str] = []
    for message in messages:
        content = message["content"]
        pieces = content if isinstance(content, list) else [{"type": "text", "text": content}]
        head = {name: value for name, value in message.items() if name != "content"}
        said += [json.dumps([head, unmarked(piece)]) for piece in pieces]
    return said


@given(steps=st.integers(0, 5), habits=HABITS, engine=st.sampled_from(["openai", "anthropic"]))
def test_a_turn_goes_on_where_the_one_before_ended(steps: int, habits: dict[str, Any], engine: str) -> None:
    """Byte for byte, on both wires: instructions, the tools that were there, every message."""
    before, after = (sent(turn_of(number, habits), engine) for number in (steps, steps + 1))

    told, now = blocks(before["messages"]), blocks(after["messages"])
    assert now[: len(told)] == told
    assert json.dumps(unmarked(before.get("system"))) == json.dumps(unmarked(after.get("system")))
    fixed = [json.dumps(tool) for tool in before["tools"][:4]]
    assert [json.dumps(tool) for tool in after["tools"][:4]] == fixed
    assert "cch=" not in json.dumps(after)
    if not habits["defers"]:
        assert before["tools"] == after["tools"]
