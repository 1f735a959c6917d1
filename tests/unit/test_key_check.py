from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tokenmill.accounts.key_check import KEPT_STRANGERS, STRANGER_SECONDS, Caller, KeyCheck
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import AccountId, KeyId, ModelId
from tokenmill.kit.secrets import KeyKind, keyed_hash, new_key
from tokenmill.store.rows import Change, KeyRow, RateLimits
from tokenmill.testing import FixedClock

SECRET = b"current"
OLD = b"before"


class FakeKeys:
    """The database's keys by hash, and how often it was asked."""

    def __init__(self) -> None:
        self.rows: dict[bytes, KeyRow] = {}
        self.asked = 0
        self.answering = asyncio.Event()
        self.answering.set()

    def add(self, whole: str, *, secret: bytes = SECRET, expires_at: datetime | None = None) -> KeyRow:
        row = KeyRow(
            id=KeyId(f"key_{len(self.rows)}"),
            account_id=AccountId("acc_1"),
            kind="tp" if whole.startswith("tp-") else "sk",
            name="mine",
            models=frozenset({ModelId("m")}),
            expires_at=expires_at,
            disabled_at=None,
            deleted_at=None,
            currency="USD",
            account_disabled_at=None,
        )
        self.rows[keyed_hash(secret, whole)] = row
        return row

    def end(self, whole: str, name: str, clock: FixedClock) -> None:
        digest = keyed_hash(SECRET, whole)
        self.rows[digest] = replace(self.rows[digest], **{name: clock.now()})

    async def key_by_hash(self, digest: bytes) -> KeyRow | None:
        self.asked += 1
        row = self.rows.get(digest)
        await self.answering.wait()
        return row


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys()


@pytest.fixture
def check(keys: FakeKeys, clock: FixedClock) -> KeyCheck:
    return KeyCheck(keys, clock, SECRET, [OLD])


async def refusal(check: KeyCheck, presented: str | None, address: KeyKind = "sk") -> Fault:
    with pytest.raises(Fault) as caught:
        await check.check(presented, address)
    return caught.value


@pytest.mark.parametrize("kind", ["sk", "tp"])
async def test_a_good_key_names_its_caller_and_is_asked_for_once(
    check: KeyCheck, keys: FakeKeys, kind: KeyKind
) -> None:
    whole = new_key(kind)
    row = keys.add(whole)
    for _ in range(3):
        assert await check.check(whole, kind) == Caller(
            account_id=row.account_id,
            key_id=row.id,
            key_kind=kind,
            name="mine",
            models=row.models,
            currency="USD",
        )
    assert keys.asked == 1


@pytest.mark.parametrize("presented", [None, ""])
async def test_no_key_is_told_how_to_send_one(check: KeyCheck, presented: str | None) -> None:
    fault = await refusal(check, presented)
    assert fault.code is Code.NO_KEY
    assert "Authorization: Bearer sk-" in fault.message


async def test_a_tampered_key_never_reaches_the_database(check: KeyCheck, keys: FakeKeys) -> None:
    whole = new_key("sk")
    for place in range(3, len(whole)):
        tampered = whole[:place] + ("a" if whole[place] != "a" else "b") + whole[place + 1 :]
        assert (await refusal(check, tampered)).code is Code.BAD_KEY
    assert keys.asked == 0


@pytest.mark.parametrize("presented", ["x", "sk-", "sk-" + "é" * 46, "Bearer sk-abc", "sk-" + "a" * 100_000])
async def test_what_is_no_key_at_all_never_reaches_the_database(
    check: KeyCheck, keys: FakeKeys, presented: str
) -> None:
    fault = await refusal(check, presented)
    assert fault.code is Code.BAD_KEY
    assert presented not in fault.message or presented == "x"
    assert keys.asked == 0


