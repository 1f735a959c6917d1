"""Seals reasoning for one account's callers, and opens what they send back.

What a caller gets as signature (Messages) or encrypted reasoning (Responses) is ours: it holds the upstream's
own signature with the name of its issuer. So a signature finds back to its issuer byte for byte, one of
another issuer is never taken for it, and reasoning of an upstream that signs nothing is signed all the same.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from typing import Literal

import msgspec

from tokenmill.conversation.parts import Part, Reasoning
from tokenmill.conversation.request import Drop, Request, Turn
from tokenmill.kit.ids import AccountId
from tokenmill.kit.sealing import Sealer

_MARK = "tm1."
_NOT_OURS = "this platform did not issue it, or it was changed; it is not sent on"


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    """What a seal holds; `text` None means that the words travel beside it, and hash to `digest`."""

    text: str | None
    digest: bytes
    form: Literal["visible", "summary", "redacted"]
    origin: str | None
    signature: str | None


_decoder = msgspec.msgpack.Decoder(_Sealed)


class AccountSeals:
    """The seals of one account; another's do not open here."""

    def __init__(self, sealer: Sealer, account: AccountId) -> None:
        self._sealer = sealer
        self._context = account.encode()

    def sign(self, thought: Reasoning) -> str:
        """A signature to go beside the words of `thought`, or the data of a redacted one."""
        return self._seal(thought, text=None)

    def encrypt(self, thought: Reasoning) -> str:
        """All of `thought`, for a caller who keeps it without being able to read it."""
        return self._seal(thought, text=thought.text)

    def open(self, request: Request) -> tuple[Request, tuple[Drop, ...]]:
        """`request` with its reasoning as the model gave it; what was not sealed here is now unsigned.

        The drops tell of seals that did not open, and of redacted reasoning, which is nothing without them.
        """
        turns: list[Turn] = []
        lost = 0
        for turn in request.turns:
            if not any(isinstance(part, Reasoning) and part.signature is not None for part in turn.parts):
                turns.append(turn)
                continue
            opened, unopened = self._open_turn(turn)
            lost += unopened
            if opened.parts:
                turns.append(opened)
        if turns == list(request.turns):
            return request, ()
        drops = (
            (Drop("signature", f"{lost} of them: {_NOT_OURS}" if lost > 1 else _NOT_OURS),) if lost else ()
        )
        return msgspec.structs.replace(request, turns=tuple(turns)), drops

    def _seal(self, thought: Reasoning, text: str | None) -> str:
        sealed = _Sealed(text, _digest(thought.text), thought.form, thought.origin, thought.signature)
        blob = self._sealer.seal(msgspec.msgpack.encode(sealed), self._context)
        return _MARK + urlsafe_b64encode(blob).decode()

    def _open_turn(self, turn: Turn) -> tuple[Turn, int]:
        """The turn, and how many of its seals did not open."""
        kept: list[tuple[Part, str]] = []
        lost = 0
        for i, part in enumerate(turn.parts):
            place = turn.at[i] if turn.at else ""
            if not isinstance(part, Reasoning) or part.signature is None:
                kept.append((part, place))
                continue
            opened = self._open(part, part.signature)
            if opened is None:
                lost += 1
                if part.text:
                    kept.append((Reasoning(part.text, part.form), place))
                continue
            if part.form == "summary":  # What was sealed says it all; summaries before it say it again.
                while kept and isinstance(before := kept[-1][0], Reasoning) and before.form == "summary":
                    kept.pop()
            kept.append((opened, place))
        parts, places = tuple(part for part, _ in kept), tuple(place for _, place in kept)
        return msgspec.structs.replace(turn, parts=parts, at=places if turn.at else ()), lost

    def _open(self, part: Reasoning, signature: str) -> Reasoning | None:
        sealed = self._unseal(signature)
        if sealed is None:
            return None
        if sealed.text is not None:
            return Reasoning(sealed.text, sealed.form, sealed.origin, sealed.signature)
        if sealed.form != part.form or not compare_digest(sealed.digest, _digest(part.text)):
            return None
        return Reasoning(part.text, part.form, sealed.origin, sealed.signature)

    def _unseal(self, signature: str) -> _Sealed | None:
        if not signature.startswith(_MARK):
            return None
        try:
            blob = self._sealer.open(urlsafe_b64decode(signature[len(_MARK) :]), self._context)
            return None if blob is None else _decoder.decode(blob)
        except (ValueError, msgspec.DecodeError):
            return None


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
