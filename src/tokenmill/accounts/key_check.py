"""Decides whether a presented key may be used, and whose it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, Protocol, assert_never

import msgspec

from tokenmill.kit.clock import Clock, rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId
from tokenmill.kit.secrets import KeyKind, keyed_hash, looks_like_key
from tokenmill.store.rows import Change, KeyRow, RateLimits

KEPT_KEYS = 10_000  # About 1 KiB each.
KEPT_STRANGERS = 10_000  # 32-byte digests of well-formed keys that the database does not know.
STRANGER_SECONDS = 10.0
BASES: Final[Mapping[KeyKind, str]] = {"sk": "", "tp": "/token-plan"}
"""What stands before /v1 and /anthropic in the Base URLs of each kind of key, on whatever host."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, proven by a key; `name` is the key's, `models` None allows every model.

    `limits` are the account's own, `key_limits` the key's; `capped` says that the key may not spend at will,
    `vault` that reasoning is remembered for its clients, `unbilled` that its exchanges cost nothing,
    `web_search` that they may search the web.
    """

    account_id: AccountId
    key_id: KeyId
    key_kind: KeyKind
    name: str
    models: frozenset[ModelId] | None
    currency: Literal["USD", "CNY"]
    subscription_id: str | None = None
    capped: bool = False
    limits: RateLimits = RateLimits()
    key_limits: RateLimits = RateLimits()
    vault: bool = True
    unbilled: bool = False
    web_search: bool = False


FoundOld = Callable[[KeyId, bytes, bytes], None]
"""Is told of a key with its hash under an old secret, and the one it has under the present secret."""


class KeySource(Protocol):
    """The part of the hot store that the check reads."""

    async def key_by_hash(self, digest: bytes) -> KeyRow | None:
        """The key whose keyed hash this is, whatever its state."""
        ...


class KeyCheck:
    """Checks keys from memory; the database is asked once per key and change.

    A key with a wrong checksum never reaches the database, and a well-formed
    stranger does so once in ten seconds, so a flood of bad keys costs hashing only.
    Subscribe `forget` to the change feed, or ended keys stay alive here.
    """

    def __init__(
        self,
        source: KeySource,
        clock: Clock,
        secret: bytes,
        secrets_old: Sequence[bytes] = (),
        *,
        secrets_next: Sequence[bytes] = (),
        found_old: FoundOld = lambda key, old, new: None,
        bases: Mapping[KeyKind, str] = BASES,
        kept: int = KEPT_KEYS,
    ) -> None:
        """Keys are looked up by their hash under `secret`, then under `secrets_next` and `secrets_old`.

        `found_old` is told of a key whose hash is under one of `secrets_old`. `bases` say where each kind
        of key is good: what stands before /v1 and /anthropic there.
        """
        self._source = source
        self._clock = clock
        self._secret = secret
        self._secrets_old = tuple(secrets_old)
        self._secrets_next = tuple(secrets_next)
        self._found_old = found_old
        self._bases = bases
        self._kept = kept
        self._rows: OrderedDict[bytes, KeyRow] = OrderedDict()
        self._digests: dict[KeyId, bytes] = {}
        self._strangers: OrderedDict[bytes, float] = OrderedDict()
        self._forgotten = 0

    async def check(self, presented: str | None, address: KeyKind, peer: str = "") -> Caller:
        """Who presents this key at an address for keys of kind `address`; `peer` is the caller's IP address.

        Raises Fault NO_KEY, BAD_KEY (malformed, unknown, or of the wrong kind),
        KEY_ENDED (says what ended), FORBIDDEN (from an address that the key does
        not allow), and UNAVAILABLE when the database has to be asked and cannot.
        """
        if not presented:
            raise _no_key(address)
        if not looks_like_key(presented):
            raise _unknown()
        kind: KeyKind = "tp" if presented.startswith("tp-") else "sk"
        if kind != address:
            raise _wrong_address(kind, self._bases[kind])
        digest = keyed_hash(self._secret, presented)
        row = self._rows.get(digest)
        if row is None:
            row = await self._look_up(digest, presented)
        else:
            self._rows.move_to_end(digest)
        return self._admit(row, peer)

    async def check_known(self, digest: bytes, peer: str = "") -> Caller:
        """Who has the key that the database keeps as `digest`: for its owner, who need not know it any more.

        Raises Fault as `check` does.
        """
        row = self._rows.get(digest) or await self._source.key_by_hash(digest)
        if row is None:
            raise _unknown()
        return self._admit(row, peer)

    def _admit(self, row: KeyRow, peer: str) -> Caller:
        self._refuse_ended(row)
        if row.addresses is not None and not _allows(row.addresses, peer):
            raise Fault(
                Code.FORBIDDEN,
                f"The API key {row.name!r} may not be used from {peer or 'an unknown address'}. "
                "Add the address to the key's list in the console (API keys).",
            )
        return _caller(row)

    def forget(self, change: Change) -> None:
        """Takes note of a change: what it concerns is read anew at the next check."""
        match change.kind:
            case "key":
                self._drop(KeyId(change.key))
            case "account":
                for row in [row for row in self._rows.values() if row.account_id == change.key]:
                    self._drop(row.id)
            case _:
                return
        self._strangers.clear()
        self._forgotten += 1

    async def _look_up(self, digest: bytes, presented: str) -> KeyRow:
        expires = self._strangers.get(digest)
        if expires is not None and self._clock.monotonic() < expires:
            raise _unknown()
        before = self._forgotten
        row = await self._source.key_by_hash(digest)
        if row is None:
            row = await self._look_among_others(digest, presented)
        if row is None:
            if before == self._forgotten:
                self._remember_stranger(digest)
            raise _unknown()
        if before == self._forgotten:  # Else what was read may be what the change has ended.
            self._remember(digest, row)
        return row

    async def _look_among_others(self, digest: bytes, presented: str) -> KeyRow | None:
        """The key, made under a secret that is not the one in force here."""
        for secret in self._secrets_next:
            row = await self._source.key_by_hash(keyed_hash(secret, presented))
            if row is not None:
                return row
        for secret in self._secrets_old:
            old = keyed_hash(secret, presented)
            row = await self._source.key_by_hash(old)
            if row is not None:
                self._found_old(row.id, old, digest)
                return row
        if not self._secrets_next and not self._secrets_old:
            return None
        return await self._source.key_by_hash(digest)  # Another node may have moved it between our looks.

    def _remember(self, digest: bytes, row: KeyRow) -> None:
        self._rows[digest] = row
        self._digests[row.id] = digest
        if len(self._rows) > self._kept:
            _, oldest = self._rows.popitem(last=False)
            del self._digests[oldest.id]

    def _remember_stranger(self, digest: bytes) -> None:
        self._strangers[digest] = self._clock.monotonic() + STRANGER_SECONDS
        if len(self._strangers) > KEPT_STRANGERS:
            self._strangers.popitem(last=False)

    def _drop(self, key_id: KeyId) -> None:
        digest = self._digests.pop(key_id, None)
        if digest is not None:
            del self._rows[digest]

    def _refuse_ended(self, row: KeyRow) -> None:
        if row.deleted_at is not None:
            raise _ended(row, "was deleted", "Use another key")
        if row.disabled_at is not None:
            raise _ended(row, "is disabled", "Use another key")
        if row.account_disabled_at is not None or row.account_deleted_at is not None:
            raise _ended(row, "belongs to a disabled account", "Ask the operator of this platform")
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            if row.kind == "tp":
                raise _plan_ended(row.expires_at)
            raise _ended(row, f"expired at {rfc3339(row.expires_at)}", "Make a new key")


def _caller(row: KeyRow) -> Caller:
    return Caller(
        account_id=row.account_id,
        key_id=row.id,
        key_kind=row.kind,
        name=row.name,
        models=row.models,
        currency=row.currency,
        subscription_id=row.subscription_id,
        capped=row.cap is not None,
        limits=_rates(row.account_limits),
        key_limits=_rates(row.limits),
        vault=row.vault,
        unbilled=row.unbilled,
        web_search=row.web_search,
    )


@lru_cache(maxsize=KEPT_KEYS)
def _rates(text: str | None) -> RateLimits:
    return msgspec.json.decode(text, type=RateLimits) if text else RateLimits()


@lru_cache(maxsize=KEPT_KEYS)
def _networks(addresses: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(address, strict=False) for address in addresses)


def _allows(addresses: tuple[str, ...], peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _networks(addresses))


def _no_key(address: KeyKind) -> Fault:
    return Fault(
        Code.NO_KEY,
        f"No API key was sent. Send one as `Authorization: Bearer {address}-…`, `api-key: {address}-…` "
        f"or `x-api-key: {address}-…`.",
    )


def _unknown() -> Fault:
    return Fault(
        Code.BAD_KEY,
        "This API key is not known here. Check that it was copied whole, and that the Base URL is that of "
        "the platform which made it.",
    )


def _wrong_address(kind: KeyKind, base: str) -> Fault:
    match kind:
        case "tp":
            what, where = "a Token Plan key (tp-…)", "the Token Plan Base URLs"
        case "sk":
            what, where = "a pay-as-you-go key (sk-…)", "the pay-as-you-go Base URLs"
        case _:
            assert_never(kind)
    return Fault(
        Code.BAD_KEY,
        f"This is {what}, which works only at {where}: {base}/v1 (OpenAI) and {base}/anthropic (Anthropic).",
    )


def _plan_ended(at: datetime) -> Fault:
    return Fault(
        Code.KEY_ENDED,
        f"The Token Plan subscription of this key ended at {rfc3339(at)}. Buy a plan in the console, or use "
        "a pay-as-you-go key (sk-…) at its own Base URLs, /v1 (OpenAI) and /anthropic (Anthropic).",
    )


def _ended(row: KeyRow, how: str, advice: str) -> Fault:
    return Fault(Code.KEY_ENDED, f"The API key {row.name!r} {how}. {advice}.")
