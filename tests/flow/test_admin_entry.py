"""Coming in, staying in and going out, told over HTTP as browsers do it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from tests.flow.admin_client import API, Browser, browser
from tokenmill.store.work_tables import AuditEntry
from tokenmill.testing import OPERATOR, PASSWORD, FixedClock, TestPlatform, open_test_platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[TestPlatform]:
    async with open_test_platform(tmp_path, operator=True) as opened:
        yield opened


def cookie_of(one: Browser) -> SimpleCookie:
    return SimpleCookie(one.headers["set-cookie"])


async def test_a_session_lives_in_a_cookie_that_pages_cannot_read(platform: TestPlatform) -> None:
    """HttpOnly, SameSite=Lax, only below the API; not Secure where people come by http."""
    async with browser(platform, None) as one:
        assert await one.refused("GET", "/session") == (401, "signed_out")
        me = await one.sign_in()
        (cookie,) = cookie_of(one).values()
        assert cookie.key == "tm_session"
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/console/api/")
        assert not cookie["secure"]
        assert cookie.value not in str(me)
        assert one.headers["cache-control"] == "no-store"
        assert (await one.get("/session"))["email"] == OPERATOR
        await one.do("DELETE", "/session")
        assert await one.refused("GET", "/session") == (401, "signed_out")


async def test_behind_https_the_cookie_is_for_https_alone(tmp_path: Path) -> None:
    """The public address decides, since a proxy speaks TLS for us; no neighbour can plant the cookie."""
    environ = {"TOKENMILL__SERVER__PUBLIC_URL": "https://mill.example"}
    async with (
        open_test_platform(tmp_path, operator=True, environ=environ) as secure,
        aiohttp.ClientSession() as http,
    ):
        body = {"email": OPERATOR, "password": PASSWORD}
        own = {"origin": "https://mill.example"}
        async with http.post(f"{secure.url}{API}/session", json=body, headers=own) as reply:
            assert reply.status == 200
            (cookie,) = SimpleCookie(reply.headers["set-cookie"]).values()
            assert (cookie.key, cookie["path"], cookie["domain"]) == ("__Host-tm_session", "/", "")
            assert cookie["secure"]
            me = await reply.json()
        sent = {
            "cookie": f"tm_session=planted; {cookie.key}={cookie.value}",
            "x-csrf-token": me["csrf_token"],
        }
        async with http.get(f"{secure.url}{API}/session", headers=sent) as reply:
            assert (await reply.json())["session_id"] == me["session_id"]
        async with http.delete(f"{secure.url}{API}/session", headers=sent) as reply:
            (gone,) = SimpleCookie(reply.headers["set-cookie"]).values()
            assert (gone.key, gone["path"], gone["max-age"]) == (cookie.key, "/", "0")


async def test_a_wrong_password_is_told_in_the_same_words_to_everybody_and_then_throttled(
    platform: TestPlatform,
) -> None:
    """401 five times, then 429 with the seconds to wait, for known and unknown users alike."""
    said = []
    for email in (OPERATOR, "nobody@example.com"):
        async with browser(platform, None) as one:
            answers = []
            for _ in range(6):
                reply = await one.ask("POST", "/session", {"email": email, "password": "wrong"})
                answers.append((one.status, reply["error"]["code"], reply["error"]["message"]))
            assert [status for status, _, _ in answers] == [401] * 5 + [429]
            assert 1 <= int(one.headers["retry-after"]) <= 30
            said.append(answers[:5])
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_other_sites_can_neither_act_nor_sign_somebody_in(
    platform: TestPlatform, headers: dict[str, str]
) -> None:
    """Not even with the right CSRF token; reading is up to the browser's own rules."""
    async with browser(platform) as one:
        assert await one.refused("POST", "/keys", {"name": "x"}, **headers) == (403, "wrong_origin")
        credentials = {"email": OPERATOR, "password": PASSWORD}
        assert await one.refused("POST", "/session", credentials, **headers) == (403, "wrong_origin")
        assert await one.get("/keys") == {"data": []}


async def test_the_csrf_token_of_another_session_is_refused(platform: TestPlatform) -> None:
    """It is bound to the session, so that a token of one's own does not help against others."""
    async with browser(platform) as one, browser(platform) as two:
        one.csrf = two.csrf
        assert await one.refused("POST", "/keys", {"name": "x"}) == (403, "wrong_csrf_token")
        same = f"http://{platform.url.removeprefix('http://')}"
        two_headers = {"origin": same, "sec-fetch-site": "same-origin"}
        await two.ask("POST", "/keys", {"name": "x"}, **two_headers)
        assert two.status == 201


@pytest.mark.parametrize("host", ["a b", "a/b", "evil.example/?", "a@b", "[::1", ""])
async def test_a_malformed_host_is_refused(platform: TestPlatform, host: str) -> None:
    """What is no host never reaches a place that builds addresses from it."""
    async with browser(platform) as one:
        assert (await one.ask("GET", "/session", host=host))["error"]["code"] == "bad_value"
        assert one.status == 400


