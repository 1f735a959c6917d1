"""Takes up an earlier conversation: what of a request is new, and the request with what went before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from tokenmill.wire.members import is_null

_BODY = msgspec.json.Decoder(dict[str, Raw])
_INPUT = msgspec.json.Decoder(str | list[Raw])
_OUTPUT = msgspec.json.Decoder(dict[str, Raw])
_ITEM = msgspec.json.Decoder(dict[str, Raw])

_WITH_STATUS = frozenset(
    {
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "web_search_call",
    }
)
"""Items that have a `status` in the published list; what a caller sends is over, unless it says otherwise."""

_PARTS: Mapping[str, Mapping[str, object]] = {
    "output_text": {"annotations": []},
    "input_image": {"detail": "auto"},
}
"""What a part of a message has in the published list, though it may be left out in a request."""


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
    listed = [_listed(raw, f"msg_{response_id.removeprefix('resp_')}_{at}") for at, raw in enumerate(items)]
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


def _listed(raw: bytes, id_: str) -> bytes:
    """The item with what its published type demands and a caller may leave out: `id_`, status and more."""
    members = _ITEM.decode(raw)
    given: dict[str, object] = {name: value for name, value in members.items() if not is_null(value)}
    kind = msgspec.json.decode(members["type"], type=str) if "type" in given else "message"
    made: dict[str, object] = {"type": kind, "id": id_}
    if kind in _WITH_STATUS:
        made["status"] = "completed"
    if kind != "message":
        return msgspec.json.encode(made | given)
    content = _INPUT.decode(members["content"])
    if isinstance(content, str):
        said = bytes(members["role"]) == b'"assistant"'
        given["content"] = (
            [{"type": "output_text", "annotations": [], "text": content}]
            if said
            else [{"type": "input_text", "text": content}]
        )
    else:
        given["content"] = [_whole_part(part) for part in content]
    return msgspec.json.encode(made | given)


def _whole_part(raw: Raw) -> dict[str, object]:
    members = _ITEM.decode(raw)
    kind = msgspec.json.decode(members.get("type", b'""'), type=str)
    return {**_PARTS.get(kind, {}), **members}


def _id(raw: bytes) -> str:
    return msgspec.json.decode(_ITEM.decode(raw)["id"], type=str)
