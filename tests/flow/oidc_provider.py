"""A small OpenID Connect provider on loopback, which can be told to misbehave in every way that matters."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from tokenmill.kit.clock import Clock

CLIENT = "tokenmill"
SECRET = "the client's secret: ü&="


@dataclass
class Provider:
    """What it says, and what it was asked; `claims` overlay those of a good token, None takes one out."""

    clock: Clock
    issuer: str = ""
    alg: str = "RS256"
    subject: str = "sub-1"
    email: str | None = "new@example.com"
    verified: Any = True
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    description: dict[str, Any] = field(default_factory=dict)
    codes_are_good_once: bool = True
    answer_iss: str | None = None
    auth_age: float | None = 0.0
    """Seconds since its user showed who they are; None: it does not tell."""
    misbehaves: dict[str, str] = field(default_factory=dict)
    """By path: slow, trickle, endless, large, redirect, garbage, not_utf8, error."""
    asked: list[str] = field(default_factory=list)
    authorize: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.spent: set[str] = set()
        self.rotate()

    def rotate(self) -> None:
        """New keys, with new names, in place of the old ones."""
        name = secrets.token_hex(4)
        self.rsa = RSAKey.generate_key(2048, {"kid": f"rsa-{name}", "use": "sig"})
        self.ec = ECKey.generate_key("P-256", {"kid": f"ec-{name}", "use": "sig"})
        self.published: list[Any] = [self.rsa.as_dict(private=False), self.ec.as_dict(private=False)]

    def id_token(self, nonce: str) -> str:
        """As it is told to make it."""
        now = int(self.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "email": self.email,
            "email_verified": self.verified,
            "auth_time": None if self.auth_age is None else now - int(self.auth_age),
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        return self.signed(claims)

    def signed(self, claims: dict[str, Any]) -> str:
        match self.alg:
            case "RS256" | "PS256":
                return jwt.encode({"alg": self.alg, "kid": self.rsa.kid}, claims, self.rsa, [self.alg])
            case "no-kid":
                return jwt.encode({"alg": "RS256"}, claims, self.rsa, ["RS256"])
            case "ES256":
                return jwt.encode({"alg": "ES256", "kid": self.ec.kid}, claims, self.ec, ["ES256"])
            case "none":
                return f"{_part({'alg': 'none'})}.{_part(claims)}."
            case "HS256-pem" | "HS256-jwk":
                # The oldest trick: the public key, which everybody has, as the secret of an HMAC.
                pem = self.rsa.as_pem(private=False)
                text = pem if self.alg == "HS256-pem" else json.dumps(self.published[0]).encode()
                return _hmac_signed({"alg": "HS256", "kid": self.rsa.kid}, claims, text)
            case "stranger":
                other = RSAKey.generate_key(2048)
                return jwt.encode({"alg": "RS256", "kid": self.rsa.kid}, claims, other, ["RS256"])
            case "embedded":
                other = RSAKey.generate_key(2048)
                header = {"alg": "RS256", "kid": self.rsa.kid, "jwk": other.as_dict(private=False)}
                return _rs256(header, claims, other)
            case "unknown-kid":
                return jwt.encode({"alg": "RS256", "kid": "nobody's"}, claims, self.rsa, ["RS256"])
            case "tampered":
                head, _, tail = jwt.encode({"alg": "RS256"}, claims, self.rsa, ["RS256"]).split(".")
                return f"{head}.{_part(claims | {'sub': 'somebody-else'})}.{tail}"
            case "list":
                return _rs256({"alg": "RS256", "kid": self.rsa.kid}, [claims], self.rsa)
            case "words":
                return "not.a.token"
            case _:
                raise AssertionError(self.alg)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        how = self.misbehaves.get(request.path)
        if how == "large":
            good = await self._answer(request)
            assert isinstance(good.body, bytes)
            return web.Response(body=good.body + b" " * 600_000, content_type="application/json")
        if how is not None and "followed" not in request.query:
            return await _misbehave(request, how)
        return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.Response:
        match request.path:
            case "/.well-known/openid-configuration":
                return web.json_response(self._describe())
            case "/jwks":
                return web.json_response({"keys": [{"kty": "oct", "k": "AAAA"}, 7, *self.published]})
            case "/authorize":
                return self._authorize(dict(request.query))
            case "/token":
                return await self._token(request)
            case "/userinfo":
                assert request.headers["authorization"] == "Bearer access"
                return web.json_response(self.userinfo)
        return web.Response(status=404)

    def _describe(self) -> dict[str, Any]:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "something_unknown": {"a": [1]},
        }
        return {name: value for name, value in (known | self.description).items() if value is not None}

    def _authorize(self, asked: dict[str, str]) -> web.Response:
        self.authorize.append(asked)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"]}
        if self.answer_iss is not None:
            answer["iss"] = self.answer_iss
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        code = str(form["code"])
        asked = self.codes.get(code)
        pair = base64.b64decode(request.headers.get("authorization", "Basic ").removeprefix("Basic "))
        if pair.decode() != f"{CLIENT}:the+client%27s+secret%3A+%C3%BC%26%3D":
            return web.json_response({"error": "invalid_client"}, status=401)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        fits = asked is not None and _text(digest) == asked["code_challenge"]
        if not fits or form["redirect_uri"] != (asked or {})["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if self.codes_are_good_once and code in self.spent:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.spent.add(code)
        assert asked is not None
        tokens = {"access_token": "access", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}
        return web.json_response(tokens)


def short_key() -> RSAKey:
    """A key of 1,024 bits, which was enough once."""
    key = rsa.generate_private_key(65_537, 1_024)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.warns(SecurityWarning):
        return RSAKey.import_key(pem)


async def _misbehave(request: web.Request, how: str) -> web.StreamResponse:
    match how:
        case "slow":
            await asyncio.sleep(30)
            return web.Response()
        case "trickle" | "endless":
            endless = web.StreamResponse(headers={"content-type": "application/json"})
            await endless.prepare(request)
            while True:
                await endless.write(b" " * (65536 if how == "endless" else 1))
                await asyncio.sleep(0 if how == "endless" else 0.05)
        case "redirect":
            raise web.HTTPTemporaryRedirect(f"{request.path}?followed")  # A good answer waits there.
        case "garbage":
            return web.Response(body=b"[" * 100_000, content_type="application/json")
        case "not_utf8":
            return web.Response(body=b'{"issuer": "\xff"}', content_type="application/json")
        case "error":
            return web.json_response({"error": "server_error"}, status=500)
        case _:
            raise AssertionError(how)


def _text(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _part(value: Any) -> str:
    return _text(json.dumps(value).encode())


def _hmac_signed(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_text(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _rs256(header: dict[str, Any], claims: Any, key: RSAKey) -> str:
    signed = f"{_part(header)}.{_part(claims)}"
    assert key.private_key is not None
    return f"{signed}.{_text(key.private_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@asynccontextmanager
async def open_provider(clock: Clock) -> AsyncIterator[Provider]:
    """It listens on a free port until the block is left."""
    provider = Provider(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    provider.issuer = f"http://127.0.0.1:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()
