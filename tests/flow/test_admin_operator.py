"""What an operator does in the console, told over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import update

from tests.flow.admin_client import Browser, browser
from tests.flow.test_admin_account import becomes, call
from tests.flow.test_chat import ASK, HELLO, START
from tokenmill.accounts.passwords import hash_password
from tokenmill.billing.presets import preset_plans
from tokenmill.conversation.events import PartOpened, TextDelta
from tokenmill.conversation.parts import Text
from tokenmill.jobs.rollups import roll_up
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.tables import User
from tokenmill.testing import EMAIL, OPERATOR, PASSWORD, ScriptedEngine, TestPlatform, open_test_platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[TestPlatform]:
    engines = {"openai": ScriptedEngine(HELLO)}
    async with open_test_platform(tmp_path, engines, operator=True) as opened:
        password = await hash_password(PASSWORD)
        async with opened.database.write() as work:
            await work.session.execute(update(User).where(User.email == EMAIL).values(password_hash=password))
        yield opened


def account(platform: TestPlatform) -> str:
    return f"/operator/accounts/{platform.account_id}"


async def test_a_suspended_account_is_dead_at_once_and_reads_why(platform: TestPlatform) -> None:
    """Keys and sessions stop; the reason is shown to who knows the password; restoring undoes it."""
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        done = await operator.do("POST", f"{account(platform)}/suspend", {"reason": "unpaid bills"})
        assert done["suspension"] == "unpaid bills"
        assert await dev.refused("GET", "/session") == (401, "signed_out")
        await becomes(dev, platform.key, 401)
        said = await dev.ask("POST", "/session", {"email": EMAIL, "password": PASSWORD})
        assert (dev.status, "unpaid bills" in said["error"]["message"]) == (403, True)
        said = await dev.ask("POST", "/session", {"email": EMAIL, "password": "a guess"})
        assert "unpaid" not in said["error"]["message"]
        await operator.do("POST", f"{account(platform)}/restore")
        await becomes(dev, platform.key, 200)
        await dev.sign_in(EMAIL)
        entries = (await operator.get(f"/operator/audit?account_id={platform.account_id}"))["data"]
        assert [entry["action"] for entry in entries][:3] == [
            "session.open",
            "account.restore",
            "account.suspend",
        ]
        own = (await operator.get("/session"))["account_id"]
        body = {"reason": "x"}
        assert await operator.refused("POST", f"/operator/accounts/{own}/suspend", body) == (409, "conflict")


async def test_a_key_that_an_operator_stops_is_not_the_accounts_to_enable(platform: TestPlatform) -> None:
    """Nor can its secret be replaced; its people read why, and the operator's word brings it back."""
    mine, theirs = f"/keys/{platform.key_id}", f"{account(platform)}/keys/{platform.key_id}"
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        assert (await operator.do("POST", f"{theirs}/disable"))["stopped"]
        await becomes(dev, platform.key, 401)
        seen = await dev.get(mine)
        assert (seen["state"], seen["stopped"]) == ("disabled", True)
        said = await dev.ask("POST", f"{mine}/enable")
        assert (dev.status, "Ask them" in said["error"]["message"]) == (403, True)
        await dev.confirm()
        assert await dev.refused("POST", f"{mine}/reset") == (403, "forbidden")
        assert await call(dev, platform.key) == 401
        assert not (await operator.do("POST", f"{theirs}/enable"))["stopped"]
        await becomes(dev, platform.key, 200)


@pytest.mark.parametrize(
    ("text", "found"), [("dev@", 1), ("%", 0), ("_ev@", 0), ("EXAMPLE.com", 2), ("\\", 0)]
)
async def test_a_search_takes_wildcards_for_what_they_are(
    platform: TestPlatform, text: str, found: int
) -> None:
    """A percent sign or an underscore in a search finds only itself."""
    async with browser(platform) as operator:
        rows = await operator.get(f"/operator/accounts?q={quote(text)}")
        assert len(rows["data"]) == found


