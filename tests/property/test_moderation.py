"""Laws of moderation: nothing blocked gets out, wherever a reply is cut, and nothing else is kept back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.moderation import REPLIES, reviewed, screen_of, text_of, texted
from tokenmill.conversation.events import Event, Finished, PartClosed, PartOpened, Stop, TextDelta
from tokenmill.conversation.fold import fold as folded_reply
from tokenmill.conversation.frames import Frame
from tokenmill.conversation.grammar import Grammar
from tokenmill.conversation.parts import Text, ToolCall
from tokenmill.moderation.categories import Category
from tokenmill.moderation.folding import fold, squeeze
from tokenmill.moderation.phrases import PhraseList, read_list
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.watch import Watch, findings_in

LISTS = read_list(
    "test",
    "forbidden fruit\n禁果\nmake | build * pipe bomb | 炸弹\nred * green * blue\nzha dan\nanal\n猫",
    origin="own",
)
BOOK = Rulebook([LISTS])
BLOCKS = Policy(input="block", output="block")

WORDS = st.sampled_from(
    [
        *("forbidden", "fruit", "forbid", "den", "make", "build", "a", "simple", "pipe", "bomb", "bombastic"),
        *("禁", "果", "炸弹", "猫", "狗", "red", "green", "blue", "zha", "dan", "an", "al", "anal", "ysis"),
        *(
            "F o r b i d d e n",
            "ｆｏｒｂｉｄｄｅｎ",
            "frúit",
            "fr\u200buit",
            "fо",
            "rbidden",
            "pi\u0301pe",
            "。",
            "\n",
            "…",
        ),
    ]
)
TEXTS = st.lists(
    st.tuples(WORDS, st.sampled_from(["", " ", " ", "  ", "-", "\n", " " * 70])), min_size=1, max_size=14
).map(lambda pairs: "".join(word + gap for word, gap in pairs))


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    """`text` in pieces of any size, some of them empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def sent(pieces: Iterable[str], book: Rulebook = BOOK, policy: Policy = BLOCKS) -> list[Event]:
    """What the caller is sent of a reply that comes in these pieces."""
    return asyncio.run(reviewed(texted(pieces), screen_of(book, policy)))


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_nothing_of_what_is_blocked_is_sent_wherever_the_reply_is_cut(data: st.DataObject) -> None:
    """What is sent is the beginning of the text, and ends before the first phrase begins."""
    text = data.draw(TEXTS)
    events = sent(data.draw(cut(text)))
    told = text_of(events)
    found = findings_in(text, BOOK, BLOCKS, "output")
    assert text.startswith(told)
    assert "禁果" not in told  # Not by our own matcher's word alone.
    assert "猫" not in told
    assert not re.search(r"(?<!\w)forbidden fruit(?!\w)", told)
    if not found:
        assert told == text
        assert events[-1] == Finished(Stop.END)
    else:
        first = min(each.at for each in found)
        assert len(fold(told)) <= first
        assert events[-1] == Finished(Stop.FILTER)
        assert findings_in(told, BOOK, BLOCKS, "output") == []


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_verdict_is_the_same_wherever_the_reply_is_cut(data: st.DataObject) -> None:
    """One piece, any pieces and single characters are blocked alike."""
    text = data.draw(TEXTS)
    ends = {sent(pieces)[-1] for pieces in ([text], list(text), data.draw(cut(text)))}
    assert len(ends) == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_more_is_held_back_than_a_phrase_can_still_need(data: st.DataObject) -> None:
    """What waits is no longer than the longest way to write a phrase, and begins where one may."""
    text = data.draw(TEXTS)
    assume(not findings_in(text, BOOK, BLOCKS, "output"))
    watch = Watch(BOOK, BLOCKS, "output")
    longest = max(
        sum(max(len(piece.text) for piece in part) for part in phrase.parts)
        + phrase.gap * (len(phrase.parts) - 1)
        for phrase in BOOK.phrases
    )
    for character in text:
        watch.feed(character)
        waiting = fold(text)[watch.safe : watch.read]
        assert len(squeeze(waiting)) <= longest + 1  # One for the end of its last word.


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_screened_stream_is_lawful_and_folds(data: st.DataObject) -> None:
    """Blocked or not, parts end, choices end, and nothing comes after."""
    pieces = data.draw(cut(data.draw(TEXTS)))
    grammar = Grammar()
    events = sent(pieces)
    for event in events:
        grammar.see(event)
    assert grammar.whole
    assert len(folded_reply(events).choices) == 1


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_parts_and_channels_hide_nothing(data: st.DataObject) -> None:
    """A phrase cut between two parts of the same kind is never whole in what is sent."""
    pieces = data.draw(cut(data.draw(TEXTS)))
    events: list[Event] = [texted([])[0]]
    for index, piece in enumerate(pieces):
        events += [PartOpened(index, Text()), TextDelta(index, piece), PartClosed(index)]
    out = asyncio.run(reviewed([*events, Finished(Stop.END)], screen_of(BOOK, BLOCKS)))
    assert findings_in(text_of(out), BOOK, BLOCKS, "output") == []


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 7), st.booleans())
@example("forbidden fruit", 3, True)
def test_a_tool_call_is_sent_whole_or_not_at_all(text: str, size: int, escaped: bool) -> None:
    """Escapes in JSON hide nothing, and no half of a call gets out."""
    arguments = json.dumps({"path": "a.txt", "text": text}, ensure_ascii=escaped)
    events = REPLIES.call(arguments, size)
    out = asyncio.run(reviewed(events, screen_of(BOOK, BLOCKS)))
    calls = [event for event in out if isinstance(event, PartOpened) and isinstance(event.part, ToolCall)]
    if findings_in(text, BOOK, BLOCKS, "output"):
        assert calls == []
        assert out[-1] == Finished(Stop.FILTER)
    else:
        assert out == events


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_policy_that_only_flags_changes_nothing(data: st.DataObject) -> None:
    """Every frame goes on as it came, at once, with its own bytes."""
    pieces = data.draw(cut(data.draw(TEXTS)))
    screen = screen_of(BOOK, Policy(output="flag"))

    async def run() -> None:
        for event in texted(pieces):
            frame = Frame((event,), b"raw")
            assert await screen.take(frame) == [frame]

    asyncio.run(run())


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_text_folds_the_same_wherever_it_is_cut(text: str) -> None:
    """Character by character is all at once."""
    assert fold(text) == "".join(map(fold, text))


@pytest.mark.parametrize("category", list(Category))
def test_every_category_can_be_blocked_flagged_and_left_alone(category: Category) -> None:
    """The policy's word on a category counts, in a direction that is not off."""
    mine: PhraseList = read_list("mine", f"[{category}]\nquince", origin="own")
    book = Rulebook([mine])
    for action in ("block", "flag", "off"):
        policy = Policy(output="flag", categories={category: action})
        found = findings_in("a quince", book, policy, "output")
        assert [each.action for each in found] == ([] if action == "off" else [action])
    assert findings_in("a quince", book, Policy(output="off", categories={category: "block"}), "output") == []
