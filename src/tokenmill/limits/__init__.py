"""Bounds how much at once and how much a minute: requests, tokens, concurrency."""
