"""Estimates of prompts, and how they learn."""

from __future__ import annotations

import pytest

from tokenmill.conversation.parts import Inline, Media, Text, Url
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.estimate import MEDIA_TOKENS, Calibration, Gauge, tokens_of_request, tokens_of_text


def question(text: str) -> Request:
    return Request(model="m", turns=(Turn("user", (Text(text),)),))


def test_chinese_weighs_more_a_character_than_english() -> None:
    """In all common vocabularies."""
    assert tokens_of_text("abcd" * 100) == 100
    assert tokens_of_text("你好" * 75) == 100
    assert tokens_of_text("abcd" * 100 + "你好" * 75) == 200
    assert tokens_of_text("") == 0
    assert tokens_of_text("a") == 1


def test_an_estimate_is_never_zero() -> None:
    """Clients read 0 as "this server cannot count"."""
    assert Calibration().input_tokens("m", Request(model="m", turns=())) == 1


def test_estimates_follow_what_the_upstream_reports() -> None:
    """After some exchanges the estimate of a prompt of the same kind is close to the truth."""
    calibration = Calibration()
    for _ in range(20):
        calibration.learn("m", question("word " * 400), 1_000)

    estimate = calibration.input_tokens("m", question("word " * 800))
    assert estimate == pytest.approx(2_000, rel=0.05)
    assert calibration.input_tokens("other", question("word " * 800)) == tokens_of_request(
        question("word " * 800)
    )


def test_prompts_with_media_and_empty_counts_teach_nothing() -> None:
    """Their tokens are not of text."""
    calibration = Calibration()
    picture = Request(
        model="m", turns=(Turn("user", (Text("what?"), Media("image", Url("http://x/y.png")))),)
    )
    calibration.learn("m", picture, 5_000)
    calibration.learn("m", question("word " * 400), 0)

    assert calibration.input_tokens("m", question("word " * 400)) == tokens_of_request(
        question("word " * 400)
    )


def test_only_so_many_models_are_remembered() -> None:
    """Names are the operator's, but a bound costs nothing."""
    calibration = Calibration()
    for number in range(10_500):
        calibration.learn(f"m{number}", question("word " * 400), 1_000)

    assert calibration.input_tokens("m0", question("word " * 400)) == tokens_of_request(
        question("word " * 400)
    )
    assert calibration.input_tokens("m10499", question("word " * 400)) == 1_000


def test_each_piece_of_a_reply_is_a_token_at_least() -> None:
    """Digits and emoji come one by one; a piece with nothing in it is none."""
    digits, words, silence = Gauge(), Gauge(), Gauge()
    for digit in "3141592653":
        digits.add(digit)
        silence.add("")
    words.add("abcd" * 100)

    assert (10, 100, 0) == (digits.tokens, words.tokens, silence.tokens)


def test_media_are_estimated_by_their_kind_or_their_size() -> None:
    """Whoever leaves before the upstream has counted them pays for them all the same."""

    def with_media(*media: Media) -> int:
        return tokens_of_request(Request(model="m", turns=(Turn("user", media),)))

    nothing = with_media()
    linked = Media("image", Url("https://example.com/a.png"))
    small, large = (Media("image", Inline("A" * size)) for size in (4_000, 400_000))

    assert with_media(linked, linked) == nothing + 2 * MEDIA_TOKENS["image"]
    assert nothing < with_media(small) < nothing + 50
    assert with_media(large) == nothing + 1 + 300_000 // 200


def test_what_an_exchange_can_teach_is_bounded() -> None:
    """Nobody lowers the price of the prompts of replies that are left early to nothing."""
    calibration = Calibration()
    for _ in range(50):
        calibration.learn("m", question(" " * 40_000), 10)

    asked = question("word " * 400)
    assert calibration.input_tokens("m", asked) == round(tokens_of_request(asked) / 2)
