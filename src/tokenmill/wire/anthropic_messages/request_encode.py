"""Writes a request for an upstream."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Raw

from tokenmill.conversation.request import Drop, JsonObject, JsonSchema, Request, Sampling
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages.media import Json
from tokenmill.wire.anthropic_messages.thinking import encode_thinking
from tokenmill.wire.anthropic_messages.tools_encode import STRICT, encode_tools
from tokenmill.wire.anthropic_messages.turns_encode import TurnWriter
from tokenmill.wire.checks import unsupported
from tokenmill.wire.extras import lost_extras, own_extras

LEAST_TOP_P: Final = 0.01
DEFAULT_OUTPUT = 8192
"""Tokens; the wire demands a limit, and this one every model still served takes."""

_LONGEST_USER = 256  # Characters; Anthropic's limit.
_PUBLISHED = frozenset(
    {
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "service_tier",
        "speed",
        "thinking.display",
    }
)
"""Members that the canon has no word for and that the vendor's schema has without any beta."""


def encode_request(
    request: Request,
    route: Route,
    *,
    origin: str | None = None,
    default_output: int = DEFAULT_OUTPUT,
    system_in_place: bool = False,
    stream: bool = True,
) -> tuple[bytes, tuple[Drop, ...]]:
    """The body that asks `request` of `route`, and what it does not say.

    `origin` names the issuer of the signatures that the target checks, None for a target that checks none;
    reasoning goes back as `TurnWriter` says. `default_output` stands where the caller set no limit.
    `system_in_place` is for models that take `role: system` inside the conversation. Raises
    Fault(UNSUPPORTED) for a feature, naming it; a tuning knob that the wire lacks is a Drop.

    When nothing was dropped, `decode_request` gives the request back but for this: `model` is the
    upstream's, `stream` and `include_usage` are ours, `max_tokens` is always there, neighbours of one role
    are one turn with results first, empty texts are gone, arguments that said nothing are `{}`, a refusal is
    text, and a reply's schema has no name.
    """
    writer = TurnWriter(route, origin, system_in_place=system_in_place)
    messages = writer.messages(request.turns)
    most = request.max_output or default_output
    body: Json = {"model": route.upstream_model, "max_tokens": most}
    if writer.system:
        body["system"] = writer.system
    body["messages"] = messages
    if stream:
        body["stream"] = True
    _refuse_features(request)
    body |= encode_tools(request, route, writer)
    thinking = encode_thinking(request, route, writer, max_tokens=most, signing=origin is not None)
    tied = origin is not None and thinking.get("thinking") not in (None, {"type": "disabled"})
    exact = route.strict or origin is not None
    body |= _sampling(request.sampling, writer, exact=exact, tied=tied)
    body |= thinking
    body |= _format(request, writer, thinking)
    if request.user is not None:
        body["metadata"] = {"user_id": _user(request.user, writer, exact=exact)}
    _add_extras(request, route, body, writer)
    return msgspec.json.encode(body), tuple(writer.drops)


def _refuse_features(request: Request) -> None:
    if request.logprobs is not None:
        raise unsupported("logprobs", "to report log probabilities")
    if request.choices != 1:
        raise unsupported("n", "to write several replies at once")
    if isinstance(request.format, JsonObject):
        raise unsupported("response_format", "to reply with any JSON object; a json_schema it can be told")


def _user(user: str, writer: TurnWriter, *, exact: bool) -> str:
    if not exact or len(user) <= _LONGEST_USER:
        return user
    writer.drop("user", f"said as its hash: the target takes {_LONGEST_USER} characters")
    return sha256(user.encode("utf-8", "surrogatepass")).hexdigest()


def _sampling(sampling: Sampling, writer: TurnWriter, *, exact: bool, tied: bool) -> Json:
    """The knobs; a target that ties them while it thinks hears only what it takes then.

    An `exact` target takes Anthropic's own ranges; others are known to take more heat and no `top_p` of 0.
    """
    for name in ("presence_penalty", "frequency_penalty", "seed"):
        if getattr(sampling, name) is not None:
            writer.drop(name, "this wire has no such knob")
    temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
    if exact and temperature is not None and temperature > 1:
        writer.drop("temperature", "said as 1, the most that the target takes")
        temperature = 1.0
    if not exact and top_p is not None and top_p < LEAST_TOP_P:
        writer.drop("top_p", f"said as {LEAST_TOP_P}, the least that the target takes")
        top_p = LEAST_TOP_P
    if tied:
        why = "the target does not take it while it thinks"
        if temperature not in (None, 1):
            writer.drop("temperature", why)
            temperature = None
        if top_p is not None and top_p < 0.95:
            writer.drop("top_p", why)
            top_p = None
        if top_k is not None:
            writer.drop("top_k", why)
            top_k = None
    members: Json = {
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "stop_sequences": list(sampling.stop) or None,
    }
    return _said(members)


def _format(request: Request, writer: TurnWriter, before: Json) -> Json:
    match request.format:
        case JsonSchema(schema=schema, description=description, strict=strict):
            if description is not None:
                writer.drop("response_format.json_schema.description", "this wire has no place for it")
            if strict is False:
                writer.drop("response_format.json_schema.strict", "this wire always keeps to the schema")
            wish = {"format": {"type": "json_schema", "schema": Raw(schema)}}
            config = before.get("output_config")
            return {"output_config": (config if isinstance(config, dict) else {}) | wish}
        case _:
            return {}


def _add_extras(request: Request, route: Route, body: Json, writer: TurnWriter) -> None:
    writer.drops.extend(lost_extras(request.extras, "anthropic_messages"))
    for path, value in own_extras(request.extras, "anthropic_messages").items():
        name, _, inner = path.partition(".")
        holder = body.get(name)
        if route.strict and path not in _PUBLISHED:
            writer.drop(path, STRICT)
        elif not inner and name not in body:
            body[name] = value
        elif inner and name != "thinking":
            body[name] = (holder if isinstance(holder, dict) else {}) | {inner: value}
        elif inner and isinstance(holder, dict) and holder["type"] != "disabled":
            holder[inner] = value
        else:
            writer.drop(path, "the platform sets it by itself")


def _said(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}
