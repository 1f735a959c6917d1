"""What an operator does with targets and models, and what the control room says of them, told over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tests.flow.admin_client import Browser, browser
from tests.flow.test_admin_account import becomes, call
from tests.flow.test_chat import HELLO
from tokenmill.accounts.passwords import hash_password
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import Usage, User
from tokenmill.store.work_tables import Node
from tokenmill.testing import EMAIL, PASSWORD, ScriptedEngine, TestPlatform, open_test_platform

MODEL = "mimo-v2.5-pro"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[TestPlatform]:
    async with open_test_platform(tmp_path, {"openai": ScriptedEngine(HELLO)}, operator=True) as opened:
        password = await hash_password(PASSWORD)
        async with opened.database.write() as work:
            await work.session.execute(update(User).where(User.email == EMAIL).values(password_hash=password))
        yield opened


async def target(operator: Browser, name: str = "scripted") -> dict[str, object]:
    listed = (await operator.get("/operator/targets"))["data"]
    found: dict[str, object] = next(each for each in listed if each["id"] == name)
    return found


async def settled(platform: TestPlatform) -> None:
    """Waits until the one exchange is in the books."""
    for _ in range(100):
        async with platform.database.read() as work:
            if await work.session.scalar(select(func.count()).select_from(Usage)):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("no usage was written")


async def test_a_target_that_is_switched_off_gets_nothing_new_until_it_is_on_again(
    platform: TestPlatform,
) -> None:
    """Every node follows; the switch is seen in lists, in files and in the audit log."""
    async with browser(platform) as operator:
        await becomes(operator, platform.key, 200)
        assert (await operator.do("POST", "/operator/targets/scripted/disable"))["state"] == "off"
        await becomes(operator, platform.key, 503)
        seen = await target(operator)
        assert (seen["state"], "enabled = false" in str(seen["toml"])) == ("off", True)
        (model,) = (await operator.get("/operator/models"))["data"]
        assert (model["id"], model["available"]) == (MODEL, False)
        room = await operator.get("/operator/room")
        assert [(each["kind"], each["subject"]) for each in room["alarms"]] == [("model_unserved", MODEL)]
        assert room["acts"][0]["action"] == "target.disable"
        assert (await operator.do("POST", "/operator/targets/scripted/enable"))["state"] != "off"
        await becomes(operator, platform.key, 200)
        refused = await operator.refused("POST", "/operator/targets/gone/disable")
        assert refused == (404, "not_found")


async def test_entries_are_taken_out_once_nothing_names_them(platform: TestPlatform) -> None:
    """A target stays while models name it, a model while it succeeds another; usage keeps their names."""
    toml = f"""
