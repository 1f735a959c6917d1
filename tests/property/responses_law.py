"""Checks that a stream is one that every client of Responses can read."""

from __future__ import annotations

from typing import Any

from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tests.property.clients import read_json

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def read_lawfully(out: bytes, *, typed: bool = True) -> dict[str, Any]:
    """The last response. Each event has its turn and its item; an AssertionError names the law it breaks.

    With `typed` each event must also have the official shape, and the official client reads it all; it knows
    no items of other vendors.
    """
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    added: list[str] = []
    words: dict[int, str] = {}
    done: dict[int, Any] = {}
    last: dict[str, Any] = {}
    blocks = [block for block in out.removesuffix(b"\n\n").split(b"\n\n") if not block.startswith(b":")]
    for number, block in enumerate(blocks):
        name, data = block.split(b"\n")
        event = read_json(data.removeprefix(b"data: "))
        kind = event["type"].removeprefix("response.")
        assert (name, event["sequence_number"]) == (b"event: " + event["type"].encode(), number)
        assert not last, "nothing comes after the end"
        assert (kind == "created") == (number == 0)
        assert (kind == "in_progress") == (number == 1)
        if typed:
            state.handle_event(EVENT.validate_json(data.removeprefix(b"data: ")))
        index = event.get("output_index", -1)
        assert index not in done, "nothing is told of an item that is done"
        if kind == "output_item.added":
            assert index == len(added)
            added.append(event["item"].get("id"))
        elif kind == "output_item.done":
            done[index] = event["item"]
            assert event["item"].get("id") == added[index]
        elif index >= 0:
            assert event["item_id"] == added[index]
        if kind.endswith(".delta"):
            words[index] = words.get(index, "") + event["delta"]
        elif kind in ("output_text.done", "reasoning_text.done", "reasoning_summary_text.done"):
            assert event["text"] == words.get(index, "")
        elif kind in ("completed", "incomplete", "failed"):
            last = event["response"]
    assert last, "the stream has an end"
    for index, item in enumerate(last["output"]):
        assert item == done.get(index, item)
        assert index in done or (item["status"], item["type"][-4:]) == ("incomplete", "call")
    assert len(last["output"]) == len(added)
    assert not typed or last["status"] != "completed" or state._completed_response is not None
    return last
