"""Turns callers' bodies into requests, and requests into bodies for upstreams."""

from tokenmill.wire.openai_responses.options import Decoded, ResponsesOptions
from tokenmill.wire.openai_responses.request_decode import decode_request
from tokenmill.wire.openai_responses.request_encode import encode_request

__all__ = ["Decoded", "ResponsesOptions", "decode_request", "encode_request"]