async def test_accounts_are_listed_in_pages_that_stay_what_they_were(platform: TestPlatform) -> None:
    """Accounts made after the first page do not shift the second."""
    async with browser(platform) as operator:
        for number in range(3):
            await operator.do("POST", "/operator/accounts", {"email": f"a{number}@example.com"})
        there = [row["id"] for row in (await operator.get("/operator/accounts"))["data"]]
        first = await operator.get("/operator/accounts?limit=2")
        await operator.do("POST", "/operator/accounts", {"email": "late@example.com"})
        second = await operator.get(f"/operator/accounts?limit=2&cursor={first['next_cursor']}")
        third = await operator.get(f"/operator/accounts?limit=2&cursor={second['next_cursor']}")
        assert [row["id"] for page in (first, second, third) for row in page["data"]] == there
        assert third["next_cursor"] is None


async def test_a_made_account_signs_in_with_a_password_that_asks_to_be_changed(
    platform: TestPlatform,
) -> None:
    """Until it is changed the session says that somebody else chose it."""
    async with browser(platform) as operator, browser(platform, None) as new:
        made = await operator.do(
            "POST", "/operator/accounts", {"email": "new@example.com", "currency": "CNY"}
        )
        me = await new.sign_in("new@example.com", made["password"])
        assert (me["password_given"], me["currency"]) == (True, "CNY")
        change = {"old": made["password"], "new": "a password of my own"}
        assert not (await new.do("PUT", "/session/password", change))["password_given"]


async def test_a_grant_is_carried_out_once_and_taking_back_stops_at_nothing(platform: TestPlatform) -> None:
    """The same word given twice, as by an impatient click, changes nothing the second time."""
    async with browser(platform) as operator:
        grant = {"amount": "5.00", "currency": "USD", "note": "welcome", "once": "click-1"}
        for _ in range(2):
            done = await operator.do("POST", f"{account(platform)}/grant", grant)
            assert done["balance"] == "1005.00"
        take = {"amount": "-1005.01", "currency": "USD", "note": "back"}
        assert await operator.refused("POST", f"{account(platform)}/grant", take) == (402, "no_funds")
        other = {"amount": "5.00", "currency": "CNY", "note": "x"}
        assert await operator.refused("POST", f"{account(platform)}/grant", other) == (400, "bad_value")
        assert await operator.refused("POST", f"{account(platform)}/grant", {**grant, "amount": 5}) == (
            400,
            "bad_value",
        )
        assert (await operator.get("/operator/ledger/verify"))["ok"]


async def test_an_exchange_is_refunded_once(platform: TestPlatform) -> None:
    """The wallet has what it had, and the second refund says that it was not the first."""
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        before = (await dev.get("/wallet"))["balance"]
        assert await call(dev, platform.key) == 200
        (exchange,) = (await operator.get(f"{account(platform)}/exchanges"))["data"]
        assert exchange["target"] == "scripted"
        path = f"{account(platform)}/exchanges/{exchange['id']}/refund"
        assert await operator.do("POST", path, {"note": "sorry"}) == {"first": True}
        assert await operator.do("POST", path, {"note": "sorry"}) == {"first": False}
        assert (await dev.get("/wallet"))["balance"] == before


async def test_a_plan_is_written_given_and_retired(platform: TestPlatform) -> None:
    """With windows and cheaper hours; a retired one is not on offer, and its holder keeps it."""
    plan = {
        "name": {"en": "Team", "zh": "团队"},
        "credits": "1000000",
        "prices": {"USD": {"month": "20.00"}},
        "windows": [{"name": "5h", "seconds": 18000, "credits": "5000.5"}],
        "off_peak": [{"start": "16:00", "end": "00:00", "zone": "UTC", "permille": 800}],
        "most_seats": 5,
    }
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        made = await operator.do("PUT", "/operator/plans/team", plan)
        assert made["windows"] == [{"name": "5h", "seconds": 18000, "credits": "5000.5"}]
        assert made["prices"]["CNY"] == {"month": None, "year": None}
        given = await operator.do("POST", f"{account(platform)}/plan", {"plan_id": "team"})
        assert given["secret"].startswith("tp-")
        (window,) = (await dev.get("/plan"))["subscription"]["windows"]
        assert (window["limit"], window["used"]) == ("5000.5", "0")
        await operator.do("POST", "/operator/plans/team/retire")
        assert (await dev.get("/plans"))["data"] == []
        assert [each["holders"] for each in (await operator.get("/operator/plans"))["data"]] == [1]
        await operator.do("POST", f"{account(platform)}/plan/end", {"reason": "moved"})
        assert (await dev.get("/plan"))["subscription"] is None
        bad = {**plan, "off_peak": [{"start": "16:00", "end": "24:00", "zone": "UTC", "permille": 800}]}
        assert await operator.refused("PUT", "/operator/plans/team", bad) == (400, "bad_value")
        nowhere = {**plan, "off_peak": [{"start": "16:00", "end": "00:00", "zone": "Moon", "permille": 1}]}
        assert await operator.refused("PUT", "/operator/plans/team", nowhere) == (400, "bad_value")


