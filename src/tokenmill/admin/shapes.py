"""Gives the shapes that requests and replies of all resources share: amounts, pages, empty replies."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from fastapi import Query
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from tokenmill.kit import money
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import Nano

T = TypeVar("T")

MOST_A_PAGE = 200


class Asked(BaseModel):
    """A request's body: unknown members are errors, and no value is repeated in a fault."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


class Shown(BaseModel):
    """A reply, made from a value of the floors below whose fields have the same names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    @classmethod
    def of(cls, value: object) -> Self:
        """The reply for `value`."""
        return cls.model_validate(value)


def _parse(text: object) -> Nano:
    if not isinstance(text, str):
        raise ValueError("must be a decimal string like 25.00")
    return money.parse(text)


def show_credits(milli: int) -> str:
    """Milli-credits as credits: `"4100000000"`, `"2.5"`."""
    return f"{Decimal(milli) / 1000:f}" if milli % 1000 else str(milli // 1000)


def _parse_credits(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError("must be a decimal string like 4100000000")
    nano = money.parse(text)
    if nano % 1_000_000:
        raise ValueError("must not be finer than a thousandth of a credit")
    return nano // 1_000_000


_DECIMAL: dict[str, Any] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["25.00"]}

AmountAsked = Annotated[Nano, BeforeValidator(_parse), WithJsonSchema(_DECIMAL)]
"""An amount in a request, as a decimal string; nano-units within."""

Amount = Annotated[
    int, PlainSerializer(lambda nano: money.show(Nano(nano)), return_type=str), WithJsonSchema(_DECIMAL)
]
"""An amount in a reply: nano-units within, an exact decimal string outside."""

Credits = Annotated[int, PlainSerializer(show_credits, return_type=str), WithJsonSchema(_DECIMAL)]
"""Credits in a reply: milli-credits within, an exact decimal string outside."""

CreditsAsked = Annotated[int, BeforeValidator(_parse_credits), WithJsonSchema(_DECIMAL)]

Moment = AwareDatetime
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Currency = Literal["USD", "CNY"]
Language = Literal["zh-CN", "en"]

Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]


class Page(Shown, Generic[T]):
    """A part of a list; `next_cursor` asks for what comes after it, None at its end."""

    data: list[T]
    next_cursor: str | None = None


class Everything(Shown, Generic[T]):
    """A list that is always whole."""

    data: list[T]


class Done(Shown):
    """It is done, and there is nothing to say about it."""

    done: Literal[True] = True


class SecretOnce(Shown):
    """A secret, whole for the only time."""

    secret: Annotated[str, Field(description="Shown only now; its hash is kept.")]


def write_cursor(*key: str | int) -> str:
    """Where a page ended, in a form that says nothing to anybody else."""
    return urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *types: type) -> tuple[Any, ...] | None:
    """The inverse, for a key of these types. Raises Fault(BAD_VALUE) for what no page has given."""
    if cursor is None:
        return None
    try:
        key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(types) or not all(map(_kept, key)):
        raise Fault(Code.BAD_VALUE, "That cursor is not one that a page has given.", field="cursor")
    return tuple(key)


def _kept(part: str | int) -> bool:
    """Could a database have this? None keeps U+0000, half a surrogate pair, or more than 64 bits."""
    return -(2**63) <= part < 2**63 if isinstance(part, int) else part.isprintable()


def page_of(
    rows: Sequence[Any], limit: int, show: Callable[[Any], T], key: Callable[[Any], tuple[str | int, ...]]
) -> Page[T]:
    """A page from up to `limit` + 1 rows: the one too many only says that there is more."""
    kept = rows[:limit]
    cursor = write_cursor(*key(kept[-1])) if len(rows) > limit else None
    return Page(data=[show(row) for row in kept], next_cursor=cursor)
