"""The walk over an SDK's objects does find what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from openai._models import construct_type
from openai.types.chat import ChatCompletion
from openai.types.responses import ResponseStreamEvent

from tests.clients.matches import assert_matches

WHOLE: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
        }
    ],
}
CHOICE: dict[str, Any] = WHOLE["choices"][0]
CREATED = {"type": "response.created", "sequence_number": 0}


def test_a_lawful_reply_matches() -> None:
    assert_matches(ChatCompletion, construct_type(type_=ChatCompletion, value=WHOLE))


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"created": "1"}, r"reply\.created"),
        ({"created": True}, r"reply\.created"),
        ({"object": "chat"}, r"reply\.object"),
        ({"surprise": 1}, "surprise"),
        ({"choices": None}, r"reply\.choices"),
        ({"choices": [CHOICE | {"finish_reason": "done"}]}, r"reply\.choices\[0\]\.finish_reason"),
        ({"choices": [CHOICE | {"index": None}]}, r"reply\.choices\[0\]\.index"),
        ({"choices": [CHOICE | {"message": "Hi"}]}, r"reply\.choices\[0\]\.message"),
        ({"choices": [CHOICE | {"message": {"role": "assistant", "content": 7}}]}, "content"),
    ],
)
def test_what_an_sdk_lets_pass_is_found(wrong: dict[str, Any], place: str) -> None:
    reply = construct_type(type_=ChatCompletion, value=WHOLE | wrong)
    with pytest.raises(AssertionError, match=place):
        assert_matches(ChatCompletion, reply)


def test_a_missing_member_is_found() -> None:
    told = {name: value for name, value in WHOLE.items() if name != "model"}
    with pytest.raises(AssertionError, match=r"reply\.model"):
        assert_matches(ChatCompletion, construct_type(type_=ChatCompletion, value=told))


def test_an_event_without_what_it_is_about_is_found() -> None:
    event = construct_type(type_=ResponseStreamEvent, value=CREATED)
    with pytest.raises(AssertionError):
        assert_matches(ResponseStreamEvent, event)
