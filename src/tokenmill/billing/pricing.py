"""Turns rates and token counts into a cost: the only place that does, and the only rounding there is."""

from __future__ import annotations

from typing import Literal

import msgspec

from tokenmill.conversation.parts import Value
from tokenmill.conversation.usage import Usage
from tokenmill.kit.money import Nano

Unit = Literal["USD", "CNY", "credits"]
MILLION = 1_000_000
PERMILLE = 1000


class Tariff(Value, frozen=True, kw_only=True):
    """What one exchange costs, fixed when it begins.

    Rates are in nano-units of a currency per million tokens; for `credits` they are in milli-credits per
    million tokens, which is the same number as nano-credits per token. `search` is the price of one web
    search, None where searches are not sold. `permille` scales all of it (off-peak hours). `version` names
    the price that the catalogue showed.
    """

    unit: Unit
    input: int
    cached: int
    written: int
    output: int
    search: int | None = None
    permille: int = PERMILLE
    version: str = ""

    @property
    def free(self) -> bool:
        """Does nothing here cost anything?"""
        return not (self.input or self.cached or self.written or self.output or self.search)

    def cost(self, usage: Usage, searches: int = 0) -> Nano:
        """The cost of a whole exchange, rounded once, half up."""
        tokens = (
            usage.input_fresh * self.input
            + usage.input_cached * self.cached
            + usage.input_written * self.written
            + usage.output * self.output
        )
        exact = (tokens + searches * (self.search or 0) * MILLION) * self.permille
        return Nano(_half_up(exact, MILLION * PERMILLE))

    def bound(self, input_tokens: int, output_tokens: int, searches: int = 0) -> Nano:
        """The most that so many tokens can cost, whatever kinds the input turns out to be; rounded up."""
        dearest = max(self.input, self.cached, self.written)
        exact = (
            input_tokens * dearest + output_tokens * self.output + searches * (self.search or 0) * MILLION
        ) * self.permille
        return Nano(-(-exact // (MILLION * PERMILLE)))

    def affords(self, amount: int, input_tokens: int, searches: int = 0) -> int | None:
        """How many output tokens `amount` pays beside the rest; None: any number, since output is free."""
        rate = self.output * self.permille
        if rate == 0:
            return None
        left = amount - self.bound(input_tokens, 0, searches)
        return max(0, left * MILLION * PERMILLE // rate)

    def lines(self, usage: Usage, searches: int = 0) -> tuple[Line, ...]:
        """The receipt: each kind of token with its rate; the exact sum of the lines is what was rounded."""
        kinds = (
            ("input", usage.input_fresh, self.input),
            ("cached_input", usage.input_cached, self.cached),
            ("written_input", usage.input_written, self.written),
            ("output", usage.output, self.output),
        )
        lines = [Line(kind, count, rate) for kind, count, rate in kinds if count]
        if searches:
            lines.append(Line("web_search", searches, (self.search or 0) * MILLION))
        return tuple(lines)


class Line(Value, frozen=True):
    """So many tokens of a kind, at a rate for a million."""

    kind: str
    count: int
    rate: int


def encode_tariff(tariff: Tariff) -> str:
    """As usage rows and holds keep it."""
    return msgspec.json.encode(tariff).decode()


def decode_tariff(text: str) -> Tariff | None:
    """The inverse; None for the row of an exchange that cost nothing."""
    return msgspec.json.decode(text, type=Tariff) if text else None


def share(amount: int, part: int, whole: int) -> int:
    """`amount` × `part` ÷ `whole`, rounded once, half up; none of them is negative, and `whole` is not 0."""
    return _half_up(amount * part, whole)


def _half_up(exact: int, unit: int) -> int:
    return (2 * exact + unit) // (2 * unit)
