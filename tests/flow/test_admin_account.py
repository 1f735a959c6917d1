"""What a developer does in the console, told over HTTP on both kinds of database."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from tests.flow.admin_client import API, Browser, browser
from tests.flow.test_chat import ASK, HELLO
from tokenmill.accounts.passwords import hash_password
from tokenmill.billing.offers import put_plan
from tokenmill.billing.presets import preset_plans
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.ids import AccountId
from tokenmill.store.tables import Usage, User
from tokenmill.store.vault_tables import VaultTurn
from tokenmill.store.work_tables import Mark
from tokenmill.testing import EMAIL, PASSWORD, ScriptedEngine, TestPlatform, open_test_platform


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[TestPlatform]:
    """A platform whose developer signs in, with the plans that ship."""
    engines = {"openai": ScriptedEngine(HELLO)}
    async with open_test_platform(tmp_path, engines, operator=True, database_url=database_url) as opened:
        password = await hash_password(PASSWORD)
        async with opened.database.write() as work:
            await work.session.execute(update(User).where(User.email == EMAIL).values(password_hash=password))
            for plan in preset_plans():
                await put_plan(work, SystemClock(), plan)
        yield opened


async def call(one: Browser, key: str, base: str = "/v1") -> int:
    """The status of a chat completion with this key."""
    url = f"{one.platform.url}{base}/chat/completions"
    async with one.http.post(url, json=ASK, headers={"authorization": f"Bearer {key}"}) as reply:
        await reply.read()
        return reply.status


async def becomes(one: Browser, key: str, status: int, base: str = "/v1") -> None:
    """Waits up to the promised second (times ten, for busy machines) for a key to be answered so."""
    for _ in range(100):
        if await call(one, key, base) == status:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the key is not answered {status}")


async def test_a_key_is_made_used_limited_stopped_and_deleted(platform: TestPlatform) -> None:
    """It is shown whole once; nodes follow every change within a second."""
    async with browser(platform, EMAIL) as one:
        made = await one.do("POST", "/keys", {"name": "laptop", "cap": "5.00", "models": ["mimo-v2.5-pro"]})
        secret, key = made["secret"], made["key"]
        assert await call(one, secret) == 200
        path = f"/keys/{key['id']}"
        seen = await one.get(path)
        assert secret not in json.dumps(seen)
        assert (seen["cap"], seen["recent"]["requests"], seen["state"]) == ("5.00", 1, "active")
        assert seen["spent"] == seen["recent"]["cost"] != "0.00"
        await one.do("POST", f"{path}/disable")
        await becomes(one, secret, 401)
        await one.do("POST", f"{path}/enable")
        await becomes(one, secret, 200)
        await one.do("PATCH", path, {"addresses": ["203.0.113.0/24"]})
        await becomes(one, secret, 403)
        await one.do("PATCH", path, {"addresses": None, "cap": "0.000000001"})
        await becomes(one, secret, 402)
        changed = await one.do("PATCH", path, {"name": "desk", "cap": None})
        assert (changed["name"], changed["cap"], changed["models"]) == ("desk", None, ["mimo-v2.5-pro"])
        for method, at in (("POST", "/keys"), ("PATCH", path)):
            said = await one.ask(method, at, {"name": "x", "models": ["mimo-v2.5-pro", "mimo-v2.5-prp"]})
            assert (one.status, said["error"]["field"]) == (400, "models")
            assert "mimo-v2.5-pro" in said["error"]["message"].partition(".")[2]
        await becomes(one, secret, 200)
        reset = await one.do("POST", f"{path}/reset")
        await becomes(one, secret, 401)
        assert await call(one, reset["secret"]) == 200
        await one.do("DELETE", f"/keys/{reset['key']['id']}")
        await becomes(one, reset["secret"], 401)
        assert [each["name"] for each in (await one.get("/keys"))["data"]] == ["test"]


async def test_the_wallet_adds_up_and_takes_codes_until_somebody_guesses(platform: TestPlatform) -> None:
    """Balance, statement and receipt agree to the last digit; who guesses codes has to wait."""
    async with browser(platform, EMAIL) as one, browser(platform) as operator:
        assert await call(one, platform.key) == 200
        (exchange,) = (await one.get("/exchanges"))["data"]
        made = await operator.do(
            "POST", "/operator/codes/batches", {"amount": "5.00", "currency": "USD", "count": 2}
        )
        redeemed = await one.do("POST", "/wallet/redeem", {"code": made["codes"][0]})
        assert redeemed["amount"] == "5.00"
        assert await one.refused("POST", "/wallet/redeem", {"code": made["codes"][0]}) == (409, "code_used")
        wallet = await one.get("/wallet")
        lines = (await one.get("/wallet/statement"))["data"]
        assert [line["kind"] for line in lines] == ["code", "exchange", "grant"]
        assert lines[0]["balance"] == wallet["balance"] == redeemed["balance"]
        assert lines[1]["amount"] == f"-{exchange['receipt']['cost']}"
        for _ in range(4):
            await one.ask("POST", "/wallet/redeem", {"code": "AAAAA-AAAAA-AAAAA-AAAAA"})
            assert one.status in (400, 404)
        assert await one.refused("POST", "/wallet/redeem", {"code": made["codes"][1]}) == (
            429,
            "rate_limited",
        )


async def test_a_statement_goes_on_where_it_stopped_whatever_comes_in_between(platform: TestPlatform) -> None:
    """Pages of one line, with money coming in after each, are the lines there were at first."""
    async with browser(platform, EMAIL) as one, browser(platform) as operator:
        grant = {"amount": "1.00", "currency": "USD", "note": "more"}
        path = f"/operator/accounts/{platform.account_id}/grant"
        for _ in range(3):
            await operator.do("POST", path, grant)
        whole = (await one.get("/wallet/statement"))["data"]
        found: list[Any] = []
        cursor = ""
        while True:
            page = await one.get(f"/wallet/statement?limit=1{cursor}")
            found += page["data"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
            await operator.do("POST", path, grant)
        assert found == whole
        assert len(whole) == 4


async def test_a_plan_is_quoted_bought_used_reset_and_upgraded(platform: TestPlatform) -> None:
    """Its key is shown once, works only at its own address, and dies when it is reset."""
    async with browser(platform, EMAIL) as one:
        plans = (await one.get("/plans"))["data"]
        assert [plan["id"] for plan in plans] == ["lite", "standard", "pro", "max"]
        assert (await one.get("/plan"))["subscription"] is None
        quote = await one.do("POST", "/plan/quote", {"plan_id": "lite"})
        assert quote["due"] == "5.28"  # 6 dollars, 12 % off the first month.
        assert "never_from_the_wallet" in quote["rules"]
        cheap = {"plan_id": "lite", "at_most": "5.27"}
        assert await one.refused("POST", "/plan/buy", cheap) == (409, "conflict")
        bought = await one.do("POST", "/plan/buy", {"plan_id": "lite", "at_most": quote["due"]})
        secret = bought["secret"]
        assert secret.startswith("tp-")
        base = (await one.get("/plan"))["base_urls"]["openai"].removeprefix("http://127.0.0.1:8080")
        assert await call(one, secret, base) == 200
        running = (await one.get("/plan"))["subscription"]
        assert (running["plan"]["id"], running["renews"]) == ("lite", False)
        assert int(running["used"].partition(".")[0]) > 0
        assert len(running["keys"]) == 1
        reset = await one.do("POST", "/plan/key/reset")
        await becomes(one, secret, 401, base)
        assert await call(one, reset["secret"], base) == 200
        upgraded = await one.do("POST", "/plan/buy", {"plan_id": "pro", "at_most": "50.00"})
        assert upgraded["secret"] is None
        assert upgraded["quote"]["kind"] == "upgrade"
        await becomes(one, reset["secret"], 200, base)
        renewal = await one.do("POST", "/plan/renewal", {"renews": True, "next_plan_id": "standard"})
        assert (renewal["renews"], renewal["next_plan_id"]) == (True, "standard")
        assert [past["plan_id"] for past in (await one.get("/plan"))["history"]] == ["lite"]


async def test_usage_adds_up_by_day_hour_model_key_and_as_a_sheet(platform: TestPlatform) -> None:
    """Series, list and CSV have the same sums, and a zone moves the days but not the total."""
    starts = [datetime(2026, 11, 20, 15, 59, tzinfo=UTC), datetime(2026, 11, 20, 16, 1, tzinfo=UTC)]
    async with browser(platform, EMAIL) as one:
        for _ in starts:
            assert await call(one, platform.key) == 200
        ids = [row["id"] for row in (await one.get("/exchanges"))["data"]]
        async with platform.database.write() as work:
            await work.session.execute(delete(Mark))  # Those days have been summed up, as they were before.
            for exchange, start in zip(ids, starts, strict=True):
                await work.session.execute(
                    update(Usage).where(Usage.id == exchange).values(started_at=start, client="=cmd()")
                )
        span = "since=2026-11-20T00:00:00Z&until=2026-11-22T00:00:00Z"
        utc = await one.get(f"/usage/series?{span}")
        shanghai = await one.get(f"/usage/series?{span}&zone=Asia/Shanghai&group=model")
        assert [bucket["start"] for bucket in utc["series"][0]["buckets"]] == ["2026-11-20T00:00:00Z"]
        assert [bucket["start"] for bucket in shanghai["series"][0]["buckets"]] == [
            "2026-11-20T00:00:00+08:00",
            "2026-11-21T00:00:00+08:00",
        ]
        assert {**utc["total"], "first_ms": None} == {**shanghai["total"], "first_ms": None}
        assert (utc["total"]["requests"], utc["total"]["output"]) == (2, 14)
        hours = await one.get(f"/usage/series?{span}&step=hour&group=key")
        assert [len(hours["starts"]), len(hours["series"][0]["buckets"])] == [48, 2]
        assert hours["series"][0]["label"] == "test"
        assert hours["total"] == shanghai["total"]

        async with one.http.get(f"{platform.url}{API}/exchanges.csv?{span}") as reply:
            raw = await reply.read()
        assert raw.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
        assert {row["client"] for row in rows} == {"'=cmd()"}
        listed = (await one.get(f"/exchanges?{span}"))["data"]
        assert [row["id"] for row in rows] == [row["id"] for row in listed]
        assert [row["cost"] for row in rows] == [row["receipt"]["cost"] for row in listed]
        found = await one.get(f"/exchanges/{listed[0]['request_id']}")
        assert {name: found[name] for name in listed[0]} == {**listed[0], "target": "scripted"}
        assert await one.refused("GET", "/usage/series?zone=../etc/passwd") == (400, "bad_value")
        assert await one.refused("GET", f"/usage/series?{span}&step=minute") == (400, "bad_value")


async def test_cache_hits_are_seen_by_exchange_and_by_tool(platform: TestPlatform) -> None:
    """In the console as for the key itself, with what they cost; today and in the sums of days gone by."""
    agents = {"claude-code": "claude-cli/2.1.330 (external, sdk-cli)", "opencode": "opencode/1.18.33 ai-sdk"}
    async with browser(platform, EMAIL) as one:
        bearer = {"authorization": f"Bearer {platform.key}"}
        for agent in (agents["claude-code"], agents["claude-code"], agents["opencode"]):
            url = f"{platform.url}/v1/chat/completions"
            async with one.http.post(url, json=ASK, headers={**bearer, "user-agent": agent}) as reply:
                assert 200 == reply.status, await reply.text()
        rows = (await one.get("/exchanges?client=claude-code"))["data"]
        assert [(row["client"], row["tokens"]["input_cached"]) for row in rows] == [("claude-code", 5)] * 2
        for row in rows:
            (hit,) = [line for line in row["receipt"]["lines"] if line["kind"] == "cached_input"]
            assert (hit["count"], float(hit["rate"]) > 0) == (5, True)
        async with one.http.get(f"{platform.url}/v1/usage", headers=bearer) as reply:
            told = (await reply.json())["exchanges"]
        assert {(each["client"], each["tokens"]["input_cached"]) for each in told} == {
            ("claude-code", 5),
            ("opencode", 5),
        }
        assert rows[0]["receipt"] in [each["receipt"] for each in told]
        assert await _hits(one, "") == {"claude-code": (10, 20), "opencode": (5, 10)}
        async with platform.database.write() as work:
            await work.session.execute(delete(Mark))
            await work.session.execute(
                update(Usage).values(started_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
            )
        assert await roll_up(platform.database, SystemClock())
        async with platform.database.write() as work:
            await work.session.execute(delete(Usage))
        span = "&since=2026-11-20T00:00:00Z&until=2026-11-22T00:00:00Z"
        assert await _hits(one, span) == {"claude-code": (10, 20), "opencode": (5, 10)}


async def _hits(one: Browser, span: str) -> dict[str, tuple[int, int]]:
    """For each tool: tokens of its prompts that came from a cache, and those that did not."""
    found = (await one.get(f"/usage/series?group=client{span}"))["series"]
    return {row["label"]: (row["total"]["input_cached"], row["total"]["input_fresh"]) for row in found}


async def test_pages_of_exchanges_are_stable_while_new_ones_come_in(platform: TestPlatform) -> None:
    """One at a time, with a new exchange after each page, they are those that were there at first."""
    async with browser(platform, EMAIL) as one:
        for _ in range(3):
            await call(one, platform.key)
        there = [row["id"] for row in (await one.get("/exchanges"))["data"]]
        found: list[str] = []
        cursor = ""
        while True:
            page = await one.get(f"/exchanges?limit=1{cursor}")
            found += [row["id"] for row in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
            await call(one, platform.key)
        assert found == there
        for cursor in ("x", "W10", "WzFd", "eyJhIjoxfQ", "%00"):
            assert await one.refused("GET", f"/exchanges?cursor={cursor}") == (400, "bad_value")


async def test_the_first_steps_tick_themselves(platform: TestPlatform) -> None:
    """A key is there, it was used, a tool was seen; the addresses are ready to copy."""
    async with browser(platform, EMAIL) as one:
        before = await one.get("/first-steps")
        assert (before["has_key"], before["key_used"], before["answered"]) == (True, False, None)
        await call(one, platform.key)
        after = await one.get("/first-steps")
        assert after["key_used"]
        assert after["answered"]["model"] == "mimo-v2.5-pro"
        assert after["base_urls"]["anthropic"].endswith("/anthropic")


async def test_without_a_payment_provider_there_is_no_top_up(platform: TestPlatform) -> None:
    """The wallet says so before anybody tries, and no stranger's news are believed."""
    async with browser(platform, EMAIL) as one, browser(platform, None) as stranger:
        assert (await one.get("/wallet"))["payments"] is False
        assert await one.refused("POST", "/wallet/checkout", {"amount": "5.00"}) == (409, "conflict")
        assert await stranger.refused("POST", "/payments/news", {}) == (409, "conflict")
        assert await one.get("/wallet/payments") == {"data": []}


