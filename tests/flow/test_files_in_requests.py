"""Files named by id, and documents sent along, on each protocol, as their targets get them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import openai
import pytest

from tests.flow.conftest import Opener, usage_rows
from tests.flow.upstreams import ScriptedUpstream, catalogue, chat_events, listening, messages_events, stream
from tests.samples import pdf, png, wav
from tokenmill.accounts.keys import create_key
from tokenmill.billing.offers import put_plan
from tokenmill.billing.plans import Name, Plan
from tokenmill.billing.subscriptions import grant_subscription
from tokenmill.kit.clock import SystemClock
from tokenmill.settings import read_secret
from tokenmill.testing import TestPlatform

MODEL = "mimo-v2.5-pro"
CHAT_UP = stream(*chat_events({"content": "seen"}))
MESSAGES_UP = stream(
    *messages_events(({"type": "text", "text": ""}, [{"type": "text_delta", "text": "seen"}]))
)
Story = tuple[TestPlatform, ScriptedUpstream]


@pytest.fixture
async def over_chat(platform_with: Opener) -> AsyncIterator[Story]:
    """A platform whose target speaks chat completions."""
    async with listening(ScriptedUpstream(CHAT_UP)) as upstream:
        yield await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1"))), upstream


@pytest.fixture
async def over_messages(platform_with: Opener) -> AsyncIterator[Story]:
    """A platform whose target speaks Messages."""
    async with listening(ScriptedUpstream(MESSAGES_UP)) as upstream:
        yield await platform_with(None, catalogue=catalogue(("up", "anthropic", upstream.url))), upstream


def openai_of(platform: TestPlatform) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=platform.key, max_retries=0)


def anthropic_of(platform: TestPlatform) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=f"{platform.url}/anthropic", api_key=platform.key, max_retries=0)


async def uploaded(platform: TestPlatform, name: str, data: bytes) -> str:
    async with openai_of(platform) as client:
        return (await client.files.create(file=(name, data), purpose="user_data")).id


async def ask_chat(platform: TestPlatform, *parts: dict[str, Any]) -> str | None:
    async with openai_of(platform) as client:
        content: Any = [*parts, {"type": "text", "text": "What is it?"}]
        reply = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": content}]
        )
        return reply.choices[0].message.content


async def ask_messages(platform: TestPlatform, *parts: dict[str, Any]) -> str:
    async with anthropic_of(platform) as client:
        content: Any = [*parts, {"type": "text", "text": "What is it?"}]
        reply = await client.beta.messages.create(
            model=MODEL,
            max_tokens=100,
            messages=[{"role": "user", "content": content}],
            betas=["files-api-2025-04-14"],
        )
        block = reply.content[-1]
        assert block.type == "text"
        return block.text


async def ask_responses(platform: TestPlatform, *parts: dict[str, Any]) -> str:
    async with openai_of(platform) as client:
        content: Any = [*parts, {"type": "input_text", "text": "What is it?"}]
        reply = await client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
        return reply.output_text


def shown(upstream: ScriptedUpstream) -> list[dict[str, Any]]:
    """What the target was shown before the question."""
    content: list[dict[str, Any]] = upstream.asked[-1]["messages"][-1]["content"]
    assert content[-1]["text"] == "What is it?"
    return content[:-1]


def data_url(type_: str, data: bytes) -> str:
    return f"data:{type_};base64,{base64.b64encode(data).decode()}"


async def test_a_chat_target_is_shown_an_image_by_its_id_on_all_protocols(over_chat: Story) -> None:
    """`file` of chat, `image` with a file source of Messages, `input_image` and `input_file` of Responses."""
    platform, upstream = over_chat
    id_ = await uploaded(platform, "grey.bin", png())
    image = [{"type": "image_url", "image_url": {"url": data_url("image/png", png())}}]

    assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
    assert shown(upstream) == image
    source = {"type": "file", "file_id": id_.replace("-", "_", 1)}
    assert await ask_messages(platform, {"type": "image", "source": source}) == "seen"
    assert shown(upstream) == image
    assert await ask_responses(platform, {"type": "input_image", "file_id": id_, "detail": "auto"}) == "seen"
    assert shown(upstream)[0]["image_url"]["url"] == image[0]["image_url"]["url"]  # type: ignore[index]  # JSON
    assert await ask_responses(platform, {"type": "input_file", "file_id": id_}) == "seen"
    assert shown(upstream) == image


async def test_a_chat_target_hears_a_sound_by_its_id(over_chat: Story) -> None:
    """It gets a data URL, as the MiMo models take it."""
    platform, upstream = over_chat
    id_ = await uploaded(platform, "a.wav", wav())
    assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
    assert shown(upstream) == [{"type": "input_audio", "input_audio": {"data": data_url("audio/wav", wav())}}]


async def test_a_strict_chat_target_hears_a_sound_as_the_schema_has_it(platform_with: Opener) -> None:
    """Bare base64, and its format beside it."""
    async with listening(ScriptedUpstream(CHAT_UP)) as upstream:
        platform = await platform_with(
            None, catalogue=catalogue(("up", "openai", upstream.url + "/v1"), strict="true")
        )
        id_ = await uploaded(platform, "a.wav", wav())
        assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
        sound = {"data": base64.b64encode(wav()).decode(), "format": "wav"}
        assert shown(upstream) == [{"type": "input_audio", "input_audio": sound}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("héllo 你好".encode(), "héllo 你好"),
        ("你好".encode("gb18030"), "你好"),
        ("hi".encode("utf-16"), "hi"),
    ],
)
async def test_a_chat_target_is_told_the_words_of_a_text(over_chat: Story, data: bytes, words: str) -> None:
    """In whatever encoding they were uploaded."""
    platform, upstream = over_chat
    id_ = await uploaded(platform, "notes.md", data)
    assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
    assert shown(upstream) == [{"type": "text", "text": f"notes.md\n\n{words}"}]
    source = {"type": "file", "file_id": id_}
    assert await ask_messages(platform, {"type": "document", "source": source, "title": "T"}) == "seen"
    assert shown(upstream) == [{"type": "text", "text": f"T\n\n{words}"}]


async def test_a_chat_target_is_told_the_words_of_a_pdf(over_chat: Story) -> None:
    """By id and sent along, on each protocol; the record says that its pictures did not go."""
    platform, upstream = over_chat
    document = pdf("First page", "Second page")
    id_ = await uploaded(platform, "paper.pdf", document)
    told = [{"type": "text", "text": "paper.pdf\n\nFirst page\n\nSecond page"}]
    inline = {"file_data": data_url("application/pdf", document), "filename": "paper.pdf"}

    assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
    assert shown(upstream) == told
    assert await ask_chat(platform, {"type": "file", "file": inline}) == "seen"
    assert shown(upstream) == told
    assert await ask_responses(platform, {"type": "input_file", "file_id": id_}) == "seen"
    assert shown(upstream) == told
    assert await ask_responses(platform, {"type": "input_file", **inline}) == "seen"
    assert shown(upstream) == told
    source: dict[str, Any] = {
        "type": "base64",
        "media_type": "application/pdf",
        "data": base64.b64encode(document).decode(),
    }
    assert (
        await ask_messages(platform, {"type": "document", "source": source, "title": "paper.pdf"}) == "seen"
    )
    assert shown(upstream) == told
    drops = json.dumps([row.drops for row in await usage_rows(platform)])
    assert drops.count("its words go, its pictures and layout do not") == 5


async def test_a_messages_target_reads_the_pdf_itself(over_messages: Story) -> None:
    """It is sent whole, from each protocol."""
    platform, upstream = over_messages
    id_ = await uploaded(platform, "paper.pdf", pdf("First page"))
    block = {
        "type": "document",
        "source": {
            "type": "base64",
            "media_type": "application/pdf",
            "data": base64.b64encode(pdf("First page")).decode(),
        },
        "title": "paper.pdf",
    }
    assert await ask_chat(platform, {"type": "file", "file": {"file_id": id_}}) == "seen"
    assert shown(upstream) == [block]
    source = {"type": "file", "file_id": id_}
    assert await ask_messages(platform, {"type": "document", "source": source}) == "seen"
    assert shown(upstream) == [block]


async def test_a_messages_target_is_shown_images_and_told_words(over_messages: Story) -> None:
    """An image as base64, a text as a document of text."""
    platform, upstream = over_messages
    image, text = await uploaded(platform, "p", png()), await uploaded(platform, "n.txt", "你好".encode())
    parts = [{"type": "file", "file": {"file_id": id_}} for id_ in (image, text)]
    assert await ask_chat(platform, *parts) == "seen"
    assert shown(upstream) == [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": base64.b64encode(png()).decode(),
            },
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "你好"},
            "title": "n.txt",
        },
    ]


async def refused(platform: TestPlatform, part: dict[str, Any]) -> tuple[int, str, str]:
    """The status, the field and the words with which a chat request with `part` is refused."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": [part]}]}
    async with (
        aiohttp.ClientSession(headers={"authorization": f"Bearer {platform.key}"}) as http,
        http.post(f"{platform.url}/v1/chat/completions", json=body) as reply,
    ):
        error = (await reply.json())["error"]
        return reply.status, error["param"], error["message"]


