"""Who may do what, shown on every route that the API's description has."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import tokenmill.admin
from tests.flow.admin_client import API, browser
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.passwords import hash_password
from tokenmill.accounts.tickets import issue
from tokenmill.kit.clock import SystemClock
from tokenmill.store.tables import User
from tokenmill.testing import PASSWORD, TestPlatform, open_test_platform

OWNER = "owner@example.com"
MEMBER = "member@example.com"
NOBODY_HAS = "nothing_00000000000000000000000000"

BODIES: dict[str, Any] = {
    "/operator/accounts/{account_id}/suspend": {"reason": "x"},
    "/operator/accounts/{account_id}/delete": {"reason": "x"},
    "/operator/accounts/{account_id}/limits": {},
    "/operator/accounts/{account_id}/grant": {"amount": "1.00", "currency": "USD", "note": "x"},
    "/operator/accounts/{account_id}/exchanges/{exchange_id}/refund": {"note": "x"},
    "/operator/accounts/{account_id}/plan": {"plan_id": "lite"},
    "/operator/accounts/{account_id}/plan/end": {"reason": "x"},
    "/operator/accounts/{account_id}/prices/{model_id}": {
        "price": {"input": "1.00", "output": "1.00"},
    },
    "/operator/users/{user_id}/role": {"role": "developer"},
    "/operator/plans/{plan_id}": {"name": {"en": "a", "zh": "a"}, "credits": "1"},
    "/operator/moderation/policies": {"input": "off", "output": "off"},
    "/operator/moderation/lists/{name}": {"text": "a phrase"},
    "/operator/moderation/test": {"text": "a text"},
    "/operator/moderation/verdicts/{verdict_id}/mark": {"false_positive": True},
    "/members/{user_id}": {"standing": "owner"},
    "/keys/{key_id}": {},
}
MAKES = {("PUT", "/operator/plans/{plan_id}"), ("PUT", "/operator/moderation/lists/{name}")}
"""Routes whose id may be new."""


class Stage:
    """A platform with an owner and a member of one account, beside the developer's and the operator's."""

    def __init__(self, platform: TestPlatform, document: dict[str, Any]) -> None:
        self.platform = platform
        self.document = document
        self.theirs: dict[str, str] = {}

    def routes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Method, path below the API, description."""
        return [
            (method.upper(), path.removeprefix(API), described)
            for path, methods in self.document["paths"].items()
            for method, described in methods.items()
        ]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as held:
        platform = await held.enter_async_context(open_test_platform(tmp_path, operator=True))
        one = await held.enter_async_context(browser(platform, None))
        async with one.http.get(f"{platform.url}/console/api/openapi.json") as reply:
            made = Stage(platform, await reply.json())
        await _populate(made)
        yield made


async def _populate(stage: Stage) -> None:
    clock = SystemClock()
    password = await hash_password(PASSWORD)
    secret = (Path(stage.platform.settings.security.secret.removeprefix("file:"))).read_bytes()
    async with stage.platform.database.write() as work:
        mine = await create_account(work, clock, email=OWNER, password_hash=password)
        work.session.add(
            User(
                id="usr_member",
                email=MEMBER,
                password_hash=password,
                role="developer",
                standing="member",
                account_id=mine.id,
                created_at=clock.now(),
                disabled_at=None,
            )
        )
        theirs = await create_account(work, clock, email="other@example.com", password_hash=password)
        _, key = await create_key(work, clock, secret, account_id=theirs.id, name="theirs")
        ticket = await issue(work, clock, secret, "invite", "x@example.com", account_id=theirs.id)
    stage.theirs = {"key_id": key.id, "ticket_id": ticket.id}
    async with browser(stage.platform, "other@example.com") as other:
        me = await other.get("/session")
        stage.theirs |= {"user_id": me["user_id"], "session_id": me["session_id"]}


