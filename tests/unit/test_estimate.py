"""Estimates of prompts, and how they learn."""

from __future__ import annotations

import pytest

from tokenmill.conversation.parts import Media, Text, Url
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.estimate import Calibration, tokens_of_request, tokens_of_text


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
    for number in range(1_500):
        calibration.learn(f"m{number}", question("word " * 400), 1_000)

    assert calibration.input_tokens("m0", question("word " * 400)) == tokens_of_request(
        question("word " * 400)
    )
    assert calibration.input_tokens("m1499", question("word " * 400)) == 1_000
