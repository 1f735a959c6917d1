"""Coming in by an identity provider, told over HTTP between a browser, the platform and a real provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from tests.flow.admin_client import API, Browser, browser
from tests.flow.oidc_provider import CLIENT, SECRET, Provider, open_provider, short_key
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.passwords import NO_PASSWORD, hash_password
from tokenmill.store.identity_tables import Identity
from tokenmill.store.tables import User
from tokenmill.store.work_tables import AuditEntry, Session
from tokenmill.testing import OPERATOR, PASSWORD, FixedClock, TestPlatform, open_test_platform

SIGN_IN = "/console/sign-in"


class Stage:
    """A platform, its provider, and the clock of both."""

    def __init__(self, platform: TestPlatform, provider: Provider, clock: FixedClock) -> None:
        self.platform = platform
        self.provider = provider
        self.clock = clock

    async def user(self, email: str, *, given: bool = False, password: str | None = None) -> str:
        """A user with an account; `given`: an operator made it. Their id."""
        password_hash = NO_PASSWORD if password is None else await hash_password(password)
        async with self.platform.database.write() as work:
            await create_account(work, self.clock, email=email, password_hash=password_hash, given=given)
            found = await work.session.scalars(select(User.id).where(User.email == email))
            return found.one()

    async def count(self, table: type[Any]) -> int:
        """How many rows there are."""
        async with self.platform.database.read() as view:
            return await view.session.scalar(select(func.count()).select_from(table)) or 0

    async def audited(self, action: str) -> list[AuditEntry]:
        """The audit log's entries of this action, the oldest first."""
        async with self.platform.database.read() as view:
            query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
            return list(await view.session.scalars(query))


@asynccontextmanager
async def open_stage(directory: Path, **settings: str) -> AsyncIterator[Stage]:
    """`settings` are those of `[oidc]`."""
    clock = FixedClock()
    async with open_provider(clock) as provider:
        (directory / "client-secret").write_text(SECRET)
        own = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": "file:client-secret",
            "sign_up": "open",
            "timeout": "0.5",
            **settings,
        }
        environ = {f"TOKENMILL__OIDC__{name.upper()}": value for name, value in own.items()}
        async with open_test_platform(directory, operator=True, clock=clock, environ=environ) as platform:
            yield Stage(platform, provider, clock)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


async def begin(one: Browser, way: str = "start", **body: Any) -> str:
    """Where the page sends the browser."""
    url: str = (await one.do("POST", f"/oidc/{way}", body))["url"]
    return url


async def at_provider(one: Browser, url: str) -> str:
    """Lets the provider answer; the way back to the platform, as it listens here."""
    async with one.http.get(url, allow_redirects=False) as reply:
        assert reply.status == 302
        back = urlsplit(reply.headers["location"])
    assert back.path == f"{API}/oidc/callback"
    return f"{one.platform.url}{back.path}?{back.query}"


async def come_back(one: Browser, url: str) -> str:
    """Follows the way back; the page that the browser is sent to."""
    async with one.http.get(url, allow_redirects=False) as reply:
        one.status = reply.status
        one.headers = {name.lower(): value for name, value in reply.headers.items()}
        assert reply.status == 303, await reply.text()
        return reply.headers["location"]


async def whole_way(one: Browser, way: str = "start", **body: Any) -> str:
    """The page at which a whole round ends."""
    return await come_back(one, await at_provider(one, await begin(one, way, **body)))


def problem_of(page: str) -> str:
    """The problem that the page is told."""
    return parse_qs(urlsplit(page).query).get("problem", ["none"])[0]


async def signed_in(one: Browser) -> Any:
    """Who came in; the CSRF token is kept as a page would."""
    me = await one.get("/session")
    one.csrf = me["csrf_token"]
    return me


async def stays_out(one: Browser) -> None:
    """Nobody is signed in in this browser."""
    assert await one.refused("GET", "/session") == (401, "signed_out")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