async def test_the_plans_that_ship_can_be_begun_from(platform: TestPlatform) -> None:
    """They are told whole, and can be written as they are told."""
    async with browser(platform) as operator:
        shipped = (await operator.get("/operator/plans/presets"))["data"]
        assert [each["id"] for each in shipped] == [plan.id for plan in preset_plans()]
        terms = {
            key: value for key, value in shipped[0].items() if key not in ("id", "position", "retired_at")
        }
        await operator.do("PUT", f"/operator/plans/{shipped[0]['id']}", terms)
        assert (await operator.get("/operator/plans"))["data"] == [{**shipped[0], "holders": 0}]


async def test_the_list_of_accounts_tells_what_each_used_of_late(platform: TestPlatform) -> None:
    """Days that are summed up and those that are not count once each; who used nothing has zeros."""
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        await call(dev, platform.key)
        await roll_up(platform.database, SystemClock())
        await call(dev, platform.key)
        rows = {each["email"]: each["recent"] for each in (await operator.get("/operator/accounts"))["data"]}
        (one, other) = (await dev.get("/exchanges"))["data"]
        cost = f"{Decimal(one['receipt']['cost']) + Decimal(other['receipt']['cost']):f}"
        told = rows[EMAIL]
        assert (told["requests"], Decimal(told["cost"]), told["credits"]) == (2, Decimal(cost), "0")
        assert rows[OPERATOR] == {"requests": 0, "cost": "0.00", "credits": "0"}
        assert (await operator.get(account(platform)))["recent"] == told


async def test_a_batch_of_codes_is_counted_and_stopped(platform: TestPlatform) -> None:
    """Codes are shown whole once; a stopped batch cannot be redeemed any more."""
    async with browser(platform) as operator, browser(platform, EMAIL) as dev:
        asked = {"amount": "2.50", "currency": "USD", "count": 3}
        made = await operator.do("POST", "/operator/codes/batches", asked)
        await dev.do("POST", "/wallet/redeem", {"code": made["codes"][0]})
        path = f"/operator/codes/batches/{made['batch']}"
        assert await operator.do("POST", f"{path}/disable") == {"stopped": 2}
        (batch,) = (await operator.get("/operator/codes/batches"))["data"]
        assert [batch[name] for name in ("count", "redeemed", "disabled", "left")] == [3, 1, 2, 0]
        listed = await operator.get(f"{path}?limit=2")
        assert len(listed["data"]) == 2
        assert not [code for code in made["codes"] if code in str(listed)]
        assert await dev.refused("POST", "/wallet/redeem", {"code": made["codes"][1]}) == (
            409,
            "code_disabled",
        )


async def test_a_catalogue_file_is_previewed_without_effect_and_applied_with(platform: TestPlatform) -> None:
    """The preview shows before and after and changes nothing; applying needs the password and is audited."""
    toml = """
[[models]]
id = "mimo-v2.5-pro"
targets = [{ target = "scripted", model = "upstream-name" }]
price.USD = { input = 9.0, output = 9.0 }

[[models]]
id = "new-model"
targets = [{ target = "scripted", model = "another" }]
"""
    async with browser(platform) as operator:
        before = await operator.get("/operator/catalogue")
        preview = await operator.do("POST", "/operator/catalogue/preview", {"toml": toml})
        assert [(each["id"], each["change"]) for each in preview["changes"]] == [
            ("mimo-v2.5-pro", "updated"),
            ("new-model", "created"),
        ]
        assert [each["price_changed"] for each in preview["changes"]] == [True, False]
        assert await operator.get("/operator/catalogue") == before
        assert await operator.do("POST", "/operator/catalogue/apply", {"toml": toml}) == preview
        for _ in range(100):
            offered = [model["id"] for model in (await operator.get("/models"))["data"]]
            if "new-model" in offered:
                break
            await asyncio.sleep(0.1)
        assert offered == ["mimo-v2.5-pro", "new-model"]
        versions = (await operator.get("/operator/catalogue/prices/mimo-v2.5-pro"))["data"]
        assert {each["price"]["input"] for each in versions if each["price"]} == {"0.435", "9.00"}
        for wrong in ("not toml", '[[models]]\nid = "x"\ntargets = [{ target = "gone", model = "m" }]'):
            for act in ("preview", "apply"):
                refused = await operator.refused("POST", f"/operator/catalogue/{act}", {"toml": wrong})
                assert refused == (400, "bad_value")


