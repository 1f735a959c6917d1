"""Anthropic's Messages, as coding agents speak it and as its servers and their likes answer it."""
