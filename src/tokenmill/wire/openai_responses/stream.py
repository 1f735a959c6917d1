"""Turns upstreams' streams into frames, and events into streams for callers."""

from tokenmill.wire.openai_responses.stream_decode import ResponsesStreamDecoder
from tokenmill.wire.openai_responses.stream_encode import ResponsesStreamEncoder

__all__ = ["ResponsesStreamDecoder", "ResponsesStreamEncoder"]
