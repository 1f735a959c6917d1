"""Counts the tokens of one reply in kinds that never overlap."""

from __future__ import annotations

from operator import add

from msgspec.structs import astuple

from tokenmill.conversation.parts import Value


class Usage(Value, frozen=True):
    """Tokens of one reply so far; the input kinds and `output` are disjoint.

    `output_reasoning` is a share of `output`. `searches` are searches of the web that were made for the
    reply, and `pages` the pages that were read for them. `image`, `audio` and `video` are shares of
    the input.

    Every wire module turns its vendor's convention into this one at its edge:
    OpenAI's `prompt_tokens` is the sum of the three input kinds, Anthropic's
    `input_tokens` is `input_fresh` alone.
    """

    input_fresh: int = 0
    input_cached: int = 0
    input_written: int = 0
    output: int = 0
    output_reasoning: int = 0
    searches: int = 0
    pages: int = 0
    image: int = 0
    audio: int = 0
    video: int = 0

    @property
    def input(self) -> int:
        """All tokens of the prompt, however they were served."""
        return self.input_fresh + self.input_cached + self.input_written

    @property
    def total(self) -> int:
        """Prompt and reply together."""
        return self.input + self.output

    def plus(self, other: Usage) -> Usage:
        """What two replies took together."""
        return Usage(*map(add, astuple(self), astuple(other)))
