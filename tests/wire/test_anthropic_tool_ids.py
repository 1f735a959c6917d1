from __future__ import annotations

from tokenmill.wire.anthropic_messages.tool_ids import ToolIds


def test_a_lawful_id_stays_and_an_odd_one_is_mapped_back() -> None:
    ids = ToolIds()
    assert ids.of_call("toolu_1") == "toolu_1"
    odd = ids.of_call("functions.f:0")
    assert odd != "functions.f:0"
    assert ids.original(odd) == "functions.f:0"
    assert ids.original("toolu_1") == "toolu_1"
    assert ids.original("never_seen") == "never_seen"


def test_the_same_conversation_always_gets_the_same_ids() -> None:
    calls = ["a", "a", "b.c", "", "x" * 65, "b.c"]
    first, second = ToolIds(), ToolIds()
    assert [first.of_call(id_) for id_ in calls] == [second.of_call(id_) for id_ in calls]
    longer = ToolIds()
    assert [longer.of_call(id_) for id_ in [*calls, "a"]][:-1] == [ToolIds().of_call("a"), *_rest(calls)]


def _rest(calls: list[str]) -> list[str]:
    ids = ToolIds()
    return [ids.of_call(id_) for id_ in calls][1:]


def test_an_id_that_looks_like_a_made_one_is_told_apart_from_it() -> None:
    ids = ToolIds()
    ids.of_call("a")
    made = ids.of_call("a")
    ids = ToolIds()
    ids.of_call("a")
    assert ids.of_call(made) == made
    again = {ids.of_call("a") for _ in range(3)}
    assert len(again | {"a", made}) == 5


def test_results_answer_the_oldest_call_that_waits_then_the_last_one() -> None:
    ids = ToolIds()
    first, second = ids.of_call("a"), ids.of_call("a")
    assert [ids.of_result("a") for _ in range(3)] == [first, second, second]
    assert ids.of_result("orphan") == "orphan"
    assert "." not in ids.of_result("or.phan")
