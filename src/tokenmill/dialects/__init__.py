"""Knows how each family of models marks up thoughts and tool calls in plain text, as tables."""