async def test_a_first_time_identity_gets_an_account_where_the_settings_say_so(
    stage: Stage, alg: str
) -> None:
    """PKCE, state and nonce go out; the session comes in a new cookie, and the page is the one asked for."""
    stage.provider.alg = alg
    async with browser(stage.platform, None) as one:
        url = await begin(one, return_to="/console/usage?by=model")
        (cookie,) = SimpleCookie(one.headers["set-cookie"]).values()
        assert (cookie["httponly"], cookie["samesite"]) == (True, "lax")
        assert (cookie["path"], cookie["max-age"]) == (f"{API}/oidc/callback", "600")
        asked = parse_qs(urlsplit(url).query)
        assert (asked["response_type"], asked["scope"]) == (["code"], ["openid email"])
        assert asked["code_challenge_method"] == ["S256"]
        assert "prompt" not in asked
        kept = asked["state"][0], asked["nonce"][0], asked["code_challenge"][0]
        assert len(set(kept)) == 3
        assert all(len(each) == 43 and each not in cookie.value for each in kept)

        assert await come_back(one, await at_provider(one, url)) == "/console/usage?by=model"
        me = await signed_in(one)
        assert (me["email"], me["role"], me["standing"]) == ("new@example.com", "developer", "owner")
        assert (me["confirms_by"], me["confirmed"]) == (["oidc"], True)
        assert [each["email"] for each in (await one.get("/oidc/identities"))["data"]] == ["new@example.com"]
        (opened,) = await stage.audited("session.open")
        assert (opened.actor, opened.address) == ("new@example.com", "127.0.0.1")
        assert stage.provider.issuer in opened.details
        assert await one.refused("GET", "/oidc/problem") == (404, "not_found")


async def test_who_came_in_once_is_known_by_the_subject_whatever_their_address_becomes(stage: Stage) -> None:
    """The name at the provider counts, and the user's own address stays."""
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as two:
        await whole_way(one)
        first = await signed_in(one)
        stage.provider.email, stage.provider.verified = "renamed@example.com", False
        await whole_way(two)
        second = await signed_in(two)
        assert (second["user_id"], second["email"]) == (first["user_id"], "new@example.com")


async def test_an_address_that_went_to_somebody_else_does_not_take_its_user_along(stage: Stage) -> None:
    """Another subject with the same verified address is another person."""
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as two:
        await whole_way(one)
        stage.provider.subject = "sub-2"
        assert problem_of(await whole_way(two)) == "other_identity"
        await stays_out(two)


async def test_a_verified_address_joins_the_user_whom_an_operator_made(stage: Stage) -> None:
    """In any case of letters; without `email_verified`, or with anything but true in it, nobody is joined."""
    user_id = await stage.user("known@example.com", given=True)
    async with browser(stage.platform, None) as one:
        stage.provider.email = "Known@Example.com"
        for unverified in (False, None, 1, "false", "yes", [True]):
            stage.provider.verified = unverified
            assert problem_of(await whole_way(one)) == "unverified_email", unverified
        await stays_out(one)
        stage.provider.verified = True
        stage.provider.userinfo = {"sub": "sub-1"}
        stage.provider.email = "\u212anown@example.com"  # A Kelvin sign; its lower case is an ASCII k.
        assert problem_of(await whole_way(one)) == "no_email"
        stage.provider.email = "Known@Example.com"
        assert await stage.count(Identity) == 0
        await whole_way(one)
        assert (await signed_in(one))["user_id"] == user_id
        assert len(await stage.audited("user.join_identity")) == 1


async def test_who_signed_up_with_anothers_address_does_not_catch_its_owner(stage: Stage) -> None:
    """An address that was only claimed is joined from within, by who knows the password."""
    await stage.user("new@example.com", password=PASSWORD)
    async with browser(stage.platform, None) as one:
        assert problem_of(await whole_way(one)) == "join_first"
        await stays_out(one)
        await one.sign_in("new@example.com")
        assert await whole_way(one, "join", return_to="/console/account") == "/console/account"
        me = await signed_in(one)
        assert me["confirms_by"] == ["password", "oidc"]
    async with browser(stage.platform, None) as two:
        await whole_way(two)
        assert (await signed_in(two))["user_id"] == me["user_id"]


async def test_a_state_that_this_browser_was_not_given_ends_the_round(stage: Stage) -> None:
    """Changed, missing, twice, of another browser: nobody is asked about the code, and nobody comes in."""
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as other:
        back = await at_provider(one, await begin(one))
        theirs = await at_provider(other, await begin(other))
        code = parse_qs(urlsplit(back).query)["code"][0]
        state = parse_qs(urlsplit(back).query)["state"][0]
        callback = back.partition("?")[0]
        for url in (
            f"{callback}?code={code}&state={state[::-1]}",
            f"{callback}?code={code}",
            f"{callback}?code={code}&state=",
            f"{callback}?code={code}&state={state}&state={state}",
            f"{callback}?code={code}&state=%C3%BC",
            theirs,
        ):
            await begin(one)
            assert await come_back(one, url) == f"{SIGN_IN}?problem=round_over"
        await stays_out(one)
        assert "/token" not in stage.provider.asked


