"""Says under which name, and for which addresses, a browser keeps the token of its session."""

from __future__ import annotations


def cookie_name(secure: bool) -> str:
    """`secure`: people come by https.

    Browsers take a name that begins with `__Host-` from this very host by https alone, so that no neighbour
    can plant a session.
    """
    return "__Host-tm_session" if secure else "tm_session"


def cookie_path(secure: bool) -> str:
    """Below which addresses it is sent."""
    return "/" if secure else "/console/api/"  # `__Host-` demands the whole host.
