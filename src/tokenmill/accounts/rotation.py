"""Moves what was made under an old secret of the platform to the present one, as it is used."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from sqlalchemy import select, update

from tokenmill.kit.faults import Fault
from tokenmill.kit.ids import KeyId
from tokenmill.kit.sealing import Sealer
from tokenmill.store.database import Database
from tokenmill.store.tables import Account, Key

EVERY: Final = 1.0
"""Seconds between two sweeps; a key that is used meanwhile waits in memory."""

log = structlog.get_logger()


class Rotation:
    """Waits for keys that were found under an old secret, and moves them beside the requests."""

    def __init__(self, database: Database, webhooks: Sealer, webhooks_old: Sealer | None) -> None:
        """`webhooks` seals the secrets of webhooks now; `webhooks_old` opens those sealed before."""
        self._database = database
        self._webhooks = webhooks
        self._webhooks_old = webhooks_old
        self._waiting: dict[KeyId, tuple[bytes, bytes]] = {}

    def note(self, key: KeyId, old: bytes, new: bytes) -> None:
        """The key with the hash `old` was used; under the present secret it is `new`."""
        self._waiting[key] = (old, new)

    async def sweep(self) -> None:
        """Moves all that waits. Raises Fault(UNAVAILABLE); what could not be moved goes on waiting."""
        await self._move_webhooks()
        if not self._waiting:
            return
        waiting = dict(self._waiting)
        async with self._database.write() as work:
            for key, (old, new) in waiting.items():
                await work.session.execute(update(Key).where(Key.id == key, Key.hash == old).values(hash=new))
        for key in waiting:
            self._waiting.pop(key, None)
        log.info("keys were moved to the present secret", keys=len(waiting))

    async def finish(self) -> None:
        """This node is stopping: what it cannot move now is moved when it is used again."""
        with suppress(Fault):
            await self.sweep()

    async def _move_webhooks(self) -> None:
        """Once, since these are not presented by anybody: the database has all of them."""
        old = self._webhooks_old
        if old is None:
            return
        async with self._database.write() as work:
            sealed = await work.session.scalars(select(Account).where(Account.webhook_secret.is_not(None)))
            for account in sealed:
                context = account.id.encode()
                plain = old.open(bytes.fromhex(account.webhook_secret or ""), context)
                if plain is not None:
                    account.webhook_secret = self._webhooks.seal(plain, context).hex()
        self._webhooks_old = None


def old_sealer(secrets_old: Sequence[bytes], purpose: str) -> Sealer | None:
    """Opens what only an old secret opens; None where there is none."""
    return Sealer(secrets_old[0], secrets_old[1:], purpose=purpose) if secrets_old else None
