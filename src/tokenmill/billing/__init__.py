"""Knows what was used and what it is worth."""
