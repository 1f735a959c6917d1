"""Posts events to accounts' own servers, signed as the Standard Webhooks specification says."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp

from tokenmill.kit.addresses import Forbidden, Resolve, checked_addresses, system_addresses
from tokenmill.kit.pinning import Pinned
from tokenmill.ports import Undeliverable

TIMEOUTS: Final = aiohttp.ClientTimeout(total=15.0, connect=5.0)
LARGEST: Final = 64 * 1024
"""Bytes of a body that are sent at most; an event has a few hundred."""
_GONE: Final = 410
_PREFIX: Final = "whsec_"


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,…`: HMAC-SHA256 over id, seconds and body, with the bytes that the secret is the base64 of.

    Raises Undeliverable for a secret that is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise Undeliverable("its secret cannot be read; set the webhook anew", final=True) from None
    mac = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


class WebhookSender:
    """Opens a connection for each event: to an address that was looked at, and to no other."""

    def __init__(self, *, loopback: bool = False, resolve: Resolve = system_addresses) -> None:
        """`loopback` allows plain http, and only to this machine."""
        self._loopback = loopback
        self._resolve = resolve

    async def send(self, url: str, secret: str, message_id: str, at: datetime, body: bytes) -> None:
        """Posts `body`. Raises Undeliverable unless the receiver says 2xx; redirects are not followed."""
        parts = self._checked(url)
        if len(body) > LARGEST:
            raise Undeliverable("the event is too large", final=True)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        loopback = self._loopback
        try:
            addresses = await checked_addresses(self._resolve, host, port, loopback=loopback)
        except Forbidden as reason:
            raise Undeliverable(str(reason)) from None
        if parts.scheme == "http" and not all(ip_address(each).is_loopback for each in addresses):
            raise Undeliverable("plain http is for this machine alone")
        timestamp = int(at.timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "TokenMill",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message_id, timestamp, body),
        }
        status = await _post(url, headers, body, addresses)
        if not 200 <= status < 300:
            raise Undeliverable(f"the receiver answered {status}", final=status == _GONE)

    def _checked(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            raise Undeliverable("its address is none", final=True) from None
        allowed = parts.scheme == "https" or (parts.scheme == "http" and self._loopback)
        if not named or not allowed or "@" in parts.netloc:
            raise Undeliverable("its address is not an https address", final=True)
        return parts


async def _post(url: str, headers: dict[str, str], body: bytes, addresses: list[str]) -> int:
    connector = aiohttp.TCPConnector(resolver=Pinned(addresses), force_close=True, use_dns_cache=False)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=TIMEOUTS
            ) as session,
            # The body of the answer is not read: nothing in it is of use to us.
            session.post(url, data=body, headers=headers, allow_redirects=False) as reply,
        ):
            return reply.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Undeliverable(f"the receiver cannot be reached ({type(error).__name__})") from None
