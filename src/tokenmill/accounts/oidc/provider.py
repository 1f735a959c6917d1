"""Knows the provider: where its endpoints are, which keys it signs with, and how codes become tokens."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from tokenmill.accounts.oidc.fetching import Fetcher
from tokenmill.accounts.oidc.problems import SignInProblem
from tokenmill.accounts.oidc.rounds import Round
from tokenmill.kit.clock import Clock

T = TypeVar("T")

KEPT: Final = 3600.0
"""Seconds for which the provider's description and keys are believed."""
PAUSE: Final = 3.0
"""Seconds for which a provider that was away is not asked again for its description or keys."""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider and this platform know of each other; without a secret, PKCE alone protects codes."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    redirect_uri: str


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of OpenID Connect Discovery 1.0, section 3, that is of use here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool | None = None


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a code was exchanged for."""

    id_token: str
    access_token: str = ""


class KeySet(msgspec.Struct, frozen=True):
    """RFC 7517, section 5; what is no object is not looked at."""

    keys: list[Any]


class _Refused(msgspec.Struct, frozen=True):
    error: str = ""


class Provider:
    """One provider, as the settings name it."""

    def __init__(self, registration: Registration, fetcher: Fetcher, clock: Clock) -> None:
        self._own = registration
        self._fetcher = fetcher
        self._clock = clock
        self._asking = asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._away_until = 0.0

    async def address(self, round_: Round, *, again: bool) -> str:
        """Where the browser goes; `again` asks the provider to have people show once more who they are."""
        metadata = await self.metadata()
        asked = {
            "response_type": "code",
            "client_id": self._own.client_id,
            "redirect_uri": self._own.redirect_uri,
            "scope": " ".join(self._own.scopes),
            "state": round_.state,
            "nonce": round_.nonce,
            "code_challenge": round_.challenge,
            "code_challenge_method": "S256",
        }
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        endpoint = metadata.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def metadata(self) -> Metadata:
        """The provider's description. Raises SignInProblem(provider_away)."""
        async with self._asking:
            now = self._clock.monotonic()
            if self._metadata is not None and now - self._metadata[0] < KEPT:
                return self._metadata[1]
            found = self._checked(await self._fetched(_description_of(self._own.issuer), Metadata))
            self._metadata = (now, found)
            return found

    async def keys(self, *, anew: bool = False) -> list[Any]:
        """What it signs with, as JWKs; `anew` when one is named that is not among them."""
        metadata = await self.metadata()
        async with self._asking:
            now = self._clock.monotonic()
            if self._keys is None or anew or now - self._keys[0] >= KEPT:
                self._keys = (now, await self._fetched(metadata.jwks_uri, KeySet))
            return self._keys[1].keys

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """The tokens for a code. Raises SignInProblem: provider_refused, provider_away."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._own.redirect_uri,
            "code_verifier": verifier,
            "client_id": self._own.client_id,
        }
        headers: dict[str, str] = {}
        known = metadata.token_endpoint_auth_methods_supported
        if self._own.client_secret and (known is None or "client_secret_basic" in known):
            headers["authorization"] = _basic(self._own.client_id, self._own.client_secret)
        elif self._own.client_secret:
            form["client_secret"] = self._own.client_secret
        status, body = await self._fetcher.post(metadata.token_endpoint, form, headers)
        if status in (400, 401, 403):
            raise SignInProblem("provider_refused", f"the token endpoint says {_reason(body)}")
        if status != 200:
            raise SignInProblem("provider_away", f"the token endpoint answered {status}")
        return _decoded(body, Tokens)

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider tells of whose token this is; nothing where it tells nothing."""
        metadata = await self.metadata()
        if metadata.userinfo_endpoint is None or not access_token.isascii() or not access_token.isprintable():
            return {}
        bearer = {"authorization": f"Bearer {access_token}"}
        body = await self._fetcher.get(metadata.userinfo_endpoint, bearer)
        return _decoded(body, dict[str, Any])

    async def _fetched(self, url: str, kind: type[T]) -> T:
        """What is at this address; those who wait for the same do not each find out that it is away."""
        if self._clock.monotonic() < self._away_until:
            raise SignInProblem("provider_away", "it was away just now")
        try:
            return _decoded(await self._fetcher.get(url), kind)
        except SignInProblem:
            self._away_until = self._clock.monotonic() + PAUSE
            raise

    def _checked(self, metadata: Metadata) -> Metadata:
        if metadata.issuer != self._own.issuer:
            raise SignInProblem("provider_away", f"it calls itself {metadata.issuer[:200]!r}")
        plain = self._own.issuer.startswith("http://")
        endpoints = [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri]
        for url in [*endpoints, metadata.userinfo_endpoint or metadata.jwks_uri]:
            if not _safe(url, plain):
                raise SignInProblem("provider_away", f"{url[:200]!r} is not an https address")
        return metadata


def _description_of(issuer: str) -> str:
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def _safe(url: str, plain: bool) -> bool:
    """An https address; `plain`, of a provider on this machine, allows http to this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return plain and parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")


def _basic(client_id: str, secret: str) -> str:
    """RFC 6749, 2.3.1: both are form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SignInProblem("provider_away", f"its reply cannot be read: {type(error).__name__}") from None


def _reason(body: bytes) -> str:
    """The error's name alone: descriptions may say more than a log should hold."""
    try:
        return repr(msgspec.json.decode(body, type=_Refused).error[:64])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "no reason"
