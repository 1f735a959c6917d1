"""What is remembered of replies, and where it goes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
import pytest

from tokenmill.accounts.key_check import Caller
from tokenmill.conversation.events import Event, Stop
from tokenmill.conversation.fold import Choice, Reply, unfold
from tokenmill.conversation.parts import Part, Reasoning, Text, ToolCall, ToolResult, Vendor
from tokenmill.conversation.request import FunctionTool, Request, Turn
from tokenmill.exchange.call_keys import call_key
from tokenmill.exchange.harvest import MOST, Harvest
from tokenmill.exchange.recall import Recall
from tokenmill.exchange.vault import MOST_CALLS, choose, gaps, put_back, strange
from tokenmill.kit.ids import AccountId, KeyId
from tokenmill.memory.remembered import Recent, Remembered, Story, Thought
from tokenmill.ports import Route
from tokenmill.testing import FixedClock

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACCOUNT, KEY = AccountId("acc_1"), KeyId("key_1")
ASKED = Turn("user", (Text("Do it."),))


def asking(*turns: Turn) -> Request:
    return Request(model="m", turns=turns, tools=(FunctionTool("read"),))


def call(id_: str = "call_1", arguments: str = '{"path":"a"}') -> ToolCall:
    return ToolCall(id_, "read", arguments)


def think(text: str, signature: str | None = None) -> Reasoning:
    return Reasoning(text, origin="up" if signature else None, signature=signature)


def heard(request: Request, *parts: Part, protocol: Vendor = "openai_chat") -> Remembered:
    harvest = Harvest(request, ACCOUNT, KEY, protocol)
    for event in reply(*parts):
        harvest.watch(event)
    (turn,) = harvest.turns(NOW)
    return turn


def reply(*parts: Part) -> list[Event]:
    return list(unfold(Reply("id", "m", 0, (Choice(parts, Stop.TOOL),))))


def restored(request: Request, *known: Remembered, signed: bool = False) -> Request:
    missing = gaps(request, signed=signed)
    return put_back(request, missing, choose(missing, known))


SAID = (think("one", "s1"), Text("I look."), call("call_1"), think("two", "s2"), call("call_2", "{}"))


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (SAID[1:3] + SAID[4:], SAID),
        ((call("call_1"), call("call_2", "{}")), (SAID[0], SAID[2], SAID[3], SAID[4])),
        ((Text("I look."), call("call_2", "{}")), (SAID[0], Text("I look."), SAID[3], SAID[4])),
        ((call("call_1"),), (SAID[0], SAID[3], SAID[2])),
        ((Reasoning(" "), Text("I look."), call("call_1")), (SAID[0], Text("I look."), SAID[3], SAID[2])),
    ],
)
def test_reasoning_stands_where_it_stood(came: tuple[Part, ...], expected: tuple[Part, ...]) -> None:
    """Also when texts or calls around it are gone; a message never ends with a thought."""
    turn = heard(asking(ASKED), *SAID)
    request = asking(ASKED, Turn("assistant", came), Turn("tool", (ToolResult("call_1"),)))

    assert restored(request, turn).turns[1].parts == expected


def test_turns_with_reasoning_of_their_own_are_left_alone() -> None:
    """Whatever the vault knows better; and a turn that called nothing needs none."""
    turn = heard(asking(ASKED), *SAID)
    own = asking(ASKED, Turn("assistant", (think("mine"), call("call_1"))), ASKED)
    idle = asking(ASKED, Turn("assistant", (Text("Hello"),)), ASKED)

    assert restored(own, turn) is own
    assert restored(own, turn, signed=True) is own  # The words are not those of the signature.
    assert restored(idle, turn) is idle


def test_words_get_their_signature_again() -> None:
    """Only for a target that checks them, and only those very words."""
    turn = heard(asking(ASKED), think("one", "s1"), call())
    request = asking(ASKED, Turn("assistant", (think("one"), call())))

    assert restored(request, turn) is request
    assert restored(request, turn, signed=True).turns[1].parts == (think("one", "s1"), call())


@pytest.mark.parametrize("words", ["one\n two", "one\n two\n", "one\n\n two", " one\n two"])
def test_words_that_lost_white_space_are_whole_again(words: str) -> None:
    """Byte for byte, for a target that signs nothing; a turn that came whole is left as it is."""
    turn = heard(asking(ASKED), think(" one\n "), think("two\n\n"), call())
    back = asking(ASKED, Turn("assistant", (think(words), call())))
    whole = asking(ASKED, Turn("assistant", (think(" one\n two\n\n"), call())))

    assert restored(back, turn).turns[1].parts == (think(" one\n "), think("two\n\n"), call())
    assert restored(whole, turn) is whole
    plain = heard(asking(ASKED), think("one"), call())
    same = asking(ASKED, Turn("assistant", (think("one"), call())))
    assert len(gaps(same, signed=False)) == 1
    assert restored(same, plain) is same


def test_thousands_of_turns_that_call_the_same_are_told_apart_in_a_moment() -> None:
    """An upstream counts `call_0` in every turn of a session whose first words the client has changed.

    A comparison of each with each would hold up the whole node for seconds.
    """
    turns = [ASKED]
    known = []
    for number in range(1_500):
        known.append(
            Remembered(
                id=f"vt_{number:04}",
                account_id=ACCOUNT,
                key_id=KEY,
                created_at=NOW,
                before=Story(b"words", str(number).encode()),
                calls=(call_key(call()),),
                thoughts=(Thought(think(f"Thought {number}."), 0, 0),),
            )
        )
        turns += [
            Turn("assistant", (think(f"Thought {number}."), call())),
            Turn("tool", (ToolResult("call_1"),)),
        ]
    request = asking(*turns)
    began = time.process_time()
    missing = gaps(request, signed=False)
    unknown = strange(missing, known)
    chosen = choose(missing, known)
    took = time.process_time() - began

    assert len(missing) == len(unknown) == len(chosen) == 1_500
    assert [turn.id for turn in chosen.values()] == [turn.id for turn in known]
    assert took < 1.0


async def test_a_request_of_more_calls_than_any_session_is_not_looked_at() -> None:
    """It says so on the record; to tell so many apart would take seconds."""
    calls = Turn("assistant", (call(),) * MOST_CALLS)
    caller = Caller(account_id=ACCOUNT, key_id=KEY, key_kind="sk", name="k", models=None, currency="USD")
    ways = [Route(target="t", engine="openai", upstream_model="m", reasoning_back="required")]
    recall = Recall(None, FixedClock())
    for turns, notes in (([calls], 0), ([calls, Turn("assistant", (call(),))], 1)):
        request = asking(ASKED, *turns)
        restored, drops = await recall.restored(request, caller, ways)
        assert restored is request
        assert [drop.reason for drop in drops] == [
            "not looked for: the request has over 20,000 calls"
        ] * notes


@pytest.mark.parametrize("long", [think("x" * (MOST + 1)), think("x", "s" * (MOST + 1))])
def test_a_reply_without_end_is_not_remembered(long: Part) -> None:
    """Nor held in memory; one with a signature of a million characters is."""
    harvest = Harvest(asking(ASKED), ACCOUNT, KEY, "openai_chat")
    for event in reply(long, call()):
        harvest.watch(event)
    assert list(harvest.turns(NOW)) == []
    harvest.start_over()
    for event in reply(think("x", "s" * 2**20), call()):
        harvest.watch(event)
    assert len(list(harvest.turns(NOW))) == 1


def test_words_between_white_space_are_not_looked_up() -> None:
    """Nothing has been taken off them, so nobody need be asked what they were."""
    said = asking(ASKED, Turn("assistant", (think("\none\n"), call())))

    assert gaps(said, signed=False) == []
    assert len(gaps(said, signed=True)) == 1


def test_blank_reasoning_that_nobody_knows_is_nothing() -> None:
    """So that a target which demands some gets what stands for it, and the record says so."""
    request = asking(ASKED, Turn("assistant", (Reasoning(""), call()), at=("a", "b")))

    (_, turn) = restored(request).turns
    assert (turn.parts, turn.at) == ((call(),), ("b",))


def test_one_of_several_is_chosen_by_what_went_before() -> None:
    """The same call after other words is another turn; where both may be meant, neither is taken."""
    other = Turn("user", (Text("Do something else."),))
    here = heard(asking(ASKED), think("here"), call())
    there = heard(asking(other), think("there"), call())
    back = Turn("assistant", (call(),))

    assert restored(asking(ASKED, back), there, here).turns[1].parts[0] == think("here")
    assert restored(asking(other, back), there, here).turns[1].parts[0] == think("there")
    changed = asking(Turn("user", (Text("Do it!"),)), back)
    assert restored(changed, there, here).turns[1] == back
    assert restored(changed, there).turns[1].parts[0] == think("there")


def test_the_same_call_twice_in_a_row_gets_both_thoughts_in_order() -> None:
    """And where only the later is known, the earlier does not borrow it."""
    back = Turn("assistant", (call(),))
    done = Turn("tool", (ToolResult("call_1"),))
    first = heard(asking(ASKED), think("first"), call())
    second = heard(asking(ASKED, back, done), think("second"), call())
    request = asking(ASKED, back, done, back, done)

    turns = restored(request, second, first).turns
    assert (turns[1].parts[0], turns[3].parts[0]) == (think("first"), think("second"))
    turns = restored(request, second).turns
    assert (turns[1], turns[3].parts[0]) == (back, think("second"))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (call("call_1"), call("call1")),
        (call("functions.read:0"), call("functionsread0")),
        (call(arguments='{"a": 1.0, "b": [true, null]}'), call(arguments='{"b":[true,null],"a":1}')),
        (call(arguments='{"a":"\\u00e9"}'), call(arguments='{"a":"é"}')),
        (call(arguments='{"n":9007199254740993}'), call(arguments='{"n":9007199254740992}')),
        (call(arguments='{"n":1e3}'), call(arguments='{"n":1000}')),
        (call(arguments=""), call(arguments="{}")),
    ],
)
def test_a_call_is_known_again_however_it_is_written(mine: ToolCall, theirs: ToolCall) -> None:
    """Ids without punctuation, JSON by other hands, numbers as JavaScript has them."""
    assert call_key(mine) == call_key(theirs)


@pytest.mark.parametrize(
    "other",
    [
        call("CALL_1"),
        call("call_2"),
        ToolCall("call_1", "write", '{"path":"a"}'),
        call(arguments='{"path":"b"}'),
        call(arguments='{"path":"a" }}'),
        call(arguments='{"path":1}'),
        call(arguments="[" * 10_000),
    ],
)
def test_another_call_has_another_key(other: ToolCall) -> None:
    """By its id, its case, its tool or its arguments, JSON or not."""
    assert call_key(other) != call_key(call())


def test_true_is_not_one() -> None:
    """JSON tells them apart, and Python would not."""
    assert call_key(call(arguments='{"a":true}')) != call_key(call(arguments='{"a":1}'))


def test_a_caller_of_messages_knows_calls_by_other_ids() -> None:
    """What is remembered are the ids that the caller was told."""
    turn = heard(
        asking(ASKED), think("x"), call("call_0"), call("call_0", "{}"), protocol="anthropic_messages"
    )

    assert turn.calls[0] == call_key(call("call_0"))
    assert turn.calls[1] != call_key(call("call_0", "{}"))


@pytest.mark.parametrize("parts", [(call(),), (think("x"), Text("y")), (think(" "), call())])
def test_replies_without_calls_or_without_thoughts_leave_nothing(parts: tuple[Part, ...]) -> None:
    """There is nothing to put back."""
    harvest = Harvest(asking(ASKED), ACCOUNT, KEY, "openai_chat")
    for event in reply(*parts):
        harvest.watch(event)

    assert list(harvest.turns(NOW)) == []


def test_a_call_that_was_cut_is_no_call() -> None:
    """The stream ended within its arguments; the caller cannot run it."""
    harvest = Harvest(asking(ASKED), ACCOUNT, KEY, "openai_chat")
    events = reply(think("x"), call())
    for event in events[: len(events) - 2]:  # Without the call's end and the reply's.
        harvest.watch(event)

    assert list(harvest.turns(NOW)) == []


def test_the_memory_keeps_within_its_bytes_and_forgets_the_oldest() -> None:
    """What was met again stays."""
    turns = [heard(asking(ASKED), think("x" * 1000), call(f"call_{number}")) for number in range(5)]
    recent = Recent(turns[0].size * 3)
    for turn in turns[:3]:
        recent.add(turn)
    assert list(recent.of(ACCOUNT, turns[0].calls)) == [turns[0]]
    for turn in turns[3:]:
        recent.add(turn)

    left = [number for number, turn in enumerate(turns) if list(recent.of(ACCOUNT, turn.calls))]
    assert left == [0, 3, 4]
    assert recent.size == turns[0].size * 3
    assert list(recent.of(AccountId("acc_2"), turns[0].calls)) == []
    recent.add(msgspec.structs.replace(turns[1], key_id=KeyId("key_2")))
    recent.forget(ACCOUNT, KEY)
    assert [turn.key_id for number in range(5) for turn in recent.of(ACCOUNT, turns[number].calls)] == [
        "key_2"
    ]
    recent.forget(ACCOUNT)
    assert recent.size == 0
