"""What `tokenmill doctor` finds out about an installation and its targets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import update
from typer.testing import CliRunner

from tests.flow.upstreams import ScriptedUpstream, chat_events, listening, messages_events, stream, whole
from tokenmill.cli.installation import check_installation
from tokenmill.cli.main import app
from tokenmill.cli.setup import initialise
from tokenmill.exchange.diagnosis.findings import ABILITIES
from tokenmill.exchange.diagnosis.tools import NEEDS
from tokenmill.settings import load_settings
from tokenmill.store.database import open_database
from tokenmill.store.work_tables import Fact

Json = dict[str, Any]


class Messages(ScriptedUpstream):
    """A model that speaks Anthropic's protocol and can do everything."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        results = [m for m in body["messages"] if "tool_result" in json.dumps(m)]
        text = {"type": "text", "text": ""}
        words = [{"type": "text_delta", "text": piece} for piece in ("It is ", "4711.")]
        if results or not body.get("tools"):
            deltas = [{"type": "thinking_delta", "thinking": "Hm."}]
            thinks = body.get("thinking", {}).get("type") != "disabled"
            before = [({"type": "thinking", "thinking": "", "signature": ""}, deltas)] if thinks else []
            return await stream(*messages_events(*before, (text, words)))(request)
        call = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}
        arguments = [{"type": "input_json_delta", "partial_json": '{"name": "Quince"}'}]
        return await stream(*messages_events((call, arguments), stop="tool_use"))(request)


class Model(ScriptedUpstream):
    """A model that can do everything but what it is told not to be able to."""

    def __init__(self, *, unable: str = "") -> None:
        super().__init__()
        self.unable = unable
        self._prompts: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.asked.append(body)
        if self.unable == "key" and request.headers.get("authorization") != "Bearer right":
            return await whole({"error": {"message": "no such key sk-wrong"}}, 401)(request)
        answered = [message for message in body["messages"] if message["role"] == "tool"]
        back = [m.get("reasoning_content") for m in body["messages"] if m.get("tool_calls")]
        if self.unable == "forget" and not all(back):
            return await whole({"error": {"message": "The reasoning_content must be passed back"}}, 400)(
                request
            )
        if answered:
            return await self._say(request, {"content": "It is "}, {"content": "4711."})
        if body.get("tools"):
            return await self._call(request)
        thinking = [{"reasoning_content": "Hm. "}] if body.get("thinking") == {"type": "enabled"} else []
        return await self._say(request, *thinking, {"content": "one "}, {"content": "two"})

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if self.unable == "tools":
            return await self._say(request, {"content": "I have "}, {"content": "no tools."})
        arguments = {"name": "look_up", "arguments": '{"name": "Quince"}'}
        if self.unable == "parse":
            call = "<function=look_up>\n<parameter=name>\nQuince\n</parameter>\n</function>"
            return await self._say(request, {"content": f"<tool_call>\n{call}\n</tool_call>"})
        call_ = {"index": 0, "id": "call_1", "type": "function", "function": arguments}
        return await self._say(request, {"tool_calls": [call_]}, finish="tool_calls")

    async def _say(self, request: web.Request, *deltas: Json, finish: str = "stop") -> web.StreamResponse:
        events = chat_events(*deltas, finish=finish)
        if self.unable == "usage":
            events = [each for each in events if b"prompt_tokens" not in each]
        prompt = json.dumps(self.asked[-1]["messages"])
        if prompt in self._prompts:
            hit = b'"total_tokens": 30, "prompt_tokens_details": {"cached_tokens": 16}'
            events = [each.replace(b'"total_tokens": 30', hit) for each in events]
        self._prompts.add(prompt)
        return await stream(*events)(request)


