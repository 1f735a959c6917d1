"""Turns upstreams' streams into frames, and events into streams for callers."""

from tokenmill.wire.anthropic_messages.stream_decode import MessagesStreamDecoder
from tokenmill.wire.anthropic_messages.stream_encode import PING, MessagesStreamEncoder

__all__ = ["PING", "MessagesStreamDecoder", "MessagesStreamEncoder"]
