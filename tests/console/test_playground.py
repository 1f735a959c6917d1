"""Somebody tries a model in the playground, against an upstream that speaks only when it is told to."""

from __future__ import annotations

import asyncio
import base64
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from sqlalchemy import update

from tests.console.browsing import Words
from tests.console.conftest import Open
from tests.console.prompter import Prompter
from tests.flow.upstreams import listening
from tokenmill.accounts.passwords import hash_password
from tokenmill.store.tables import User
from tokenmill.testing import EMAIL, PASSWORD, open_test_platform

CATALOGUE = """
[[targets]]
id = "gpu-1"
engine = "openai"
base_url = "{url}/v1"

[[models]]
id = "mimo-v2.5-pro"
input = ["text", "image"]
context_window = 1048576
max_output_tokens = 131072
thinking = "on"
price.USD = {{ input = 0.435, cached_input = 0.0036, output = 0.87 }}
targets = [{{ target = "gpu-1", model = "up-model" }}]
"""
ADDRESS = "http://127.0.0.1:8080"
"""Where the settings say that the platform is."""
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@dataclass(frozen=True)
class Stage:
    """A platform whose one model is prompted by the test."""

    url: str
    key: str
    prompter: Prompter


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all tests here."""
    async with listening(Prompter()) as prompter:
        text = CATALOGUE.format(url=prompter.url)
        async with open_test_platform(tmp_path_factory.mktemp("stage"), catalogue=text) as platform:
            password = await hash_password(PASSWORD)
            async with platform.database.write() as work:
                await work.session.execute(
                    update(User).where(User.email == EMAIL).values(password_hash=password)
                )
            yield Stage(platform.url, platform.key, prompter)


@pytest_asyncio.fixture(loop_scope="session")
async def room(stage: Stage, signed_in: Open) -> Page:
    """The playground, with nothing said."""
    return await signed_in("developer", "/console/playground", url=stage.url)


def message(page: Page, say: Words) -> Locator:
    return page.get_by_role("textbox", name=say("playground:message"), exact=True)


async def ask(page: Page, say: Words, words: str) -> None:
    await message(page, say).fill(words)
    await message(page, say).press("Enter")


async def test_an_answer_streams_and_its_thinking_folds_once(stage: Stage, room: Page, say: Words) -> None:
    """Thinking is seen as it comes, folds at its end, and stays as the reader left it; it has a price."""
    await ask(room, say, "Why?")
    answering = await stage.prompter.next()
    answering.think("First I think.")
    thought = room.get_by_text("First I think.")
    await expect(thought).to_be_visible()
    header = room.get_by_role("button", expanded=True)
    await expect(header).to_be_visible()
    answering.say("Because of **grain**")
    await expect(room.locator("strong", has_text="grain")).to_be_visible()
    await expect(thought).not_to_be_visible()
    folded = room.get_by_role("button", name=re.compile(r"\d"), expanded=False)
    await folded.press("Enter")
    await expect(thought).to_be_visible()
    answering.say(" and water.")
    answering.end()
    await expect(room.get_by_text("and water.")).to_be_visible()
    usage = room.get_by_role("group", name=say("playground:usage.name"))
    await expect(usage).to_contain_text("21")
    await expect(usage.get_by_role("link", name=say("playground:usage.receipt"))).to_be_visible()
    await expect(usage).to_contain_text("$0.00001")
    await expect(thought).to_be_visible()
    assert answering.asked["thinking"] == {"type": "enabled"}


async def test_a_call_is_answered_by_hand(stage: Stage, room: Page, say: Words) -> None:
    """The card offers a tool; edited arguments and the result go back, and the model goes on."""
    await room.get_by_role("button", name=say("playground:cards.tool.title")).click()
    await room.get_by_role("button", name=say("playground:send"), exact=True).click()
    first = await stage.prompter.next()
    assert first.asked["tools"][0]["function"]["name"] == "get_weather"
    first.call("get_weather", {"city": "Tokio"})
    first.end("tool_calls")
    arguments = room.get_by_role("textbox", name=say("playground:call.arguments"))
    await expect(arguments).to_have_value('{"city": "Tokio"}')
    await arguments.fill('{"city": "Tokyo"}')
    send = room.get_by_role("button", name=say("playground:call.send"))
    await expect(send).to_be_disabled()
    await room.get_by_role("textbox", name=say("playground:call.result")).fill('{"sky": "clear"}')
    await send.click()
    second = await stage.prompter.next()
    called, told = second.asked["messages"][-2:]
    assert called["tool_calls"][0]["function"]["arguments"] == '{"city": "Tokyo"}'
    assert told == {
        "role": "tool",
        "tool_call_id": called["tool_calls"][0]["id"],
        "content": '{"sky": "clear"}',
    }
    second.say("It is clear in Tokyo.")
    second.end()
    await expect(room.get_by_text("It is clear in Tokyo.")).to_be_visible()


async def test_stop_ends_the_upstream_and_says_what_was_billed(stage: Stage, room: Page, say: Words) -> None:
    """Within a second; what had been said stays."""
    await ask(room, say, "Tell me everything.")
    answering = await stage.prompter.next()
    answering.say("It began with a mill")
    await expect(room.get_by_text("It began with a mill")).to_be_visible()
    await room.get_by_role("button", name=say("playground:stop"), exact=True).click()
    await asyncio.wait_for(answering.left.wait(), 1)
    await expect(room.get_by_text(say("playground:stopped"), exact=True)).to_be_visible()
    receipt = room.get_by_role("link", name=say("playground:usage.receipt"))
    await expect(receipt).to_be_visible()
    await expect(room.get_by_role("group", name=say("playground:usage.name"))).to_contain_text("$")
    await expect(room.get_by_role("button", name=say("playground:send"), exact=True)).to_be_visible()


async def test_an_image_goes_along_from_the_disk(stage: Stage, room: Page, say: Words) -> None:
    """It is shown before it is sent and in the question, and the model gets its bytes."""
    async with room.expect_file_chooser() as choosing:
        await room.get_by_role("button", name=say("playground:attach.button")).click()
    chooser = await choosing.value
    await chooser.set_files({"name": "grain.png", "mimeType": "image/png", "buffer": PNG})
    await expect(room.get_by_role("img", name="grain.png")).to_be_visible()
    await ask(room, say, "What is it?")
    answering = await stage.prompter.next()
    image, words = answering.asked["messages"][-1]["content"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert words["text"] == "What is it?"
    answering.say("A grain.")
    answering.end()
    await expect(room.get_by_text("A grain.")).to_be_visible()
    await expect(room.get_by_role("img", name="grain.png")).to_be_visible()


async def test_the_request_is_shown_as_code(
    stage: Stage, room: Page, say: Words, sound: Callable[[Page], Awaitable[None]]
) -> None:
    """In four programs, with this platform's address, what is in the box, and no key."""
    await message(room, say).fill("Grind 'this'")
    await room.get_by_role("button", name=say("playground:code.open"), exact=True).click()
    drawer = room.get_by_role("dialog")
    for tab, wanted in (
        ("curl", f"{ADDRESS}/v1/chat/completions"),
        ("Python", f'base_url="{ADDRESS}/v1"'),
        ("Node", f'baseURL: "{ADDRESS}/v1"'),
        ("Anthropic", f'base_url="{ADDRESS}/anthropic"'),
    ):
        await drawer.get_by_role("tab", name=tab).click()
        code = drawer.get_by_role("tabpanel").get_by_role("region")
        for words in (wanted, "Grind 'this'", "YOUR_KEY", "mimo-v2.5-pro"):
            await expect(code).to_contain_text(words)
        assert "sk-" not in await code.inner_text()
    await sound(room)


