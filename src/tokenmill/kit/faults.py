"""Names what went wrong, whose fault it is, and what to do about it; knows no protocol."""

from __future__ import annotations

from enum import StrEnum


class Blame(StrEnum):
    """Who has to act before the same request can succeed."""

    CALLER = "caller"
    PLAN = "plan"
    UPSTREAM = "upstream"
    US = "us"


class Code(StrEnum):
    """Stable names of faults; each face maps them to its own statuses and types.

    The blame is part of the code's meaning, so it is written beside it once.
    """

    blame: Blame

    def __new__(cls, value: str, blame: Blame) -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.blame = blame
        return member

    BAD_JSON = "bad_json", Blame.CALLER
    BAD_VALUE = "bad_value", Blame.CALLER
    UNSUPPORTED = "unsupported", Blame.CALLER
    CONTEXT_EXCEEDED = "context_exceeded", Blame.CALLER
    TOO_LARGE = "too_large", Blame.CALLER
    SLOW_BODY = "slow_body", Blame.CALLER
    NO_KEY = "no_key", Blame.CALLER
    BAD_KEY = "bad_key", Blame.CALLER
    KEY_ENDED = "key_ended", Blame.CALLER
    UNKNOWN_MODEL = "unknown_model", Blame.CALLER
    NOT_FOUND = "not_found", Blame.CALLER
    WRONG_METHOD = "wrong_method", Blame.CALLER
    HTTP_ONLY = "http_only", Blame.CALLER
    CONFLICT = "conflict", Blame.CALLER
    FORBIDDEN = "forbidden", Blame.CALLER
    CONTENT_BLOCKED = "content_blocked", Blame.CALLER

    MODEL_NOT_SOLD = "model_not_sold", Blame.PLAN
    NO_FUNDS = "no_funds", Blame.PLAN
    PLAN_USED_UP = "plan_used_up", Blame.PLAN
    RATE_LIMITED = "rate_limited", Blame.PLAN

    UPSTREAM_AWAY = "upstream_away", Blame.UPSTREAM
    UPSTREAM_BUSY = "upstream_busy", Blame.UPSTREAM
    UPSTREAM_TIMEOUT = "upstream_timeout", Blame.UPSTREAM
    UPSTREAM_BROKE = "upstream_broke", Blame.UPSTREAM
    UPSTREAM_REFUSED = "upstream_refused", Blame.UPSTREAM
    ENGINE_LOADING = "engine_loading", Blame.UPSTREAM

    NO_TARGET = "no_target", Blame.US
    STOPPING = "stopping", Blame.US
    NODE_LOST = "node_lost", Blame.US
    UNAVAILABLE = "unavailable", Blame.US
    MISCONFIGURED = "misconfigured", Blame.US
    INTERNAL = "internal", Blame.US


class Fault(Exception):
    """A failure with a stable code and a message that tells its reader what to do.

    `message` is shown to the caller as it stands, so it never holds a secret, a
    stack or an upstream's address. `field` is the path of the offending member
    (`messages[2].content`). `retry_after` is in seconds; None means that waiting
    does not help.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after

    @property
    def blame(self) -> Blame:
        """Who has to act."""
        return self.code.blame

    def __repr__(self) -> str:
        return f"Fault({self.code.value!r}, {self.message!r}, field={self.field!r})"

    def __eq__(self, other: object) -> bool:
        """Faults are values: equal when they say the same, so that event streams compare."""
        if not isinstance(other, Fault):
            return NotImplemented
        return (self.code, self.message, self.field, self.retry_after) == (
            other.code,
            other.message,
            other.field,
            other.retry_after,
        )

    __hash__ = Exception.__hash__
