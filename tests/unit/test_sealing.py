"""What was sealed opens where it belongs, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.kit.sealing import Sealer

SECRET, OTHER = b"a" * 32, b"b" * 32
SEALER = Sealer(SECRET, purpose="tests")


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_what_was_sealed_opens_in_its_context(plain: bytes, context: bytes) -> None:
    """And does not show what it holds."""
    sealed = SEALER.seal(plain, context)

    assert SEALER.open(sealed, context) == plain
    assert len(plain) < 8 or plain not in sealed


def test_nothing_opens_elsewhere() -> None:
    """Another context, purpose or secret."""
    sealed = SEALER.seal(b"words", b"account 1")

    assert SEALER.open(sealed, b"account 2") is None
    assert Sealer(SECRET, purpose="other").open(sealed, b"account 1") is None
    assert Sealer(OTHER, purpose="tests").open(sealed, b"account 1") is None


def test_a_secret_that_was_replaced_still_opens_and_no_longer_seals() -> None:
    """Rotation loses nothing."""
    old = SEALER.seal(b"words", b"")
    rotated = Sealer(OTHER, [SECRET], purpose="tests")

    assert rotated.open(old, b"") == b"words"
    assert SEALER.open(rotated.seal(b"words", b""), b"") is None


def test_two_seals_of_the_same_words_differ() -> None:
    """Nobody can tell that they hold the same."""
    assert SEALER.seal(b"words", b"") != SEALER.seal(b"words", b"")


@pytest.mark.parametrize("flipped", range(0, 50, 7))
def test_a_single_changed_bit_is_noticed(flipped: int) -> None:
    """Wherever it is."""
    sealed = bytearray(SEALER.seal(b"seventeen letters", b""))
    sealed[flipped] ^= 1

    assert SEALER.open(bytes(sealed), b"") is None


@given(st.binary(max_size=100))
def test_hostile_bytes_are_nothing(noise: bytes) -> None:
    """Cut, empty or random."""
    assert SEALER.open(noise, b"") is None
    assert SEALER.open(SEALER.seal(b"words", b"")[: len(noise) % 37], b"") is None
