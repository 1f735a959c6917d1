"""Serves the console: its page, and the admin API of which it is a client."""