async def test_a_round_ends_only_in_the_browser_that_began_it(stage: Stage) -> None:
    """An attacker's answer, opened by a victim without the attacker's cookie, signs nobody in."""
    async with browser(stage.platform, None) as attacker, browser(stage.platform, None) as victim:
        back = await at_provider(attacker, await begin(attacker))
        assert problem_of(await come_back(victim, back)) == "round_over"
        await stays_out(victim)
        await begin(victim)
        assert problem_of(await come_back(victim, back)) == "round_over"
        await stays_out(victim)


async def test_a_code_of_another_round_is_worth_nothing_in_this_one(stage: Stage) -> None:
    """A stolen code put into one's own answer lacks its verifier: the provider refuses it."""
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as other:
        stolen = parse_qs(urlsplit(await at_provider(other, await begin(other))).query)["code"][0]
        own = parse_qs(urlsplit(await begin(one)).query)["state"][0]
        callback = f"{stage.platform.url}{API}/oidc/callback"
        assert problem_of(await come_back(one, f"{callback}?code={stolen}&state={own}")) == "provider_refused"
        await stays_out(one)


async def test_a_round_is_good_once_even_where_the_provider_takes_codes_twice(stage: Stage) -> None:
    """Whoever has both the address and the cookie comes second."""
    stage.provider.codes_are_good_once = False
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as two:
        back = await at_provider(one, await begin(one))
        round_cookie = SimpleCookie(one.headers["set-cookie"])["tm_oidc"].value if one.headers else ""
        kept = {each.key: each.value for each in one.http.cookie_jar}
        assert await come_back(one, back) == "/console/"
        assert "tm_oidc" not in {each.key for each in one.http.cookie_jar}
        cookies = {"tm_oidc": kept["tm_oidc"]}
        async with two.http.get(back, cookies=cookies, allow_redirects=False) as reply:
            assert reply.headers["location"] == f"{SIGN_IN}?problem=round_over"
        assert round_cookie == kept["tm_oidc"]
        assert await stage.count(Session) == 1


async def test_a_round_is_over_after_ten_minutes(stage: Stage) -> None:
    """Whatever the browser still keeps."""
    async with browser(stage.platform, None) as one:
        back = await at_provider(one, await begin(one))
        stage.clock.advance(601)
        assert problem_of(await come_back(one, back)) == "round_over"
        await stays_out(one)


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another-client"},
    "no audience": {"aud": None},
    "several audiences, and no party": {"aud": [CLIENT, "another"]},
    "another party": {"azp": "another"},
    "another party of several": {"aud": [CLIENT, "another"], "azp": "another"},
    "no end": {"exp": None},
    "an end that is no number": {"exp": "4102444800"},
    "no start": {"iat": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
    "a subject that is too long": {"sub": "x" * 256},
    "a subject that no database keeps": {"sub": "a\x00b"},
}
BAD_TIMES = {
    "over": {"exp": -121},
    "not begun": {"nbf": 121},
    "of the future": {"iat": 121},
    "older than the round": {"iat": -121},
}
"""In seconds from now; the leeway is two minutes."""


async def test_a_token_that_says_anything_wrong_lets_nobody_in(stage: Stage) -> None:
    """Each claim that OpenID Connect Core 3.1.3.7 names, alone wrong in a token that is signed well."""
    for what, wrong in (BAD_CLAIMS | BAD_TIMES).items():
        stage.clock.advance(7_200)  # A dozen a day is not enough to be made to wait.
        now = int(stage.clock.now().timestamp())
        timed = what in BAD_TIMES
        stage.provider.claims = {name: now + value if timed else value for name, value in wrong.items()}
        async with browser(stage.platform, None) as one:
            assert problem_of(await whole_way(one)) == "bad_token", what
            await stays_out(one)
    stage.provider.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    async with browser(stage.platform, None) as one:
        assert await whole_way(one) == "/console/"
    assert await stage.count(Identity) == 1


async def test_a_nonce_among_others_is_not_the_nonce(stage: Stage) -> None:
    """A list that holds the right one is of another type, and refused."""
    async with browser(stage.platform, None) as one:
        url = await begin(one)
        stage.provider.claims = {"nonce": [parse_qs(urlsplit(url).query)["nonce"][0]]}
        assert problem_of(await come_back(one, await at_provider(one, url))) == "bad_token"


async def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(stage: Stage) -> None:
    """No signature, the public key as an HMAC's secret, a stranger's key, also one that comes along."""
    for alg in (
        "none",
        "HS256-pem",
        "HS256-jwk",
        "stranger",
        "embedded",
        "unknown-kid",
        "tampered",
        "words",
        "list",
    ):
        stage.provider.alg = alg
        async with browser(stage.platform, None) as one:
            assert problem_of(await whole_way(one)) == "bad_token", alg
            await stays_out(one)
    assert await stage.count(Identity) == 0
    assert stage.provider.asked.count("/token") == 9


