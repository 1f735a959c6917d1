"""Lets faults and drops name the member as the caller knows it, whoever found them on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.kit.faults import Fault
from tokenmill.wire.anthropic_messages.paths import WORDING as MESSAGES
from tokenmill.wire.openai_chat.paths import WORDING as CHAT
from tokenmill.wire.openai_responses.paths import WORDING as RESPONSES
from tokenmill.wire.paths import Wording, path_of

_WORDINGS: Final[Mapping[Vendor, Wording]] = {
    "openai_chat": CHAT,
    "openai_responses": RESPONSES,
    "anthropic_messages": MESSAGES,
}


def named(drops: Iterable[Drop], request: Request, protocol: Vendor) -> tuple[Drop, ...]:
    """`drops`, which a caller of `protocol` can make sense of."""
    wording = _WORDINGS[protocol]
    return tuple(Drop(path_of(request, drop.field, wording), drop.reason) for drop in drops)


@contextmanager
def naming(request: Request, protocol: Vendor) -> Iterator[None]:
    """Faults leave the block with the caller's own name of their member, in their message, too."""
    try:
        yield
    except Fault as fault:
        field = None if fault.field is None else path_of(request, fault.field, _WORDINGS[protocol])
        if field == fault.field:
            raise
        message = fault.message.replace(f"{fault.field}: ", f"{field}: ", 1)
        raise Fault(fault.code, message, field=field, retry_after=fault.retry_after) from None