[[models]]
id = "older"
targets = [{{ target = "scripted", model = "old" }}]
successor = "{MODEL}"
"""
    async with browser(platform) as operator:
        await operator.do("POST", "/operator/catalogue/apply", {"toml": toml})
        said = await operator.ask("DELETE", "/operator/targets/scripted")
        assert (operator.status, "older" in said["error"]["message"]) == (409, True)
        assert await operator.refused("DELETE", f"/operator/models/{MODEL}") == (409, "conflict")
        await operator.do("DELETE", "/operator/models/older")
        await operator.do("DELETE", f"/operator/models/{MODEL}")
        await operator.do("DELETE", "/operator/targets/scripted")
        assert (await operator.get("/operator/catalogue"))["data"] == []
        await becomes(operator, platform.key, 404)
        assert await operator.refused("DELETE", "/operator/models/older") == (404, "not_found")
        audit = (await operator.get("/operator/audit?action=catalogue.remove"))["data"]
        assert [(each["subject"], each["details"]["kind"]) for each in audit] == [
            ("scripted", "target"),
            (MODEL, "model"),
            ("older", "model"),
        ]


async def test_a_model_is_shown_field_by_field(platform: TestPlatform) -> None:
    """Amounts as exact decimals, under the names that a file uses; what is absent is null."""
    async with browser(platform) as operator:
        (model,) = (await operator.get("/operator/models"))["data"]
        assert model["targets"][0]["target"] == "scripted"
        assert model["price"]["USD"]["input"] == "0.435"
        assert (model["family"], model["markup"], model["available"]) == (None, "mimo", True)
        assert model["toml"].startswith("[[models]]")


PRICED = """
[[models]]
id = "{id}"
targets = [{{ target = "scripted", model = "upstream-name" }}]
price.USD = {{ input = 10.0, cached_input = 1.0, output = 20.0 }}
credits = "none"
"""


async def test_a_preview_says_what_a_price_means(platform: TestPlatform) -> None:
    """Who has used the model, and what its mean request costs before and after, in each unit."""
    async with browser(platform) as operator:
        body = {"toml": PRICED.format(id=MODEL)}
        (change,) = (await operator.do("POST", "/operator/catalogue/preview", body))["changes"]
        effect = change["effect"]
        assert (effect["accounts"], effect["own_prices"], effect["measured"]) == (0, 0, False)
        by_unit = {each["unit"]: each for each in effect["examples"]}
        # 50,000 × 1 + 1,000 × 10 + 800 × 20 for a million of each.
        assert by_unit["USD"]["after"] == "0.076"
        assert "CNY" not in by_unit
        assert (by_unit["credits"]["before"], by_unit["credits"]["after"]) == ("905000", None)
        assert await call(operator, platform.key) == 200
        await settled(platform)
        yesterday = SystemClock().now() - timedelta(days=1)
        async with platform.database.write() as work:
            await work.session.execute(
                update(Usage).values(started_at=yesterday, input_fresh=3_000, output=100)
            )
        await roll_up(platform.database, SystemClock())
        (change,) = (await operator.do("POST", "/operator/catalogue/preview", body))["changes"]
        effect = change["effect"]
        assert (effect["accounts"], effect["measured"]) == (1, True)
        assert (effect["input_fresh"], effect["output"]) == (3_000, 100)
        new = {"toml": PRICED.format(id="brand-new")}
        (change,) = (await operator.do("POST", "/operator/catalogue/preview", new))["changes"]
        assert change["effect"] is None


async def test_the_control_room_names_what_fails(tmp_path: Path) -> None:
    """A target that does not answer, and a node that has fallen silent; a request's own fault is no alarm."""
    engine = ScriptedEngine(Fault(Code.UPSTREAM_AWAY, "It does not answer."))
    async with (
        open_test_platform(tmp_path, {"openai": engine}, waits=(0.0,), operator=True) as platform,
        browser(platform) as operator,
    ):
        quiet = await operator.get("/operator/room")
        assert (quiet["alarms"], quiet["targets"][0]["state"]) == ([], "unknown")
        assert await call(operator, platform.key) == 503
        await settled(platform)
        now = SystemClock().now()
        async with platform.database.write() as work:
            last = now - timedelta(minutes=2)
            node = Node(id="nod_x", name="gone:8080", started_at=last, renewed_at=last, ended_at=None)
            work.session.add(node)
        room = await operator.get("/operator/room")
        kinds = {each["kind"]: each for each in room["alarms"]}
        assert set(kinds) == {"target_down", "node_silent"}
        assert kinds["target_down"]["about"] == "upstream_away"
        assert kinds["node_silent"]["subject"] == "gone:8080"
        assert (await target(operator))["state"] == "down"
        assert room["recent"]["failed"] == 1


async def test_limits_of_ones_own_are_listed_and_who_is_near_them(platform: TestPlatform) -> None:
    """Accounts and keys with limits of their own; after one request a minute, the account is at its limit."""
    async with browser(platform) as operator:
        calm = await operator.get("/operator/limits")
        assert (calm["own"], calm["near"]) == ([], [])
        assert calm["models"][0]["model"] == MODEL
        mine = {"rpm": 1, "tpm": None, "concurrency": 4}
        await operator.do("PUT", f"/operator/accounts/{platform.account_id}/limits", mine)
        assert await call(operator, platform.key) == 200
        await settled(platform)
        shown = await operator.get("/operator/limits")
        (own,) = shown["own"]
        assert (own["kind"], own["email"], own["rpm"], own["concurrency"]) == ("account", EMAIL, 1, 4)
        (near,) = shown["near"]
        assert (near["model"], near["requests"], near["rpm"]) == (MODEL, 1, 1)