async def test_keys_for_another_use_and_short_ones_are_not_believed(stage: Stage) -> None:
    """A key that encrypts, one of another algorithm, one of 1,024 bits; a good one beside them is found."""
    good = stage.provider.published[0]
    for changed in ({"use": "enc"}, {"alg": "RS512"}, {"n": 7}, {"n": "ü"}, {"kty": "oct"}):
        stage.provider.published = [dict[str, Any](good) | changed]
        async with browser(stage.platform, None) as one:
            assert problem_of(await whole_way(one)) == "bad_token", changed
    async with browser(stage.platform, None) as one:
        stage.provider.alg = "no-kid"
        stage.provider.published = [{**good, "kid": "other", "use": "enc"}, good]
        assert await whole_way(one) == "/console/"
        stage.provider.rsa = short_key()
        stage.provider.published = [stage.provider.rsa.as_dict(private=False)]
        assert problem_of(await whole_way(one)) == "bad_token"


async def test_new_keys_are_fetched_once_when_a_token_names_one_that_is_unknown(stage: Stage) -> None:
    """The provider's description and keys are kept; a name that stays unknown costs one more look."""
    async with browser(stage.platform, None) as one:
        assert await whole_way(one) == "/console/"
        assert await whole_way(one) == "/console/"
        assert stage.provider.asked.count("/jwks") == 1
        assert stage.provider.asked.count("/.well-known/openid-configuration") == 1
        stage.provider.rotate()
        assert await whole_way(one) == "/console/"
        assert stage.provider.asked.count("/jwks") == 2
        stage.provider.alg = "unknown-kid"
        assert problem_of(await whole_way(one)) == "bad_token"
        assert stage.provider.asked.count("/jwks") == 3


async def test_a_suspended_account_stays_out_and_its_people_read_why(stage: Stage) -> None:
    """The reason comes by a cookie of ours and not in the address, which anybody could write."""
    async with browser(stage.platform, None) as one:
        await whole_way(one)
        account = (await signed_in(one))["account_id"]
        async with browser(stage.platform) as operator:
            await operator.confirm()
            reason = {"reason": "An unpaid bill"}
            await operator.do("POST", f"/operator/accounts/{account}/suspend", reason)
        assert await whole_way(one) == f"{SIGN_IN}?problem=suspended"
        await stays_out(one)
        said = await one.get("/oidc/problem")
        assert said["problem"] == "suspended"
        assert "An unpaid bill" in said["message"]
    async with browser(stage.platform, None) as other:
        assert await other.refused("GET", "/oidc/problem") == (404, "not_found")


ELSEWHERE = [
    "https://evil.example/console/",
    "//evil.example/console/",
    "/\\evil.example",
    "/console\\@evil.example",
    "/console//evil.example",
    "/consoles",
    "/console/../v1/models",
    "/console/..",
    "/console/%2e%2e/v1",
    "/console/api/v1/session",
    "/console/api",
    "/v1/models",
    "console/",
    "",
    "/console/\r\nset-cookie: a=b",
    "/console/ü",
    "/console/?a=b#c",
    "javascript:alert(1)",
    "/console/" + "a" * 1000,
]


async def test_the_way_back_leads_to_pages_of_the_console_alone(stage: Stage) -> None:
    """Anything else is refused before the provider is asked."""
    async with browser(stage.platform, None) as one:
        for path in ELSEWHERE:
            assert await one.refused("POST", "/oidc/start", {"return_to": path}) == (400, "bad_value"), path
    assert stage.provider.asked == []


async def test_a_provider_that_answers_badly_is_away(stage: Stage) -> None:
    """At each of its endpoints: bounded in time and size, never followed elsewhere; and all is well after."""
    for how in ("slow", "trickle", "endless", "large", "redirect", "garbage", "not_utf8", "error"):
        stage.clock.advance(3_601)  # What was fetched before is old.
        await _answers_badly(stage, how)


async def _answers_badly(stage: Stage, how: str) -> None:
    async with browser(stage.platform, None) as one:
        stage.provider.misbehaves = {"/.well-known/openid-configuration": how}
        assert (await one.refused("POST", "/oidc/start", {}))[1] == "provider_away"
        asked = len(stage.provider.asked)
        assert (await one.refused("POST", "/oidc/start", {}))[1] == "provider_away"
        assert len(stage.provider.asked) == asked  # It is not asked again and again.
        stage.clock.advance(4)
        stage.provider.email, stage.provider.userinfo = None, {"sub": "sub-1"}
        for path in ("/token", "/jwks", "/userinfo"):
            stage.provider.misbehaves = {path: how}
            stage.clock.advance(4)
            before = stage.provider.asked.count(path)
            assert problem_of(await whole_way(one)) == "provider_away", (how, path)
            assert stage.provider.asked.count(path) == before + 1
        await stays_out(one)
        stage.clock.advance(4)
        stage.provider.misbehaves, stage.provider.email = {}, "new@example.com"
        assert await whole_way(one) == "/console/"


