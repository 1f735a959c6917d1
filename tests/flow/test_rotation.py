"""What happens to keys, codes and webhooks when the platform's secret is replaced, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.flow.asgi import status_of
from tokenmill.accounts.accounts import create_account
from tokenmill.accounts.keys import create_key
from tokenmill.accounts.preferences import set_webhook
from tokenmill.billing.codes import create_codes, redeem
from tokenmill.catalog.file import read_catalogue
from tokenmill.catalog.repository import apply
from tokenmill.cli.secret_files import make_secret, replace_secret
from tokenmill.compose import open_platform
from tokenmill.kit.clock import SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId
from tokenmill.kit.money import Nano
from tokenmill.kit.sealing import Sealer
from tokenmill.kit.secrets import keyed_hash
from tokenmill.settings import Settings, load_settings, read_secret
from tokenmill.store.database import open_database
from tokenmill.store.tables import Account, Key
from tokenmill.testing import CATALOGUE, NO_PASSWORD

HOOK = "https://example.com/hook"


class Rotated:
    """A platform whose processes come and go; its data and database stay."""

    def __init__(self, data: Path, url: str) -> None:
        self.data = data
        self._url = url
        self.account = AccountId("")
        make_secret(data / "secret")

    def settings(self, **security: str) -> Settings:
        environ = {
            "TOKENMILL__DATABASE__URL": self._url,
            "TOKENMILL__SECURITY__SECRET": f"file:{self.data / 'secret'}",
            **{f"TOKENMILL__SECURITY__{name.upper()}": value for name, value in security.items()},
        }
        return load_settings(self.data, None, environ)

    @property
    def secret(self) -> bytes:
        return read_secret(f"file:{self.data / 'secret'}", {})

    async def set_up(self) -> None:
        async with open_database(self._url) as database, database.write() as work:
            account = await create_account(
                work, SystemClock(), email="dev@example.com", password_hash=NO_PASSWORD
            )
            self.account = account.id
            await apply(work, read_catalogue(CATALOGUE, "test"))

    async def key(self, name: str, secret: bytes | None = None) -> str:
        async with open_database(self._url) as database, database.write() as work:
            whole, _ = await create_key(
                work, SystemClock(), secret or self.secret, account_id=self.account, name=name
            )
            return whole

    async def serve(self, *keys: str, **security: str) -> list[int]:
        """What each key is answered while one process runs."""
        async with open_platform(self.settings(**security), self.data) as platform:
            return [await status_of(platform.app, "/v1/models", key) for key in keys]

    async def hash_of(self, name: str) -> bytes:
        async with open_database(self._url) as database, database.read() as work:
            found = await work.session.scalar(select(Key.hash).where(Key.name == name))
            assert found is not None
            return found


@pytest.fixture
async def rotated(tmp_path: Path, database_url: str) -> Rotated:
    platform = Rotated(tmp_path, database_url)
    await platform.set_up()
    return platform


async def test_keys_outlive_the_secret_they_were_made_under_if_they_are_used_in_between(
    rotated: Rotated,
) -> None:
    """Two rotations later too; those that nobody has used end with the file."""
    used, unused = await rotated.key("used"), await rotated.key("unused")
    kept = replace_secret(rotated.data)
    later = await rotated.key("later")
    assert [200, 200] == await rotated.serve(used, later)
    assert keyed_hash(rotated.secret, used) == await rotated.hash_of("used")

    kept_later = replace_secret(rotated.data)
    assert ["secret.old-1", "secret.old-2"] == [kept.name, kept_later.name]
    assert [200, 200, 200] == await rotated.serve(used, later, used)
    kept.unlink()
    kept_later.unlink()
    assert [200, 200, 401] == await rotated.serve(used, later, unused)


async def test_an_unused_key_works_as_long_as_its_secret_is_there(rotated: Rotated) -> None:
    key = await rotated.key("unused")
    for _ in range(3):
        replace_secret(rotated.data)
    assert [200] == await rotated.serve(key)
    assert keyed_hash(rotated.secret, key) == await rotated.hash_of("unused")


async def test_a_node_that_has_not_turned_yet_leaves_keys_under_the_next_secret_alone(
    rotated: Rotated,
) -> None:
    """Else two nodes in the middle of a rotation would move a key to and fro."""
    next_secret = rotated.data / "next"
    make_secret(next_secret)
    secret = read_secret(f"file:{next_secret}", {})
    ahead, behind = await rotated.key("ahead", secret), await rotated.key("behind")

    assert [200, 200] == await rotated.serve(ahead, behind, secrets_next=f'["file:{next_secret}"]')

    assert keyed_hash(secret, ahead) == await rotated.hash_of("ahead")
    assert keyed_hash(rotated.secret, behind) == await rotated.hash_of("behind")


async def test_the_secrets_of_webhooks_move_at_the_next_start(rotated: Rotated, database_url: str) -> None:
    async with open_database(database_url) as database, database.write() as work:
        told = await set_webhook(work, Sealer(rotated.secret, purpose="webhooks"), rotated.account, HOOK)
    kept = replace_secret(rotated.data)
    await rotated.serve()
    kept.unlink()

    async with open_database(database_url) as database, database.read() as work:
        sealed = await work.session.scalar(select(Account.webhook_secret))
    opened = Sealer(rotated.secret, purpose="webhooks").open(
        bytes.fromhex(sealed or ""), rotated.account.encode()
    )
    assert opened is not None
    assert told == opened.decode()


async def test_codes_of_before_are_redeemed_and_still_known_as_used(
    rotated: Rotated, database_url: str
) -> None:
    old = rotated.secret
    clock = SystemClock()

    async def spend(*secrets: bytes) -> Any:
        async with open_database(database_url) as database, database.write() as work:
            return await redeem(work, clock, secrets, account_id=rotated.account, code=code)

    async with open_database(database_url) as database, database.write() as work:
        _, (code,) = await create_codes(work, clock, old, amount=Nano(10**9), currency="USD")
    replace_secret(rotated.data)

    assert 10**9 == (await spend(rotated.secret, old)).balance
    with pytest.raises(Fault) as caught:
        await spend(rotated.secret)
    assert caught.value.code is Code.CONFLICT
