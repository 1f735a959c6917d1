"""What a prompt may cost at most, before anybody has counted its tokens."""

from __future__ import annotations

from tokenmill.exchange.bounds import MOST_HIDDEN, HiddenPrompts


def test_what_a_server_adds_to_prompts_is_learned_at_once_and_forgotten_slowly() -> None:
    """One exchange that needs less takes little away; many take all of it."""
    hidden = HiddenPrompts()
    assert 0 == hidden.tokens("m")
    hidden.learn("m", 100, 1_000)
    assert (900, 0) == (hidden.tokens("m"), hidden.tokens("other"))
    hidden.learn("m", 5_000, 1_250)
    assert 880 < hidden.tokens("m") < 900
    for _ in range(1_000):
        hidden.learn("m", 5_000, 1_250)
    assert 0 == hidden.tokens("m")


def test_a_count_that_cannot_be_is_learned_within_reason() -> None:
    hidden = HiddenPrompts()
    hidden.learn("m", 100, 10**9)
    assert MOST_HIDDEN == hidden.tokens("m")
