"""Uploading, listing, reading and deleting files, with both official SDKs, curl's form and the console."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import anthropic
import openai
import pytest

from tests.flow.admin_client import API, browser
from tests.flow.test_chat import HELLO
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.kit.clock import SystemClock
from tokenmill.testing import (
    NO_PASSWORD,
    ScriptedEngine,
    TestPlatform,
    open_test_platform,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(26)


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[TestPlatform]:
    """A platform with files as they come."""
    engines = {"openai": ScriptedEngine(HELLO)}
    async with open_test_platform(tmp_path, engines, operator=True, database_url=database_url) as opened:
        yield opened


def openai_client(platform: TestPlatform, key: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key or platform.key, max_retries=0)


def anthropic_client(platform: TestPlatform) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=f"{platform.url}/anthropic", api_key=platform.key, max_retries=0)


async def other_key(platform: TestPlatform, tmp_path: Path) -> str:
    """A key of somebody else's."""
    async with platform.database.write() as work:
        account = await create_account(
            work, SystemClock(), email="other@example.com", password_hash=NO_PASSWORD
        )
        secret = (tmp_path / "secret").read_bytes()
        key, _ = await create_key(work, SystemClock(), secret, account_id=account.id, name="theirs")
    return key


async def test_the_openai_sdk_uploads_lists_reads_and_deletes(platform: TestPlatform) -> None:
    """What is uploaded is found, read back byte for byte, and gone once it is deleted."""
    async with openai_client(platform) as client:
        made = await client.files.create(
            file=("notes.md", b"# Notes\n"),
            purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert (made.object, made.filename, made.bytes, made.purpose, made.status) == (
            "file",
            "notes.md",
            8,
            "user_data",
            "processed",
        )
        assert made.id.startswith("file-")
        assert made.expires_at == made.created_at + 3600
        second = await client.files.create(file=("p.png", PNG), purpose="vision")
        assert [file.id async for file in client.files.list()] == [second.id, made.id]
        assert [file.id async for file in client.files.list(order="asc", limit=1)] == [made.id, second.id]
        assert [file.id async for file in client.files.list(purpose="vision")] == [second.id]
        assert await client.files.retrieve(made.id) == made
        read = await client.files.content(made.id)
        assert (read.content, read.response.headers["content-type"]) == (b"# Notes\n", "text/markdown")
        assert (await client.files.delete(made.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            await client.files.content(made.id)


async def test_the_anthropic_sdk_uploads_lists_reads_and_deletes(platform: TestPlatform) -> None:
    """The same files, in the other vendor's shapes."""
    async with anthropic_client(platform) as client:
        made = await client.beta.files.upload(file=("p.png", PNG, "text/plain"), expires_in_seconds=7200)
        assert made.expires_at is not None
        assert (made.expires_at - made.created_at).total_seconds() == 7200
        assert (made.type, made.filename, made.mime_type, made.size_bytes) == (
            "file",
            "p.png",
            "image/png",
            34,
        )
        assert made.id.startswith("file_")
        assert made.downloadable
        more = [await client.beta.files.upload(file=(f"{n}.txt", b"text")) for n in range(3)]
        ids = [made.id, *(each.id for each in more)]
        assert [file.id async for file in client.beta.files.list(limit=2)] == ids[::-1]
        assert [file.id async for file in client.files.list(limit=3)] == ids[::-1]  # No longer a beta there.
        some = await client.beta.files.list(ids=[ids[1], "file_" + "0" * 26])
        assert [file.id for file in some.data] == [ids[1]]
        before = await client.beta.files.list(limit=2, extra_query={"before_id": ids[0]})
        assert [file.id for file in before.data] == [ids[2], ids[1]]
        assert await client.beta.files.retrieve_metadata(made.id) == made
        assert await (await client.beta.files.download(made.id)).read() == PNG
        gone = await client.beta.files.delete(made.id)
        assert (gone.id, gone.type) == (made.id, "file_deleted")
        with pytest.raises(anthropic.NotFoundError):
            await client.beta.files.retrieve_metadata(made.id)


async def test_both_vendors_ids_name_the_same_file(platform: TestPlatform) -> None:
    """Whoever uploads with one SDK can read with the other, by either form of the id."""
    async with openai_client(platform) as first, anthropic_client(platform) as second:
        made = await first.files.create(file=("a.txt", b"text"), purpose="user_data")
        found = await second.beta.files.retrieve_metadata(made.id)
        assert found.id == made.id.replace("-", "_", 1)
        assert (await first.files.retrieve(found.id)).id == made.id


async def test_another_accounts_file_is_not_there(platform: TestPlatform, tmp_path: Path) -> None:
    """Reading, deleting and paging by another account's id answer as for an id that nobody has."""
    async with (
        openai_client(platform) as mine,
        openai_client(platform, await other_key(platform, tmp_path)) as theirs,
    ):
        made = await mine.files.create(file=("a.txt", b"text"), purpose="user_data")
        absent = "file-" + "0" * 26
        assert [file async for file in theirs.files.list()] == []
        for act in (theirs.files.retrieve, theirs.files.content, theirs.files.delete):
            said = []
            for id_ in (made.id, absent):
                with pytest.raises(openai.NotFoundError) as refused:
                    await act(id_)
                said.append(str(refused.value).replace(id_, "ID"))
            assert said[0] == said[1]
        assert (await mine.files.content(made.id)).content == b"text"


async def test_curl_uploads_a_form(platform: TestPlatform, tmp_path: Path) -> None:
    """`curl -F` with the file first, without a purpose, and with a name in Chinese."""
    file = tmp_path / "报告.txt"
    file.write_text("正文")
    curl = await asyncio.create_subprocess_exec(
        *("curl", "-sS", f"{platform.url}/v1/files", "-H", f"Authorization: Bearer {platform.key}"),
        *("-F", f"file=@{file}", "-F", "expires_after[anchor]=created_at"),
        *("-F", "expires_after[seconds]=7200"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await curl.communicate()
    made = json.loads(out)
    assert (made["filename"], made["purpose"], made["bytes"]) == ("报告.txt", "user_data", 6)
    assert made["expires_at"] == made["created_at"] + 7200


async def test_the_console_lists_uploads_and_deletes(platform: TestPlatform) -> None:
    """Who is signed in sees their account's files and what they take; the audit log tells of both acts."""
    async with browser(platform) as page:
        await page.sign_in()
        form = aiohttp.FormData()
        form.add_field(
            "file", io.BytesIO(PNG * 100_000), filename="big.png"
        )  # More than the door's usual bound.
        async with page.http.post(
            f"{platform.url}{API}/files", data=form, headers={"x-csrf-token": page.csrf}
        ) as reply:
            made = await reply.json()
        assert (reply.status, made["name"], made["use"], made["media_type"]) == (
            200,
            "big.png",
            "image",
            "image/png",
        )
        listed = await page.get("/files")
        assert (listed["data"], listed["next_cursor"]) == ([made], None)
        assert listed["used_bytes"] == made["size"] == 3_400_000
        async with page.http.get(f"{platform.url}{API}/files/{made['id']}/content") as reply:
            assert await reply.read() == PNG * 100_000
            assert reply.headers["content-disposition"] == "attachment"
        assert await page.do("DELETE", f"/files/{made['id']}") == {"done": True}
        assert await page.refused("DELETE", f"/files/{made['id']}") == (404, "not_found")
        actions = [entry["action"] for entry in (await page.get("/operator/audit"))["data"]]
        assert {"file.upload", "file.delete"} <= set(actions)


async def test_an_upload_of_another_sites_is_refused(platform: TestPlatform) -> None:
    """Without the token of the session nothing is stored."""
    async with browser(platform) as page:
        await page.sign_in()
        form = aiohttp.FormData()
        form.add_field("file", b"text", filename="a.txt")
        async with page.http.post(f"{platform.url}{API}/files", data=form) as reply:
            assert reply.status == 403
        assert (await page.get("/files"))["data"] == []


async def test_the_console_is_told_why_an_upload_is_refused(tmp_path: Path) -> None:
    """Browsers send the whole of a file and read then; the next upload goes well."""
    bounds = {"TOKENMILL__FILES__MAX_BYTES": str(2**20)}
    engines = {"openai": ScriptedEngine(HELLO)}
    async with (
        open_test_platform(tmp_path, engines, operator=True, environ=bounds) as platform,
        browser(platform) as page,
    ):
        answers = []
        for size in (2**22, 2**20 + 1, 2**20):
            form = aiohttp.FormData()
            form.add_field("file", io.BytesIO(bytes(size)), filename="a.bin")
            async with page.http.post(
                f"{platform.url}{API}/files", data=form, headers={"x-csrf-token": page.csrf}
            ) as reply:
                answers.append((reply.status, (await reply.json()).get("error", {}).get("field")))
        assert answers == [(413, "file"), (413, "file"), (200, None)]
        assert len((await page.get("/files"))["data"]) == 1
