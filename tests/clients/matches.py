"""Walks what an SDK returns and holds every member against its declared type."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

_REASONING = frozenset({"reasoning_content"})
_OPEN_RESPONSES = frozenset({"frequency_penalty", "presence_penalty", "store"})
_UPSTREAMS_OWN = frozenset({"x_trace", "stop_reason"})
UNTYPED: dict[str, frozenset[str]] = {
    "ChatCompletionMessage": _REASONING,
    "ParsedChatCompletionMessage": _REASONING,
    "ChoiceDelta": _REASONING,
    "Response": _OPEN_RESPONSES,
    "ParsedResponse": _OPEN_RESPONSES,
    "Model": frozenset({"context_window", "max_output_tokens", "input_modalities", "served_by"}),
    "SyncCursorPage": frozenset({"object", "first_id", "last_id"}),
    "ModelInfo": frozenset({"context_window", "max_output_tokens"}),
    "BetaModelInfo": frozenset({"context_window", "max_output_tokens"}),
    # Older types of the same SDK demand it.
    "ResponseFunctionCallArgumentsDoneEvent": frozenset({"name"}),
    # A chunk of the same protocol passes with all that its upstream wrote.
    "Choice": _UPSTREAMS_OWN,
    "ParsedChoice": _UPSTREAMS_OWN,
    # The SDK adds it to what it put together out of a stream.
    "ParsedFunctionToolCall": frozenset({"index"}),
}
"""Members that we send and an SDK's type does not know, by the name of the type."""


def assert_matches(kind: Any, value: object, at: str = "reply") -> None:
    """`value` is of `kind`, and so is all that it holds; members without a type are those of `UNTYPED`.

    Without strict validation an SDK takes whatever comes, so nothing else would tell.
    """
    while hasattr(kind, "__value__"):
        kind = kind.__value__
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        assert_matches(args[0], value, at)
    elif kind is Any or kind is object or isinstance(kind, TypeVar):
        pass
    elif origin in (Union, UnionType):
        _assert_one_of(args, value, at)
    elif isinstance(value, BaseModel):
        assert isinstance(kind, type), f"{at}: {type(value).__name__} is no {kind}"
        assert isinstance(value, _family(kind)), f"{at}: {type(value).__name__} is no {kind.__name__}"
        _assert_members(value, at)
    elif origin is Literal:
        assert value in args, f"{at}: {value!r} is none of {args}"
    elif origin is not None and issubclass(origin, dict):
        assert isinstance(value, dict), f"{at}: {value!r} is no object"
        for name, member in value.items():
            assert_matches(args[1], member, f"{at}.{name}")
    elif origin is not None and issubclass(origin, Iterable):
        assert isinstance(value, list), f"{at}: {value!r} is no array"
        for index, item in enumerate(value):
            assert_matches(args[0], item, f"{at}[{index}]")
    else:
        assert _is_plain(kind, value), f"{at}: {value!r} is no {kind}"


def _is_plain(kind: Any, value: object) -> bool:
    if kind is None or kind is NoneType:
        return value is None
    if kind is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if issubclass(kind, BaseModel):
        return False
    assert kind in (str, int, bool, datetime, dict, list), f"a type that is not walked yet: {kind}"
    return type(value) is kind


def _family(kind: type) -> type:
    """The class itself, or the generic one that it is made from."""
    made_from = getattr(kind, "__pydantic_generic_metadata__", {}).get("origin")
    return made_from or kind


def _assert_one_of(kinds: tuple[Any, ...], value: object, at: str) -> None:
    failures: list[str] = []
    for kind in kinds:
        try:
            return assert_matches(kind, value, at)
        except AssertionError as failure:
            failures.append(str(failure))
    raise AssertionError(" | ".join(failures)[:2000])


def _assert_members(model: BaseModel, at: str) -> None:
    for name, field in type(model).model_fields.items():
        assert name in model.__dict__, f"{at}.{name} is missing"
        assert_matches(field.annotation, model.__dict__[name], f"{at}.{name}")
    extra = frozenset(model.model_extra or ())
    known = UNTYPED.get(type(model).__name__.partition("[")[0], frozenset())
    assert extra <= known, f"{at}: {type(model).__name__} knows no {sorted(extra - known)}"