TARGET = '[[targets]]\nid = "{id}"\nengine = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'


async def test_a_target_is_tried_as_it_is_on_the_screen(platform: TestPlatform) -> None:
    """One tiny request to a target that is not saved; time to the first frame, and what it said."""
    async with browser(platform) as operator:
        asked = {"toml": TARGET.format(id="unsaved"), "model": "some-model"}
        tried = await operator.do("POST", "/operator/targets/test", asked)
        assert tried["first_ms"] >= 0
        assert tried["text"] == "Let me think.你好, world"
        (listed,) = (await operator.get("/operator/targets"))["data"]
        assert (listed["id"], listed["in_flight"], listed["runs_here"]) == ("scripted", 0, True)


async def test_a_target_that_fails_says_so_in_its_own_words(tmp_path: Path) -> None:
    """Its fault is the answer: the API itself has not failed."""
    engine = ScriptedEngine(Fault(Code.UPSTREAM_REFUSED, "The model's server says: no such model."))
    async with (
        open_test_platform(tmp_path, {"openai": engine}, operator=True) as platform,
        browser(platform) as operator,
    ):
        asked = {"toml": TARGET.format(id="unsaved"), "model": "some-model"}
        tried = await operator.do("POST", "/operator/targets/test", asked)
        assert (tried["first_ms"], tried["fault"]) == (None, "upstream_refused")
        assert "no such model" in tried["message"]


async def test_running_exchanges_are_seen_without_their_prompts(tmp_path: Path) -> None:
    """While a reply runs, the live page shows whose it is and what it has used; afterwards it is gone."""
    going = asyncio.Event()

    async def wait() -> None:
        await going.wait()

    engine = ScriptedEngine([START, PartOpened(0, Text()), TextDelta(0, "secret words"), wait])
    async with (
        open_test_platform(tmp_path, {"openai": engine}, operator=True) as platform,
        browser(platform) as operator,
    ):
        asking = asyncio.create_task(call(operator, platform.key))
        live = await _live(operator, 1)
        (flying,) = live["exchanges"]
        assert (flying["email"], flying["model"]) == (EMAIL, "mimo-v2.5-pro")
        assert "secret words" not in str(live)
        assert ASK["messages"][0]["content"] not in str(live)
        going.set()
        await asking
        assert (await _live(operator, 0))["exchanges"] == []


async def _live(operator: Browser, count: int) -> dict[str, list[dict[str, object]]]:
    for _ in range(100):
        live: dict[str, list[dict[str, object]]] = await operator.get("/operator/live")
        if len(live["exchanges"]) == count:
            return live
        await asyncio.sleep(0.05)
    raise AssertionError(f"there are not {count} exchanges in flight")


async def test_settings_are_shown_with_their_source_and_without_secrets(tmp_path: Path) -> None:
    """Default, file or environment; passwords in addresses are masked."""
    (tmp_path / "tokenmill.toml").write_text("[accounts]\nsession_days = 5\n")
    environ = {
        "TOKENMILL__CACHE__URL": "redis://:hunter2hunter2@cache/0",
        "TOKENMILL__ACCOUNTS__SIGNUP": "closed",
    }
    async with (
        open_test_platform(tmp_path, operator=True, environ=environ) as platform,
        browser(platform) as operator,
    ):
        rows = (await operator.get("/operator/settings"))["data"]
        found = {(row["section"], row["key"]): (row["value"], row["source"]) for row in rows}
        assert found["accounts", "session_days"] == (5, "file")
        assert found["accounts", "signup"] == ("closed", "environment")
        assert found["accounts", "session_idle_days"] == (7, "default")
        assert "hunter2" not in str(rows)
        secret = (tmp_path / "secret").read_text().strip()
        assert secret not in str(rows)
        (node,) = (await operator.get("/operator/nodes"))["data"]
        assert node["alive"]
