"""What the 1.5B model can do through the platform; prints figures, and fails when it has become worse.

The bounds are low on purpose: the model is small, and sampling at temperature 1.0 is a part of the
FAQ's own request. The prompts are not those that the chat template was tuned on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.processes import Server

pytestmark = pytest.mark.model

FAQ = Path(__file__).parent.parent / "golden" / "openai_chat" / "faq.request.json"
MODEL = "mimo-v2.5-pro"


def tool(name: str, description: str, **properties: str) -> Any:
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


TOOLS = [
    tool("get_stock_price", "Get the current price of a stock", symbol="string"),
    tool("read_file", "Read a file of the project", path="string"),
    tool("send_email", "Send an e-mail", to="string", subject="string", body="string"),
    tool("book_train", "Book a train ticket", origin="string", destination="string", date="string"),
]
WANT_A_TOOL = [
    ("What is the price of AAPL right now?", "get_stock_price"),
    ("Open src/main.py and tell me what is in it.", "read_file"),
    ("Email bob@example.com, subject Lunch, saying that I will be late.", "send_email"),
    ("帮我订一张 11 月 30 日从北京到上海的火车票。", "book_train"),
    ("腾讯（0700.HK）现在的股价是多少？", "get_stock_price"),
    ("读取 README.md 文件。", "read_file"),
]
WANT_WORDS = [
    "Say good morning in Spanish.",
    "What is 12 times 12?",
    "用一句话解释什么是递归。",
    "写一句祝福生日的话。",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    began = time.monotonic()
    running = Server(tmp_path_factory.mktemp("model") / "data")
    print(f"\nfrom start to ready: {time.monotonic() - began:.1f} s (model file there already)")
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0, timeout=600) as sdk:
        yield sdk


def test_it_calls_a_tool_when_one_is_needed_and_answers_when_none_is(client: OpenAI) -> None:
    called, valid, silent = 0, 0, 0
    for prompt, wanted in WANT_A_TOOL:
        message = ask(client, prompt, tools=TOOLS).choices[0].message
        calls = message.tool_calls or []
        called += [call.function.name for call in calls] == [wanted]
        valid += bool(calls) and all(isinstance(json.loads(c.function.arguments), dict) for c in calls)
    for prompt in WANT_WORDS:
        silent += not ask(client, prompt, tools=TOOLS).choices[0].message.tool_calls

    print(f"\nright tool {called}/{len(WANT_A_TOOL)}, valid arguments {valid}, no needless call {silent}/4")
    assert called >= 4
    assert silent >= 2


def test_the_faqs_request_gets_its_tool_call(client: OpenAI) -> None:
    body = json.loads(FAQ.read_text())
    hits = 0
    for _ in range(10):
        choice = client.post("/chat/completions", body=body, cast_to=dict)["choices"][0]
        calls = choice["message"].get("tool_calls") or []
        hits += any(
            call["function"]["name"] == "get_current_weather"
            and "hebei" in json.loads(call["function"]["arguments"]).get("location", "").lower()
            for call in calls
        )

    print(f"\nFAQ request: get_current_weather(Hebei) in {hits}/10 runs at temperature 1.0")
    assert hits >= 7


def test_it_answers_from_a_tools_result(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": WANT_A_TOOL[0][0]}]
    first = client.chat.completions.create(
        model=MODEL, messages=messages, tools=TOOLS, tool_choice="required", temperature=0
    )
    message = first.choices[0].message
    (call, *_) = message.tool_calls or []
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"price": 271.83}'},
    ]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, temperature=0)

    assert "271" in (second.choices[0].message.content or "")


def test_it_streams_tool_calls(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": WANT_A_TOOL[0][0]}],
        tools=TOOLS,
        tool_choice="required",
        stream=True,
        temperature=0,
    )
    name, arguments, reasons = "", "", []
    for chunk in stream:
        for choice in chunk.choices:
            reasons.append(choice.finish_reason)
            for delta in choice.delta.tool_calls or []:
                assert delta.function is not None
                name += delta.function.name or ""
                arguments += delta.function.arguments or ""

    assert ("get_stock_price", "tool_calls") == (name, reasons[-1])
    assert json.loads(arguments)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("法国的首都是哪座城市？请用中文回答。", ["巴黎"]), ("用中文写一句你好。", ["你好", "您好"])],
)
def test_it_answers_in_chinese(client: OpenAI, prompt: str, words: list[str]) -> None:
    content = ask(client, prompt).choices[0].message.content or ""

    assert any(word in content for word in words)


def test_speed_is_what_the_model_list_says(client: OpenAI) -> None:
    began = time.monotonic()
    first = None
    stream = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Count from 1 to 60 in words."}],
        stream=True,
        max_tokens=120,
    )
    for chunk in stream:
        if first is None and chunk.choices and chunk.choices[0].delta.content:
            first = time.monotonic()
        last = chunk
    assert last.usage is not None
    assert first is not None
    speed = last.usage.completion_tokens / (time.monotonic() - first)
    listed = client.models.retrieve(MODEL).model_dump()["served_by"]

    print(f"\nfirst token {first - began:.2f} s, {speed:.1f} tokens/s; /v1/models says {listed}")
    assert listed["decode_tokens_per_second"] > 0


def ask(client: OpenAI, prompt: str, **options: Any) -> Any:
    return client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": prompt}], temperature=0, max_tokens=256, **options
    )
