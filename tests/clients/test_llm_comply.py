"""What an independent checker finds, which asks like a client and judges by the published schemas."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Served

COMMAND = Path(sys.executable).parent / "llm-comply"
ANTHROPIC = ("--auth-header", "x-api-key", "--no-bearer", "-H", "anthropic-version:2023-06-01")
FORMATS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "openai-chat": ("/v1", "gpt-5", ()),
    "anthropic": ("/anthropic/v1", "claude-opus-4-6", ANTHROPIC),
    "open-responses": ("/v1", "gpt-5", ()),
}
"""Base URL, model and options for each format; the names of the models let the checker try reasoning too."""

ACCEPTED: dict[tuple[str, str, str], str] = {
    (
        "anthropic",
        "anth-error-handling",
        "invalid request returned a successful response instead of an error "
        "(server may add default max_tokens)",
    ): "a warning: MiMo's own service takes messages without max_tokens, and so its users leave it out",
    (
        "open-responses",
        "compact-response",
        "response.output is missing or empty",
    ): "a warning: compaction is not served, which the check allows for by its status 404",
    (
        "open-responses",
        "compact-response",
        "expected object containing 'compact', got ''",
    ): "as above",
    (
        "open-responses",
        "compact-response",
        "no output item with type='compaction' (found: [])",
    ): "as above",
}
"""What is complained of (format, check, complaint) although we are right, and why we are."""


def check(served: Served, format_: str) -> list[dict[str, Any]]:
    """The checker's verdicts."""
    path, model, options = FORMATS[format_]
    command = [str(COMMAND), "--format", format_, "-u", served.url + path, "-k", served.key, "-m", model]
    done = subprocess.run([*command, *options, "--json"], capture_output=True, text=True, timeout=100)
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return verdicts


@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_is_complained_of(served: Served, format_: str) -> None:
    """No check is skipped, none fails, and none warns but of what is accepted here, for a reason."""
    verdicts = check(served, format_)

    complaints = {
        (format_, verdict["id"], complaint)
        for verdict in verdicts
        for complaint in (*verdict.get("errors", ()), *verdict.get("warnings", ()))
    }
    assert complaints == {known for known in ACCEPTED if known[0] == format_}
    assert {verdict["status"] for verdict in verdicts} == {"passed"}
    assert len(verdicts) >= 9
