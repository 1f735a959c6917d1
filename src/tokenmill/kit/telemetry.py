"""Sets up structured logs that go to standard error and hold no secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"\b((?:sk|tp)-[A-Za-z0-9]{4})[A-Za-z0-9_-]{8,}|(Bearer\s+)\S+")


def redact(text: str) -> str:
    """Cuts anything that looks like a key or a bearer token down to its first characters."""
    return _SECRET.sub(lambda m: f"{m.group(1) or m.group(2)}…", text)


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
    return event


def configure_logs(*, json: bool, level: int = logging.INFO) -> None:
    """Routes structlog to standard error: JSON lines for machines, coloured lines for people."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