async def test_what_cannot_be_shown_is_refused_before_anything_is_held(over_messages: Story) -> None:
    """A sound to a Messages target, an archive, an id that nobody has: told by field, with no usage."""
    platform, upstream = over_messages
    sound = await uploaded(platform, "a.wav", wav())
    archive = await uploaded(platform, "a.zip", b"PK\x03\x04" + bytes(40))
    at = "messages[0].content[0]"
    for id_, status, words in (
        (sound, 400, "takes no audio input"),
        (archive, 400, "of type application/zip"),
        ("file-" + "0" * 26, 404, "no such file in this account"),
        ("file-\0", 404, "no such file in this account"),
    ):
        said = await refused(platform, {"type": "file", "file": {"file_id": id_}})
        assert said[:2] == (status, at)
        assert words in said[2]
    assert upstream.asked == []
    assert await usage_rows(platform) == []


async def test_another_accounts_file_is_not_shown(over_chat: Story, tmp_path: Path) -> None:
    """Whoever learns an id of somebody else's learns nothing by it."""
    from tests.flow.test_files import other_key

    platform, upstream = over_chat
    id_ = await uploaded(platform, "secret.txt", b"my secret")
    key = await other_key(platform, tmp_path)
    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=0) as theirs:
        with pytest.raises(openai.NotFoundError):
            await theirs.responses.create(
                model=MODEL,
                input=[{"role": "user", "content": [{"type": "input_file", "file_id": id_}]}],
            )
    assert upstream.asked == []