async def test_a_provider_that_is_not_there_is_away(tmp_path: Path) -> None:
    """The page is told so, and passwords work as ever."""
    async with (
        open_stage(tmp_path, issuer="http://127.0.0.1:9") as stage,
        browser(stage.platform, None) as one,
    ):
        assert await one.refused("POST", "/oidc/start", {}) == (502, "provider_away")
        await one.sign_in()


async def test_a_description_of_another_provider_or_of_open_ways_is_not_believed(stage: Stage) -> None:
    """Its issuer is the one in the settings to the letter; its endpoints are https, or on this machine."""
    wrong: list[dict[str, Any]] = [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "http://10.0.0.1/"},
        {"token_endpoint": None},
        {"jwks_uri": "https://[::1"},
    ]
    async with browser(stage.platform, None) as one:
        for number, description in enumerate(wrong, start=1):
            stage.provider.description = description
            assert await one.refused("POST", "/oidc/start", {}) == (502, "provider_away"), description
            assert len(stage.provider.asked) == number
            stage.clock.advance(4)


async def test_an_answer_that_names_another_issuer_is_refused(stage: Stage) -> None:
    """RFC 9207: also when it names none although the provider says that it does."""
    async with browser(stage.platform, None) as one:
        stage.provider.answer_iss = "https://evil.example"
        assert problem_of(await whole_way(one)) == "bad_token"
        stage.provider.answer_iss = stage.provider.issuer
        assert await whole_way(one) == "/console/"
        stage.provider.answer_iss = None
        stage.provider.description = {"authorization_response_iss_parameter_supported": True}
        stage.clock.advance(3601)
        assert problem_of(await whole_way(one)) == "bad_token"


async def test_who_changes_their_mind_at_the_provider_is_told_so(stage: Stage) -> None:
    """An error counts only with the state of the round; its description is repeated nowhere."""
    async with browser(stage.platform, None) as one:
        callback = f"{stage.platform.url}{API}/oidc/callback"
        state = parse_qs(urlsplit(await begin(one)).query)["state"][0]
        said = "error=access_denied&error_description=call+0900"
        assert problem_of(await come_back(one, f"{callback}?{said}")) == "round_over"
        state = parse_qs(urlsplit(await begin(one)).query)["state"][0]
        page = await come_back(one, f"{callback}?{said}&state={state}")
        assert page == f"{SIGN_IN}?problem=cancelled"
        state = parse_qs(urlsplit(await begin(one)).query)["state"][0]
        page = await come_back(one, f"{callback}?error=server_error&state={state}")
        assert page == f"{SIGN_IN}?problem=provider_refused"


async def test_userinfo_is_asked_only_for_an_address_that_the_token_lacks(stage: Stage) -> None:
    """It has to be about the same person, and its address is believed by its own word alone."""
    provider = stage.provider
    async with browser(stage.platform, None) as one:
        provider.email, provider.verified = None, True
        provider.userinfo = {"sub": "somebody-else", "email": "new@example.com", "email_verified": True}
        assert problem_of(await whole_way(one)) == "bad_token"
        provider.userinfo = {"sub": "sub-1", "email": "new@example.com"}
        assert problem_of(await whole_way(one)) == "unverified_email"
        provider.userinfo = {"sub": "sub-1"}
        assert problem_of(await whole_way(one)) == "no_email"
        provider.userinfo = {"sub": "sub-1", "email": "new@example.com", "email_verified": "true"}
        assert await whole_way(one) == "/console/"
        asked = provider.asked.count("/userinfo")
        provider.email = "new@example.com"
        assert await whole_way(one) == "/console/"
        assert provider.asked.count("/userinfo") == asked


async def test_dangerous_acts_are_opened_by_showing_the_provider_again_who_one_is(stage: Stage) -> None:
    """For users without a password: `prompt=login`, `max_age=0`, and an `auth_time` of this round."""
    async with browser(stage.platform, None) as one:
        await whole_way(one)
        await signed_in(one)
        stage.clock.advance(601)
        assert await one.refused("GET", "/account/export") == (403, "confirm_first")
        for age in (None, 700.0):
            stage.provider.auth_age = age
            page = await whole_way(one, "confirm", return_to="/console/account?tab=data")
            assert page == "/console/account?tab=data&problem=not_fresh"
            assert await one.refused("GET", "/account/export") == (403, "confirm_first")
        stage.provider.auth_age = 0.0
        assert await whole_way(one, "confirm", return_to="/console/account") == "/console/account"
        asked = stage.provider.authorize[-1]
        assert (asked["prompt"], asked["max_age"]) == ("login", "0")
        assert "set-cookie" not in one.headers or "tm_session" not in one.headers["set-cookie"]
        await one.get("/account/export")
        assert len(await stage.audited("session.confirm")) == 1


