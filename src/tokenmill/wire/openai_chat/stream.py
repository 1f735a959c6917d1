"""Turns upstreams' streams into frames, and events into streams for callers."""

from tokenmill.wire.openai_chat.stream_decode import ChatStreamDecoder
from tokenmill.wire.openai_chat.stream_encode import ChatStreamEncoder

__all__ = ["ChatStreamDecoder", "ChatStreamEncoder"]