async def test_a_stranger_is_asked_for_once_in_ten_seconds(
    check: KeyCheck, keys: FakeKeys, clock: FixedClock
) -> None:
    whole = new_key("sk")
    for _ in range(3):
        fault = await refusal(check, whole)
    assert fault.code is Code.BAD_KEY
    assert whole[3:] not in fault.message
    per_question = 3  # Under the current secret, the old one, and again in case it was moved meanwhile.
    assert keys.asked == per_question
    clock.advance(STRANGER_SECONDS + 1)
    await refusal(check, whole)
    assert keys.asked == 2 * per_question


async def test_a_flood_of_strangers_is_remembered_only_so_far(keys: FakeKeys, clock: FixedClock) -> None:
    check = KeyCheck(keys, clock, SECRET)
    first = new_key("sk")
    await refusal(check, first)
    for _ in range(KEPT_STRANGERS):
        await refusal(check, new_key("sk"))
    asked = keys.asked
    await refusal(check, first)
    assert keys.asked == asked + 1


async def test_the_least_recently_used_key_makes_room(keys: FakeKeys, clock: FixedClock) -> None:
    check = KeyCheck(keys, clock, SECRET, kept=2)
    a, b, c = (new_key("sk") for _ in range(3))
    for whole in (a, b, c):
        keys.add(whole)
    for whole in (a, b, a, c):
        await check.check(whole, "sk")
    assert keys.asked == 3
    await check.check(a, "sk")
    assert keys.asked == 3
    await check.check(b, "sk")
    assert keys.asked == 4


@pytest.mark.parametrize(
    ("kind", "address", "named"), [("tp", "sk", "/token-plan/v1"), ("sk", "tp", "/v1 (OpenAI)")]
)
async def test_a_key_of_the_other_kind_is_told_its_base_url(
    check: KeyCheck, keys: FakeKeys, kind: KeyKind, address: KeyKind, named: str
) -> None:
    whole = new_key(kind)
    keys.add(whole)
    fault = await refusal(check, whole, address)
    assert fault.code is Code.BAD_KEY
    assert named in fault.message


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("disabled_at", "is disabled"),
        ("deleted_at", "was deleted"),
        ("account_disabled_at", "disabled account"),
        ("expires_at", "expired at 2026-11-22T08:00:00Z"),
    ],
)
async def test_an_ended_key_is_told_what_ended(
    check: KeyCheck, keys: FakeKeys, clock: FixedClock, field: str, said: str
) -> None:
    whole = new_key("sk")
    keys.add(whole)
    keys.end(whole, field, clock)
    fault = await refusal(check, whole)
    assert fault.code is Code.KEY_ENDED
    assert said in fault.message


async def test_a_remembered_key_still_expires(check: KeyCheck, keys: FakeKeys, clock: FixedClock) -> None:
    whole = new_key("sk")
    keys.add(whole, expires_at=clock.now() + timedelta(seconds=5))
    await check.check(whole, "sk")
    clock.advance(5)
    assert (await refusal(check, whole)).code is Code.KEY_ENDED
    assert keys.asked == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [(Change(1, "key", "key_0"), "disabled_at"), (Change(1, "account", "acc_1"), "account_disabled_at")],
)
async def test_a_change_makes_the_key_be_read_anew(
    check: KeyCheck, keys: FakeKeys, clock: FixedClock, change: Change, field: str
) -> None:
    whole = new_key("sk")
    keys.add(whole)
    await check.check(whole, "sk")
    keys.end(whole, field, clock)
    check.forget(change)
    assert (await refusal(check, whole)).code is Code.KEY_ENDED


async def test_other_changes_forget_nothing(check: KeyCheck, keys: FakeKeys) -> None:
    whole = new_key("sk")
    keys.add(whole)
    await check.check(whole, "sk")
    for change in (Change(1, "catalog", "*"), Change(2, "key", "key_9"), Change(3, "account", "acc_9")):
        check.forget(change)
    await check.check(whole, "sk")
    assert keys.asked == 1


