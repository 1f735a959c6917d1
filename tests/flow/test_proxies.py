"""Callers behind a proxy: whose address counts is the operator's to say."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.processes import Server, tokenmill

FORWARDED = "203.0.113.7"


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403), ("", 403)])
def test_a_forwarded_address_counts_from_a_trusted_proxy_only(
    tmp_path: Path, trusted: str, status: int
) -> None:
    """The key is good from the caller's address, and the test is a proxy at 127.0.0.1."""
    data = tmp_path / "data"
    tokenmill(data, "init")
    made = tokenmill(
        data,
        "keys",
        "create",
        "--account",
        "operator@localhost",
        "--name",
        "far",
        "--address",
        FORWARDED,
        "--json",
    )
    key = json.loads(made)["key"]
    environ = {"TOKENMILL__SERVER__TRUSTED_PROXIES": json.dumps([trusted] if trusted else [])}
    server = Server(data, "--no-embedded", environ=environ)
    try:
        connection = HTTPConnection(server.url.removeprefix("http://"))
        connection.request("GET", "/v1/models", headers={"api-key": key, "x-forwarded-for": FORWARDED})
        assert status == connection.getresponse().status
        connection.close()
    finally:
        server.stop()
