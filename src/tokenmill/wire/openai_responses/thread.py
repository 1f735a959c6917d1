"""Takes up an earlier conversation: what of a request is new, and the request with what went before."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from tokenmill.wire.members import is_null

_BODY = msgspec.json.Decoder(dict[str, Raw])
_INPUT = msgspec.json.Decoder(str | list[Raw])
_OUTPUT = msgspec.json.Decoder(dict[str, Raw])
_ITEM = msgspec.json.Decoder(dict[str, Raw])


def own_items(body: bytes) -> tuple[bytes, ...]:
    """The input items of a request that `decode_request` has accepted, as the caller wrote them."""
    given = _INPUT.decode(_BODY.decode(body)["input"])
    if isinstance(given, str):
        return (msgspec.json.encode({"type": "message", "role": "user", "content": given}),)
    return tuple(map(bytes, given))


def with_history(body: bytes, history: Sequence[bytes]) -> bytes:
    """The same request with the items of `history` before its own."""
    items = [*history, *own_items(body)]
    return msgspec.json.encode(_BODY.decode(body) | {"input": Raw(b"[" + b",".join(items) + b"]")})


def output_items(response: bytes) -> tuple[bytes, ...]:
    """The output items of a response that we wrote."""
    return tuple(map(bytes, msgspec.json.decode(_OUTPUT.decode(response)["output"], type=list[Raw])))


def encode_items(
    response_id: str, items: Sequence[bytes], *, limit: int, after: str | None, newest_first: bool
) -> bytes:
    """A page of a stored response's input items, each under an id, as the list of the published schema."""
    listed = [_with_id(raw, f"msg_{response_id.removeprefix('resp_')}_{at}") for at, raw in enumerate(items)]
    if newest_first:
        listed.reverse()
    ids = [_id(raw) for raw in listed]
    begin = ids.index(after) + 1 if after in ids else 0
    page = slice(begin, begin + limit)
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [Raw(raw) for raw in listed[page]],
            "first_id": ids[page][0] if ids[page] else None,
            "last_id": ids[page][-1] if ids[page] else None,
            "has_more": begin + limit < len(listed),
        }
    )


def _with_id(raw: bytes, id_: str) -> bytes:
    members = _ITEM.decode(raw)
    if not is_null(members.get("id", b"")):
        return raw
    return msgspec.json.encode({**members, "id": id_} | _whole(members))


def _whole(members: dict[str, Raw]) -> dict[str, object]:
    """What the published type of messages demands and a caller may leave out or shorten."""
    if bytes(members.get("type", b'"message"')) != b'"message"':
        return {}
    content = _INPUT.decode(members["content"])
    if isinstance(content, str):
        said = bytes(members["role"]) == b'"assistant"'
        part: dict[str, object] = (
            {"type": "output_text", "annotations": []} if said else {"type": "input_text"}
        )
        return {"type": "message", "status": "completed", "content": [part | {"text": content}]}
    return {"type": "message", "status": "completed", "content": content}


def _id(raw: bytes) -> str:
    return msgspec.json.decode(_ITEM.decode(raw)["id"], type=str)
