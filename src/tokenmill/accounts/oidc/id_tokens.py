"""Judges ID tokens: who signed them, for whom, when, and in which round."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tokenmill.accounts.oidc.problems import SignInProblem

if TYPE_CHECKING:
    from joserfc.jws import CompactSignature

LEEWAY: Final = 120
"""Seconds by which the provider's clock may differ from ours."""
KEY_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
}
"""The algorithms that are believed; `none` and those whose key both sides hold are not among them."""
_LEAST_RSA: Final = 2048
_MOST_TRIED: Final = 8  # Keys that could fit one token; each costs a check.
_LONGEST_SUBJECT: Final = 255  # OpenID Connect Core 1.0, section 2.


class UnknownKey(Exception):
    """The token names a key that is not in the set: the provider may have changed its keys."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a token of this round has to say."""

    issuer: str
    client_id: str
    nonce: str
    started_at: datetime
    now: datetime


def verified(token: str, keys: Sequence[Any], expected: Expected) -> dict[str, Any]:
    """The claims of a token that is good. Raises UnknownKey, SignInProblem(bad_token)."""
    from joserfc.errors import JoseError  # On first use: a node that only serves models never needs it.

    try:
        claims = _claims(_signed(token, keys))
        _check(claims, expected)
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SignInProblem("bad_token", f"{type(error).__name__}: {str(error)[:200]}") from None
    return claims


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as a time; None for what is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC) if isfinite(value) else None
    except (OverflowError, OSError, ValueError):
        return None


def _signed(token: str, keys: Sequence[Any]) -> CompactSignature:
    from joserfc import jws
    from joserfc.errors import BadSignatureError
    from joserfc.jwk import ECKey, RSAKey

    registry = jws.JWSRegistry(algorithms=list(KEY_TYPES), strict_check_header=False)
    header = jws.extract_compact(token.encode(), registry=registry).headers()
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in KEY_TYPES:
        raise ValueError("its algorithm is not allowed")
    fitting = _fitting(keys, alg, header.get("kid"))
    if not fitting:
        raise UnknownKey
    for key in fitting[:_MOST_TRIED]:
        public = RSAKey.import_key(key) if KEY_TYPES[alg] == "RSA" else ECKey.import_key(key)
        try:
            return jws.deserialize_compact(token.encode(), public, algorithms=[alg], registry=registry)
        except BadSignatureError:
            continue
    raise BadSignatureError


def _fitting(keys: Sequence[Any], alg: str, kid: object) -> list[dict[str, Any]]:
    """The keys that may have signed: of the right type, for signing, and with the name that is given."""
    return [
        key
        for key in keys
        if isinstance(key, dict)
        and key.get("kty") == KEY_TYPES[alg]
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and (kid is None or key.get("kid") == kid)
        and (key.get("kty") != "RSA" or _bits(key.get("n")) >= _LEAST_RSA)
    ]


def _bits(modulus: object) -> int:
    if not isinstance(modulus, str):
        return 0
    try:
        number = urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except ValueError:
        return 0
    return int.from_bytes(number).bit_length()


def _claims(signed: CompactSignature) -> dict[str, Any]:
    return msgspec.json.decode(signed.payload or b"", type=dict[str, Any])


def _check(claims: dict[str, Any], expected: Expected) -> None:
    """OpenID Connect Core 1.0, 3.1.3.7. Raises JoseError, ValueError."""
    from joserfc.jwt import JWTClaimsRegistry

    registry = JWTClaimsRegistry(
        now=int(expected.now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        nonce={"essential": True, "value": expected.nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    registry.validate(claims)
    if not isinstance(claims["nonce"], str):  # The registry would take a list with the nonce in it.
        raise ValueError("its nonce is not a string")
    if len(claims["sub"]) > _LONGEST_SUBJECT or not claims["sub"].isprintable():
        raise ValueError("its subject is too long, or no text")
    if claims["iat"] < expected.started_at.timestamp() - LEEWAY:
        raise ValueError("it was issued before this round began")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise ValueError("it was issued to another client")