async def test_the_playground_calls_the_model_with_a_key_that_the_browser_never_sees(
    platform: TestPlatform,
) -> None:
    """The reply is the protocol's own; who is not the key's owner, or comes without the token, gets none."""
    path = f"/playground/{platform.key_id}"
    async with browser(platform, EMAIL) as one, browser(platform) as other:
        reply = await one.do("POST", f"{path}/v1/chat/completions", ASK)
        assert reply["choices"][0]["message"]["content"] == "你好, world"
        assert platform.key not in str(reply)
        messages = {"model": ASK["model"], "max_tokens": 99, "messages": ASK["messages"]}
        said = await one.do("POST", f"{path}/anthropic/v1/messages", messages)
        assert said["type"] == "message"
        assert [row["key_name"] for row in (await one.get("/exchanges"))["data"]] == ["test", "test"]
        missing = await one.ask("POST", f"{path}/v1/nothing", ASK)
        assert (one.status, missing["error"]["code"]) == (404, "not_found")
        assert await other.refused("POST", f"{path}/v1/chat/completions", ASK) == (404, "not_found")
        await one.do("POST", f"/keys/{platform.key_id}/disable")
        for _ in range(100):
            ended = await one.ask("POST", f"{path}/v1/chat/completions", ASK)
            if one.status == 401:
                break
            await asyncio.sleep(0.1)
        assert "is disabled" in ended["error"]["message"]
        one.csrf = ""
        refused = await one.refused("POST", f"{path}/v1/chat/completions", ASK)
        assert refused == (403, "wrong_csrf_token")


