"""Cases of callers' bodies: read in every protocol, and written for upstreams of every wire."""

from __future__ import annotations

import time
from random import Random
from typing import Final

from tests.proof import seeds
from tests.proof.hunt import Case
from tests.proof.mutation import break_json, dumped
from tests.proof.streams import SECONDS, SECONDS_A_BYTE
from tests.property.clients import read_json
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.estimate import Calibration
from tokenmill.kit.faults import Blame, Fault
from tokenmill.ports import Route
from tokenmill.wire.anthropic_messages import request as messages
from tokenmill.wire.openai_chat import request as chat
from tokenmill.wire.openai_responses import request as responses

LONGEST_MESSAGE: Final = 1_000
"""In characters; a fault quotes what it is about, and cuts it short."""

ROUTES: Final = (
    Route(target="t", engine="e", upstream_model="up"),
    Route(target="t", engine="e", upstream_model="up", strict=True, reasoning_back="refused"),
    Route(
        target="t",
        engine="e",
        upstream_model="up",
        thinking_switch="enable_thinking",
        reasoning_back="required",
    ),
    Route(target="t", engine="e", upstream_model="up", thinking_switch="reasoning_effort"),
)


def request_case(chance: Random) -> Case:
    """A broken body of a caller."""
    protocol = chance.choice(seeds.PROTOCOLS)
    body = dumped(chance, break_json(chance, chance.choice(seeds.requests(protocol))))
    if chance.random() < 0.05:
        at = chance.randint(0, len(body))
        body = body[:at] + chance.choice([b"", b"\xff", b"\x00", b","]) + body[at + 1 :]
    return Case(f"request, {protocol}", [body], lambda data: check_request(protocol, data))


def check_request(protocol: Vendor, body: bytes) -> None:
    """Raises what is wrong with how a body is read, or with what is asked upstream because of it."""
    began = time.process_time()
    try:
        request = _decoded(protocol, body)
    except Fault as fault:
        _must_help(fault)
        return
    finally:
        took = time.process_time() - began
        assert took <= SECONDS + SECONDS_A_BYTE * len(body), f"{took:.2f} s for {len(body)} bytes"
    assert Calibration().input_tokens(request.model, request) > 0
    for route in ROUTES:
        for wire in seeds.PROTOCOLS:
            try:
                written, drops = _encoded(wire, request, route)
            except Fault as fault:
                _must_help(fault)
            else:
                _must_be_sound(written, drops)


def _decoded(protocol: Vendor, body: bytes) -> Request:
    if protocol == "openai_chat":
        return chat.decode_request(body)
    if protocol == "anthropic_messages":
        return messages.decode_request(body)
    return responses.decode_request(body).request


def _encoded(wire: Vendor, request: Request, route: Route) -> tuple[bytes, tuple[Drop, ...]]:
    if wire == "openai_chat":
        return chat.encode_request(request, route)
    if wire == "anthropic_messages":
        return messages.encode_request(request, route, origin=None if route.strict else route.issuer)
    return responses.encode_request(request, route)


def _must_help(fault: Fault) -> None:
    assert fault.blame is Blame.CALLER, f"{fault!r} blames somebody else"
    assert 0 < len(fault.message) <= LONGEST_MESSAGE, f"a message of {len(fault.message)} characters"
    fault.message.encode()
    (fault.field or "").encode()


def _must_be_sound(body: bytes, drops: tuple[Drop, ...]) -> None:
    asked = read_json(body)
    assert asked["model"] == "up"
    assert all(drop.reason for drop in drops)