async def test_coming_in_by_what_the_provider_remembers_confirms_nothing(stage: Stage) -> None:
    """Only an `auth_time` of the last minutes does; without one, dangerous acts ask at once."""
    async with browser(stage.platform, None) as one:
        for age, confirmed in ((None, False), (601.0, False), (300.0, True), (-60.0, True)):
            stage.provider.auth_age = age
            await whole_way(one)
            assert (await signed_in(one))["confirmed"] is confirmed, age


async def test_another_person_at_the_same_screen_confirms_nothing(stage: Stage) -> None:
    """Neither by an identity that is nobody's, nor by another user's."""
    async with browser(stage.platform, None) as one, browser(stage.platform, None) as other:
        await whole_way(one)
        await signed_in(one)
        stage.clock.advance(601)
        stage.provider.subject, stage.provider.email = "sub-2", "second@example.com"
        for _ in range(2):
            page = await whole_way(one, "confirm", return_to="/console/keys")
            assert page == "/console/keys?problem=other_identity"
            assert (await signed_in(one))["confirmed"] is False
            await whole_way(other)  # From here on it is somebody's.
        assert await stage.audited("session.confirm") == []


async def test_a_session_is_confirmed_only_by_a_round_that_it_began(stage: Stage) -> None:
    """Not when its user has signed out meanwhile, and not when another session is there instead."""
    async with browser(stage.platform, None) as one:
        await whole_way(one)
        await signed_in(one)
        back = await at_provider(one, await begin(one, "confirm"))
        await one.do("DELETE", "/session")
        one.csrf = ""
        assert problem_of(await come_back(one, back)) == "round_over"
        await whole_way(one)
        await signed_in(one)
        back = await at_provider(one, await begin(one, "confirm"))
        await one.sign_in()
        assert problem_of(await come_back(one, back)) == "round_over"
        assert await stage.audited("session.confirm") == []


async def test_an_identity_is_one_users_and_a_user_has_one(stage: Stage) -> None:
    """Joining is for who gave the password just now; a joined identity is not taken over."""
    await stage.user("other@example.com", given=True, password=PASSWORD)
    async with browser(stage.platform, None) as one, browser(stage.platform, "other@example.com") as other:
        await whole_way(one)
        page = await whole_way(other, "join", return_to="/console/account")
        assert problem_of(page) == "identity_taken"
        stage.provider.subject = "sub-2"
        assert problem_of(await whole_way(other, "join")) == "none"
        stage.provider.subject = "sub-3"
        assert problem_of(await whole_way(other, "join")) == "other_identity"
        stage.clock.advance(601)
        assert await other.refused("POST", "/oidc/join", {}) == (403, "confirm_first")
        await other.confirm()
        await other.do("DELETE", "/oidc/identities")
        assert await other.refused("DELETE", "/oidc/identities") == (404, "not_found")
        await signed_in(one)
        stage.provider.subject = "sub-1"
        await whole_way(one, "confirm")
        assert await one.refused("DELETE", "/oidc/identities") == (409, "conflict")


async def test_operators_see_who_comes_by_the_provider_and_can_end_it(stage: Stage) -> None:
    """The user's sessions end; the same identity joins again only as a first time would."""
    async with browser(stage.platform, None) as one, browser(stage.platform) as operator:
        await whole_way(one)
        me = await signed_in(one)
        account = await operator.get(f"/operator/accounts/{me['account_id']}")
        assert [each["by_provider"] for each in account["members"]] == [True]
        await operator.confirm()
        gone = await operator.do("DELETE", f"/operator/users/{me['user_id']}/identity")
        assert gone["by_provider"] is False
        await stays_out(one)
        path = f"/operator/users/{me['user_id']}/identity"
        assert await operator.refused("DELETE", path) == (404, "not_found")


async def test_a_removed_user_takes_their_identity_along(stage: Stage) -> None:
    """The account is deleted; the same person is a stranger again, and is not let into what is gone."""
    async with browser(stage.platform, None) as one:
        await whole_way(one)
        first = await signed_in(one)
        await one.do("DELETE", "/account", {"email": "new@example.com"})
        assert await stage.count(Identity) == 0
        one.csrf = ""
        assert await whole_way(one) == "/console/"
        assert (await signed_in(one))["user_id"] != first["user_id"]


