"""Engines: what turns a request into frames, near or far."""
