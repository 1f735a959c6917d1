"""The official SDK against a real server with the small real model: transport only, it makes little sense."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, OpenAI
from sqlalchemy import select

from tests.processes import Server, tokenmill, wait_for
from tokenmill.store.database import open_database
from tokenmill.store.tables import Usage

pytestmark = pytest.mark.xdist_group("embedded")

SMALL = {"TOKENMILL__EMBEDDED__MODEL": "smollm2-135m"}
HELLO: Any = [{"role": "user", "content": "Write a long story about the sea."}]
FAQ = Path(__file__).parent.parent / "golden" / "openai_chat" / "faq.request.json"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("embedded") / "data", environ=SMALL)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0, timeout=100) as sdk:
        yield sdk


def children(server: Server) -> list[int]:
    text = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


async def rows_of(server: Server) -> list[Usage]:
    url = f"sqlite:///{server.data / 'tokenmill.db'}"
    async with open_database(url) as database, database.read() as work:
        return list(await work.session.scalars(select(Usage).order_by(Usage.id)))


def used(server: Server) -> dict[str, int]:
    text = tokenmill(server.data, "usage", "--account", "operator@localhost", "--json")
    counted: dict[str, int] = json.loads(text)["tokens"]
    return counted


def test_a_whole_reply_has_real_token_counts_that_are_also_billed(server: Server, client: OpenAI) -> None:
    before = used(server)
    reply = client.chat.completions.create(model="mimo-v2.5-pro", messages=HELLO, max_tokens=16)

    assert reply.usage is not None
    assert ("length", 16) == (reply.choices[0].finish_reason, reply.usage.completion_tokens)
    assert reply.choices[0].message.content
    assert "SmolLM2" in (reply.system_fingerprint or "")
    after = used(server)
    assert 16 == after["output"] - before["output"]


def test_a_stream_ends_with_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="mimo-v2.5-pro",
        messages=HELLO,
        max_tokens=8,
        stream=True,
    )
    chunks = list(stream)

    assert chunks[-1].usage is not None
    assert 8 == chunks[-1].usage.completion_tokens
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_json_schema_is_obeyed(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "size": {"enum": ["big", "small"]}},
        "required": ["city", "size"],
        "additionalProperties": False,
    }
    reply = client.chat.completions.create(
        model="mimo-v2.5-pro",
        messages=[{"role": "user", "content": "Describe Beijing."}],
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema}},
        max_tokens=128,
    )

    assert {"city", "size"} == set(json.loads(reply.choices[0].message.content or ""))


def test_an_answer_that_the_caller_has_begun_is_gone_on_with(client: OpenAI) -> None:
    """The model writes on from the digits; asked anew it would begin with words."""
    begun: Any = [{"role": "user", "content": "Count to 9."}, {"role": "assistant", "content": "1, 2, 3, 4,"}]
    reply = client.chat.completions.create(
        model="mimo-v2.5-pro", messages=begun, max_tokens=4, temperature=0, seed=1
    )
    assert (reply.choices[0].message.content or "").strip().startswith("5")


def test_the_model_list_says_what_really_answers(client: OpenAI) -> None:
    model = client.models.retrieve("mimo-v2.5-pro").model_dump()

    assert "SmolLM2" in model["served_by"]["name"]
    assert model["context_window"] <= 8192


def test_the_faqs_curl_is_answered_as_it_stands(server: Server) -> None:
    command = ["curl", "--silent", "--location", "--request", "POST", f"{server.url}/v1/chat/completions"]
    command += ["--header", f"api-key: {server.key}", "--header", "Content-Type: application/json"]
    answer = subprocess.run([*command, "--data-raw", FAQ.read_text()], capture_output=True, timeout=100)
    reply = json.loads(answer.stdout)

    assert reply["choices"][0]["message"]["role"] == "assistant"
    assert reply["choices"][0]["finish_reason"] in ("stop", "length", "tool_calls")
    assert reply["usage"]["prompt_tokens"] > 0


def test_more_than_one_choice_is_refused_by_name(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model="mimo-v2.5-pro", messages=HELLO, n=2)

    assert caught.value.param == "n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}], "takes no image"),
        ("word " * 20_000, "8192"),
    ],
)
def test_what_it_cannot_do_is_an_honest_400(client: OpenAI, content: Any, says: str) -> None:
    with pytest.raises(APIStatusError) as caught:
        client.chat.completions.create(
            model="mimo-v2.5-pro",
            messages=[{"role": "user", "content": content}],
        )

    assert 400 == caught.value.status_code
    assert says in caught.value.message


async def test_a_caller_who_leaves_frees_the_model(server: Server) -> None:
    client = AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0)
    streams = [
        await client.chat.completions.create(
            model="mimo-v2.5-pro",
            messages=HELLO,
            max_tokens=4000,
            stream=True,
        )
        for _ in range(2)  # All the slots there are.
    ]
    for stream in streams:
        await anext(stream)
    for stream in streams:
        await stream.close()
    began = time.monotonic()

    await client.chat.completions.create(model="mimo-v2.5-pro", messages=HELLO, max_tokens=1)

    assert time.monotonic() - began < 10  # Two stories of 4,000 tokens would take minutes.
    await client.close()
    rows = await rows_of(server)
    assert [row.status for row in rows[-3:]] == ["cancelled", "cancelled", "answered"]


def test_a_killed_child_fails_its_request_clearly_and_comes_back(server: Server, client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="mimo-v2.5-pro",
        messages=HELLO,
        max_tokens=4000,
        stream=True,
    )
    next(iter(stream))
    (child,) = children(server)
    os.kill(child, signal.SIGKILL)

    with pytest.raises(Exception, match="broke off"):
        list(stream)

    told: list[tuple[int, str | None]] = []

    def answers() -> bool:
        try:
            client.chat.completions.create(model="mimo-v2.5-pro", messages=HELLO, max_tokens=1)
        except APIStatusError as error:
            told.append((error.status_code, error.response.headers.get("retry-after")))
            return False
        return True

    assert not answers()  # It cannot be back at once: it has to be noticed, started and loaded.
    wait_for(answers, seconds=60)
    assert [child] != children(server)
    assert all(status == 503 and wait for status, wait in told)


async def test_it_is_ready_once_the_model_is_loaded(server: Server) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/readyz") as reply:
        body = await reply.json()

    assert "ok" == body["checks"]["embedded_model"]


def test_a_server_killed_outright_takes_its_child_along(server: Server) -> None:
    (child,) = children(server)
    server.process.kill()
    server.process.wait()

    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text())