async def test_only_those_come_in_whom_the_settings_let_in(tmp_path: Path) -> None:
    """`invited`: an operator's invitation is found by the verified address, and used up by it."""
    async with (
        open_stage(tmp_path, sign_up="invited") as stage,
        browser(stage.platform, None) as one,
        browser(stage.platform) as operator,
    ):
        assert problem_of(await whole_way(one)) == "no_account"
        await operator.confirm()
        invited = {"email": "new@example.com", "currency": "CNY"}
        await operator.do("POST", "/operator/invitations", invited)
        stage.provider.verified = False
        assert problem_of(await whole_way(one)) == "unverified_email"
        stage.provider.verified = True
        assert await whole_way(one) == "/console/"
        assert (await signed_in(one))["currency"] == "CNY"
        assert (await operator.get("/operator/invitations"))["data"] == []


async def test_nobody_is_put_into_an_account_whose_invitation_they_did_not_follow(tmp_path: Path) -> None:
    """Anybody can invite any address into their account; the link alone leads there, whatever the address."""
    async with open_stage(tmp_path, sign_up="invited") as stage:
        await stage.user("owner@example.com", given=True, password=PASSWORD)
        async with (
            browser(stage.platform, None) as one,
            browser(stage.platform, "owner@example.com") as owner,
        ):
            made = await owner.do("POST", "/invitations", {"email": "new@example.com"})
            assert problem_of(await whole_way(one)) == "no_account"
            token = made["link"].partition("#")[2]
            assert problem_of(await whole_way(one, invitation="nonsense")) == "invitation"
            stage.provider.verified = False
            assert await whole_way(one, invitation=token) == "/console/"
            me = await signed_in(one)
            assert (me["account_email"], me["standing"]) == ("owner@example.com", "member")
            stage.provider.subject = "sub-2"
            assert problem_of(await whole_way(one, invitation=token)) == "invitation"


async def test_settings_can_keep_newcomers_and_other_domains_out(tmp_path: Path) -> None:
    """`existing` joins users who are here; a domain is compared whole, and only where it is verified."""
    domains = '["example.com"]'
    async with open_stage(tmp_path, sign_up="existing", allowed_domains=domains) as stage:
        await stage.user("known@example.com", given=True)
        await stage.user("known@evil.example", given=True)
        async with browser(stage.platform, None) as one:
            assert problem_of(await whole_way(one)) == "no_account"
            for email in ("known@evil.example", "x@sub.example.com", "x@example.com.evil.example"):
                stage.provider.email = email
                assert problem_of(await whole_way(one)) == "domain", email
            stage.provider.email = "known@example.com"
            stage.provider.verified = False
            assert problem_of(await whole_way(one)) == "unverified_email"
            stage.provider.verified = True
            assert await whole_way(one) == "/console/"
            stage.provider.verified = False
            assert problem_of(await whole_way(one)) == "unverified_email"
            stage.provider.verified = True
            stage.provider.email = "moved@evil.example"
            assert problem_of(await whole_way(one)) == "domain"


async def test_a_claim_makes_operators_for_as_long_as_it_says_so(tmp_path: Path) -> None:
    """It is found in objects as well; nobody else is made one, and who was made one here stays one."""
    claim = {"operator_claim": "realm_access.roles", "operator_values": '["mill-operators"]'}
    async with open_stage(tmp_path, **claim) as stage:
        provider = stage.provider
        async with browser(stage.platform, None) as one:
            for value in (["staff"], "mill-operators-not", None, {"mill-operators": True}, 7):
                provider.claims = {"realm_access": {"roles": value}}
                await whole_way(one)
                assert (await signed_in(one))["role"] == "developer", value
            provider.claims = {"realm_access": {"roles": ["staff", "mill-operators"]}}
            await whole_way(one)
            me = await signed_in(one)
            assert me["role"] == "operator"
            provider.claims = {}
            await whole_way(one)
            assert (await signed_in(one))["role"] == "developer"
            roles = [entry.details for entry in await stage.audited("user.role")]
            assert ["operator" in each for each in roles] == [True, False]
            async with browser(stage.platform) as operator:
                await operator.confirm()
                await operator.do("PUT", f"/operator/users/{me['user_id']}/role", {"role": "operator"})
            await whole_way(one)
            assert (await signed_in(one))["role"] == "operator"