async def test_models_are_shown_with_what_they_cost_this_account(platform: TestPlatform) -> None:
    """A price of one's own takes the place of the catalogue's, for this account alone."""
    async with browser(platform, EMAIL) as one, browser(platform) as operator:
        (usual,) = (await one.get("/models"))["data"]
        assert (usual["price"]["input"], usual["special"]) == ("0.435", False)
        path = f"/operator/accounts/{platform.account_id}/prices/mimo-v2.5-pro"
        await operator.do("PUT", path, {"price": {"input": "0.10", "output": "0.20"}})
        special = await one.get("/models/mimo-v2.5-pro")
        assert (special["price"]["input"], special["price"]["cached_input"]) == ("0.10", "0.10")
        assert special["special"]
        assert not (await operator.get("/models/mimo-v2.5-pro"))["special"]
        await operator.do("DELETE", path)
        assert await one.get("/models/mimo-v2.5-pro") == usual
        assert await one.refused("GET", "/models/mimo-v2.5-prx") == (404, "unknown_model")


def turn(account: AccountId) -> VaultTurn:
    """A thought that is remembered for a coding agent."""
    now = datetime.now(UTC)
    late = now + timedelta(days=1)
    return VaultTurn(
        id="turn_1", account_id=account, key_id="key", created_at=now, expires_at=late, size=1, sealed=b"x"
    )


