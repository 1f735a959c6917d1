"""Keeps media from models that take none of their kind."""

from __future__ import annotations

import msgspec

from tokenmill.catalog.entries import Model
from tokenmill.conversation.parts import Media, Part, Text, ToolResult
from tokenmill.conversation.request import Drop, Request
from tokenmill.kit.faults import Code, Fault


def without_media(request: Request, model: Model) -> tuple[Request, tuple[Drop, ...]]:
    """`request` with words for the media that tools returned and `model` does not take.

    An agent cannot take back what its tool has shown, so the conversation has to go on. Media that the caller
    itself sends raise Fault(UNSUPPORTED). Files are let pass: many hold text.
    """
    refused = {"image", "audio", "video"} - set(model.input)
    if not refused:
        return request, ()
    drops: list[Drop] = []

    def told(part: Part, at: str) -> Part:
        match part:
            case Media(kind=kind) if kind in refused:
                raise Fault(
                    Code.UNSUPPORTED,
                    f"{at}: the model '{model.id}' takes no {kind}. Leave it out or choose another model. "
                    f"(No endpoints found that support {kind} input)",  # Clients know these words.
                    field=at,
                )
            case ToolResult(content=content) if any(_is_of(inner, refused) for inner in content):
                drops.append(
                    Drop(at, "the model takes no such media; words stand for what the tool returned")
                )
                kept = tuple(_said(inner) if _is_of(inner, refused) else inner for inner in content)
                return msgspec.structs.replace(part, content=kept)
            case _:
                return part

    turns = tuple(
        msgspec.structs.replace(
            turn, parts=tuple(told(part, f"messages[{i}].content[{j}]") for j, part in enumerate(turn.parts))
        )
        for i, turn in enumerate(request.turns)
    )
    return msgspec.structs.replace(request, turns=turns) if drops else request, tuple(drops)


def _is_of(part: Part, kinds: set[str]) -> bool:
    return isinstance(part, Media) and part.kind in kinds


def _said(part: Part) -> Text:
    assert isinstance(part, Media)  # Nothing else is refused.
    return Text(f"({part.kind} left out: this model cannot take it)")
