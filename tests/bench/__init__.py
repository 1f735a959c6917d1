"""Measures speed; nothing here is a test."""