async def test_dangerous_acts_ask_for_the_password_again_after_ten_minutes(tmp_path: Path) -> None:
    """403 confirm_first, and the same call passes once the password has been given."""
    clock = FixedClock()
    async with (
        open_test_platform(tmp_path, operator=True, clock=clock) as platform,
        browser(platform) as one,
    ):
        clock.advance(601)
        assert await one.refused("GET", "/account/export") == (403, "confirm_first")
        assert (await one.get("/session"))["confirmed"] is False
        assert await one.refused("POST", "/session/confirm", {"password": "wrong"}) == (401, "wrong_password")
        await one.confirm()
        await one.get("/account/export")


async def test_one_sees_ones_browsers_and_ends_them(platform: TestPlatform) -> None:
    """A session that was ended elsewhere is out at its next call."""
    async with browser(platform) as here, browser(platform) as there:
        listed = (await here.get("/sessions"))["data"]
        assert [each["current"] for each in listed] == [False, True]
        await here.do("DELETE", f"/sessions/{listed[0]['id']}")
        assert await there.refused("GET", "/session") == (401, "signed_out")
        await there.sign_in()
        await here.do("POST", "/sessions/end-others")
        assert await there.refused("GET", "/keys") == (401, "signed_out")
        assert len((await here.get("/sessions"))["data"]) == 1


async def test_a_changed_password_ends_other_sessions_and_the_old_one_is_no_good(
    platform: TestPlatform,
) -> None:
    """The browser that changed it goes on."""
    async with browser(platform) as here, browser(platform) as there:
        new = "another good password"
        assert await here.refused("PUT", "/session/password", {"old": PASSWORD, "new": "short"}) == (
            400,
            "bad_value",
        )
        await here.do("PUT", "/session/password", {"old": PASSWORD, "new": new})
        assert await there.refused("GET", "/session") == (401, "signed_out")
        await here.get("/session")
        credentials = {"email": OPERATOR, "password": PASSWORD}
        assert await there.refused("POST", "/session", credentials) == (401, "wrong_password")
        await there.sign_in(password=new)


async def test_an_invited_member_joins_sees_the_account_and_may_not_invite(platform: TestPlatform) -> None:
    """The link works once; its token is behind # and never in an address that servers see."""
    async with browser(platform) as owner, browser(platform, None) as guest:
        made = await owner.do("POST", "/invitations", {"email": "new@example.com"})
        page, _, token = made["link"].partition("#")
        assert page.endswith("/console/invite")
        assert token not in str(await owner.get("/invitations"))
        seen = await guest.do("POST", "/invitations/look", {"token": token})
        assert (seen["email"], seen["standing"], seen["into_account"]) == ("new@example.com", "member", True)
        use = {"token": token, "password": "a good password", "language": "zh-CN"}
        await guest.do("POST", "/invitations/accept", use)
        assert await guest.refused("POST", "/invitations/accept", use) == (404, "unusable_ticket")
        me = await guest.sign_in("new@example.com", "a good password")
        assert (me["standing"], me["role"], me["language"]) == ("member", "developer", "zh-CN")
        assert me["account_email"] == OPERATOR
        assert len((await guest.get("/members"))["data"]) == 2
        assert await guest.refused("POST", "/invitations", {"email": "a@b.example"}) == (403, "forbidden")
        await owner.do("DELETE", f"/members/{me['user_id']}")
        assert await guest.refused("GET", "/session") == (401, "signed_out")


async def test_a_withdrawn_invitation_is_no_good(platform: TestPlatform) -> None:
    """And is not listed any more."""
    async with browser(platform) as owner:
        made = await owner.do("POST", "/invitations", {"email": "new@example.com"})
        await owner.do("DELETE", f"/invitations/{made['id']}")
        token = made["link"].partition("#")[2]
        assert await owner.refused("POST", "/invitations/look", {"token": token}) == (404, "unusable_ticket")
        assert await owner.get("/invitations") == {"data": []}


async def test_an_operator_invites_to_an_account_of_ones_own_in_its_currency(platform: TestPlatform) -> None:
    """The guest owns the new account."""
    async with browser(platform) as operator, browser(platform, None) as guest:
        asked = {"email": "new@example.com", "currency": "CNY"}
        made = await operator.do("POST", "/operator/invitations", asked)
        token = made["link"].partition("#")[2]
        await guest.do("POST", "/invitations/accept", {"token": token, "password": "a good password"})
        me = await guest.sign_in("new@example.com", "a good password")
        assert (me["currency"], me["standing"], me["account_email"]) == ("CNY", "owner", "new@example.com")


async def test_sign_up_is_for_open_platforms_only(platform: TestPlatform) -> None:
    """By default people come by invitation, and the welcome says so."""
    async with browser(platform, None) as one:
        assert (await one.get("/welcome"))["signup"] == "invite"
        asked = {"email": "new@example.com", "password": "a good password"}
        assert await one.refused("POST", "/sign-up", asked) == (403, "forbidden")


