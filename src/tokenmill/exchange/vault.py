"""Puts remembered reasoning back into a request that came without it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain, islice
from math import inf
from typing import Final

import msgspec

from tokenmill.conversation.parts import Part, Reasoning, Refusal, Text, ToolCall, Value
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.call_keys import call_key
from tokenmill.memory.remembered import CallKey, Remembered, Story

MOST_GAPS: Final = 2_000
"""The latest turns of a request that are looked up; the longest agent sessions known have some hundreds."""

MOST_CALLS: Final = 20_000
"""Calls of a request beyond which it is not looked at: as many would not fit into a million tokens."""

_DIGEST: Final = 16


class Gap(Value, frozen=True):
    """A turn that called tools and came without its reasoning, or with words that may have lost something.

    `words` is what it came with in the second case; `signed`: a signature of theirs is of use.
    """

    turn: int
    calls: tuple[CallKey, ...]
    before: Story
    words: str | None = None
    signed: bool = False

    def is_filled_by(self, turn: Remembered) -> bool:
        """May this turn's reasoning stand here? Words that were changed are nobody's.

        White space does not count: Qwen Code takes off what is around them.
        """
        if not set(self.calls) & set(turn.calls):
            return False
        if self.words is None:
            return True
        if any(thought.part.signature is not None for thought in turn.thoughts) and not self.signed:
            return False
        said = _words_of(turn)
        return said == self.words or _letters(said) == _letters(self.words)

    def is_whole_as(self, turn: Remembered) -> bool:
        """Did it come with all that this turn's reasoning is?"""
        return (
            self.words is not None
            and self.words == _words_of(turn)
            and all(thought.part.signature is None for thought in turn.thoughts)
        )


class _Teller:
    """Tells the story of a conversation up to a turn.

    It leaves out what clients change between two turns: instructions, results, reasoning, and the words of
    the model.
    """

    def __init__(self) -> None:
        self._words = blake2b(digest_size=_DIGEST)
        self._calls = blake2b(digest_size=_DIGEST)

    def take(self, turn: Turn, calls: Iterable[CallKey]) -> None:
        """Goes on with the next turn."""
        if turn.role == "user":
            for part in turn.parts:
                if isinstance(part, Text):
                    self._words.update(part.text.encode("utf-8", "surrogatepass"))
        for call in calls:
            self._calls.update(call)

    @property
    def story(self) -> Story:
        """What was told so far."""
        return Story(self._words.copy().digest(), self._calls.copy().digest())


def gaps(request: Request, *, signed: bool) -> list[Gap]:
    """The turns of `request` whose reasoning is missing or perhaps not whole, the first one first.

    Words that do not both begin and end in white space may have been trimmed. With `signed`, all that
    have no signature count, too: some clients speak protocols that carry none, and a target that checks them
    takes no others.
    """
    found: list[Gap] = []
    teller = _Teller()
    for i, turn in enumerate(request.turns):
        calls = keys_of(turn)
        if turn.role == "assistant" and calls:
            words = _own_words(turn)
            if words is None or (not _is_signed(turn) and (signed or _may_be_trimmed(words))):
                found.append(Gap(i, calls, teller.story, words, signed))
        teller.take(turn, calls)
    return found[-MOST_GAPS:]


def is_beyond_reach(request: Request) -> bool:
    """Has it more calls than can be told apart in the time of a request?"""
    return sum(isinstance(part, ToolCall) for turn in request.turns for part in turn.parts) > MOST_CALLS


def story_of(turns: Iterable[Turn]) -> Story:
    """What goes before the reply to `turns`."""
    teller = _Teller()
    for turn in turns:
        teller.take(turn, keys_of(turn))
    return teller.story


def keys_of(turn: Turn) -> tuple[CallKey, ...]:
    """The keys of the calls that the turn asks its caller to run."""
    return tuple(call_key(part) for part in turn.parts if isinstance(part, ToolCall) and is_own(part))


def is_own(call: ToolCall) -> bool:
    """Is it the caller who runs it?"""
    return call.kind != "server"


class _Pool:
    """Remembered turns that stand nowhere yet, by what went before them, by their calls and by their words.

    A request may have thousands of gaps, and an upstream that counts `call_0` in every turn thousands of
    turns for each: no gap is compared with all of them.
    """

    def __init__(self, turns: Iterable[Remembered]) -> None:
        self._turns: dict[Story | bytes | str, dict[str, Remembered]] = {}
        for turn in turns:
            for mark in _marks(turn):
                self._turns.setdefault(mark, {})[turn.id] = turn

    def told(self, gap: Gap, before: Story | bytes) -> Iterator[Remembered]:
        """Those that may stand in the gap and have this before them, all of it or the calls alone."""
        return (turn for turn in self._of(before) if gap.is_filled_by(turn))

    def near(self, gap: Gap) -> Iterator[Remembered]:
        """Those that may stand in the gap, each once."""
        calls = [self._of(call) for call in dict.fromkeys(gap.calls)]
        said = [] if gap.words is None else [self._of(_letters(gap.words))]
        looked = said if said and len(said[0]) < sum(map(len, calls)) else calls
        seen: set[str] = set()
        for turn in chain.from_iterable(looked):
            if turn.id not in seen and gap.is_filled_by(turn):
                seen.add(turn.id)
                yield turn

    def take(self, turn: Remembered) -> None:
        """It stands somewhere now."""
        for mark in _marks(turn):
            del self._turns[mark][turn.id]

    def _of(self, mark: Story | bytes | str) -> Collection[Remembered]:
        return self._turns.get(mark, {}).values()


