"""Serves `POST /v1/moderations`: texts are judged by the policy of the caller's account."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import opaque
from tokenmill.moderation.categories import OPENAI_NAMES, TO_OPENAI
from tokenmill.moderation.judging import Judgement, judge
from tokenmill.moderation.live import Moderation
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.review import must_not_fail
from tokenmill.wire.members import bad_value

MODEL: Final = "tokenmill-moderation"
MOST_TEXTS: Final = 256
MOST_CHARACTERS: Final = 1_000_000


class _Piece(msgspec.Struct):
    type: str = "text"
    text: str | None = None


class _Asked(msgspec.Struct):
    input: str | list[str | _Piece]
    model: str | None = None


class Moderations:
    """It is free, and only rate-limited."""

    def __init__(self, moderation: Moderation, *, body_limit: int) -> None:
        """`body_limit` is in bytes."""
        self._moderation = moderation
        self._body_limit = body_limit

    async def create(self, call: Call, caller: Caller) -> None:
        """Answers one request, in OpenAI's shape. Raises Fault."""
        asked = _decode(await call.body(self._body_limit))
        texts = _texts(asked)
        policy, _ = self._moderation.policies.of(caller.account_id, asked.model or MODEL)
        looked = msgspec.structs.replace(policy, input="flag")
        results = [await self._result(text, looked, policy) for text in texts]
        body = {"id": opaque("modr-"), "model": asked.model or MODEL, "results": results}
        await call.respond(200, msgspec.json.encode(body))

    async def _result(self, text: str, looked: Policy, policy: Policy) -> dict[str, object]:
        moderator = self._moderation.moderator
        judged = await judge(text, await self._moderation.book(), looked, "input", moderator)
        must_not_fail(judged.failed, msgspec.structs.replace(policy, input="block"), "input")
        return _shown(judged)


def _shown(judged: Judgement) -> dict[str, object]:
    """All of OpenAI's categories, and whether it is flagged for one of them or for another of ours."""
    scores = dict.fromkeys(OPENAI_NAMES, 0.0)
    meant = [finding for finding in judged.findings if not finding.passed]
    for finding in meant:
        for name in TO_OPENAI[finding.category]:
            scores[name] = max(scores[name], finding.score)
    named = {name for finding in meant for name in TO_OPENAI[finding.category]}
    return {
        "flagged": bool(meant),
        "categories": {name: name in named for name in OPENAI_NAMES},
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] for name in OPENAI_NAMES},
    }


def _decode(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body, type=_Asked)
    except msgspec.ValidationError:
        raise bad_value("input", "send a text, a list of texts, or a list of {type, text}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Fault(Code.BAD_JSON, "The body is not JSON.") from None


def _texts(asked: _Asked) -> list[str]:
    """One for each result: a list of parts is one text, as with OpenAI."""
    if isinstance(asked.input, str):
        texts = [asked.input]
    elif any(isinstance(piece, _Piece) for piece in asked.input):
        texts = ["\n".join(_words(piece, f"input[{at}]") for at, piece in enumerate(asked.input))]
    else:
        texts = [piece for piece in asked.input if isinstance(piece, str)]
    if not texts:
        raise bad_value("input", "send at least one text")
    if len(texts) > MOST_TEXTS or sum(map(len, texts)) > MOST_CHARACTERS:
        raise bad_value("input", f"send at most {MOST_TEXTS} texts, {MOST_CHARACTERS:,} characters in all")
    return texts


def _words(piece: str | _Piece, at: str) -> str:
    if isinstance(piece, str):
        return piece
    if piece.type != "text" or piece.text is None:
        raise bad_value(at, "only text is judged here; send parts of the type 'text'")
    return piece.text
