"""Tells people and their programs what has happened: by mail, and by webhooks."""