def _marks(turn: Remembered) -> Iterator[Story | bytes | str]:
    """Under what it is found; digests of calls before it are shorter than the keys of its own calls."""
    yield turn.before
    yield turn.before.calls
    yield _letters(_words_of(turn))
    yield from set(turn.calls)


def strange(missing: Iterable[Gap], known: Iterable[Remembered]) -> list[Gap]:
    """The gaps of which none of the turns is the very one, by all that went before."""
    pool = _Pool(known)
    return [gap for gap in missing if next(pool.told(gap, gap.before), None) is None]


def choose(missing: Sequence[Gap], known: Collection[Remembered]) -> dict[int, Remembered]:
    """Which of the remembered turns stands in which gap; each stands once.

    Upstreams repeat ids. Of several turns that a gap may be, the one counts that the same story went before
    (the latest, if it was told twice); else the only one before which the same calls were made; else none.
    """
    chosen: dict[int, Remembered] = {}
    pool = _Pool(known)
    for gap in missing:
        fitting = list(pool.told(gap, gap.before))
        if fitting:
            mine = set(gap.calls)
            chosen[gap.turn] = max(fitting, key=lambda turn: (len(mine.intersection(turn.calls)), turn.id))
            pool.take(chosen[gap.turn])
    for gap in missing:
        if gap.turn in chosen:
            continue
        rest = list(islice(pool.near(gap), 2))
        if len(rest) > 1:
            rest = list(islice(pool.told(gap, gap.before.calls), 2))
        if len(rest) == 1:
            chosen[gap.turn] = rest[0]
            pool.take(rest[0])
    return chosen


def put_back(request: Request, missing: Sequence[Gap], chosen: Mapping[int, Remembered]) -> Request:
    """`request` with the chosen reasoning where it stood; blank reasoning that stands for none is gone.

    A client that merged calls or left some out still gets all of the turn's reasoning.
    """
    turns = list(request.turns)
    for gap in missing:
        turn = turns[gap.turn]
        if gap.turn in chosen:
            if not gap.is_whole_as(chosen[gap.turn]):
                turns[gap.turn] = _filled(turn, chosen[gap.turn])
        elif gap.words is None:
            turns[gap.turn] = _with_parts(
                turn, [(p, at) for p, at in _placed(turn) if not isinstance(p, Reasoning)]
            )
    return request if turns == list(request.turns) else msgspec.structs.replace(request, turns=tuple(turns))


def _filled(turn: Turn, remembered: Remembered) -> Turn:
    left = list(remembered.thoughts)
    places: dict[CallKey, list[int]] = {}
    for place, key in enumerate(remembered.calls):
        places.setdefault(key, []).append(place)
    passed = texts = last_call = 0
    parts: list[tuple[Part, str]] = []

    def think(at: str, after: int, texts: float) -> None:
        while left and (left[0].calls, left[0].texts) <= (after, texts):
            parts.append((left.pop(0).part, at))

    for part, at in _placed(turn):
        match part:
            case Reasoning():
                continue
            case ToolCall() if is_own(part):
                position = _position(places.get(call_key(part), []), passed)
                if position is not None:
                    think(at, position, inf)
                    passed, texts = position + 1, 0
                last_call = len(parts)
            case Text() | Refusal():
                think(at, passed, texts)
                texts += 1
        parts.append((part, at))
    # What stood before calls that are gone: a message must not end with it.
    parts[last_call:last_call] = [(thought.part, parts[last_call][1]) for thought in left]
    return _with_parts(turn, parts)


def _position(places: Sequence[int], passed: int) -> int | None:
    """Which of the turn's calls this is: the next of that key, else any."""
    if not places:
        return None
    later = bisect_left(places, passed)
    return places[later] if later < len(places) else places[0]


def _placed(turn: Turn) -> Iterator[tuple[Part, str]]:
    return zip(turn.parts, turn.at or ("",) * len(turn.parts), strict=True)


def _with_parts(turn: Turn, placed: Sequence[tuple[Part, str]]) -> Turn:
    parts, at = tuple(part for part, _ in placed), tuple(at for _, at in placed)
    return msgspec.structs.replace(turn, parts=parts, at=at if turn.at else ())


def _own_words(turn: Turn) -> str | None:
    """What the turn itself tells of its reasoning; None where that is nothing, blank or a mere stand-in."""
    thoughts = [part for part in turn.parts if isinstance(part, Reasoning)]
    words = "".join(thought.text for thought in thoughts)
    if words.strip() or any(thought.signature is not None for thought in thoughts):
        return words
    return None


def _words_of(turn: Remembered) -> str:
    return "".join(thought.part.text for thought in turn.thoughts)


def _letters(words: str) -> str:
    """The words without white space."""
    return "".join(words.split())


def _may_be_trimmed(words: str) -> bool:
    return not (words[:1].isspace() and words[-1:].isspace())


def _is_signed(turn: Turn) -> bool:
    return any(isinstance(part, Reasoning) and part.signature is not None for part in turn.parts)