async def test_the_code_runs_as_it_is_pasted(stage: Stage, room: Page, tmp_path: Path) -> None:
    """With a key in its place it says what the model says; files are read where it runs."""
    say = Words("en")
    image = tmp_path / "it's $1.png"
    image.write_bytes(PNG)
    await room.locator("input[type=file]").first.set_input_files(image)
    await message(room, say).fill("What is \"this\"? \\ `ls` $HOME 'x'\n第二行")
    await room.get_by_role("button", name=say("playground:code.open"), exact=True).click()
    drawer = room.get_by_role("dialog")
    for tab, program in (
        ("curl", ["bash", "-c"]),
        ("Python", [sys.executable, "-c"]),
        ("Anthropic", [sys.executable, "-c"]),
    ):
        await drawer.get_by_role("tab", name=tab).click()
        code = await drawer.get_by_role("region", name=tab).inner_text()
        code = code.replace("YOUR_KEY", stage.key).replace(ADDRESS, stage.url)
        running = await asyncio.create_subprocess_exec(
            *program, code, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        answering = await stage.prompter.next()
        answering.say("A grain.")
        answering.end()
        said, failure = await running.communicate()
        assert b"A grain." in said, failure
        shown, words = answering.asked["messages"][-1]["content"]
        assert base64.b64decode(shown["image_url"]["url"].partition(",")[2]) == PNG
        assert words["text"] == "What is \"this\"? \\ `ls` $HOME 'x'\n第二行"


async def test_sources_verdicts_and_errors_are_told_apart(stage: Stage, room: Page, say: Words) -> None:
    """Sources can be opened, what moderation ended says so, and an error shows its code and its request."""
    await ask(room, say, "News?")
    answering = await stage.prompter.next()
    answering.say("Grain is dearer [1].")
    answering.cite({"url": "https://example.org/grain", "title": "Grain today"})
    answering.end("content_filter")
    source = room.get_by_role("link", name="Grain today")
    await expect(source).to_have_attribute("href", "https://example.org/grain")
    await expect(room.get_by_role("link", name="[1]", exact=True)).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    await expect(room.get_by_text(say("playground:filtered.title"))).to_be_visible()
    await room.get_by_role("button", name=say("playground:new")).click()
    await expect(source).not_to_be_attached()
    tools = room.get_by_role("textbox", name=say("playground:tools"))
    await tools.fill('[{"name": "f", "parameters": 5}]')
    await ask(room, say, "Again?")
    alert = room.get_by_role("alert")
    await expect(alert).to_contain_text("invalid_value · HTTP 400")
    await expect(alert).to_contain_text("tools[0].function.parameters")
    await expect(alert).to_contain_text("req_")


async def test_a_reader_who_scrolls_up_is_left_there(stage: Stage, room: Page, say: Words) -> None:
    """New lines are followed only at the end, and again from there."""
    await ask(room, say, "Count.")
    answering = await stage.prompter.next()
    answering.say("".join(f"{number}\n\n" for number in range(100)))
    box = room.get_by_role("region", name=say("playground:conversation"))
    await expect(box.get_by_text("99", exact=True)).to_be_in_viewport()
    await box.hover()
    await room.mouse.wheel(0, -600)
    back = room.get_by_role("button", name=say("playground:toEnd"))
    await expect(back).to_be_visible()
    where = await box.evaluate("(element) => element.scrollTop")
    answering.say("".join(f"{number}\n\n" for number in range(100, 130)))
    await expect(box.get_by_text("129", exact=True)).to_be_attached()
    assert await box.evaluate("(element) => element.scrollTop") == where
    await back.click()
    await expect(box.get_by_text("129", exact=True)).to_be_in_viewport()
    answering.say("The end.")
    answering.end()
    await expect(box.get_by_text("The end.")).to_be_in_viewport()


async def test_enter_that_picks_a_word_does_not_send(stage: Stage, room: Page, say: Words) -> None:
    """An input method's Enter belongs to it; the next one sends, and what was sent is kept nowhere."""
    box = message(room, say)
    await box.focus()
    method = await room.context.new_cdp_session(room)
    await method.send("Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6})
    await room.keyboard.press("Enter")
    await method.send("Input.insertText", {"text": "你好"})
    await expect(box).to_have_value(re.compile("你好"))
    await box.press("Enter")
    answering = await stage.prompter.next()
    assert "你好" in answering.asked["messages"][-1]["content"]
    assert len(answering.asked["messages"]) == 1
    answering.say("你好。")
    answering.end()
    await expect(room.get_by_text("你好。")).to_be_visible()
    kept = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])"
    assert "你好" not in await room.evaluate(kept)