async def test_a_key_that_ends_while_it_is_being_read_is_not_remembered(
    check: KeyCheck, keys: FakeKeys, clock: FixedClock
) -> None:
    whole = new_key("sk")
    keys.add(whole)
    keys.answering.clear()
    checking = asyncio.create_task(check.check(whole, "sk"))
    await asyncio.sleep(0)
    keys.end(whole, "disabled_at", clock)
    check.forget(Change(1, "key", "key_0"))
    keys.answering.set()
    await checking
    assert (await refusal(check, whole)).code is Code.KEY_ENDED


async def test_a_key_under_an_old_secret_is_reported_once_with_its_new_hash(
    keys: FakeKeys, clock: FixedClock
) -> None:
    """One under the next secret is not, and neither is a stranger."""
    told: list[tuple[KeyId, bytes, bytes]] = []
    check = KeyCheck(
        keys,
        clock,
        SECRET,
        [OLD],
        secrets_next=[b"next"],
        found_old=lambda key, old, new: told.append((key, old, new)),
    )
    old, ahead = new_key("sk"), new_key("sk")
    row = keys.add(old, secret=OLD)
    keys.add(ahead, secret=b"next")

    for whole in (old, ahead, old):
        await check.check(whole, "sk")
    await refusal(check, new_key("sk"))

    assert told == [(row.id, keyed_hash(OLD, old), keyed_hash(SECRET, old))]


async def test_a_key_that_another_node_moves_at_that_moment_is_found(clock: FixedClock) -> None:
    whole = new_key("sk")

    class Moving(FakeKeys):
        async def key_by_hash(self, digest: bytes) -> KeyRow | None:
            found = await super().key_by_hash(digest)
            if old := self.rows.pop(keyed_hash(OLD, whole), None):
                self.rows[keyed_hash(SECRET, whole)] = old
            return found

    keys = Moving()
    row = keys.add(whole, secret=OLD)
    assert (await KeyCheck(keys, clock, SECRET, [OLD]).check(whole, "sk")).key_id == row.id


async def test_a_key_hashed_under_an_old_secret_still_works(check: KeyCheck, keys: FakeKeys) -> None:
    whole = new_key("sk")
    keys.add(whole, secret=OLD)
    assert (await check.check(whole, "sk")).key_id == "key_0"


async def test_an_absent_database_is_not_mistaken_for_a_bad_key(clock: FixedClock) -> None:
    class Away:
        async def key_by_hash(self, digest: bytes) -> KeyRow | None:
            raise Fault(Code.UNAVAILABLE, "away", retry_after=1)

    assert (await refusal(KeyCheck(Away(), clock, SECRET), new_key("sk"))).code is Code.UNAVAILABLE


@pytest.mark.parametrize(
    ("addresses", "peer", "allowed"),
    [
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.7",), "10.0.0.8", False),
        (("2001:db8::/32", "10.0.0.7"), "2001:db8::1", True),
        (("10.0.0.0/8",), "2001:db8::1", False),
        (("10.0.0.0/8",), "", False),
        ((), "10.0.0.1", False),
    ],
)
async def test_a_key_with_an_address_list_is_good_from_there_only(
    check: KeyCheck, keys: FakeKeys, addresses: tuple[str, ...], peer: str, allowed: bool
) -> None:
    whole = new_key("sk")
    keys.add(whole)
    digest = keyed_hash(SECRET, whole)
    keys.rows[digest] = replace(keys.rows[digest], addresses=addresses)

    if allowed:
        await check.check(whole, "sk", peer)
        return
    with pytest.raises(Fault) as refused:
        await check.check(whole, "sk", peer)
    assert Code.FORBIDDEN is refused.value.code


async def test_a_caller_carries_the_limits_of_its_account_and_its_key(
    check: KeyCheck, keys: FakeKeys
) -> None:
    whole = new_key("sk")
    keys.add(whole)
    digest = keyed_hash(SECRET, whole)
    keys.rows[digest] = replace(
        keys.rows[digest], cap=5, limits='{"rpm":3}', account_limits='{"tpm":7,"concurrency":2}'
    )

    caller = await check.check(whole, "sk")

    assert caller.capped
    assert RateLimits(rpm=3) == caller.key_limits
    assert RateLimits(tpm=7, concurrency=2) == caller.limits