async def test_an_image_that_the_model_does_not_take_is_refused(platform_with: Opener) -> None:
    """The kind of a file counts, not what its part is called."""
    async with listening(ScriptedUpstream(CHAT_UP)) as upstream:
        text_only = catalogue(("up", "openai", upstream.url + "/v1")).replace(
            "[[models]]", '[[models]]\ninput = ["text"]'
        )
        platform = await platform_with(None, catalogue=text_only)
        id_ = await uploaded(platform, "p.png", png())
        status, _, words = await refused(platform, {"type": "file", "file": {"file_id": id_}})
        assert (status, upstream.asked) == (400, [])
        assert "takes no image" in words


async def test_counting_tokens_counts_the_file(over_chat: Story) -> None:
    """An image of 1024 × 1024 pixels is 1,024 tokens."""
    platform, _ = over_chat
    id_ = await uploaded(platform, "p.png", png(1024, 1024))
    async with anthropic_of(platform) as client:
        counted = await client.beta.messages.count_tokens(
            model=MODEL,
            messages=[
                {
                    "role": "user",
                    "content": [{"type": "image", "source": {"type": "file", "file_id": id_}}],
                }
            ],
        )
    assert 1_024 <= counted.input_tokens <= 1_040


async def test_the_words_of_a_document_are_moderated(platform_with: Opener, tmp_path: Path) -> None:
    """What is blocked in a message is blocked in a file, a PDF or a tool's document as well."""
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("forbidden phrase")
    async with listening(ScriptedUpstream(CHAT_UP)) as upstream:
        platform = await platform_with(
            None,
            catalogue=catalogue(("up", "openai", upstream.url + "/v1")),
            environ={
                "TOKENMILL__MODERATION__INPUT": "block",
                "TOKENMILL__MODERATION__LISTS": json.dumps([str(phrases)]),
            },
        )
        for name, data in (
            ("a.txt", b"a forbidden phrase within"),
            ("a.pdf", pdf("a forbidden phrase within")),
        ):
            id_ = await uploaded(platform, name, data)
            status, _, words = await refused(platform, {"type": "file", "file": {"file_id": id_}})
            assert (status, "Moderation Block" in words) == (400, True), words
        assert upstream.asked == []


async def test_a_plans_key_has_the_files_of_its_account(platform_with: Opener) -> None:
    """Below the Token Plan's own addresses, in both vendors' shapes; either kind of key sees the same."""
    async with listening(ScriptedUpstream(CHAT_UP)) as upstream:
        platform = await platform_with(
            None,
            catalogue=catalogue(("up", "openai", upstream.url + "/v1")).replace(
                "[[models]]", "[[models]]\ncredits = { input = 300, cached_input = 2.5, output = 600 }"
            ),
        )
        key = await plan_key(platform)
        id_ = await uploaded(platform, "p.png", png())
        async with openai.AsyncOpenAI(
            base_url=f"{platform.url}/token-plan/v1", api_key=key, max_retries=0
        ) as client:
            assert [file.id async for file in client.files.list()] == [id_]
            content: Any = [{"type": "file", "file": {"file_id": id_}}]
            reply = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": content}]
            )
            assert reply.choices[0].message.content == "seen"
        async with anthropic.AsyncAnthropic(
            base_url=f"{platform.url}/token-plan/anthropic", api_key=key, max_retries=0
        ) as other:
            made = await other.beta.files.upload(file=("b.txt", b"text"))
            assert {file.id async for file in other.beta.files.list()} == {made.id, id_.replace("-", "_", 1)}