async def test_on_an_open_platform_one_makes_an_account_and_few_a_day(tmp_path: Path) -> None:
    """One address makes five accounts and then has to wait."""
    environ = {"TOKENMILL__ACCOUNTS__SIGNUP": "open"}
    async with (
        open_test_platform(tmp_path, operator=True, environ=environ) as platform,
        browser(platform, None) as one,
    ):
        for number in range(5):
            asked = {"email": f"new{number}@example.com", "password": "a good password"}
            await one.do("POST", "/sign-up", asked)
        me = await one.sign_in("new0@example.com", "a good password")
        assert (me["role"], me["standing"]) == ("developer", "owner")
        asked = {"email": "more@example.com", "password": "a good password"}
        assert await one.refused("POST", "/sign-up", asked) == (429, "rate_limited")


async def test_a_forgotten_password_is_replaced_by_a_link_that_an_operator_hands_over(
    platform: TestPlatform,
) -> None:
    """Asking for one by mail answers the same for everybody."""
    async with browser(platform) as operator, browser(platform, None) as forgetful:
        for email in ("dev@example.com", "nobody@example.com"):
            await forgetful.do("POST", "/password-reset", {"email": email})
            assert forgetful.status == 202
        account = (await operator.get("/operator/accounts?q=dev@"))["data"][0]
        detail = await operator.get(f"/operator/accounts/{account['id']}")
        user = detail["members"][0]["id"]
        made = await operator.do("POST", f"/operator/users/{user}/password-reset")
        page, _, token = made["link"].partition("#")
        assert page.endswith("/console/reset")
        use = {"token": token, "password": "a new password"}
        await forgetful.do("POST", "/password-reset/use", use)
        assert await forgetful.refused("POST", "/password-reset/use", use) == (404, "unusable_ticket")
        await forgetful.sign_in("dev@example.com", "a new password")


async def test_what_is_wrong_in_a_body_is_named_and_never_repeated(platform: TestPlatform) -> None:
    """One form of error: the field's path, and no value that may be a secret."""
    async with browser(platform, None) as one:
        said = await one.ask("POST", "/session", {"email": OPERATOR, "password": ["hunter2-hunter2"]})
        assert (one.status, said["error"]["field"]) == (400, "password")
        assert "hunter2" not in str(said)
        said = await one.ask("POST", "/session", {"email": OPERATOR, "password": PASSWORD, "extra": 1})
        assert (one.status, said["error"]["field"]) == (400, "extra")
        url = f"{platform.url}{API}/session"
        for data, code in ((b"{", "bad_json"), (b"[]", "bad_value"), (b"x" * 3_000_000, "too_large")):
            body = io.BytesIO(data)
            async with one.http.post(url, data=body, headers={"content-type": "application/json"}) as reply:
                assert (await reply.json())["error"]["code"] == code
        assert (await one.ask("GET", "/nothing"))["error"]["code"] == "not_found"
        assert (await one.ask("PUT", "/keys"))["error"]["code"] == "wrong_method"
        assert one.status == 405


@pytest.mark.parametrize("loopback", [True, False])
async def test_a_webhook_on_this_machine_is_taken_where_the_settings_allow_it(
    tmp_path: Path, loopback: bool
) -> None:
    """It is for trying; elsewhere it would be a way to reach what the platform alone can reach."""
    environ = {"TOKENMILL__WEBHOOKS__LOOPBACK": "true"} if loopback else {}
    async with (
        open_test_platform(tmp_path, operator=True, environ=environ) as mill,
        browser(mill) as one,
    ):
        await one.confirm()
        body = {"url": "http://127.0.0.1:9000/hook"}
        if loopback:
            assert (await one.do("PUT", "/account/webhook", body))["secret"].startswith("whsec_")
        else:
            assert await one.refused("PUT", "/account/webhook", body) == (400, "bad_value")


async def test_no_secret_gets_into_the_audit_log(platform: TestPlatform) -> None:
    """Passwords, keys, links and codes are in no entry, and every act is in one."""
    async with browser(platform) as one:
        key = await one.do("POST", "/keys", {"name": "mine"})
        link = (await one.do("POST", "/invitations", {"email": "new@example.com"}))["link"]
        codes = await one.do(
            "POST", "/operator/codes/batches", {"amount": "5.00", "currency": "USD", "count": 1}
        )
        hook = await one.do("PUT", "/account/webhook", {"url": "https://example.com/hook"})
        reset = await one.do("POST", f"/keys/{key['key']['id']}/reset")
    async with platform.database.read() as view:
        entries = (await view.session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [entry.action for entry in entries] == [
        "session.open",
        "key.create",
        "user.invite",
        "codes.create",
        "account.webhook",
        "key.reset",
    ]
    written = "".join(entry.details + entry.subject for entry in entries)
    secrets = [
        key["secret"],
        reset["secret"],
        hook["secret"],
        *codes["codes"],
        link.partition("#")[2],
        PASSWORD,
    ]
    assert not [secret for secret in secrets if secret in written]