async def test_the_last_operator_keeps_the_platform_when_the_claim_goes(tmp_path: Path) -> None:
    """They come in all the same; the role goes at a sign-in when there is another operator."""
    claim = {"operator_claim": "groups", "operator_values": '["ops"]'}
    async with open_stage(tmp_path, **claim) as stage:
        stage.provider.claims = {"groups": "ops"}
        async with browser(stage.platform, None) as one:
            await whole_way(one)
            await signed_in(one)
            async with browser(stage.platform) as operator:
                mine = (await operator.get("/session"))["user_id"]
            await one.do("PUT", f"/operator/users/{mine}/role", {"role": "developer"})
            stage.provider.claims = {}
            assert await whole_way(one) == "/console/"
            assert (await signed_in(one))["role"] == "operator"
            await one.do("PUT", f"/operator/users/{mine}/role", {"role": "operator"})
            assert await whole_way(one) == "/console/"
            assert (await signed_in(one))["role"] == "developer"


async def test_passwords_can_be_switched_off(tmp_path: Path) -> None:
    """No way in by them is left, not even by a link; the welcome says so."""
    async with (
        open_stage(tmp_path, local_sign_in="false", name="Example", name_zh="示例") as stage,
        browser(stage.platform, None) as one,
    ):
        welcome = await one.get("/welcome")
        assert (welcome["passwords"], welcome["oidc"]) == (
            False,
            {"name": {"en": "Example", "zh": "示例"}},
        )
        bodies: dict[str, dict[str, str]] = {
            "/session": {"email": OPERATOR, "password": PASSWORD},
            "/sign-up": {"email": "x@example.com", "password": PASSWORD},
            "/invitations/accept": {"token": "x", "password": PASSWORD},
            "/password-reset": {"email": OPERATOR},
            "/password-reset/use": {"token": "x", "password": PASSWORD},
        }
        for path, body in bodies.items():
            assert await one.refused("POST", path, body) == (403, "passwords_off"), path
        await whole_way(one)
        assert (await signed_in(one))["confirms_by"] == ["oidc"]
        assert (await one.refused("POST", "/session/confirm", {"password": "x"}))[1] == "passwords_off"


async def test_without_a_provider_nothing_is_offered(tmp_path: Path) -> None:
    """The button has no name, and its routes say that it is off."""
    async with open_test_platform(tmp_path) as platform, browser(platform, None) as one:
        welcome = await one.get("/welcome")
        assert (welcome["passwords"], welcome["oidc"]) == (True, None)
        assert await one.refused("POST", "/oidc/start", {}) == (404, "off")
        callback = f"{platform.url}{API}/oidc/callback?code=a&state=b"
        assert await come_back(one, callback) == f"{SIGN_IN}?problem=off"


async def test_ways_back_that_come_to_nothing_have_to_wait(stage: Stage) -> None:
    """Twenty of one network are free; then the provider is asked no more for half a minute."""
    stage.provider.alg = "none"
    async with browser(stage.platform, None) as one:
        problems = [problem_of(await whole_way(one)) for _ in range(21)]
        assert problems == ["bad_token"] * 20 + ["too_many"]
        assert stage.provider.asked.count("/token") == 20
        stage.clock.advance(31)
        stage.provider.alg = "RS256"
        assert await whole_way(one) == "/console/"


async def test_other_sites_cannot_begin_a_round(stage: Stage) -> None:
    """Neither by a form nor by a script; and a page of another host is told where to go instead."""
    async with browser(stage.platform, None) as one:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert await one.refused("POST", "/oidc/start", {}, **headers) == (403, "wrong_origin")
        await one.ask("GET", "/oidc/start")
        assert one.status == 405
        here = {"origin": stage.platform.url}
        assert await one.refused("POST", "/oidc/start", {}, **here) == (409, "conflict")
        public = {"origin": "http://127.0.0.1:8080"}
        await one.ask("POST", "/oidc/start", {}, **public)
        assert one.status == 200


async def test_a_session_that_somebody_planted_is_not_the_one_that_comes_in(stage: Stage) -> None:
    """Coming in gives a new token, whatever cookie was there; the old session's user stays as they were."""
    await stage.user("attacker@example.com", given=True, password=PASSWORD)
    async with browser(stage.platform, "attacker@example.com") as one:
        planted = {each.key: each.value for each in one.http.cookie_jar}["tm_session"]
        await whole_way(one)
        now = {each.key: each.value for each in one.http.cookie_jar}["tm_session"]
        assert now != planted
        assert (await signed_in(one))["email"] == "new@example.com"
    async with browser(stage.platform, None) as attacker:
        url = f"{stage.platform.url}{API}/session"
        async with attacker.http.get(url, cookies={"tm_session": planted}) as reply:
            assert (await reply.json())["email"] == "attacker@example.com"