@contextmanager
def running(model: ScriptedUpstream) -> Iterator[str]:
    """The model's address; it answers from a thread of its own, since the command blocks this one."""
    ready, over = Event(), Event()

    async def serve() -> None:
        async with listening(model):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield model.url
    finally:
        over.set()
        thread.join()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh platform without an embedded model."""
    (tmp_path / "tokenmill.toml").write_text("[embedded]\nenabled = false\n[server]\nport = 9\n")
    asyncio.run(initialise(load_settings(tmp_path, None, {}), tmp_path))
    return tmp_path


def add(data: Path, url: str, *lines: str, engine: str = "openai") -> None:
    """A target `up`, and a model behind it."""
    file = data / "catalogue.toml"
    file.write_text(
        f'[[targets]]\nid = "up"\nengine = "{engine}"\nbase_url = "{url}/v1"\n'
        + "\n".join(lines)
        + '\n[[models]]\nid = "mimo-v2.5-pro"\ntargets = [{ target = "up", model = "m" }]\n'
    )
    done = CliRunner().invoke(app, ["catalog", "apply", str(file), "--data", str(data)])
    assert done.exit_code == 0, done.output


def examine(data: Path, *options: str) -> tuple[int, Json]:
    command = ["doctor", "--json", "--data", str(data), "--deadline", "10", *options]
    done = CliRunner().invoke(app, command)
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return done.exit_code, said


def found(said: Json) -> dict[str, str]:
    (target,) = said["targets"]
    return {ability: finding["state"] for ability, finding in target["findings"].items()}


def verdict(said: Json, tool: str) -> tuple[str, list[str]]:
    (target,) = said["targets"]
    return target["tools"][tool]["verdict"], target["tools"][tool]["why"]


def test_a_good_target_is_good_for_every_tool(data: Path) -> None:
    """All abilities are seen, each of the ten tools works, and nothing is charged for it."""
    with running(Model()) as url:
        add(data, url)
        status, said = examine(data)
    assert 0 == status
    assert said["ok"] is True
    assert dict.fromkeys(ABILITIES, "yes") == found(said)
    assert {("works", ())} == {(w, tuple(why)) for w, why in (verdict(said, tool) for tool in NEEDS)}
    assert {"failed"} & {check["verdict"] for check in said["checks"]} == set()
    usage = CliRunner().invoke(
        app, ["usage", "--account", "operator@localhost", "--json", "--data", str(data)]
    )
    assert 0 == json.loads(usage.stdout)["requests"]


@pytest.mark.parametrize(
    ("unable", "ability", "tool", "expected"),
    [
        ("tools", "tools", "codex", "fails"),
        ("tools", "tools", "aider", "works"),
        ("usage", "usage", "codex", "limited"),
    ],
)
def test_what_a_target_cannot_do_is_said_with_what_it_means(
    unable: str, ability: str, tool: str, expected: str, data: Path
) -> None:
    with running(Model(unable=unable)) as url:
        add(data, url)
        status, said = examine(data)
    assert 0 == status
    assert "no" == found(said)[ability]
    assert expected == verdict(said, tool)[0]


def test_calls_that_the_server_does_not_parse_are_lifted_out_and_that_is_said(data: Path) -> None:
    with running(Model(unable="parse")) as url:
        add(data, url)
        _, said = examine(data)
    assert "yes" == found(said)["tools"]
    assert "tool parser" in said["targets"][0]["findings"]["tools"]["detail"]


def test_a_target_that_wants_its_reasoning_back_is_told_by_its_name(data: Path) -> None:
    """The advice names the field that cures it, and is gone once it is set."""
    with running(Model(unable="forget")) as url:
        add(data, url)
        _, before = examine(data)
        add(data, url, 'reasoning_back = "required"')
        _, after = examine(data)
    advice = 'reasoning_back = "required"'
    assert advice in before["targets"][0]["findings"]["results"]["detail"]
    assert advice not in after["targets"][0]["findings"]["results"]["detail"]
    assert "yes" == found(after)["results"]


def test_a_target_of_the_other_protocol_is_asked_in_its_own(data: Path) -> None:
    with running(Messages()) as url:
        add(data, url, engine="anthropic")
        status, said = examine(data)
    assert 0 == status
    assert dict.fromkeys(ABILITIES, "yes") == found(said)


async def test_an_installation_on_postgresql_is_checked_in_the_same_way(
    tmp_path: Path, postgres_url: str
) -> None:
    (tmp_path / "secret").write_text("x" * 64)
    environ = {
        "TOKENMILL__DATABASE__URL": postgres_url,
        "TOKENMILL__SECURITY__SECRET": f"file:{tmp_path / 'secret'}",
    }
    checks = await check_installation(load_settings(tmp_path, None, environ), environ)
    verdicts = {check.name: check.verdict for check in checks}
    assert {"ok"} == {verdicts[name] for name in ("migrations", "database", "secret", "clock")}


def test_a_dead_target_is_asked_nothing_more(data: Path) -> None:
    with running(Model()) as url:
        pass
    add(data, url)
    status, said = examine(data)
    assert (1, False) == (status, said["ok"])
    assert {"no", "unknown"} == set(found(said).values())
    assert ("fails", ["not: answers"]) == verdict(said, "aider")


def test_a_wrong_key_is_said_without_showing_it(data: Path) -> None:
    (data / "key").write_text("sk-wrong-and-secret")
    with running(Model(unable="key")) as url:
        add(data, url, 'api_key = "file:key"')
        status, said = examine(data)
        (data / "key").write_text("right")
        assert 0 == examine(data)[0]
    assert 1 == status
    detail = said["targets"][0]["findings"]["answers"]["detail"]
    assert "credentials" in detail
    assert "sk-wrong" not in json.dumps(said)


def test_a_target_that_hangs_costs_its_deadline_only(data: Path) -> None:
    with running(ScriptedUpstream(stream(hang=True))) as url:
        add(data, url)
        status, said = examine(data, "--deadline", "1")
    assert 1 == status
    assert "within 1 seconds" in said["targets"][0]["findings"]["answers"]["detail"]


def test_one_target_is_asked_by_its_id_and_an_unknown_one_is_refused(data: Path) -> None:
    with running(Model()) as url:
        add(data, url)
        _, said = examine(data, "--target", "up")
    assert ["up"] == [target["id"] for target in said["targets"]]
    done = CliRunner().invoke(app, ["doctor", "--target", "down", "--data", str(data)])
    assert 1 == done.exit_code
    assert "no target 'down'; there are" in str(done.exception)


def test_what_is_wrong_with_an_installation_is_said(data: Path) -> None:
    """Another secret, and a database of nobody."""
    verdicts = {check["name"]: check["verdict"] for check in examine(data)[1]["checks"]}
    assert {"ok", "warning"} == set(verdicts.values())

    asyncio.run(_of_another_secret(data))
    status, said = examine(data)
    checks = {check["name"]: check for check in said["checks"]}
    assert (1, "failed") == (status, checks["secret"]["verdict"])
    assert "no key works" in checks["secret"]["detail"]

    status, said = examine(data / "elsewhere")
    checks = {check["name"]: check["verdict"] for check in said["checks"]}
    assert (1, "failed", "failed") == (status, checks["migrations"], checks["secret"])


async def _of_another_secret(data: Path) -> None:
    settings = load_settings(data, None, {})
    async with open_database(settings.database.url) as database, database.write() as work:
        await work.session.execute(update(Fact).where(Fact.name == "secret").values(value="another"))


def test_a_stranger_at_the_public_address_is_told_from_nobody(data: Path) -> None:
    with running(ScriptedUpstream(whole({"hello": "world"}))) as url:
        (data / "tokenmill.toml").write_text(f'[embedded]\nenabled = false\n[server]\npublic_url = "{url}"\n')
        status, said = examine(data)
    checks = {check["name"]: check for check in said["checks"]}
    assert (1, "failed") == (status, checks["public URL"]["verdict"])
    assert "something else" in checks["public URL"]["detail"]


def test_people_read_the_same_in_lines(data: Path) -> None:
    with running(Model(unable="usage")) as url:
        add(data, url)
        done = CliRunner().invoke(app, ["doctor", "--data", str(data)])
    assert 0 == done.exit_code
    assert "  ✓ calls tools         it called look_up(" in done.stdout
    assert "  ✗ reports usage" in done.stdout
    assert "  ! Claude Code         limited: usage is the platform's own count" in done.stdout
