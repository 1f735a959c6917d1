"""Keeps what accounts upload, and reads it for requests that name it."""