async def plan_key(platform: TestPlatform) -> str:
    """A key of a plan of the account's."""
    secret = read_secret(platform.settings.security.secret, {})
    clock = SystemClock()
    async with platform.database.write() as work:
        await put_plan(work, clock, Plan(id="tiny", name=Name("Tiny", "小"), credits=10**12))
        opened = await grant_subscription(work, clock, account_id=platform.account_id, plan_id="tiny")
        key, _ = await create_key(
            work,
            clock,
            secret,
            account_id=platform.account_id,
            name="plan",
            kind="tp",
            subscription_id=opened.id,
        )
    return key


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("told", [True, False])
async def test_chats_usage_tells_what_of_the_prompt_is_media(
    platform_with: Opener, streamed: bool, told: bool
) -> None:
    """As the target reports it; else as the headers say. What is billed does not depend on it."""
    usage: dict[str, Any] = {"prompt_tokens": 2_000, "completion_tokens": 5, "total_tokens": 2_005}
    if told:
        usage["prompt_tokens_details"] = {"image_tokens": 900, "audio_tokens": 11, "video_tokens": 12}
    *before, last, done = chat_events({"content": "seen"})
    last = b"data: " + json.dumps(json.loads(last[6:]) | {"usage": usage}).encode() + b"\n\n"
    up = stream(*before, last, done)
    async with listening(ScriptedUpstream(up)) as upstream:
        platform = await platform_with(None, catalogue=catalogue(("up", "openai", upstream.url + "/v1")))
        content: Any = [
            {"type": "image_url", "image_url": {"url": data_url("image/png", png(1024, 1024))}},
            {"type": "input_audio", "input_audio": {"data": data_url("audio/wav", wav(60))}},
        ]
        said: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": content}]}
        headers = {"authorization": f"Bearer {platform.key}"}
        url = f"{platform.url}/v1/chat/completions"
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                url, data=io.BytesIO(json.dumps(said | {"stream": streamed}).encode()), headers=headers
            ) as reply,
        ):
            text = await reply.text()
    if streamed:
        text = [line for line in text.splitlines() if line.startswith("data: {")][-1].removeprefix("data: ")
    found = json.loads(text)["usage"]
    shares = found["prompt_tokens_details"]
    assert (shares["image_tokens"], shares["audio_tokens"]) == ((900, 11) if told else (1_024, 375))
    assert shares.get("video_tokens", 0) == (12 if told else 0)
    assert (found["prompt_tokens"], found["completion_tokens"]) == (2_000, 5)
    (row,) = await usage_rows(platform)
    assert (row.input_fresh, row.output, row.quality) == (2_000, 5, "reported")


INSIDE = "http://169.254.169.254/latest/meta-data/"


async def test_targets_are_not_sent_to_fetch_from_the_inside(over_chat: Story) -> None:
    """Told by field on each protocol, before anything is asked; also in what a tool returned."""
    platform, upstream = over_chat
    chat = [{"type": "image_url", "image_url": {"url": INSIDE}}]
    source = {"type": "image", "source": {"type": "url", "url": INSIDE}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [source]}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    inputs = [{"type": "input_image", "image_url": INSIDE}]
    asked: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": chat}]},
        "/anthropic/v1/messages": {"messages": [{"role": "user", "content": [source]}], "max_tokens": 9},
        "/anthropic/v1/messages?beta=true": {
            "messages": [
                {"role": "user", "content": "?"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ],
            "max_tokens": 9,
        },
        "/v1/responses": {"input": [{"role": "user", "content": inputs}]},
    }
    headers = {"authorization": f"Bearer {platform.key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path, said in asked.items():
            async with http.post(platform.url + path, json={"model": MODEL} | said) as reply:
                words = await reply.text()
                assert (reply.status, "publicly reachable" in words) == (400, True), (path, words)
                assert "content[0]" in words
                assert "169.254" not in words
    assert upstream.asked == []
    assert await usage_rows(platform) == []
