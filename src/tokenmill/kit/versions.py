"""Names a state of something by a digest of it."""

from __future__ import annotations

import hashlib

import msgspec


def version_of(spec: object) -> str:
    """Eight hex digits that change when anything of `spec` does, whatever the order of its members."""
    return hashlib.sha256(msgspec.json.encode(spec, order="deterministic")).hexdigest()[:8]
