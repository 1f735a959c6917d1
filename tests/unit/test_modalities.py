"""A model is sent only the kinds of media that its catalogue entry names."""

from __future__ import annotations

import pytest

from tokenmill.catalog.entries import Model, TargetRef
from tokenmill.conversation.parts import Inline, Media, Part, Text, ToolResult, Url
from tokenmill.conversation.request import Request, Turn
from tokenmill.exchange.modalities import without_media
from tokenmill.kit.faults import Code, Fault

BLIND = Model(id="m", targets=(TargetRef("t", "u"),), input=("text", "audio"))
PICTURE = Media("image", Url("https://example.org/a.png"))


def ask(*parts: Part) -> Request:
    return Request(model="m", turns=(Turn("system", (Text("s"),)), Turn("user", parts)))


def test_media_of_the_caller_are_refused_by_place_and_kind() -> None:
    with pytest.raises(Fault) as caught:
        without_media(ask(Text("see"), PICTURE), BLIND)
    assert (caught.value.code, caught.value.field) == (Code.UNSUPPORTED, "messages[1].content[1]")
    assert "'m' takes no image" in caught.value.message


def test_words_stand_for_what_a_tool_has_shown() -> None:
    """The agent could not go on otherwise: its history will hold the picture for ever."""
    request = ask(ToolResult("c", (Text("shot:"), PICTURE)))
    told, drops = without_media(request, BLIND)

    assert told.turns[1].parts == (
        ToolResult("c", (Text("shot:"), Text("(image left out: this model cannot take it)"))),
    )
    assert [drop.field for drop in drops] == ["messages[1].content[0]"]


def test_what_the_model_takes_passes_untouched() -> None:
    request = ask(Media("audio", Inline("AAAA"), "wav"), Media("file", Inline("AAAA"), "application/pdf"))
    assert without_media(request, BLIND) == (request, ())
