"""Turns callers' bodies into requests, and requests into bodies for upstreams."""

from tokenmill.wire.anthropic_messages.request_decode import decode_request
from tokenmill.wire.anthropic_messages.request_encode import encode_request

__all__ = ["decode_request", "encode_request"]
