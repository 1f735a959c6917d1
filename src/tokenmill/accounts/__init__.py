"""Knows who is who: accounts, their users and their keys."""