def filled(path: str, ids: dict[str, str]) -> str:
    """The path with ids in place of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], NOBODY_HAS), path)


async def test_who_is_not_signed_in_gets_401_on_every_route_that_is_not_for_anyone(stage: Stage) -> None:
    """Sign-in, sign-up, links and the welcome are for anyone; all else is 401."""
    open_to_all = set()
    async with browser(stage.platform, None) as nobody:
        for method, path, described in stage.routes():
            if described["x-requires"] == "anyone":
                open_to_all.add((method, path))
                continue
            assert await nobody.refused(method, filled(path, stage.theirs)) == (401, "signed_out"), path
    assert open_to_all == {
        ("POST", "/session"),
        ("GET", "/welcome"),
        ("POST", "/sign-up"),
        ("POST", "/invitations/look"),
        ("POST", "/invitations/accept"),
        ("POST", "/password-reset"),
        ("POST", "/password-reset/use"),
        ("POST", "/payments/news"),
        ("POST", "/oidc/start"),
        ("GET", "/oidc/callback"),
        ("GET", "/oidc/problem"),
    }


async def test_developers_get_403_on_every_operators_route(stage: Stage) -> None:
    """An owner of an account is no operator, whatever the method and whether the id is known or not."""
    async with browser(stage.platform, OWNER) as owner:
        for method, path, described in stage.routes():
            assert path.startswith("/operator") == (described["x-requires"] == "operator"), path
            if described["x-requires"] == "operator":
                refused = await owner.refused(method, filled(path, stage.theirs), BODIES.get(path))
                assert refused == (403, "forbidden"), (method, path)


async def test_members_get_403_on_every_owners_route(stage: Stage) -> None:
    """What spends money, invites, or ends the account is an owner's."""
    async with browser(stage.platform, MEMBER) as member:
        for method, path, described in stage.routes():
            if described["x-requires"] == "owner":
                refused = await member.refused(method, filled(path, stage.theirs), BODIES.get(path))
                assert refused == (403, "forbidden"), (method, path)


async def test_the_ids_of_another_account_are_404_and_leave_it_as_it_is(stage: Stage) -> None:
    """An owner who knows the ids of others learns nothing from them and changes nothing with them."""
    tried = 0
    async with browser(stage.platform, OWNER) as owner, browser(stage.platform, "other@example.com") as other:
        before = [await other.get(path) for path in ("/keys", "/members", "/invitations")]
        for method, path, described in stage.routes():
            if "{" not in path or described["x-requires"] == "operator":
                continue
            tried += 1
            said = await owner.ask(method, filled(path, stage.theirs), BODIES.get(path))
            assert owner.status == 404, (method, path, said)
            assert "theirs" not in str(said)
        assert before == [await other.get(path) for path in ("/keys", "/members", "/invitations")]
    assert tried >= 10


async def test_operators_get_404_for_ids_that_nobody_has(stage: Stage) -> None:
    """No operators' route takes an id on trust: what is not there is 404, never 500."""
    async with browser(stage.platform) as operator:
        for method, path, _ in stage.routes():
            if not path.startswith("/operator") or "{" not in path or (method, path) in MAKES:
                continue
            said = await operator.ask(method, filled(path, {"plan_id": "nobody-has-it"}), BODIES.get(path))
            if path == "/operator/codes/batches/{batch}" and method == "GET":
                assert said == {"data": [], "next_cursor": None}
            else:
                assert operator.status == 404, (method, path, said)


async def test_every_unsafe_route_refuses_a_session_without_its_csrf_token(stage: Stage) -> None:
    """A cookie alone, which browsers send by themselves, changes nothing anywhere."""
    async with browser(stage.platform) as operator:
        operator.csrf = ""
        for method, path, described in stage.routes():
            if method == "GET" or described["x-requires"] == "anyone":
                continue
            refused = await operator.refused(method, filled(path, stage.theirs), BODIES.get(path))
            assert refused == (403, "wrong_csrf_token"), (method, path)


async def test_no_route_asks_for_a_role_and_confirmation_that_its_description_hides(stage: Stage) -> None:
    """Every route says whom it is for, and dangerous ones that the password has to be fresh."""
    confirmed = {
        (method, path) for method, path, described in stage.routes() if described["x-requires-confirmation"]
    }
    assert {
        ("POST", "/plan/key/reset"),
        ("POST", "/keys/{key_id}/reset"),
        ("DELETE", "/account"),
        ("GET", "/account/export"),
        ("POST", "/operator/accounts/{account_id}/grant"),
        ("POST", "/operator/codes/batches"),
        ("POST", "/operator/catalogue/apply"),
    } <= confirmed
    assert all(
        described["x-requires"] in ("anyone", "member", "owner", "operator")
        for _, _, described in stage.routes()
    )


def test_resources_change_the_database_only_together_with_the_audit_log() -> None:
    """No resource opens a unit of work of its own, but for two: one undoes it, one writes its own entry."""
    folder = Path(tokenmill.admin.__file__).parent
    opened = {
        f"{file.parent.name}/{file.name}"
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr == "write"
        and ast.unparse(node).endswith("database.write")
    }
    assert opened == {"admin/acting.py", "operator/catalogue.py", "developer/entry.py"}