async def test_plugins_and_notices_are_switched(platform: TestPlatform) -> None:
    """What is left out stays as it is; null turns the notice off."""
    async with browser(platform, EMAIL) as one:
        assert (await one.get("/account"))["web_search"] is False
        await one.do("PATCH", "/account", {"web_search": True, "low_balance": "2000.00"})
        assert (await one.get("/wallet"))["low_balance_warning"]
        changed = await one.do("PATCH", "/account", {"low_balance": None})
        assert (changed["web_search"], changed["low_balance"]) == (True, None)
        assert (await one.get("/account"))["vault"] is True
        assert (await one.do("PATCH", "/account", {"vault": False}))["vault"] is False
        async with platform.database.write() as work:
            work.session.add(turn(platform.account_id))
        await one.do("DELETE", "/account/vault")
        async with platform.database.read() as view:
            assert await view.session.get(VaultTurn, "turn_1") is None


async def test_an_account_takes_its_data_along_and_is_deleted(platform: TestPlatform) -> None:
    """With money in the wallet it stays; without, keys are dead, and who signs in is a stranger."""
    async with browser(platform, EMAIL) as one, browser(platform) as operator:
        await call(one, platform.key)
        data = await one.get("/account/export")
        assert len(data["usage"]) == 1
        assert data["account"]["id"] == platform.account_id
        assert await one.refused("DELETE", "/account") == (409, "conflict")
        left = (await one.get("/wallet"))["balance"]
        take = {"amount": f"-{left}", "currency": "USD", "note": "paid out"}
        await operator.do("POST", f"/operator/accounts/{platform.account_id}/grant", take)
        await one.do("DELETE", "/account")
        await becomes(one, platform.key, 401)
        assert await one.refused("GET", "/session") == (401, "signed_out")
        credentials = {"email": EMAIL, "password": PASSWORD}
        assert await one.refused("POST", "/session", credentials) == (401, "wrong_password")
        assert (await operator.get("/operator/ledger/verify"))["ok"]
        assert EMAIL not in json.dumps(await operator.get("/operator/accounts?deleted=true"))
